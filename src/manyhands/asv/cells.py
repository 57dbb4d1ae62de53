"""`Cells`: the base class of the classes of a suite, each of which measures one workload."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from time import perf_counter
from types import FunctionType
from typing import Any, ClassVar

from manyhands.asv.errors import SuiteError
from manyhands.asv.numbers import OVER_THE_YARDSTICK, Benchmark, Cached, benchmarks_of, left_out, time_launch, track_speedup
from manyhands.asv.own_lines import file_of, line_of, setup_cache_of
from manyhands.asv.settings import METHODS, Settings, is_checked, key, launches, options_of, read_settings
from manyhands.errors import ManyhandsError
from manyhands.measure.yardstick import version as yardstick_version

MARGIN_S = 60.0
"""Time beside the launches themselves: importing, checking data and ending processes. A launch ends at its own time-out first."""
FIRST_DATA_S = 600.0
"""Time to make the embedded data in the set-up of a class, once on a machine."""
NO_SETTINGS = ("_", "track_", "time_")
"""The start of names of attributes that are no settings."""
MEANING = "2"
"""The version of what the benchmarks measure. A higher one makes asv drop the results before it. 2: means over the faster half of
several launches, of 8 epochs for networks; 1: medians, of one launch by default."""


class Cells:
    """One workload over backends and workers. asv shows n/a for the cells that are not run here.

    A subclass with a `workload` gets the benchmarks; its attributes are the options of `manyhands run`, by their keywords. Set a
    benchmark to None to leave it out: `time_launch = None`. A subclass without a `workload` is a base for others.

    Raises SuiteError for an attribute that is no option and for a value that the option does not take. Names with a leading `_` are
    yours.
    """

    workload: ClassVar[str]
    _settings: ClassVar[Settings]
    number: ClassVar[int] = 1
    repeat: ClassVar[int] = 1
    rounds: ClassVar[int] = 1
    warmup_time: ClassVar[float] = 0
    """`time_launch` makes one launch of each cell; `rounds` or `repeat` of a subclass makes more."""
    _waited_s: float = 0.0
    """Seconds that `time_launch` waited for other measured runs."""

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        try:
            options = options_of(_attributes(cls))
            if "workload" in options:
                cls._settings = read_settings(options, file_of(cls))
                _add_benchmarks(cls)
        except ManyhandsError as error:
            raise SuiteError(f"{file_of(cls)}:{line_of(cls)}: class {cls.__name__}: {error}") from None

    def setup(self, cached: Cached, backend: str, workers: int) -> None:
        """Raises NotImplementedError, which asv shows as n/a, with the reason why the cell is not run here."""
        if reason := left_out(cached[key(backend, workers)]):
            raise NotImplementedError(reason)
        import manyhands.run  # noqa: F401  # so that `time_launch` times no import

    def timer(self) -> float:
        """The clock by which asv times `time_launch`: it stands still during a wait for another measured run."""
        return perf_counter() - self._waited_s

    @classmethod
    def run_cells(cls) -> Cached:
        """Launches every cell that can run here, in turn as often as `repeats`; raises SuiteError for data that cannot be used.

        A cell that failed is not launched again.
        """
        from manyhands.planning.plan import check_data, not_run_here
        from manyhands.run import RunContext, measure, skip
        from manyhands.stopping import stoppable

        context, cached, runs = RunContext(), {}, {}
        for name, spec in cls._settings.cells.items():
            if reason := not_run_here(spec):
                cached[name] = [skip(spec, reason, context)]
            else:
                runs[name] = spec
        try:
            check_data(list(runs.values()))
        except ManyhandsError as error:
            raise SuiteError(f"class {cls.__name__}: {error}") from None
        with stoppable():
            for repeat, (name, spec) in product(range(launches(cls._settings)), runs.items()):
                if all(record.ok for record in cached.get(name, ())):
                    cached.setdefault(name, []).append(measure(replace(spec, repeat=repeat), context))
        return cached


def _attributes(cls: type[Cells]) -> dict[str, Any]:
    """The attributes that the class and its bases set, without methods and benchmarks; those of `Cells` do not count."""
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        if base not in Cells.__mro__:
            made = ("params", "param_names") if "_settings" in vars(base) else ()
            found |= {name: value for name, value in vars(base).items() if name not in made and not name.startswith(NO_SETTINGS)}
    return {name: value for name, value in found.items() if not isinstance(value, METHODS)}


def _add_benchmarks(cls: Any) -> None:
    """Gives the class its parameters, its set-up, and the benchmarks that it does not define itself."""
    settings: Settings = cls._settings
    limit_s = settings.request.timeout + MARGIN_S
    cls.params = [list(settings.backends), list(settings.request.workers)]
    cls.param_names = ["backend", "workers"]
    if _is_ours(cls, "setup_cache"):
        cls.setup_cache = setup_cache_of(cls, settings.version)
        cls.setup_cache.timeout = FIRST_DATA_S + limit_s * len(settings.keys) * launches(settings)
        cls.setup_cache._ours = True
    for benchmark, unit in benchmarks_of(settings).items():
        if _is_ours(cls, benchmark.__name__):
            copy = _copy(benchmark, cls)
            copy.unit, copy.timeout, copy._ours = unit, limit_s, True
            copy.version = version_of(benchmark, settings, getattr(cls, "version", None))
            if benchmark is not time_launch:
                copy.launches = launches(settings)
            setattr(cls, benchmark.__name__, copy)


def version_of(benchmark: Benchmark, settings: Settings, own: object) -> str:
    """The version of a benchmark: everything that another value may come from than from another commit. `own`: that of the class."""
    parts = [f"{MEANING}: " + (f"{own}: " if own is not None else "") + settings.version]
    if benchmark is not time_launch:
        parts.append("1 launch" if launches(settings) == 1 else f"{launches(settings)} launches")
    if benchmark is track_speedup:
        parts.append(f"over {settings.base}")
    if benchmark in OVER_THE_YARDSTICK and not is_checked() and settings.workload.in_epochs:
        parts.append(f"yardstick {yardstick_version()}")
    return "; ".join(parts)


def _is_ours(cls: Any, name: str) -> bool:
    """True when neither the class nor a base of it defines the attribute itself."""
    return not hasattr(cls, name) or hasattr(getattr(cls, name), "_ours")


def _copy(function: Benchmark, cls: Any) -> Any:
    """The function as a method of the class, with attributes of its own."""
    assert isinstance(function, FunctionType)
    copy = FunctionType(function.__code__, function.__globals__, function.__name__)
    copy.__qualname__ = f"{cls.__qualname__}.{function.__name__}"
    copy.__doc__ = function.__doc__
    return copy
