"""`manyhands data`: shows which data a run would use, makes the embedded sets, and checks a folder of real data.

The commands for buckets and the web are in `buckets.py`.

manyhands data ls --data DIR
manyhands data make mnist --to DIR
manyhands data verify --data DIR
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from manyhands.cli.buckets import add_actions
from manyhands.errors import DataError

if TYPE_CHECKING:
    from rich.table import Table

    from manyhands.data.catalog import KnownFile


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `data` and its commands."""
    top = commands.add_parser(
        "data",
        help="show, make, check, fetch or store data sets",
        description="Shows, makes, checks, fetches or stores data sets.",
    )
    actions = top.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = actions.add_parser("ls", help="list the sets and their files, or the objects in a bucket")
    listing.add_argument("place", nargs="?", metavar="PLACE", help="s3://bucket/prefix, to list objects instead")
    making = actions.add_parser("make", help="make the embedded sets; needs no network")
    checking = actions.add_parser("verify", help="read every known file completely; exit code 2 when one is bad")
    for action, call in ((listing, list_sets), (making, make_sets), (checking, verify)):
        action.set_defaults(call=call)
    for action in (listing, checking):
        action.add_argument(
            "--data",
            "--data-dir",
            dest="data",
            metavar="DIR",
            help="folder of real data (default: MANYHANDS_DATA, else the embedded data)",
        )
    making.add_argument("sets", nargs="*", metavar="SET", help="mnist, points, stocks or tabular (default: all)")
    making.add_argument(
        "--to", type=Path, metavar="DIR", help="folder for the sets (default: the cache, where they are made again)"
    )
    add_actions(actions)


def list_sets(options: argparse.Namespace) -> int:
    """Prints one table row for each file of each set."""
    from rich.console import Console

    from manyhands.cli.buckets import list_objects
    from manyhands.data.folder import data_dir
    from manyhands.data.make import cache_dir, sets

    if options.place:
        return list_objects(options.place)
    folder = data_dir(options.data)
    root = folder or cache_dir()
    files = _known(root)
    table = _table("real data" if folder else "embedded data", root)
    for name in sorted(sets()):
        members = [file for file in files if file.set == name]
        for file in members:
            table.add_row(
                name, str(file.path.relative_to(root)), _rows(file), _megabytes(file), "read" if file.used else "not read"
            )
        if not members:
            table.add_row(name, "not in this folder" if folder else "made on first use")
    Console(markup=False, highlight=False).print(table)
    return 0


def make_sets(options: argparse.Namespace) -> int:
    """Makes the sets and prints the folder of each."""
    from manyhands.data.make import make_set, sets

    for name in options.sets or sorted(sets()):
        print(f"{name}: {make_set(name, options.to)}")
    return 0


def verify(options: argparse.Namespace) -> int:
    """Prints one line a file; 2 when a file or a set is bad."""
    from manyhands.data.catalog import check_file, check_sets
    from manyhands.data.folder import data_dir

    root = data_dir(options.data) or _embedded()
    files = _known(root)
    if not files:
        raise DataError(f"no known data file in {root}; 'manyhands data make --to {root}' makes some")
    problems = []
    for file in files:
        try:
            rows, sha256 = check_file(file)
            print(f"ok   {file.path.relative_to(root)}  {rows} rows  sha256 {sha256}")
        except DataError as error:
            problems.append(str(error))
            print(f"BAD  {error}")
    for problem in check_sets(files, root):
        if problem not in problems:
            problems.append(problem)
            print(f"BAD  {problem}")
    return 2 if problems else 0


def _embedded() -> Path:
    """The cache folder with every embedded set in it."""
    from manyhands.data.make import cache_dir, embedded, sets

    for name in sets():
        embedded(name)
    return cache_dir()


def _known(root: Path) -> list[KnownFile]:
    from manyhands.data.catalog import known_files

    return known_files(root)


def _table(kind: str, root: Path) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title=f"{kind} in {root}", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("set")
    table.add_column("file", overflow="fold")
    table.add_column("rows", justify="right")
    table.add_column("size", justify="right")
    table.add_column("use")
    return table


def _rows(file: KnownFile) -> str:
    """Only the file in use is counted: a large CSV file takes seconds to read."""
    from manyhands.data.catalog import count_rows

    if not file.used:
        return ""
    try:
        return f"{count_rows(file):,}"
    except DataError:
        return "damaged"


def _megabytes(file: KnownFile) -> str:
    return f"{file.path.stat().st_size / 1e6:.1f} MB"
