"""Options with a new name: the old name does the same and prints one line, and no other name is taken for an option."""

from __future__ import annotations

import pytest

from manyhands.cli import main, parser

RENAMED = [
    (["run"], "--reader", "--s3-library", "boto3", "s3_library"),
    (["evaluate", "m.pt", "--workload", "mlp"], "--reader", "--s3-library", "boto3", "s3_library"),
    (["compare", "main"], "--reader", "--s3-library", "boto3", "s3_library"),
    (["calibrate"], "--reader", "--s3-library", "boto3", "s3_library"),
    (["run"], "--prepare", "--windows-by", "spark", "windows_by"),
    (["compare", "main"], "--micro", "--microbenchmarks", "idx", "micro"),
    (["report", "r.jsonl"], "--output", "--out", "page.html", "out"),
]


@pytest.mark.parametrize(("command", "old", "new", "value", "name"), RENAMED)
def test_an_old_name_does_the_same_and_prints_the_new_one(
    command: list[str], old: str, new: str, value: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = parser().parse_args([*command, new, value])
    assert str(getattr(wanted, name)) == value
    assert capsys.readouterr().err == ""
    assert vars(parser().parse_args([*command, old, value])) == vars(wanted)
    assert capsys.readouterr().err == f"manyhands: {old} is now {new}; the old name goes with the next release\n"


@pytest.mark.parametrize(("command", "old", "new", "value", "name"), RENAMED)
def test_an_option_that_is_not_given_keeps_its_default_under_both_names(
    command: list[str], old: str, new: str, value: str, name: str
) -> None:
    assert str(getattr(parser().parse_args(command), name)) != value


@pytest.mark.parametrize(("command", "old", "new", "value", "name"), RENAMED)
def test_help_shows_the_new_name_only(
    command: list[str], old: str, new: str, value: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args([command[0], "--help"])
    words = capsys.readouterr().out.replace("[", " ").replace(",", " ").split()
    assert new in words
    assert old not in words


def test_the_workloads_of_run_are_given_with_and_without_the_option() -> None:
    for words in (["mlp", "cnn"], ["--workload", "mlp,cnn"], ["mlp", "--workload", "cnn"]):
        assert parser().parse_args(["run", *words]).workloads == ["mlp", "cnn"]
    assert parser().parse_args(["run"]).workloads == []


@pytest.mark.parametrize(
    "words", [["run", "--work", "2"], ["data", "verify", "--dat", "x"], ["report", "r.jsonl", "--form", "csv"]]
)
def test_a_part_of_a_name_is_not_taken_for_an_option(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert f"unrecognized arguments: {words[-2]}" in capsys.readouterr().err
