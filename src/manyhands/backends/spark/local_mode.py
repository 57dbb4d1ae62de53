"""`spark-local`: TorchDistributor with `local_mode=True`, which is torchrun on the driver: no tasks, no executors.

It is a backend of its own, because Spark distributes nothing: compared with `ddp` it adds the cost of a Spark session.
TorchDistributor's torchrun would listen on every interface; here it listens on loopback.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from manyhands.backends.base import Fit
from manyhands.backends.spark.base import SparkBackend
from manyhands.plan import RunSpec


class SparkLocal(SparkBackend):
    """Every worker is a process that torchrun starts on the driver."""

    name: ClassVar[str] = "spark-local"
    summary: ClassVar[str] = "Spark's TorchDistributor in its local mode: torchrun on the driver"
    libraries: ClassVar[tuple[str, ...]] = ("torch", "pyspark", "pyarrow")
    extra: ClassVar[str] = "spark"
    in_default_plan: ClassVar[bool] = False

    @classmethod
    def refuse(cls, spec: RunSpec) -> str | None:
        if spec.nodes > 1 or spec.address is not None:
            return "spark-local trains on the driver alone; use --backend spark, with --address spark://HOST:PORT"
        return None

    @classmethod
    def environment(cls, spec: RunSpec) -> dict[str, str]:
        from manyhands.backends.spark.rendezvous import NAME
        from manyhands.backends.spark.session import session_variables
        from manyhands.measure.threads import thread_variables

        return session_variables(spec) | thread_variables(spec.threads) | {"GLOO_SOCKET_IFNAME": "lo", "PET_RDZV_BACKEND": NAME}

    def run_ranks(self, spec: RunSpec) -> Sequence[Mapping[str, Any]]:
        """Runs the workers and reads the reports that rank 0 gathered."""
        from pyspark.ml.torch.distributor import TorchDistributor

        from manyhands.backends.ranks.sent_files import job_of
        from manyhands.backends.spark import worker
        from manyhands.backends.spark.failure import failure, printed_lines

        path = self.folder / "reports.json"
        with meeting_on_loopback(), printed_lines() as printed:
            try:
                distributor = TorchDistributor(num_processes=spec.workers, local_mode=True, use_gpu=spec.device == "cuda")
                distributor.run(worker.write_reports, job_of(spec), str(path))
            except Exception as error:
                raise failure(error, printed, backend=self.name) from None
        reports: list[dict[str, Any]] = json.loads(path.read_text())
        return [report | {"resolved": report["resolved"] | {"local_mode": True}} for report in reports]

    def fit_script(self, spec: RunSpec) -> Fit:
        """TorchDistributor with a file: torchrun on the driver starts it for each worker."""
        from pyspark.ml.torch.distributor import TorchDistributor

        from manyhands.backends.scripts.script_run import ScriptRun
        from manyhands.backends.spark.failure import failure, printed_lines

        run = ScriptRun.of(spec, self.folder)
        with meeting_on_loopback(), printed_lines() as printed:
            try:
                distributor = TorchDistributor(num_processes=spec.workers, local_mode=True, use_gpu=spec.device == "cuda")
                distributor.run(*run.command)
            except Exception as error:
                raise run.error(failure(error, printed, backend=self.name)) from None
        return run.fit()


@contextmanager
def meeting_on_loopback() -> Iterator[None]:
    """Makes each TorchDistributor inside start torchrun with the rendezvous of manyhands, on a port of loopback."""
    from pyspark.ml.torch.distributor import TorchDistributor

    from manyhands.backends.spark.rendezvous import ON_DRIVER

    distributor: Any = TorchDistributor
    original = distributor._get_torchrun_args

    def arguments(local_mode: bool, num_processes: int) -> tuple[list[str], int]:
        return ["--nnodes=1", f"--rdzv_endpoint={ON_DRIVER}", "--rdzv_id=manyhands"], num_processes

    distributor._get_torchrun_args = staticmethod(arguments)
    try:
        yield
    finally:
        distributor._get_torchrun_args = staticmethod(original)
