"""A plug-in of asv, which asv loads into its own process: `"plugins": [".manyhands.asv.plugin"]` in `asv.conf.json`.

With it, `asv run` prints the reason of everything that failed or was left out, launches each cell once for `--quick`, refuses a machine
that is not the one it knows by this name, and leaves out benchmarks that a commit would measure in another way than the others.
"""

from __future__ import annotations

import functools
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from manyhands.asv.reasons import last_line, reasons
from manyhands.asv.settings import CHECKED, QUICK
from manyhands.environment import restored

HARDWARE = ("arch", "cpu", "num_cpu")
"""Fields of asv's description of a machine that must still hold. Its name may change, as in containers, and its memory a little."""


def setup() -> None:
    """Called by asv when it has loaded the plug-in: replaces two functions of `asv run`, once."""
    from asv.commands import run

    if not hasattr(run.run_benchmarks, "__wrapped__"):
        run.run_benchmarks = _measured(run.run_benchmarks)
        run.Run.run = staticmethod(_checked(run.Run.run))


def _checked(run: Callable[..., Any]) -> Callable[..., Any]:
    """`asv run` for the machine that asv knows; its processes read in an environment variable that they shall be quick."""

    @functools.wraps(run)
    def checked(conf: Any, *arguments: Any, quick: bool = False, machine: str | None = None, **options: Any) -> Any:
        check_machine(machine, options.get("_machine_file"))
        with restored():
            os.environ |= {QUICK: "1"} if quick else {}
            return run(conf, *arguments, quick=quick, machine=machine, **options)

    return checked


def check_machine(name: str | None, file: str | None = None) -> None:
    """Raises asv's UserError when asv knows other hardware by the name of this machine, whose results would join that one's.

    asv takes the only machine that it knows for this one, even under another name; a home folder is often on several machines.
    """
    from asv.machine import Machine, MachineCollection
    from asv.util import UserError

    try:
        known = MachineCollection.load(name or Machine.get_unique_machine_name(), _path=file)
    except UserError:
        return  # asv itself reports a machine that it does not know
    here = Machine.get_defaults()
    changed = [
        f"{field} {known[field]!r}, here {here[field]!r}" for field in HARDWARE if known.get(field, here[field]) != here[field]
    ]
    if changed:
        raise UserError(
            f"asv knows the machine {known.get('machine')!r} with {'; '.join(changed)}: its results are not of this machine;"
            f" run 'asv machine --machine {here['machine']} --yes', or name another with --machine"
        )


def _measured(run_benchmarks: Callable[..., Any]) -> Callable[..., Any]:
    """asv's measurement of one commit in one environment, with lines about what is missing after it."""

    @functools.wraps(run_benchmarks)
    def measured(benchmarks: Any, env: Any, results: Any = None, show_stderr: bool = False, **options: Any) -> Any:
        from asv.console import log

        own, reason = comparable(benchmarks, env)
        if reason:
            log.error(reason)
        with restored():
            os.environ[CHECKED] = "1"
            found = run_benchmarks(own, env, results=results, show_stderr=show_stderr, **options)
        for line in reasons(found, own):
            log.error(line)
        return found

    return measured


def comparable(benchmarks: Any, env: Any) -> tuple[Any, str | None]:
    """The benchmarks that the installed commit measures as the others do, and the reason why some are missing.

    The suite is the same for all commits, and what it imports from manyhands is that of the commit: an older mix-in makes a value
    otherwise, and an older yardstick takes another time. asv itself asks one commit only for the versions of the benchmarks.
    """
    if not env.can_install_project():
        return benchmarks, None  # this environment has one commit
    try:
        versions = versions_in(env, benchmarks.benchmark_dir)
    except ValueError as error:
        return benchmarks.filter_out(set(benchmarks)), f"this commit cannot be measured by this suite: {error}"
    other = sorted(name for name, benchmark in benchmarks.items() if versions.get(name) != benchmark["version"])
    if not other:
        return benchmarks, None
    rest = f" and {len(other) - 3} others" if len(other) > 3 else ""
    return benchmarks.filter_out(set(other)), (
        f"this commit measures in another way than the others, so these are left out: {', '.join(other[:3])}{rest}"
        f" (version here {versions.get(other[0])!r}, of the others {benchmarks[other[0]]['version']!r})"
    )


def versions_in(env: Any, suite: str) -> dict[str, str]:
    """Name -> version of the benchmarks of the suite beside what is installed; raises ValueError with the last line of a suite that ends."""
    from asv.runner import BENCHMARK_RUN_SCRIPT

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "found.json")
        output, _, code = env.run(
            [BENCHMARK_RUN_SCRIPT, "discover", os.path.abspath(suite), str(file)],
            cwd=folder,
            env=os.environ | env.env_vars,
            dots=False,
            display_error=False,
            return_stderr=True,
            redirect_stderr=True,
            valid_return_codes=None,
        )
        if code:
            raise ValueError(last_line(output))
        return {one["name"]: one["version"] for one in json.loads(file.read_text())}
