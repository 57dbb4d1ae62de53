"""Base class of `spark` and `spark-local`: it requires Java, starts the session on entry and stops it on exit."""

from __future__ import annotations

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

    def __enter__(self) -> Self:
        from manyhands.backends.spark.failure import java_ended
        from manyhands.backends.spark.session import start_session, stop_session

        try:
            self.session = start_session(self.spec, self.folder)
        except BaseException as error:
            ended = java_ended()
            stop_session()
            if ended:
                raise ended from error
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        from manyhands.backends.spark.failure import java_ended
        from manyhands.backends.spark.session import stop_session

        ended = java_ended() if error else None
        stop_session()
        if ended:
            raise ended from error
