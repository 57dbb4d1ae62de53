"""The options `--data`, `--data-dir`, `--s3-library` and `--save` -> the place of the data and of the saved model."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from manyhands.cli.renamed import keep_old_name
from manyhands.data.folder import data_dir
from manyhands.data.store.location import FILE, is_remote, locate
from manyhands.errors import UsageError
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


def data_place(options: argparse.Namespace) -> tuple[str | None, str | None]:
    """The folder of data and the remote address of data, at most one of them; neither means the embedded data.

    Raises UsageError when both are given or the address is invalid, DataError when the folder does not exist.
    """
    if options.data and options.data_dir:
        raise UsageError("--data and --data-dir both name the place of the data; give only one of them")
    if options.data and is_remote(options.data):
        return None, str(locate(options.data))
    folder = data_dir(options.data or options.data_dir)
    return str(folder.resolve()) if folder else None, None


def save_place(save: str | None) -> str | None:
    """Place of the saved model: an address or an absolute path; raises UsageError for a place that cannot hold a file."""
    if save is None:
        return None
    location = locate(save)
    if location.scheme == FILE:
        return str(Path(save).expanduser().resolve())
    if location.scheme != "s3" or not location.path:
        raise UsageError(f"--save {location} cannot hold a model; use a path, or s3://bucket/key")
    return str(location)
