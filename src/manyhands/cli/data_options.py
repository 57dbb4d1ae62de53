"""The options `--data`, `--data-dir` and `--s3-library`."""

from __future__ import annotations

from typing import Any

from manyhands.cli.renamed import keep_old_name
from manyhands.plan import READERS


def add_data_options(group: Any) -> None:
    """Adds the options for the place of the data and the library that reads a bucket."""
    group.add_argument(
        "--data",
        metavar="PLACE",
        help="a folder, s3://bucket/prefix or http(s)://host/folder; each worker fetches the rows it needs (S3 endpoint:"
        " AWS_ENDPOINT_URL)",
    )
    group.add_argument("--data-dir", metavar="DIR", help="folder of real data (default: MANYHANDS_DATA, else the embedded data)")
    library = group.add_argument(
        "--s3-library",
        dest="reader",
        choices=READERS,
        default=READERS[0],
        help="library that reads a bucket (default: %(default)s)",
    )
    keep_old_name(group, "--reader", library)
