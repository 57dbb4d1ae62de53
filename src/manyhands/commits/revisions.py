"""Names of commits -> folders with their files, each with a Python that has the needed libraries; removed afterwards."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from manyhands.errors import ManyhandsError, UsageError
from manyhands.temporary import is_left_over, make_folder
from manyhands.user_cache import user_cache
from manyhands.user_files import is_of_file, is_script

PLANTED = Path(__file__).with_name("planted")
"""Folder whose `sitecustomize` slows training steps by the share in MANYHANDS_PLANTED, and does nothing when the share is 0."""
TREE = "the working tree"
INSTALL_S = 1800.0
SUITE = ("pytest", "pytest-benchmark", "pytest-timeout")
"""Further libraries that micro-benchmarks need."""


class CannotMeasure(ManyhandsError):
    """A comparison gives no verdict; the message gives the reason."""


@dataclass(frozen=True)
class Revision:
    """One side of a comparison, checked out and ready to run."""

    name: str
    """The name that the user gave."""
    commit: str
    dirty: bool
    """True when it has changes that are in no commit."""
    folder: Path
    python: Path
    """The interpreter of the environment that it runs in."""

    @property
    def label(self) -> str:
        """Name and short commit, for readers."""
        short = self.commit[:10] + (" with changes" if self.dirty else "")
        return short if self.name == self.commit else f"{self.name} ({short})"

    @property
    def source(self) -> Path:
        """The folder of its packages."""
        inner = self.folder / "src"
        return inner if inner.is_dir() else self.folder

    planted: float = 0.0
    """Share by which every training step is made slower on purpose, to test if the slow-down is found."""

    def environment(self) -> dict[str, str]:
        """Variables for its processes: its own files come before anything that is installed.

        `PLANTED` is named on both sides of a comparison, so that their environments are equally long. Variables of a surrounding
        pytest are removed: pytest-benchmark measures nothing in a process that seems to be a worker of xdist.
        """
        path = os.pathsep.join([str(self.source), str(PLANTED)])
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        return {**inherited, "PYTHONPATH": path, "PYTHONHASHSEED": "0", "MANYHANDS_PLANTED": f"{self.planted:.6f}"}


@contextmanager
def checked_out(
    base: str, head: str | None, say: Callable[[str], None] = lambda line: None
) -> Iterator[tuple[Revision, Revision]]:
    """BASE and HEAD (None: the working tree as it is now) in worktrees; raises CannotMeasure when one of them cannot be checked out.

    Both folders have paths of one length, because a longer environment alone can change the speed of a program (Mytkowicz et
    al. 2009, doi:10.1145/1508244.1508275).
    """
    repository = _top()
    _sweep(repository)
    with ExitStack() as stack:
        room = make_folder("compare-")
        stack.callback(_remove, repository, room)
        first = _base(repository, base, room / "base")
        second = _head(repository, head, room / "head")
        pythons = _pythons(repository, (first, second), say)
        sides = [
            Revision(side.name, side.commit, side.dirty, side.folder, python)
            for side, python in zip((first, second), pythons, strict=True)
        ]
        for side in sides:
            _check_import(side)
        yield sides[0], sides[1]


def in_repository(name: str) -> str:
    """`/folder/file.py:Name` or a script as seen from the top of the repository, so that each side takes its own; other names as they are.

    Raises UsageError for a file outside of the repository, which would be the same on both sides.
    """
    if not (is_script(name) or is_of_file(name)):
        return name
    path, _, attribute = name.rpartition(".py")
    top = _top()
    if not Path(path).is_relative_to(top):
        raise UsageError(f"{path}.py is outside of {top}, so both commits would run the same file")
    return f"{Path(path).relative_to(top)}.py{attribute}"


def is_own_repository() -> bool:
    """True when the working folder is in a repository of manyhands itself."""
    return (_top() / "src" / "manyhands").is_dir()


def _top() -> Path:
    return Path(_git(Path.cwd(), "rev-parse", "--show-toplevel", problem="this folder is in no git repository"))


def _base(repository: Path, name: str, folder: Path) -> Revision:
    commit = _commit(repository, name)
    _git(repository, "worktree", "add", "--quiet", "--detach", str(folder), commit)
    return Revision(name, commit, False, folder, Path(sys.executable))


def _head(repository: Path, name: str | None, folder: Path) -> Revision:
    if name is not None:
        return _base(repository, name, folder)
    commit = _commit(repository, "HEAD")
    _git(repository, "worktree", "add", "--quiet", "--detach", str(folder), commit)
    changed = _git(repository, "diff", "--no-renames", "--name-only", "-z", "HEAD").split("\0")
    new = _git(repository, "ls-files", "--others", "--exclude-standard", "-z").split("\0")
    paths = [path for path in (*changed, *new) if path]
    for path in paths:
        _copy(repository / path, folder / path)
    return Revision(TREE if paths else "HEAD", commit, bool(paths), folder, Path(sys.executable))


def _copy(source: Path, target: Path) -> None:
    """Makes the target the same as the source: a file, a link, or missing."""
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)
    if source.is_dir() and not source.is_symlink():
        if not (source / ".git").exists():
            return  # a folder where a file was: git names its files one by one
        raise CannotMeasure(f"{source} is a repository of its own with changes; commit there, then name a commit here")
    if os.path.lexists(source):
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target, follow_symlinks=False)


def _remove(repository: Path, room: Path) -> None:
    for folder in room.iterdir():
        _remove_worktree(repository, folder)
    shutil.rmtree(room, ignore_errors=True)


def _remove_worktree(repository: Path, folder: Path) -> None:
    """Removes a worktree with its entry; also one that git locked while it was being made, and an entry whose folder is gone."""

    def worktree(*words: str) -> bool:
        done = subprocess.run(["git", "-C", str(repository), "worktree", *words], capture_output=True, check=False)
        return done.returncode == 0

    if not worktree("remove", "--force", "--force", str(folder)):
        worktree("unlock", str(folder))
        worktree("prune")


def _sweep(repository: Path) -> None:
    """Removes the worktrees of comparisons that were killed."""
    for line in _git(repository, "worktree", "list", "--porcelain").splitlines():
        folder = Path(line.removeprefix("worktree "))
        if line.startswith("worktree ") and is_left_over(folder.parent):
            _remove_worktree(repository, folder)


def _commit(repository: Path, name: str) -> str:
    return _git(
        repository,
        "rev-parse",
        "--verify",
        "--quiet",
        "--end-of-options",
        f"{name}^{{commit}}",
        problem=f"no revision {name!r} in {repository}; 'git log --oneline' shows the commits, 'git fetch' gets others'",
    )


def _git(folder: Path, *arguments: str, problem: str | None = None) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, errors="surrogateescape", check=False
        )
    except FileNotFoundError:
        raise CannotMeasure("git is not installed, and comparing commits needs it") from None
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [""])[-1]
        raise CannotMeasure(f"{problem or f'git {arguments[0]} failed'}{f' (git: {reason})' if reason else ''}")
    return done.stdout.strip("\n")


def _pythons(repository: Path, sides: tuple[Revision, Revision], say: Callable[[str], None]) -> list[Path]:
    """The interpreter for each side: this one when all installed versions are those the side pins, else one made for it."""
    found: dict[str, Path] = {}
    for side in reversed(sides):
        need = dependencies(side.folder)
        if need not in found:
            other = unlike_pins(side.folder)
            if other:
                say(f"{side.label} pins {other}")
            # Two sides that need different things never share this environment: one of them would run with the other's.
            here = not other and Path(sys.executable) not in found.values()
            found[need] = Path(sys.executable) if here else _built(side, need, say)
    return [found[dependencies(side.folder)] for side in sides]


def unlike_pins(folder: Path) -> str | None:
    """The first library installed here in another version than the checkout's constraints.txt pins; None when there is none."""
    pins = folder / "constraints.txt"
    for line in pins.read_text().splitlines() if pins.is_file() else ():
        name, separator, wanted = line.partition("#")[0].partition(";")[0].strip().partition("==")
        try:
            installed = version(name) if separator else ""
        except (PackageNotFoundError, ValueError):
            continue
        if separator and installed.partition("+")[0] != wanted.partition("+")[0]:
            return f"{name} {wanted}, here is {installed}"
    return None


