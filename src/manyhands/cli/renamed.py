"""Options with a new name: the old name works for one more release, and a line on standard error gives the new one."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any


def keep_old_name(group: Any, old: str, option: argparse.Action) -> None:
    """Accepts `old` for `option`; `--help` shows the new name only. `group`: the parser or the group that has the option."""
    group.add_argument(
        old,
        action=OldName,
        new=next(name for name in option.option_strings if name.startswith("--")),
        dest=option.dest,
        type=option.type,
        choices=option.choices,
        default=argparse.SUPPRESS,
        help=argparse.SUPPRESS,
    )


class OldName(argparse.Action):
    """Stores the value where the new option stores it, and prints the new name."""

    def __init__(self, *arguments: Any, new: str, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.new = new

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        print(f"manyhands: {option_string} is now {self.new}; the old name goes with the next release", file=sys.stderr)
        setattr(namespace, self.dest, values)
