"""The text of `--sync` is read, or refused in a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from manyhands.backends.sync.by_name import parts, placed, strategy, strategy_classes
from manyhands.errors import UsageError
from manyhands.plan import RunSpec

OWN = Path(__file__).parent / "own_strategy.py"


@pytest.mark.parametrize("name", strategy_classes())
def test_every_strategy_is_found_and_spelled_as_it_was_given(name: str) -> None:
    found = strategy_classes()[name]
    text = f"{name}=2" if found.takes else name
    assert type(strategy(text)) is found
    assert strategy(text).text == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("locl=2", "unknown strategy 'locl'; known: accumulate, bf16, "),
        ("local", "--sync local: local takes a whole number from 2 on; write for example local=8"),
        ("local=1", "--sync local=1: local takes a whole number from 2 on; write for example local=8"),
        ("accumulate=x", "--sync accumulate=x: accumulate takes a whole number from 2 on; write for example accumulate=8"),
        ("powersgd=0", "--sync powersgd=0: powersgd takes a whole number from 1 on; write for example powersgd=8"),
        ("bucket=0", "--sync bucket=0: bucket takes a number of MiB above 0; write for example bucket=4"),
        ("bucket=nan", "--sync bucket=nan: bucket takes a number of MiB above 0; write for example bucket=4"),
        ("fp16=2", "--sync fp16=2: fp16 takes no value; write --sync fp16"),
        ("limit=2", "--sync limit=2: limit takes no value; write --sync limit"),
        (f"{OWN}:None", f"{OWN} has no 'None'"),
    ],
)
def test_bad_strategies_are_refused_in_a_line(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        strategy(text)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_strategy_of_a_file_may_have_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parts("a=b/c.py:D=3") == ("a=b/c.py:D", "3")
    assert parts("local=3") == ("local", "3")
    monkeypatch.chdir(OWN.parent)
    assert placed("own_strategy.py:Quarter") == f"{OWN}:Quarter"
    assert placed("own_strategy.py:Quarter=3") == f"{OWN}:Quarter=3"
    assert placed("local=3") == "local=3"
    own = strategy(f"{OWN}:Quarter")
    assert (own.name, own.summary) == ("Quarter", "Averages gradients that are rounded to 8 bits of mantissa.")


def test_shared_memory_is_for_one_machine_and_its_processors() -> None:
    spec = RunSpec(workload="mlp", backend="ddp", workers=2)
    shared = strategy("shared-memory")
    assert shared.refuse(spec) is None
    assert "not for --nodes" in str(shared.refuse(RunSpec(workload="mlp", backend="ddp", workers=2, nodes=2)))
    assert "use --device cpu" in str(shared.refuse(RunSpec(workload="mlp", backend="ddp", workers=2, device="cuda")))
