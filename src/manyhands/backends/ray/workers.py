"""The workers of a Ray cluster as a whole: checks before the start that they fit, and waits for their end."""

from __future__ import annotations

from manyhands.errors import Unavailable, UsageError
from manyhands.measure.resources import descendants_named, wait_until_ended
from manyhands.plan import RunSpec


def check_room(spec: RunSpec) -> None:
    """Raises UsageError when the cluster has no room for all workers: Ray would wait for more machines.

    Raises Unavailable when the workers need GPUs and the cluster has none.
    """
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
        f"{spec.workers} workers x {spec.threads} threads do not fit the Ray cluster, which has {has} on {len(machines)}"
        f" machines: {room} workers at most; use fewer workers, or add machines to the cluster first"
    )


def wait_actors_gone(actor: str) -> None:
    """Returns when no process of this class of actors runs below this process.

    Ray does not wait for the actors that it ends, and would leave them behind when it ends itself a moment later.
    """
    wait_until_ended(descendants_named(f"ray::{actor}"))
