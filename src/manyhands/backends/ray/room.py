"""Whether a Ray cluster has room for the workers: without it Ray would wait for machines that nobody adds."""

from __future__ import annotations

from manyhands.errors import Unavailable, UsageError
from manyhands.plan import RunSpec


def check_room(spec: RunSpec) -> None:
    """Raises UsageError when the machines of the cluster have no room for so many workers: Ray would wait for it."""
    import ray

    needs = {"CPU": spec.threads} | ({"GPU": 1} if spec.device == "cuda" else {})
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]
    room = sum(min(int(machine.get(name, 0) // count) for name, count in needs.items()) for machine in machines)
    if room >= spec.workers:
        return
    if spec.device == "cuda" and not any(machine.get("GPU") for machine in machines):
        raise Unavailable("--device cuda needs a GPU for each worker; this Ray cluster has none: use --device cpu")
    has = ", ".join(f"{sum(machine.get(name, 0) for machine in machines):g} {name}s" for name in needs)
    raise UsageError(
        f"{spec.workers} workers x {spec.threads} threads do not fit the Ray cluster, which has {has} on {len(machines)} machines:"
        f" {room} workers at most; use fewer, or add machines to it first"
    )
