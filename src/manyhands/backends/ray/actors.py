"""The processes of Ray's actors on this machine."""

from __future__ import annotations

from manyhands.measure.resources import descendants_named, wait_until_ended


def wait_actors_gone(actor: str) -> None:
    """Returns when no process of this class of actors runs on this machine below this one.

    Ray does not wait for actors that it has told to end, and would leave them behind when it ends itself a moment later.
    """
    wait_until_ended(descendants_named(f"ray::{actor}"))
