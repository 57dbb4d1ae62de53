"""No test changes the limits, signal handlers or other settings of pytest's own process, on which its output and all other tests depend.

A test that needs such a change makes it in a child process. `monkeypatch` puts variables and the working folder back, so these may change.
"""

from __future__ import annotations

import ast
from pathlib import Path

TESTS = Path(__file__).parent
CHANGES = {
    *("resource.setrlimit", "resource.prlimit", "signal.signal", "signal.alarm", "signal.setitimer", "signal.pthread_sigmask"),
    *("os.umask", "os.chdir", "os.nice", "os.sched_setaffinity", "os.setsid", "os.setpgrp", "os.dup2", "os.closerange"),
}


def changes_in(text: str) -> list[str]:
    """The calls in a file's text that change the process; those of a function that only a child runs, its `preexec_fn`, do not count."""
    tree = ast.parse(text)
    keywords = [keyword for node in ast.walk(tree) if isinstance(node, ast.Call) for keyword in node.keywords]
    of_children = {ast.unparse(keyword.value) for keyword in keywords if keyword.arg == "preexec_fn"}
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name in of_children]
    allowed = {call for function in functions for call in ast.walk(function)}
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and node not in allowed]
    return [f"{call.lineno}: {ast.unparse(call.func)}" for call in calls if ast.unparse(call.func) in CHANGES]


def test_no_test_changes_the_process_of_pytest() -> None:
    found = {str(file.relative_to(TESTS)): changes_in(file.read_text()) for file in TESTS.rglob("*.py")}
    assert {file: changes for file, changes in found.items() if changes} == {}


def test_a_change_is_found_unless_a_child_makes_it() -> None:
    text = "def limit():\n    resource.setrlimit(1, (2, 2))\n"
    assert changes_in(text) == ["2: resource.setrlimit"]
    assert changes_in(f"{text}subprocess.Popen([], preexec_fn=limit)\n") == []
    assert changes_in('CODE = "signal.signal(1, 2)"\n') == []