def dependencies(folder: Path) -> str:
    """Hash of the libraries that a checkout needs; checkouts with the same hash can share an environment."""
    declared: list[str] = []
    if (file := folder / "pyproject.toml").is_file():
        try:
            project = tomllib.loads(file.read_text()).get("project", {})
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise CannotMeasure(f"{file.parent.name}: pyproject.toml cannot be read: {error}") from None
        declared += project.get("dependencies", [])
        if extras := project.get("optional-dependencies"):
            declared.append(repr(sorted(extras.items())))
    pins = folder / "constraints.txt"
    if pins.is_file():
        declared += [line for line in pins.read_text().splitlines() if line.strip() and not line.startswith("#")]
    return hashlib.sha256("\n".join(declared).encode()).hexdigest()[:16]


def _built(side: Revision, need: str, say: Callable[[str], None]) -> Path:
    """An environment with the libraries that one side needs, kept in the user's cache."""
    place = user_cache() / "environments" / f"python{sys.version_info[0]}.{sys.version_info[1]}-{need}"
    python = place / "bin" / "python"
    if (place / "complete").exists() and python.exists():
        return python
    say(f"{side.label} needs other libraries: installing them once into {place}")
    shutil.rmtree(place, ignore_errors=True)
    pins = side.folder / "constraints.txt"
    steps = [
        [sys.executable, "-m", "venv", str(place)],
        [
            str(python),
            "-m",
            "pip",
            "install",
            "-q",
            *(["-c", str(pins)] if pins.is_file() else []),
            f"{side.folder}[all]",
            *SUITE,
        ],
    ]
    for step in steps:
        try:
            done = subprocess.run(step, capture_output=True, text=True, check=False, timeout=INSTALL_S, cwd=side.folder)
        except subprocess.TimeoutExpired:
            raise CannotMeasure(f"{side.label} does not install: not finished after {INSTALL_S:g} s") from None
        if done.returncode:
            shutil.rmtree(place, ignore_errors=True)
            printed = [line for line in done.stderr.strip().splitlines() if line.strip()] or ["no message"]
            reason = next((line for line in printed if line.strip().lower().startswith("error")), printed[-1])
            raise CannotMeasure(f"{side.label} does not install: {reason.strip()}")
    (place / "complete").touch()
    return python


def _check_import(side: Revision) -> None:
    """Checks that a side runs its own files, not the installed ones, when the repository is manyhands itself."""
    done = subprocess.run(
        [str(side.python), "-c", "import manyhands; print(manyhands.__file__)"],
        env=side.environment(),
        cwd=side.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise CannotMeasure(f"{side.label} does not run: {reason}")
    own = (side.source / "manyhands").is_dir()
    if own and not Path(done.stdout.strip()).is_relative_to(side.folder):
        raise CannotMeasure(f"{side.label} does not run its own files but {done.stdout.strip()}")
