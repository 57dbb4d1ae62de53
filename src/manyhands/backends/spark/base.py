"""What both backends of Spark share: Java is looked for, and a session starts on entry and stops on exit."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

from manyhands.backends.ranks.base import RankBackend

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class SparkBackend(RankBackend):
    """A backend that has a Spark session of its own while it is entered."""

    session: SparkSession

    @classmethod
    def require(cls) -> None:
        """Java comes last: it is the one that pip cannot install."""
        from manyhands.backends.spark.java import require_java

        super().require()
        require_java()

    def __enter__(self) -> Self:
        from manyhands.backends.spark.session import start_session, stop_session

        try:
            self.session = start_session(self.spec, self.folder)
        except BaseException:
            stop_session()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        from manyhands.backends.spark.session import stop_session

        stop_session()
