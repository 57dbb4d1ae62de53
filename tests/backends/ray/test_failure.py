"""What a failed run on Ray says of a worker that died, from the errors that Ray Train raises."""

from __future__ import annotations

import pytest

from manyhands.backends.ray.failure import failure

pytest.importorskip("ray", reason="needs ray: pip install 'manyhands[ray]'")
pytestmark = pytest.mark.slow  # imports Ray

BY_A_SIGNAL = (
    "The actor is dead because its worker process has died. Worker exit type: SYSTEM_ERROR Worker exit detail: Worker exits"
    " unexpectedly by a signal. SystemExit is raised (sys.exit is called). Exit code: 1. The process receives a SIGTERM."
)
CONNECTION = (
    "The actor is dead because its worker process has died. Worker exit type: SYSTEM_ERROR Worker exit detail: Worker unexpectedly"
    " exits with a connection error code 2. End of file."
)
ENDS = [(BY_A_SIGNAL, "SIGTERM ended its process"), (CONNECTION, "its process was killed or crashed, or its host is gone")]


@pytest.mark.parametrize(("detail", "end"), ENDS)
def test_a_worker_that_died_is_said_with_its_signal_where_ray_knows_it(detail: str, end: str) -> None:
    from ray.core.generated.common_pb2 import ActorDiedErrorContext
    from ray.exceptions import ActorDiedError
    from ray.train import WorkerGroupError

    died = ActorDiedError(ActorDiedErrorContext(error_message=detail, actor_id=b"1" * 16, pid=123, node_ip_address="127.0.0.1"))
    assert str(failure(WorkerGroupError("failed", {0: RuntimeError("broken connection"), 1: died}))) == (
        f"ray worker 1 (pid 123, on 127.0.0.1) died: {end}"
    )


@pytest.mark.parametrize(
    "heading",
    ["At least one of the worker actors failed to initialize.", "One of the worker actors failed to initialize due to error:"],
)
def test_a_worker_that_died_before_all_were_ready_is_said_with_its_signal(heading: str) -> None:
    from ray.train import ControllerError

    for detail, end in ENDS:
        early = ControllerError(RuntimeError(f"{heading} {detail}"))
        assert str(failure(early)) == f"a ray worker died while the workers started: {end}"
