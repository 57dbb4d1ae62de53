"""Base class of `spark` and `spark-local`: it requires Java, starts the session on entry and stops it on exit."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from manyhands.backends.ranks.base import RankBackend

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class SparkBackend(RankBackend):
    """A backend with its own Spark session between entry and exit."""

    session: SparkSession

    @classmethod
    def require(cls) -> None:
        """Raises Unavailable when a library or Java is missing; Java comes last, because pip cannot install it."""
        from manyhands.backends.spark.java import require_java

        super().require()
        require_java()

    @classmethod
    def end_in_logs(cls, folder: Path) -> str | None:
        """A lost worker, when it took the driver with it: XGBoost's tracker aborts the driver when it cannot reach a worker any more."""
        from manyhands.backends.spark.failure import logged_by_java, lost_worker

        return lost_worker(logged_by_java(folder), cls.name)

    def __enter__(self) -> Self:
        from manyhands.backends.spark.failure import java_ended
        from manyhands.backends.spark.session import start_session, stop_session

        try:
            self.session = start_session(self.spec, self.folder)
        except BaseException as error:
            ended = java_ended(error)
            stop_session()
            if ended:
                raise ended from error
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        from manyhands.backends.spark.failure import java_ended
        from manyhands.backends.spark.session import stop_session

        ended = java_ended(error) if error else None
        stop_session()
        if ended:
            raise ended from error
