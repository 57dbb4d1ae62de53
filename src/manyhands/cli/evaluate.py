"""`manyhands evaluate MODEL --workload mlp --data PLACE`: scores a saved model on the held-out rows.

Prints the metrics that a run records, and for classes the report and the confusion matrix of scikit-learn.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manyhands.cli.request_options import add_request_option, data_given
from manyhands.errors import UsageError
from manyhands.plan import READERS
from manyhands.planning.places import data_place

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from manyhands.workloads.arrays import Arrays
    from manyhands.workloads.kinds.network import NetworkWorkload


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to the command line."""
    parser = commands.add_parser("evaluate", help="score a model of 'manyhands run --save' on the held-out rows")
    parser.add_argument("model", metavar="MODEL", help="a path, s3://bucket/key or http(s)://host/file")
    parser.add_argument("--workload", required=True, metavar="NAME", help="what the model was trained on, see 'manyhands list'")
    for name in ("data", "s3_library"):
        add_request_option(parser, name)
    parser.set_defaults(call=call)


def call(options: argparse.Namespace) -> int:
    """Prints the scores; exit code 0. Raises UsageError when the model is of another workload, DataError when it is damaged."""
    from manyhands.data.store.opening import open_store
    from manyhands.plugins import workload_class
    from manyhands.user_files import absolute
    from manyhands.workloads.kinds.network import NetworkWorkload

    workload = workload_class(absolute(options.workload))
    if not issubclass(workload, NetworkWorkload):
        raise UsageError(f"{options.workload} is of kind {workload.kind}; only networks are saved and evaluated")
    workload.require()
    folder, remote = data_place(data_given(options))
    reader = options.s3_library or READERS[0]
    store = open_store(options.model, reader, tell=_tell)

    from manyhands.workloads._model_file import restore, unpack

    place = store.location.of("")
    trained, network = restore(unpack(bytes(store.read()), place), workload, place)
    arrays = held_out(trained, folder, remote, reader)

    from manyhands.backends.ranks.score import outputs_of

    outputs = outputs_of(trained, network, arrays.x_test, "cpu")
    print(f"{place}: {trained.name}, {len(arrays.x_test)} held-out rows of {arrays.source}")
    for name, value in trained.score(outputs, arrays).items():
        print(f"{name.replace('_', ' ')} {value:g}")
    if outputs.ndim == 2:
        print(classes_report(arrays.y_test, outputs.argmax(axis=1)))
    return 0


def held_out(workload: NetworkWorkload, folder: str | None, remote: str | None, reader: str) -> Arrays:
    """The held-out rows; from a store only these are fetched, where the workload can fetch a part."""
    from manyhands.data.fetch_request import FetchRequest
    from manyhands.data.store.opening import open_store

    if remote:
        return workload.fetch(open_store(remote, reader, tell=_tell), FetchRequest(train=False)).arrays
    return workload.load(Path(folder) if folder else None)


def classes_report(truth: NDArray[Any], found: NDArray[np.intp]) -> str:
    """scikit-learn's report for each class, and the confusion matrix: a row for each true class, a column for each found one."""
    from sklearn.metrics import classification_report, confusion_matrix

    matrix = confusion_matrix(truth, found)
    width = len(str(matrix.max())) + 1
    rows = "\n".join(" ".join(f"{count:>{width}}" for count in row) for row in matrix)
    report = classification_report(truth, found, digits=4, zero_division=0)
    return f"\n{report}\nconfusion matrix, true class down, found class across\n{rows}"


def _tell(line: str) -> None:
    print(line, file=sys.stderr)
