"""The problems of a request to a store, the same for every library, with a message of one line for each.

A message never quotes a library or a server: their errors quote signed requests, which contain parts of credentials.
"""

from __future__ import annotations

from dataclasses import dataclass

NO_BUCKET = "no bucket"
NO_OBJECT = "no object"
NO_CREDENTIALS = "no credentials"
DENIED = "denied"
REFUSED = "refused"
HANGING = "hanging"
CUT = "cut"
BUSY = "busy"
ODD = "odd"

PASSING = frozenset({REFUSED, HANGING, CUT, BUSY})
"""Problems that may pass, so the request is repeated: the store is starting, the network drops, the server is overloaded."""
BUSY_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
CODES = {
    "NoSuchBucket": NO_BUCKET,
    "NoSuchKey": NO_OBJECT,
    "NotFound": NO_OBJECT,
    "RequestTimeout": BUSY,
    "SlowDown": BUSY,
    "InternalError": BUSY,
    "ServiceUnavailable": BUSY,
    "IncompleteBody": CUT,
}
STATUSES = {401: DENIED, 403: DENIED, 404: NO_OBJECT}


@dataclass(frozen=True)
class StoreTarget:
    """The object or file of a request, as the user writes it."""

    place: str
    """`s3://bucket/key`, or the complete http(s) address."""
    container: str
    """The bucket; empty on the web."""
    endpoint: str
    """Scheme, host and port of the server."""


class StoreProblem(Exception):
    """A request failed. Used only inside `data.store`: `Store` repeats the request or raises a DataError instead."""

    def __init__(self, kind: str, detail: str = "") -> None:
        """`detail`: an error code or status that the user can look up, never text from a server."""
        super().__init__(kind, detail)
        self.kind = kind
        self.detail = detail

    @property
    def passing(self) -> bool:
        """True when the next try may succeed."""
        return self.kind in PASSING

    def what(self, target: StoreTarget) -> str:
        """The first part of the error message: the problem."""
        place, endpoint = target.place, target.endpoint
        code = f" ({self.detail})" if self.detail else ""
        return {
            NO_BUCKET: f"no bucket {target.container!r} at {endpoint}",
            NO_OBJECT: f"no {'object' if target.container else 'file'} {place}{f' at {endpoint}' if target.container else ''}",
            NO_CREDENTIALS: f"no credentials for {place}{code}",
            DENIED: f"{endpoint} denies access to {place}{code}",
            REFUSED: f"no connection to {endpoint} for {place}{code}",
            HANGING: f"{endpoint} did not answer in time for {place}",
            CUT: f"{place} did not arrive whole from {endpoint}",
            BUSY: f"{endpoint} could not serve {place}{code}",
            ODD: f"{endpoint} did not serve {place}{code}",
        }[self.kind]

    def advice(self, target: StoreTarget) -> str:
        """The second part of the error message: what the user can do."""
        if not target.container:
            return "check the address"
        credentials = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
        return {
            NO_BUCKET: "check the name and AWS_ENDPOINT_URL",
            NO_OBJECT: f"'manyhands data ls s3://{target.container}' shows what there is",
            NO_CREDENTIALS: f"set {credentials}",
            DENIED: f"check {credentials}",
            REFUSED: "check that it runs, and AWS_ENDPOINT_URL",
            ODD: "check bucket, AWS_REGION and AWS_ENDPOINT_URL",
        }.get(self.kind, "try again later, or another endpoint")


def of_answer(code: str | None, status: int | None) -> StoreProblem:
    """The problem that a store reports with an error code and an HTTP status."""
    detail = code if code and code.isalnum() else str(status or "")
    if code in CODES:
        return StoreProblem(CODES[code], detail)
    if status in BUSY_STATUSES:
        return StoreProblem(BUSY, detail)
    return StoreProblem(STATUSES.get(status or 0, ODD), detail)
