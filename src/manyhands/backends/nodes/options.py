"""Checks `--nodes` and `--address` for backends whose workers run on several machines. Imports nothing heavy."""

from __future__ import annotations

from manyhands.plan import RunSpec


def no_meeting(spec: RunSpec) -> str | None:
    """The reason why the nodes of a run cannot meet; None when they can, or when there is only one node."""
    form = "HOST:PORT, the machine of node 0 and a free port on it"
    if spec.nodes > 1 and spec.address is None:
        return f"--nodes above 1 needs --address {form}"
    if spec.address is not None and meeting_point(spec.address) is None:
        return f"--address of {spec.backend} is {form}; {spec.address!r} is not of this form"
    if spec.nodes == 1 and spec.address is not None:
        return f"--address of {spec.backend} is for several machines; add --nodes N, or leave --address out"
    return None


def meeting_point(address: str) -> tuple[str, int] | None:
    """Host and port of `HOST:PORT`; None when `address` has another form."""
    host, _, port = address.rpartition(":")
    valid = host and "/" not in host and port.isdigit() and 0 < int(port) < 65536
    return (host.strip("[]"), int(port)) if valid else None
