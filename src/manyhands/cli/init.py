"""`manyhands init mine.py`: a commented training that runs as it is, to change into one's own."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from manyhands.errors import UsageError

STARTER = Path(__file__).with_name("_starter.py")
NAME = "mine.py"
"""The name of the file in the comments of the starter."""


def add_parser(commands: Any) -> None:
    """Adds the command and its options."""
    parser = commands.add_parser(
        "init",
        help="write a commented training of your own that runs as it is",
        description="Writes FILE: a small training in plain PyTorch with a function build() -> manyhands.Training, which runs as it is."
        " Change its model, data and loss into yours. A file that exists is never overwritten.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the file to write, such as mine.py")
    parser.set_defaults(call=call)


def call(options: argparse.Namespace) -> int:
    """Writes the file and prints the next commands; raises UsageError when it exists, or cannot be written."""
    file: Path = options.file
    if file.suffix != ".py":
        raise UsageError(f"{file} is no name of a Python file; give one that ends in .py, such as {NAME}")
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(STARTER.read_text(encoding="utf-8").replace(NAME, file.name))
    except FileExistsError:
        raise UsageError(f"{file} exists, and init overwrites nothing; give another name, or remove the file first") from None
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}; give a file in a folder that exists") from None
    print(f"{file} is a training that runs as it is. Next:\n")
    print(f"  manyhands check {file}:build\n  manyhands run {file}:build --backend serial,ddp --workers 1,2")
    return 0
