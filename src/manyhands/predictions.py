"""Records of networks on a few workers -> the predicted train phase on more, from Python and for the command line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from manyhands.errors import UsageError
from manyhands.planning.option_values import COUNTS
from manyhands.record import Record
from manyhands.results import Results

if TYPE_CHECKING:
    import pandas as pd

    from manyhands.analysis.predictable import Family, Network
    from manyhands.report.prediction import Found

WORKERS = (8, 64, 1024)
"""Worker counts that are predicted by default."""


class Predictions:
    """Predictions for each family: the cells of one backend that differ only in their worker count.

    `print(predictions)` prints the tables of `manyhands predict`, with the assumptions; a notebook shows the same.
    """

    def __init__(self, families: Iterable[tuple[Family, Found]], workers: Sequence[int]) -> None:
        """Each family with its prediction, or with the reason why there is none; `workers`: the worker counts asked for."""
        self.families = tuple(families)
        self.workers = tuple(workers)

    def frame(self) -> pd.DataFrame:
        """A data frame with one row for each family, worker count and algorithm of the exchange (`ring`, `tree`).

        - `family` (as a title), `workload`, `backend`, `variant`, `threads`: the cells that the prediction rests on;
        - `workers`, `algorithm`, `step_rows` (rows of one worker in a step), `steps` (in all epochs);
        - `busy_s`: seconds of compute and input; `exposed_s`: seconds of exchange that compute does not hide;
        - `train_s`, `train_low_s`, `train_high_s`: seconds of the train phase with the bounds of the 95 % interval;
        - `speedup` over one worker, also predicted; `efficiency`: speed-up per worker, 0 to 1;
        - `reason`: why there is no prediction for this worker count; the other values are then NaN or <NA>, in one row.

        Raises Unavailable without pandas.
        """
        from manyhands.report.frames import prediction_frame

        return prediction_frame(self.families, self.workers)

    def to_markdown(self) -> str:
        """The tables and the assumptions as Markdown, with a heading for each family."""
        from manyhands.report.prediction import to_markdown

        return to_markdown(self.families)

    def to_json(self) -> str:
        """All values, the validation and the assumptions as JSON. Times are in seconds, sizes in bytes."""
        from manyhands.report.prediction import to_json

        return to_json(self.families)

    def __repr__(self) -> str:
        names = dict.fromkeys(f"{family.group.workload} on {family.backend}" for family, _ in self.families)
        return f"<Predictions: {', '.join(names)}; {', '.join(map(str, self.workers))} workers>"

    def __str__(self) -> str:
        from manyhands.report.terminal import captured, print_predictions

        return captured(lambda console: print_predictions(self.families, console)).strip("\n")

    def _repr_html_(self) -> str:
        from manyhands.report.notebook import predictions_html

        return predictions_html(self.families)


def predict(
    records: Results | Iterable[Record], workers: int | str | Iterable[int] = WORKERS, network: str | None = None
) -> Predictions:
    """Predicts the train phase of every network in the records on other worker counts.

    The model: the measured compute time, plus the time to exchange gradients over the network that compute does not hide.
    `workers`: the worker counts, such as [8, 64]. `network`: bandwidth and latency of the link between workers, such as
    "25Gbps,20us"; None takes the link that runs of the workload `collective` in the records measured on the same machine.

    Raises UsageError for impossible worker counts or networks, when the records have no network with its parameters counted, and when
    the link is neither given nor measured.
    """
    if network is not None and not isinstance(network, str):
        raise UsageError(f'--network {network!r} is not a text; give bandwidth and latency, such as network="25Gbps,20us"')
    return predictions(Results(records), _counts(workers), network, "this set of records")


def predictions(records: Sequence[Record], workers: Iterable[int], network: str | None, source: str) -> Predictions:
    """The predictions at these worker counts, ascending and each once. `source` names the records in an error message.

    Raises UsageError when the records have no network, or the link is neither given nor measured.
    """
    from manyhands.analysis.predictable import families

    counts, given, found = sorted(set(workers)), _link(network), families(records)
    if not found:
        names = ", ".join(sorted({str(record.spec.get("workload")) for record in records if record.ok})) or "no measured run"
        raise UsageError(
            f"no network with its parameters counted in {source}, which has {names};"
            " measure one with this version: manyhands run cnn --backend ddp --workers 1,2 --out FILE"
        )
    return Predictions([(family, _predicted(family, records, given, counts)) for family in found], counts)


def _predicted(family: Family, records: Sequence[Record], given: Network | None, workers: Sequence[int]) -> Found:
    """The prediction of one family of cells; raises UsageError when its link is neither given nor measured."""
    from manyhands.analysis.predict import predict
    from manyhands.analysis.predictable import network_of

    measured = network_of(family, records)
    network = given or measured
    if network is None:
        raise UsageError(
            f"the link of {family.group.workload} on {family.backend} is not known: give --network 25Gbps,20us,"
            " or add records of 'manyhands run collective' made on the same machine"
        )
    return predict(family, network, workers, checked_on=measured)


def _link(text: str | None) -> Network | None:
    """The network that was given; None when none was."""
    from manyhands.analysis.network import parse_network
    from manyhands.analysis.predictable import Network

    return Network(parse_network(text), "given by --network") if text is not None else None


def _counts(given: object) -> tuple[int, ...]:
    """The worker counts; a single one, or a text such as `8,64`, too. Raises UsageError for anything else."""
    try:
        counts: tuple[int, ...] = COUNTS.read(given) if isinstance(given, str) else COUNTS.check(given)
        if not counts:
            raise ValueError
    except UsageError as error:
        raise UsageError(f"--workers {error}") from None
    except (TypeError, ValueError):
        raise UsageError(f"--workers {given!r} is not {COUNTS.description}") from None
    return counts
