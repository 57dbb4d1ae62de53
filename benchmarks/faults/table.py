"""The page of a campaign: `docs/results/faults.md` from the outcomes beside it.

    python -m benchmarks.faults.table docs/results/faults/strikes.jsonl

Writes the tables; the text below `LEARNT` in the page is kept.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.faults.strikes import BACKENDS, PLACES, SIGNALS

LEARNT = "## What was learnt"
NUMBERS = re.compile(r"(?<!signal )\b(?!127\b)\d{2,}(?:\.\d+)?\b")
PATHS = re.compile(r"\S+/manyhands-[^\s;]+")
LOG = re.compile(r" \(its output: .*\)$")

Strike = Mapping[str, Any]


def name(strike: Strike) -> str:
    """Kind and target."""
    return f"{strike['strike']['kind']} {strike['strike']['target']}".strip()


def became(strike: Strike) -> str:
    """What became of a struck run: one of the columns of the first table."""
    if strike["wrong"]:
        return "wrong"
    if strike["missed"]:
        return "missed"
    if strike["status"] == "ok":
        return "went on"
    return "failed" if strike["status"] == "failed" else "ended"


def counts(strikes: Sequence[Strike]) -> list[str]:
    """A row for each backend."""
    lines = [
        "| backend | seed | strikes | failed with a true reason | manyhands run ended, resumed | the run went on | missed | wrong | longest to the end, s |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for backend in BACKENDS:
        own = [strike for strike in strikes if strike["backend"] == backend]
        if not own:
            continue
        found = Counter(map(became, own))
        columns = [found[one] for one in ("failed", "ended", "went on", "missed", "wrong")]
        longest = max(
            (each["ended_after_s"] for each in own if each["strike"]["kind"] not in ("stop", "network down")), default=0
        )
        lines.append(f"| {backend} | {own[0]['seed']} | {len(own)} | {' | '.join(map(str, columns))} | {longest:.1f} |")
    return lines


def by_kind(strikes: Sequence[Strike]) -> list[str]:
    """A row for each kind of strike, a column for each backend: failed, ended and went on, of all."""
    backends = [backend for backend in BACKENDS if any(strike["backend"] == backend for strike in strikes)]
    lines = [f"| kind | {' | '.join(backends)} |", f"|---{'|---' * len(backends)}|"]
    for kind in (*SIGNALS, *PLACES):
        cells = []
        for backend in backends:
            found = Counter(became(each) for each in strikes if each["backend"] == backend and each["strike"]["kind"] == kind)
            cells.append(", ".join(f"{count} {what}" for what, count in sorted(found.items())) or "-")
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    return lines


def reasons(strikes: Sequence[Strike]) -> list[str]:
    """A row for each strike and the reason in its record; numbers and paths are left out, so that equal reasons are one row."""
    seen: Counter[tuple[str, str, str]] = Counter()
    for strike in strikes:
        if strike["status"] == "failed":
            seen[strike["backend"], name(strike), plain(str(strike["reason"]))] += 1
    lines = ["| backend | strike | reason | times |", "|---|---|---|---|"]
    return lines + [f"| {backend} | {what} | {reason} | {times} |" for (backend, what, reason), times in sorted(seen.items())]


def plain(reason: str) -> str:
    """A reason as a cell of a table."""
    short = NUMBERS.sub("N", PATHS.sub("FOLDER", LOG.sub("", reason)))
    return short.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def page(strikes: Sequence[Strike], records: str, kept: str) -> str:
    """The whole page."""
    isolated = all(strike["isolated"] for strike in strikes)
    where = "" if isolated else " Where the campaign had no disk and no network of its own, those two kinds are left out."
    head = f"""# What becomes of a run when something breaks

Each run below was struck once: a process got a signal, its disk was filled, its folder removed, the loopback interface taken down, or the
server of its bucket killed. The moment is random in a phase; all phases have their turn. `driver` is the process of the run, `rank` a worker,
`guard` the process that ends a run with its parent, and `parent` is `manyhands run`. All backends train a small
network, `joblib` an ensemble; where a server of a bucket is killed, the network reads its rows there and saves its model there.{where} [All outcomes]({records}).

```console
$ tox -e faults        # python -m benchmarks.faults.campaign and benchmarks.faults.table
```

Checked after each strike: the run has one record, whose reason names what was struck, or it went on and is ok; the next runs of the plan are
made; no process, listening port, or file in TMPDIR or /dev/shm is left. A strike at `parent` ends the plan, and `--resume` goes on with it.
At the end of the campaign of a backend `--resume` without strikes must complete the plan.

## Outcomes

"""
    parts = [
        head + "\n".join(counts(strikes)),
        "## By kind\n\n" + "\n".join(by_kind(strikes)),
        "## Reasons in the records\n\n" + "\n".join(reasons(strikes)),
    ]
    return "\n\n".join([*parts, LEARNT + kept])


def main(records: Path) -> int:
    """Writes the page beside the folder of the records; 1 when a check failed."""
    strikes = [json.loads(line) for line in records.read_text().splitlines()]
    out = records.parent.with_suffix(".md")
    kept = out.read_text().partition(LEARNT)[2] if out.exists() else "\n\n- \n"
    out.write_text(page(strikes, f"{records.parent.name}/{records.name}", kept))
    return 1 if any(strike["wrong"] for strike in strikes) else 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
