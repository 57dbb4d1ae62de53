"""tox plug-in: one folder for several environments, Pythons of version managers, and a closing line about the Pythons.

Environments with `runner = shared` and one `env_dir` use it together, so the engines are installed once; without it tox takes the
folder of an environment with another name for a stale one and makes it anew. The Pythons that pyenv and uv have installed are found:
what pyenv puts on the PATH is a shim that refuses every Python but the chosen one, and tox would skip its environment.
"""

import atexit
import os
import re
from pathlib import Path
from typing import Any

from tox.config.sets import ConfigSet
from tox.plugin import impl
from tox.session.state import State
from tox.tox_env.api import ToxEnv
from tox.tox_env.errors import Fail, Skip
from tox.tox_env.info import Info
from tox.tox_env.python.api import Python
from tox.tox_env.python.virtual_env.runner import VirtualEnvRunner
from tox.tox_env.register import ToxEnvRegister


class SharedInfo(Info):
    """What tox remembers about a folder, without the name of the environment that made it."""

    def compare(self, value: Any, section: str, sub_section: str | None = None) -> Any:
        if section == "ToxEnv":
            value = {**value, "name": "shared"}
        return super().compare(value, section, sub_section)


class SharedRunner(VirtualEnvRunner):
    """tox's own runner in a folder that other environments use too."""

    @staticmethod
    def id() -> str:
        return "shared"

    @property
    def cache(self) -> Info:
        return SharedInfo(self.env_dir)


NO_COMMANDS = {"--notest": "no_test", "--pkg-only": "package_only"}
"""Options with which tox makes environments and runs no command -> their names in its options."""
tested: dict[str, str] = {}
"""Environment -> the version of its Python, for those whose commands ran."""


def managed_pythons() -> list[str]:
    """The interpreters of pyenv and uv on this machine, newest first."""
    home = Path.home()
    pyenv = Path(os.environ.get("PYENV_ROOT") or home / ".pyenv") / "versions"
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or home / ".local/share/uv/python")
    found = [
        python
        for folder in (pyenv, uv)
        for python in folder.glob("*/bin/python3.*")
        if re.fullmatch(r"python3\.\d+", python.name)
    ]
    return [str(python) for python in sorted(found, key=lambda python: int(python.name.partition(".")[2]), reverse=True)]


@impl
def tox_add_core_config(core_conf: ConfigSet, state: State) -> None:
    """Lets tox find the Pythons of version managers, and prints the closing line after a run of several environments."""
    options = state.conf.options
    options.discover = [*options.discover, *managed_pythons()]
    if options.command in ("run", "r", "run-parallel", "p", "legacy", "le"):
        atexit.register(lambda: print(closing_line(state)) if len(list(state.envs.iter())) > 1 else None)


@impl
def tox_before_run_commands(tox_env: ToxEnv) -> None:
    """Remembers the Python of an environment that runs."""
    assert isinstance(tox_env, Python)
    tested[tox_env.conf.name] = ".".join(map(str, tox_env.base_python.version_info[:3]))


def closing_line(state: State) -> str:
    """Each Python that ran, with its environments, and each environment that did not run, with the reason."""
    by_version: dict[str, list[str]] = {}
    for name, version in tested.items():
        by_version.setdefault(version, []).append(name)
    ran = "; ".join(f"{version} ran {', '.join(names)}" for version, names in by_version.items()) or "none ran"
    only_made = next((flag for flag, name in NO_COMMANDS.items() if getattr(state.conf.options, name, False)), None)
    idle = [name for name in state.envs.iter() if name not in tested]
    missing = [name for name in idle if is_missing(state.envs[name])]
    reasons = [f"{name} was skipped: no {' or '.join(state.envs[name].conf['base_python'])} here" for name in missing]
    if not only_made:
        reasons += [f"{name} did not run: the lines above say why" for name in idle if name not in missing]
    return f"Pythons: {'; '.join([f'none ran, because of {only_made}' if only_made else ran, *reasons])}"


def is_missing(tox_env: ToxEnv) -> bool:
    """True when this machine has no Python for the environment."""
    assert isinstance(tox_env, Python)
    try:
        return not tox_env.base_python
    except (Skip, Fail):
        return True


@impl
def tox_register_tox_env(register: ToxEnvRegister) -> None:
    """Makes `runner = shared` known to tox."""
    register.add_run_env(SharedRunner)
