"""A scratch project with a history of commits, the later half slower in one workload: does `asv run` and `asv publish` list just that?

    python -m benchmarks.history.scratch FOLDER --keep docs/results/history           # 12 commits, 10 %, 14 minutes on two quiet cores
    python -m benchmarks.history.scratch FOLDER --commits 8 --slower 3 --launches 1 --samples 128       # does it work? three minutes

asv makes one environment, installs every commit of the project into it and measures it; the engines and manyhands are those of this
Python. Exit code 0: `regressions.json` and `manyhands history` both report the slow-down at its commit, in every cell of the workload,
and nothing else.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

NETS = '''"""Two networks. The loss of the first takes longer by a share of the step, where SHARE is above 0."""

from dataclasses import dataclass
from time import perf_counter
from typing import ClassVar

from manyhands.workloads.cnn import Cnn
from manyhands.workloads.mlp import Mlp

SHARE = {share}
last = []


@dataclass(frozen=True)
class Slowed(Cnn):
    name: ClassVar[str] = "slowed"

    def loss(self, outputs, targets):
        began = last.pop() if last else perf_counter()
        until = perf_counter() + SHARE * (perf_counter() - began)
        while perf_counter() < until:
            pass
        last.append(perf_counter())
        return super().loss(outputs, targets)


@dataclass(frozen=True)
class Untouched(Mlp):
    name: ClassVar[str] = "untouched"
'''
PROJECT = """[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "scratch"
version = "{number}"

[project.entry-points."manyhands.workloads"]
slowed = "nets:Slowed"
untouched = "nets:Untouched"

[tool.setuptools]
py-modules = ["nets"]
"""
SUITE = """from manyhands.asv import Cells


class _Cells(Cells):
    backend = {backends!r}
    workers = {workers!r}
    repeats = {launches}
    time_launch = None


class Slowed(_Cells):
    workload = "slowed"
    samples = {samples}


class Untouched(_Cells):
    workload = "untouched"
    samples = {half}
"""
CONFIG = {
    "version": 1,
    "project": "scratch",
    "repo": ".",
    "branches": ["main"],
    "benchmark_dir": "suite",
    "environment_type": "virtualenv",
    "pythons": [f"{sys.version_info.major}.{sys.version_info.minor}"],
    "plugins": [".manyhands.asv.plugin"],
    "launch_method": "forkserver",
    "build_command": ["python -m pip wheel -q --no-deps --no-build-isolation -w {build_cache_dir} {build_dir}"],
    "install_command": [
        "in-dir={env_dir} python -m pip install -q --no-deps --no-index --force-reinstall {wheel_file}",
        "in-dir={env_dir} python {conf_dir}/borrow.py",
    ],
    "regressions_first_commits": {r"^(?!.*track_train_ratio)": None},
    "env_dir": ".asv/env",
    "results_dir": ".asv/results",
    "html_dir": ".asv/html",
    "default_benchmark_timeout": 3600,
}
BORROW = """import sysconfig
from pathlib import Path

Path(sysconfig.get_path("purelib"), "borrowed.pth").write_text({paths!r})
"""


def make(folder: Path, options: argparse.Namespace) -> list[str]:
    """The project and its commits, oldest first; the later half has the slow-down."""
    share = {True: options.slower, False: 0.0}
    files = {
        "suite/__init__.py": "",
        "suite/speed.py": SUITE.format(
            backends=options.backends.split(","),
            workers=[int(count) for count in options.workers.split(",")],
            launches=options.launches,
            samples=options.samples,
            half=options.samples // 2,
        ),
        "asv.conf.json": json.dumps(CONFIG, indent=1),
        "borrow.py": BORROW.format(paths="\n".join(path for path in sys.path if Path(path).is_dir() and path != os.getcwd())),
        ".gitignore": ".asv\nborrow.py\nbuild\n*.egg-info\n",
    }
    folder.mkdir(parents=True)
    call(folder, "git", "init", "-q", "-b", "main")
    commits = []
    for number in range(options.commits):
        slow = 2 * number >= options.commits
        for name, text in (
            files | {"nets.py": NETS.format(share=share[slow]), "pyproject.toml": PROJECT.format(number=number)}
        ).items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text)
        call(folder, "git", "add", "-A")
        # asv orders commits by their dates, in seconds.
        stamp = f"2026-01-{1 + number:02} 12:00:00 +0000"
        identity = {"GIT_AUTHOR_DATE": stamp, "GIT_COMMITTER_DATE": stamp}
        call(
            folder,
            "git",
            "-c",
            "user.name=scratch",
            "-c",
            "user.email=scratch@localhost",
            "commit",
            "-q",
            "-m",
            str(number),
            **identity,
        )
        commits.append(call(folder, "git", "rev-parse", "HEAD").strip())
    return commits


def call(folder: Path, *words: str, allowed: tuple[int, ...] = (0,), captured: bool = True, **variables: str) -> str:
    """The output of a command in the folder, empty if it was shown; ends the script when it fails. asv's own files stay in the folder."""
    print(f"$ {' '.join(words)}", flush=True)
    environment = os.environ | {"HOME": str(folder.parent)} | variables
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=captured, text=True, check=False)
    if done.returncode not in allowed:
        raise SystemExit(
            f"{' '.join(words)}: exit code {done.returncode}\n{(done.stdout or '')[-4000:]}{(done.stderr or '')[-4000:]}"
        )
    return done.stdout or ""


