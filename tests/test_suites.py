"""The suites under `benchmarks/` know every workload that there is."""

from __future__ import annotations

import ast
from pathlib import Path

from manyhands.plugins import workload_classes

TRAINING = Path(__file__).parent.parent / "benchmarks" / "asv_suite" / "training.py"


def classes() -> dict[str, ast.ClassDef]:
    """Workload name -> its class in asv's suite, read without importing it."""
    found = {}
    for node in ast.parse(TRAINING.read_text()).body:
        if isinstance(node, ast.ClassDef):
            found[assigned(node, "workload")] = node
    return found


def assigned(node: ast.ClassDef, name: str) -> str:
    return str(
        next(
            ast.literal_eval(statement.value)
            for statement in node.body
            if isinstance(statement, ast.Assign)
            and isinstance(statement.targets[0], ast.Name)
            and statement.targets[0].id == name
        )
    )


def test_every_workload_has_a_class_in_the_asv_suite() -> None:
    ours = {name for name, workload in workload_classes().items() if workload.__module__.startswith("manyhands.")}
    assert set(classes()) == ours


def test_the_unit_of_quality_is_the_metric_of_the_workload() -> None:
    for name, node in classes().items():
        assert assigned(node, "unit") == workload_classes()[name].quality


def test_each_class_has_a_cache_of_its_own() -> None:
    """asv would share an inherited one between all classes."""
    for node in classes().values():
        assert "setup_cache" in {statement.name for statement in node.body if isinstance(statement, ast.FunctionDef)}
