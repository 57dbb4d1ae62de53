"""Memory layouts: set for a new process and all it starts, read back there, and given back afterwards."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from manyhands.measure import memory_layout
from manyhands.measure.memory_layout import addresses_of, addresses_refused, huge_pages_missing, read_layout, variables
from manyhands.plan import MEMORY_LAYOUTS

ASK = "import json; from manyhands.measure.memory_layout import read_layout; print(json.dumps([read_layout(), id(object)]))"
can_fix = pytest.mark.skipif(addresses_refused() is not None, reason=str(addresses_refused()))
can_be_huge = pytest.mark.skipif(huge_pages_missing() is not None, reason=str(huge_pages_missing()))


def in_a_new_process(layout: str) -> tuple[dict[str, bool | None], int]:
    with addresses_of(layout):
        done = subprocess.run([sys.executable, "-c", ASK], env=variables(layout), capture_output=True, check=True, timeout=60)
    settings, address = json.loads(done.stdout)
    return settings, address


@can_fix
@can_be_huge
@pytest.mark.parametrize("layout", MEMORY_LAYOUTS)
def test_new_process_has_the_layout_that_was_asked_for(layout: str) -> None:
    asked = {"huge_pages": layout in ("steady", "huge-pages"), "fixed_addresses": layout in ("steady", "fixed-addresses")}
    assert in_a_new_process(layout)[0] == asked


@can_fix
def test_fixed_addresses_are_the_same_in_every_launch_and_others_are_not() -> None:
    assert len({in_a_new_process("fixed-addresses")[1] for _ in range(3)}) == 1
    assert len({in_a_new_process("system")[1] for _ in range(3)}) > 1


@can_fix
def test_own_process_keeps_its_own_addresses() -> None:
    before = read_layout()
    with addresses_of("steady"):
        pass
    assert read_layout() == before


@pytest.mark.parametrize(
    ("library", "modes", "reason"),
    [
        (("glibc", "2.36"), "always [madvise] never", None),
        (("glibc", "2.35"), "[always] madvise never", None),
        (("glibc", "2.36"), "always madvise [never]", "set to never"),
        (("glibc", "2.31"), "always [madvise] never", "glibc 2.31"),
        (("", ""), "always [madvise] never", "not glibc"),
    ],
)
def test_reason_why_pages_stay_small(
    library: tuple[str, str], modes: str, reason: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enabled = tmp_path / "enabled"
    enabled.write_text(modes)
    monkeypatch.setattr(memory_layout, "ENABLED", enabled)
    monkeypatch.setattr(memory_layout.platform, "libc_ver", lambda: library)
    found = huge_pages_missing()
    assert found is None if reason is None else reason in str(found)
    if reason:
        assert read_layout()["huge_pages"] is None


def test_system_that_refuses_is_said_and_nothing_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_layout, "_personality", lambda value: -1)
    assert "does not let a process set its personality" in str(addresses_refused())
    assert read_layout()["fixed_addresses"] is None
    with addresses_of("steady"):
        assert read_layout()["fixed_addresses"] is None