def keep(project: Path, folder: Path) -> None:
    """Copies what asv published and what it is from."""
    shutil.copytree(project / ".asv" / "results", folder / "results", dirs_exist_ok=True)
    shutil.copy(project / ".asv" / "html" / "regressions.json", folder)


def by_asv(folder: Path) -> set[tuple[str, str]]:
    """(benchmark with its cell, commit) of every regression in `regressions.json`; a commit with `..` when asv names a range."""
    html = folder / ".asv" / "html"
    commits = json.loads((html / "index.json").read_text())["revision_to_hash"]
    return {
        (entry[0], (f"{commits[str(before)]}.." if before is not None else "") + commits[str(after)])
        for entry in json.loads((html / "regressions.json").read_text())["regressions"]
        for before, after, _, _ in entry[-1]
    }


def by_history(folder: Path) -> list[Mapping[str, Any]]:
    """The changes that `manyhands history` reports in the ratio."""
    found = json.loads(call(folder, sys.executable, "-m", "manyhands", "history", "--format", "json", allowed=(0, 1)))
    return [change for change in found["changes"] if "track_train_ratio" in change["series"]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--commits", type=int, default=12)
    parser.add_argument("--slower", type=float, default=0.1)
    parser.add_argument("--launches", type=int, default=10)
    parser.add_argument("--samples", type=int, default=1024, help="of the convolutional network; the other has half as many")
    parser.add_argument("--backends", default="serial")
    parser.add_argument("--workers", default="1")
    parser.add_argument("--keep", type=Path, help="the folder that gets regressions.json and asv's results of every commit")
    options = parser.parse_args()
    project = options.folder.resolve() / "project"
    began = time.monotonic()
    commits = make(project, options)
    call(project, sys.executable, "-m", "asv", "machine", "--yes")
    call(project, sys.executable, "-m", "asv", "run", "ALL", captured=False)
    call(project, sys.executable, "-m", "asv", "publish")
    if options.keep:
        keep(project, options.keep)
    first, before = commits[options.commits // 2], commits[options.commits // 2 - 1]
    listed, changes = by_asv(project), by_history(project)
    print(
        f"\n{options.commits} commits in {(time.monotonic() - began) / 60:.0f} min; slower by {options.slower:.0%} from {first[:10]} on"
    )
    print("regressions.json:", *(f"  {name} at {commit[:10]}" for name, commit in sorted(listed)), sep="\n")
    print(
        "manyhands history:",
        *(f"  {one['series']}: {one['after'][:10]}..{one['by'][:10]} x {one['shift']['ratio']:.3f}" for one in changes),
        sep="\n",
    )
    slowed = [cell for cell in cells(project) if cell.startswith("speed.Slowed.")]
    right = listed == {(cell, first) for cell in slowed}
    seen = sorted(one["series"] for one in changes) == sorted(plain(cell) for cell in slowed)
    placed = all(commits.index(one["after"]) <= commits.index(before) < commits.index(one["by"]) for one in changes)
    print(
        f"asv: {'that and no other' if right else 'NOT just that'}; manyhands history: {'that and no other' if seen and placed else 'NOT just that'}"
    )
    return 0 if right and seen and placed else 1


def cells(folder: Path) -> list[str]:
    """The benchmarks `track_train_ratio` with the cells that were measured, as asv writes them in `regressions.json`."""
    found = set()
    for file in (folder / ".asv" / "results").glob("*/*-*.json"):
        for name, values in json.loads(file.read_text())["results"].items():
            if name.endswith("track_train_ratio"):
                chosen = product(*values[1])
                measured = zip(chosen, values[0], strict=True)
                found |= {f"{name}({', '.join(one)})" for one, value in measured if value is not None and math.isfinite(value)}
    return sorted(found)


def plain(name: str) -> str:
    """A benchmark with its cell as `manyhands history` writes it."""
    return name.replace("'", "")


if __name__ == "__main__":
    raise SystemExit(main())
