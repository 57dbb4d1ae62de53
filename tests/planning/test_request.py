"""Every option once: the command line and the keywords of Python take the same values and refuse the same ones."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from manyhands.cli import main, parser
from manyhands.cli.request_options import request_of
from manyhands.errors import UsageError
from manyhands.plan import RunSpec, option
from manyhands.planning.request import OPTIONS, Request, flag
from manyhands.user_files import load

WORDS = [
    ("--workers 1,2", {"workers": [1, 2]}),
    ("--workers 2", {"workers": 2}),
    ("--backend serial,ddp", {"backend": ("serial", "ddp")}),
    ("--backend ddp", {"backend": "ddp"}),
    ("--threads 2 --epochs 3 --samples 64 --batch-size 8", {"threads": 2, "epochs": 3, "samples": 64, "batch_size": 8}),
    ("--scaling growing --batch per-worker --samples 8", {"scaling": "growing", "batch": "per-worker", "samples": 8}),
    ("--set hidden=3 --set cell=gru", {"set": {"hidden": "3", "cell": "gru"}}),
    ("--init shared", {"set": {"init": "shared"}}),
    ("--memory-limit 200MB", {"memory_limit": 200_000_000}),
    ("--memory-limit 1.5GB", {"memory_limit": "1.5GB"}),
    ("--data /tmp", {"data": Path("/tmp")}),
    ("--data-dir /tmp", {"data": "/tmp"}),
    ("--oversubscribe --score-epochs --shard-data --reuse-engine", dict.fromkeys(
        ("oversubscribe", "score_epochs", "shard_data", "reuse_engine"), True
    )),
    ("--timeout 2.5 --order-seed 7 --seed 3 --repeats 4", {"timeout": 2.5, "order_seed": 7, "seed": 3, "repeats": 4}),
    ("--s3-library boto3 --windows-by spark --device cuda", {"s3_library": "boto3", "windows_by": "spark", "device": "cuda"}),
    ("--nodes 2 --node-rank 1 --address a:1 --save m.pt", {"nodes": 2, "node_rank": 1, "address": "a:1", "save": "m.pt"}),
    ("--study lstm-spark --variant both --budget 90s", {"study": "lstm-spark", "variant": "both", "budget": "90s"}),
]  # fmt: skip
WRONG = [
    ("--workers two", {"workers": "two"}, "'two' is not a list of whole numbers above 0, such as 1,2,4"),
    ("--workers 0", {"workers": "0"}, "'0' is not a list of whole numbers above 0, such as 1,2,4"),
    ("--threads x", {"threads": "x"}, "'x' is not a whole number"),
    ("--timeout soon", {"timeout": "soon"}, "'soon' is not a number of seconds"),
    ("--memory-limit much", {"memory_limit": "much"}, "'much' is not a size such as 200MB or 1.5GB"),
    ("--set hidden", {"set": "hidden"}, "'hidden' is not NAME=VALUE"),
]


@pytest.mark.parametrize(("words", "keywords"), WORDS)
def test_a_keyword_asks_for_what_its_option_asks_for(words: str, keywords: dict[str, object]) -> None:
    assert request_of(parser().parse_args(["run", "cnn", *words.split()])) == Request.of("cnn", **keywords)


@pytest.mark.parametrize(("words", "keywords", "reason"), WRONG)
def test_a_wrong_value_has_one_message_on_the_command_line_and_from_python(
    words: str, keywords: dict[str, object], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "cnn", *words.split()]) == 2
    assert reason in capsys.readouterr().err
    with pytest.raises(UsageError, match=f"^{words.split()[0]} ") as error:
        Request.of("cnn", **keywords)
    assert str(error.value).endswith(reason)


@pytest.mark.parametrize(
    ("keywords", "reason"),
    [
        ({"workers": [1, "2"]}, r"--workers \[1, '2'\] is not a list of whole numbers above 0"),
        ({"workers": [True]}, "is not a list of whole numbers above 0"),
        ({"workers": 1.5}, "--workers 1.5 is not a list of whole numbers"),
        ({"backend": []}, r"--backend \[\] is not a list of names"),
        ({"backend": {"ddp": 1}}, "is not a list of names"),
        ({"scaling": ["fixed"]}, r"--scaling \['fixed'\] is not a text"),
        ({"scaling": "slow"}, "--scaling 'slow' is not one of fixed, growing"),
        ({"threads": True}, "--threads True is not a whole number"),
        ({"shard_data": "yes"}, "--shard-data 'yes' is not True or False"),
        ({"shard_data": 1}, "--shard-data 1 is not True or False"),
        ({"set": ["hidden"]}, "is not a mapping of names to values"),
        ({"worker": 2}, "no option 'worker'; did you mean 'workers'?"),
        ({"xyz": 2}, "a setting of a workload goes into set={'xyz': ...}; options: workloads, study"),
    ],
)
def test_a_value_of_another_type_is_one_line(keywords: dict[str, object], reason: str) -> None:
    with pytest.raises(UsageError, match=reason.replace("?", r"\?")) as error:
        Request.of("cnn", **keywords)
    assert "\n" not in str(error.value)


def test_a_function_of_a_file_is_asked_for_by_that_file_and_another_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def build():\n    return 3\n")
    name = f"{tmp_path / 'mine.py'}:build"
    assert Request.of(load(name), "cnn") == Request.of(name, "cnn")
    with pytest.raises(
        UsageError, match=r"^WORKLOAD '.*<lambda>' is in no file from which workers could load it: give it to manyhands"
    ):
        Request.of(lambda: 3)


def test_workloads_are_given_once() -> None:
    assert Request.of(workloads=["cnn", "rnn"]) == Request.of("cnn", "rnn") == Request(workloads="cnn,rnn")
    with pytest.raises(UsageError, match="given twice"):
        Request.of("cnn", workloads=["rnn"])
    assert Request.of(["cnn", "rnn"]) == Request.of("cnn", "rnn")
    with pytest.raises(UsageError, match="is not a list of names"):
        Request.of("cnn", 3)


def test_a_request_is_taken_as_it_is_or_with_options_changed() -> None:
    first = Request.of("cnn", workers=2)
    assert Request.of(first) == first
    assert Request.of(first, workers=4) == Request.of("cnn", workers=4)


def test_none_is_the_default() -> None:
    assert Request.of("cnn", **dict.fromkeys(set(OPTIONS) - {"workloads"})) == Request.of("cnn")


def test_only_what_differs_from_the_default_is_given() -> None:
    assert Request().given() == {}
    assert Request.of("cnn", threads=1, workers=2).given() == {"workloads": ("cnn",), "workers": (2,)}


def test_every_option_of_a_run_that_has_the_name_of_a_field_has_its_default() -> None:
    for f in fields(RunSpec):
        if f.name in OPTIONS and f.name not in (
            "backend",
            "workers",
            "loader_workers",
            "sync",
            "batch_size",
            "epochs",
            "settings",
        ):
            assert getattr(Request(), f.name) == f.default, f.name
            assert flag(f.name) == option(f.name)
