"""What can go wrong between here and a store, told apart the same way for every library, and said in one line.

No text of a library or server goes into a message: their errors quote signed requests, and with them parts of credentials.
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
"""Worth another try: a store that starts, a network that drops, a server that is overloaded."""
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
class Target:
    """What a request was about, in the words of the user."""

    place: str
    """`s3://bucket/key`, or the whole http(s) address."""
    container: str
    """The bucket; empty on the web."""
    endpoint: str
    """Scheme, host and port that were asked."""


class StoreProblem(Exception):
    """A request failed. Inside `data.store` only: `Store` retries it or turns it into a DataError."""

    def __init__(self, kind: str, detail: str = "") -> None:
        """`detail`: an error code or status to look up, never a sentence of a server's."""
        super().__init__(kind, detail)
        self.kind = kind
        self.detail = detail

    @property
    def passing(self) -> bool:
        """Whether it may be gone at the next try."""
        return self.kind in PASSING

    def words(self, target: Target) -> str:
        """What is wrong, and what to do about it."""
        code = f" ({self.detail})" if self.detail else ""
        place, endpoint = target.place, target.endpoint
        return {
            NO_BUCKET: f"no bucket {target.container!r} at {endpoint}; check the name and AWS_ENDPOINT_URL",
            NO_OBJECT: f"no object {place} at {endpoint}; 'manyhands data ls s3://{target.container}' shows what there is"
            if target.container
            else f"no file at {place}{code}; check the address",
            NO_CREDENTIALS: f"no credentials for {place}{code}; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
            DENIED: f"{endpoint} denies access to {place}{code}; check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
            if target.container
            else f"{endpoint} denies access to {place}{code}; check the address",
            REFUSED: f"no connection to {endpoint} for {place}{code}; is it running, and is AWS_ENDPOINT_URL right?"
            if target.container
            else f"no connection to {endpoint} for {place}{code}; check the address",
            HANGING: f"{endpoint} did not answer in time for {place}; is it overloaded, or something else than a store?",
            CUT: f"the connection to {endpoint} broke in the middle of {place}",
            BUSY: f"{endpoint} could not serve {place}{code}",
            ODD: f"{endpoint} did not serve {place}{code}; check bucket, region and AWS_ENDPOINT_URL",
        }[self.kind]


def of_answer(code: str | None, status: int | None) -> StoreProblem:
    """The problem that a store's answer tells by its error code and its HTTP status."""
    detail = code if code and code.isalnum() else str(status or "")
    if code in CODES:
        return StoreProblem(CODES[code], detail)
    if status in BUSY_STATUSES:
        return StoreProblem(BUSY, detail)
    return StoreProblem(STATUSES.get(status or 0, ODD), detail)
