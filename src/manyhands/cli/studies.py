"""`manyhands studies`: the published comparisons that can be run, the question of each, and the flaws of its figures."""

from __future__ import annotations

import argparse
import textwrap
from typing import Any

from manyhands.studies.study import CORRECTED, VARIANTS, Study, load_study, study_names

WIDTH = 110


def add_parser(commands: Any) -> None:
    """Adds the command and its options."""
    parser = commands.add_parser("studies", help="show the published comparisons that can be run")
    parser.add_argument("name", nargs="?", metavar="STUDY", help="show the plan, the figures and their flaws of this study")
    parser.set_defaults(call=show)


def show(options: argparse.Namespace) -> int:
    """Prints the list of studies, or everything about one study."""
    if options.name:
        show_study(load_study(options.name))
        return 0
    for name in study_names():
        study = load_study(name)
        print(f"{name}\n{_indented(study.title)}\n{_indented(study.asks)}\n")
    print("run one:  manyhands run --study NAME --budget 10m      all about one:  manyhands studies NAME")
    return 0


def show_study(study: Study) -> None:
    """Prints the question, the plan in both variants, the published figures, and the flaws of each figure."""
    print(f"{study.name}: {study.title}\n{_indented(study.asks)}")
    print(f"published: {study.source}; machine: {study.machine}")
    for variant in VARIANTS:
        print(f"\n{variant}, up to {study.repeats} launches of every cell:")
        for part in study.parts(variant):
            where = "; ".join(f"{backend} x {','.join(map(str, counts))}" for backend, counts in part.backends.items())
            changed = ", ".join(f"{name}={value}" for name, value in part.settings.items())
            print(_indented(f"{part.name}: {part.workload} on {where}{f' ({changed})' if changed else ''}"))
    print("\npublished figures and their flaws:")
    for figure in study.figures(CORRECTED):
        print(_indented(figure.what))
        for row in figure.rows:
            print(_indented(f"{row.label}: {row.words or row.value}", 4))
        for flaw in study.flaws_of(figure.name):
            print(_indented(f"! {flaw.words}; instead: {flaw.instead}", 4))


def _indented(text: str, by: int = 2) -> str:
    return textwrap.fill(text, WIDTH, initial_indent=" " * by, subsequent_indent=" " * (by + 2))
