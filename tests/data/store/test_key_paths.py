"""Keys never lead out of the folder that they are fetched to."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from manyhands.data.store.key_paths import safe_path
from manyhands.errors import DataError


def test_an_ordinary_key_lies_below_the_folder(tmp_path: Path) -> None:
    assert safe_path(tmp_path, "a/b c/ä..x") == tmp_path / "a/b c/ä..x"


@pytest.mark.parametrize(
    "key",
    [
        "",
        ".",
        "..",
        "../x",
        "a/../../x",
        "/etc/passwd",
        "a//b",
        "a/./b",
        "..\\x",
        "a\\b",
        "C:x",
        "c:/x",
        "a\0b",
        "a\nb",
        "a\x1b[31m",
        "a/",
    ],
)
def test_a_key_that_could_lead_out_is_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(DataError, match="would not stay below"):
        safe_path(tmp_path, key)


def test_a_link_that_leads_out_is_refused_and_one_that_stays_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "real").mkdir(parents=True)
    (folder / "out").symlink_to(tmp_path)
    (folder / "inside").symlink_to(folder / "real")
    with pytest.raises(DataError, match="would not stay below"):
        safe_path(folder, "out/x")
    assert safe_path(folder, "inside/x").parent.resolve() == folder / "real"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(st.text(st.sampled_from("ab./\\:~ \0\n"), max_size=12))
def test_whatever_the_key_says(tmp_path: Path, key: str) -> None:
    try:
        path = safe_path(tmp_path, key)
    except DataError:
        return
    assert path.resolve().is_relative_to(tmp_path)
    assert path.resolve() != tmp_path
