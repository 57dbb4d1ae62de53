"""The plug-in of tox: it finds the Pythons of version managers, and its closing line names what ran and what was skipped."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SETTINGS = """
[tox]
skip_missing_interpreters = true
env_list = one, two
no_package = true

[testenv]
commands = python -c "print('ran')"

[testenv:one]
base_python = {here}

[testenv:two]
base_python = python3.99
"""


def tox(folder: Path, *words: str, code: int = 0, **variables: str) -> str:
    """The output of tox in `folder` with our plug-in, as on a machine where HOME is empty; it must end with `code`."""
    (folder / "toxfile.py").write_text((ROOT / "toxfile.py").read_text())
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("TOX", "PYENV", "UV_"))}
    own = {"HOME": str(folder), "VIRTUALENV_OVERRIDE_APP_DATA": str(folder / "app-data")} | variables
    done = subprocess.run(
        [sys.executable, "-m", "tox", *words], cwd=folder, env=environ | own, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder whose environments `tox --notest` has made, and the closing line of that."""
    folder = tmp_path_factory.mktemp("made")
    (folder / "tox.ini").write_text(SETTINGS.format(here=sys.executable))
    return folder, tox(folder, "--notest").strip().splitlines()[-1]


@pytest.mark.slow
def test_the_closing_line_of_notest_says_that_nothing_was_run(made: tuple[Path, str]) -> None:
    assert made[1] == "Pythons: none ran, because of --notest; two was skipped: no python3.99 here"


@pytest.mark.slow
def test_the_closing_line_names_the_python_that_ran_and_the_one_that_is_missing(made: tuple[Path, str]) -> None:
    last = tox(made[0]).strip().splitlines()[-1]
    version = ".".join(map(str, sys.version_info[:3]))
    assert last == f"Pythons: {version} ran one; two was skipped: no python3.99 here"


@pytest.mark.slow
def test_an_environment_that_could_not_be_made_is_not_said_to_lack_its_python(tmp_path: Path) -> None:
    broken = SETTINGS.format(here=sys.executable).replace("[testenv]", "[testenv]\ndeps = no-such-file-*.whl")
    (tmp_path / "tox.ini").write_text(broken)
    last = tox(tmp_path, code=1).strip().splitlines()[-1]
    assert last == "Pythons: none ran; two was skipped: no python3.99 here; one did not run: the lines above say why"


@pytest.mark.slow
@pytest.mark.parametrize("manager", [".pyenv/versions/3.99.1", ".local/share/uv/python/cpython-3.99.1-linux"])
def test_a_python_of_a_version_manager_is_found(manager: str, tmp_path: Path) -> None:
    """A link to this Python stands for one that a version manager has installed."""
    (tmp_path / "tox.ini").write_text(SETTINGS.format(here=sys.executable))
    name = f"python3.{sys.version_info.minor}"
    folder = tmp_path / manager / "bin"
    folder.mkdir(parents=True)
    (folder / name).symlink_to(Path(sys.base_prefix, "bin", name))
    (folder / "python3-config").write_text("not a Python")
    code = "import sys; sys.path.insert(0, '.'); import toxfile; print(toxfile.managed_pythons())"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={"HOME": str(tmp_path)}, capture_output=True, text=True, check=True
    ).stdout
    assert found.strip() == str([str(folder / name)])
