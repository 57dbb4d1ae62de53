"""`[tool.manyhands]` in a user's pyproject.toml: options of `manyhands run` that hold where a command does not give them.

In: a request, and the options that were given for it. Out: the request with those of the file for the others. The nearest
pyproject.toml with this table counts, from the working folder up to the root of its git repository.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from manyhands.data.store.location import is_remote
from manyhands.errors import UsageError
from manyhands.planning.request import OPTIONS, WORK, Request, checked
from manyhands.user_files import absolute, is_of_file, is_script

TABLE = "[tool.manyhands]"
OTHER_NAMES = {"backend": "backends", "set": "settings"}
"""Option -> its key, where that is not the name of the option."""
NOT_HERE = ("study", "variant", "budget", "save", "node_rank")
"""Options that belong to one command or to one machine, not to a project."""
KEYS = {OTHER_NAMES.get(name, name.replace("_", "-")): name for name in OPTIONS if name not in NOT_HERE}
"""Key of the table -> option of a request."""
NONE: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Project:
    """The table of one file."""

    file: Path
    options: Mapping[str, Any]
    """Option of a request -> its value, checked; paths are absolute."""

    def for_request(self, request: Request) -> dict[str, Any]:
        """The options for a request. Those about the work, such as settings and data, are for the workloads of the table alone."""
        own = {absolute(name) for name in self.options.get("workloads", ())}
        others = own and {absolute(name) for name in request.workloads} - own
        return {name: value for name, value in self.options.items() if not (others and OPTIONS[name].group == WORK)}


def with_project(
    request: Request,
    given: Collection[str],
    *,
    without: Collection[str] = (),
    otherwise: Mapping[str, Any] = NONE,
    say: Callable[[str], None] = lambda line: None,
) -> Request:
    """The request with the options of the user's pyproject.toml for those that are not `given`; unchanged for a study.

    `without`: options that the command has no use for. `otherwise`: its own values where neither gives one. `say` is called with a
    line that names the file. Raises UsageError with the file and the key that is wrong.
    """
    project = None if request.study else find_project(Path.cwd())
    offered = project.for_request(request) if project else {}
    used = {name: value for name, value in offered.items() if name not in without and (name not in given or name == "set")}
    if project and used:
        keys = [key for key, name in KEYS.items() if name in used]
        say(f"{project.file}: {TABLE} gives {', '.join(keys)}")
    if "set" in used:
        used["set"] = {**used["set"], **request.set}
    rest = {name: value for name, value in otherwise.items() if name not in given}
    return replace(request, **rest | used)


def find_project(folder: Path) -> Project | None:
    """The nearest table, from the folder up to the root of its repository; outside of one, of the folder alone. None without one."""
    above = [folder, *folder.parents]
    root = next((number for number, place in enumerate(above) if (place / ".git").exists()), 0)
    for place in above[: root + 1]:
        file = place / "pyproject.toml"
        if file.is_file() and (table := _table(file)) is not None:
            return Project(file, _options(file, table))
    return None


def _table(file: Path) -> Mapping[str, Any] | None:
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {}).get("manyhands")
    except (OSError, ValueError, RecursionError) as error:  # of the syntax, the encoding or the depth
        raise UsageError(f"{file} cannot be read: {error}; correct the file") from None
    except AttributeError:  # `tool` is no table
        return None
    if not isinstance(table, dict | None):
        raise UsageError(f"{file}: tool.manyhands is {table!r}; write a table {TABLE} with the keys {', '.join(KEYS)}")
    return table


def _options(file: Path, table: Mapping[str, Any]) -> dict[str, Any]:
    """The table as options of a request; raises UsageError that names the file, the key and what is allowed."""
    options = {}
    for key, value in table.items():
        name = KEYS.get(key.replace("_", "-"))
        if name is None:
            close = difflib.get_close_matches(key, KEYS, n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            raise UsageError(f"{file}: {TABLE} has no key {key!r}; {hint}keys: {', '.join(KEYS)}")
        options[name] = _placed(name, checked(name, OPTIONS[name], value, f"{file}: {TABLE} {key}"), file.parent)
    return options


def _placed(name: str, value: Any, folder: Path) -> Any:
    """The value with its paths absolute: they are written as seen from the folder of the file."""
    if name in ("workloads", "backend", "sync"):
        return tuple(str(folder / one) if is_script(one) or is_of_file(one) else one for one in value)
    if name == "data" and not is_remote(value):
        return str(folder / Path(value).expanduser())
    return value
