"""`manyhands data put | get | rm` and `ls s3://...`: whole files to and from buckets; `fetch`: published sets from the web.

manyhands data put DIR s3://bucket/prefix
manyhands data get s3://bucket/prefix DIR
manyhands data rm s3://bucket/key
manyhands data fetch mnist --to DIR
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.filesize import decimal

from manyhands.data.folder import VARIABLE
from manyhands.data.store.location import printable
from manyhands.errors import DataError

Moved = Callable[[int], None]


def add_actions(actions: Any) -> None:
    """Adds the commands to `manyhands data`."""
    putting = actions.add_parser("put", help="put files or folders into a bucket")
    putting.add_argument(
        "sources", nargs="+", type=Path, metavar="SOURCE", help="a file, or a folder whose files keep their names"
    )
    putting.add_argument("place", metavar="PLACE", help="s3://bucket/prefix; for one file s3://bucket/key")
    getting = actions.add_parser("get", help="fetch an object, or all objects below a prefix, into a folder")
    getting.add_argument("place", metavar="PLACE", help="s3://bucket/key or s3://bucket/prefix")
    getting.add_argument("folder", type=Path, metavar="DIR", help="folder for the files")
    removing = actions.add_parser("rm", help="remove an object, or with --all everything below a prefix")
    removing.add_argument("place", metavar="PLACE", help="s3://bucket/key, or s3://bucket/prefix with --all")
    removing.add_argument("--all", action="store_true", help="everything below the prefix")
    fetching = actions.add_parser("fetch", help="fetch a published set from the web, checked by sha256")
    fetching.add_argument("set", metavar="SET", help="mnist")
    fetching.add_argument(
        "--url",
        action="append",
        metavar="URL",
        help="address of the folder to fetch from; give it again for a second choice (default: a list of mirrors)",
    )
    fetching.add_argument("--to", type=Path, metavar="DIR", help=f"folder of data (default: {VARIABLE}, else data)")
    for action, call in ((putting, put_files), (getting, get_files), (removing, remove), (fetching, fetch_set)):
        action.set_defaults(call=interruptible(call))


def interruptible(call: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """The command with exit code 130 on Ctrl-C; an unfinished file is not kept, not even a part of it."""

    def run(options: argparse.Namespace) -> int:
        try:
            return call(options)
        except KeyboardInterrupt:
            print("interrupted; unfinished files are not kept", file=sys.stderr)
            return 130

    return run


def put_files(options: argparse.Namespace) -> int:
    """Prints a line for each file that is in the bucket."""
    from manyhands.data.store.retries import RetryPolicy
    from manyhands.data.store.transfer import open_bucket, put, uploads

    chosen = uploads(options.sources, options.place)
    with progress(sum(upload.path.stat().st_size for upload in chosen)) as (say, moved):
        store = open_bucket(options.place, RetryPolicy.from_environment(), say)
        store.prepare_writing()
        for upload in chosen:
            digest = put(store, upload, moved)
            print(f"put {store.location.of(upload.name)}  {decimal(upload.path.stat().st_size)}  sha256 {digest}")
    return 0


def get_files(options: argparse.Namespace) -> int:
    """Prints a line for each file that was fetched."""
    from manyhands.data.store.retries import RetryPolicy
    from manyhands.data.store.transfer import get, objects, open_bucket, targets

    with progress() as (say, _):
        store = open_bucket(options.place, RetryPolicy.from_environment(), say)
        entries = [entry for entry in objects(store) if not entry.name.endswith("/")]
        if not entries:
            raise DataError(f"nothing at {store.source}; 'manyhands data ls s3://{store.location.root}' shows what there is")
        places = targets(store, entries, options.folder)
    with progress(sum(entry.size for entry in entries)) as (say, moved):
        store.tell = say
        for entry, place in places.items():
            checked = get(store, entry.name, place, moved)
            print(f"got {place}  {decimal(entry.size)}  checked by {checked}")
    return 0


def list_objects(place: str) -> int:
    """Prints a line for each object and their sum."""
    from manyhands.data.store.retries import RetryPolicy
    from manyhands.data.store.transfer import objects, open_bucket

    store = open_bucket(place, RetryPolicy.from_environment(), lambda line: print(line, file=sys.stderr))
    entries = objects(store)
    width = max((len(f"{entry.size:,}") for entry in entries), default=1)
    for entry in entries:
        print(f"{entry.size:>{width},}  {printable(entry.name) or store.location.of('')}")
    print(
        f"{len(entries)} object{'' if len(entries) == 1 else 's'}, {decimal(sum(entry.size for entry in entries))} at {store.source}"
    )
    return 0


def remove(options: argparse.Namespace) -> int:
    """Prints a line for each object that was removed; raises DataError when there is none."""
    from manyhands.data.store.retries import RetryPolicy
    from manyhands.data.store.transfer import objects, open_bucket

    store = open_bucket(options.place, RetryPolicy.from_environment(), lambda line: print(line, file=sys.stderr))
    entries = objects(store)
    if not entries:
        raise DataError(f"no object {store.source}; nothing was removed")
    if entries[0].name and not options.all:
        raise DataError(f"{store.location} is not an object, but {len(entries)} objects are below it; add --all to remove them")
    for entry in entries:
        store.delete(entry.name)
        print(f"removed {store.location.of(entry.name)}")
    return 0


def fetch_set(options: argparse.Namespace) -> int:
    """Fetches what is not there yet and prints a line a file."""
    from manyhands.data.store.mirrors import fetch_file, is_there, known_set
    from manyhands.data.store.retries import RetryPolicy

    chosen = known_set(options.set)
    root = options.to or Path(os.environ.get(VARIABLE) or "data")
    folder = root / chosen.name
    missing = [file for file in chosen.files if not is_there(folder / file.name, file)]
    urls = list(options.url or chosen.urls)
    with progress(sum(file.bytes for file in missing)) as (say, moved):
        for file in chosen.files:
            if file not in missing:
                print(f"kept {folder / file.name}: it exists already")
                continue
            url = fetch_file(file, urls, folder / file.name, RetryPolicy.from_environment(), say, moved)
            print(f"got {folder / file.name}  {decimal(file.bytes)}  sha256 {file.sha256}  from {url}")
            urls.sort(key=url.__ne__)  # the one that worked goes first
    print(f"{chosen.name}: {folder}; use it with --data {root}")
    return 0


@contextmanager
def progress(total: int | None = None) -> Iterator[tuple[Callable[[str], None], Moved]]:
    """Shows a progress bar on a terminal; gives a function that reports a wait and one that advances the bar by bytes."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    console = Console(stderr=True)
    columns = (BarColumn(bar_width=24), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=total is None or not console.is_terminal) as bar:
        task = bar.add_task("", total=total)
        yield (
            lambda line: bar.console.print(line, markup=False, highlight=False, soft_wrap=True),
            lambda size: bar.advance(task, size),
        )
