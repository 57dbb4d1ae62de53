"""What `--nodes` and `--address` mean for backends whose workers several machines share. Imports nothing heavy."""

from __future__ import annotations

from manyhands.plan import RunSpec


def no_meeting(spec: RunSpec) -> str | None:
    """Why the nodes of a run cannot meet, in words; None when they can, or there is only one."""
    if spec.nodes > 1 and spec.address is None:
        return "--nodes above 1 needs --address HOST:PORT, the machine of node 0 and a free port on it"
    if spec.address is not None and meeting_point(spec.address) is None:
        return (
            f"{spec.backend} meets at HOST:PORT, the machine of node 0 and a free port on it; {spec.address!r} is no such address"
        )
    if spec.nodes == 1 and spec.address is not None:
        return f"--address for {spec.backend} is where several machines meet; add --nodes N, or leave it out"
    return None


def meeting_point(address: str) -> tuple[str, int] | None:
    """Host and port of `HOST:PORT`; None when it is no such thing."""
    host, _, port = address.rpartition(":")
    valid = host and "/" not in host and port.isdigit() and 0 < int(port) < 65536
    return (host.strip("[]"), int(port)) if valid else None
