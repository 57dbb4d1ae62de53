"""A function in a user's file is a workload, and its keyword arguments are the settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from manyhands.errors import UsageError
from manyhands.training import Training
from manyhands.workloads.by_name import workload_class
from manyhands.workloads.kinds.function import FunctionWorkload

OWN = '''
from manyhands import Training

def build(width=8, name="small", wide=False):
    """A training for this test."""
    return width, name, wide

def needs(width, depth=2): ...

NUMBER = 7
'''


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(OWN)
    return tmp_path / "mine.py"


def test_arguments_are_settings(own: Path) -> None:
    found = workload_class(f"{own}:build")
    assert issubclass(found, FunctionWorkload)
    assert (found.kind, found.name, found.summary) == ("function", "build", "A training for this test.")
    assert found.defaults() == {"width": 8, "name": "small", "wide": False}
    assert found.accepts({"width": "9", "depth": "2"}) == {"width": "9"}
    made = found.from_settings({"width": "9", "wide": "true"})
    assert made.settings == {"width": 9, "wide": True}
    with pytest.raises(UsageError, match=r"build\(\) gave a tuple, not a manyhands.Training"):
        made.training()
    with pytest.raises(UsageError, match="build has no setting 'depth'; known: width, name, wide"):
        found.from_settings({"depth": 2})


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("needs", "mine.py:needs needs width; give each argument a default, which --set NAME=VALUE changes"),
        ("NUMBER", "mine.py:NUMBER is not a subclass of manyhands.workloads.workload.Workload"),
        ("missing", "mine.py has no 'missing'; give path/to/file.py:Name with a class or function of that file"),
    ],
)
def test_what_is_no_function_or_class_is_refused_in_one_line(own: Path, name: str, error: str) -> None:
    with pytest.raises(UsageError, match=error):
        workload_class(f"{own}:{name}")


def test_a_training_refuses_values_that_none_can_have() -> None:
    for options, error in (
        ({"accumulate": 0}, r"Training\(accumulate=0\): allowed: a whole number from 1 on"),
        ({"num_workers": -1}, r"Training\(num_workers=-1\): allowed: a whole number from 0 on"),
        ({"clip_norm": 0.0}, r"Training\(clip_norm=0.0\): allowed: a number above 0, or None"),
    ):
        with pytest.raises(UsageError, match=error):
            Training(None, None, [], **options)  # type: ignore[arg-type]
