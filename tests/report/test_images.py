from __future__ import annotations

from pathlib import Path

import pytest

from manyhands.errors import RecordError
from manyhands.record import Record
from manyhands.report.images import write_images

pytest.importorskip("vl_convert", reason="needs vl-convert-python: pip install 'manyhands[report]'")


def test_every_chart_becomes_a_png_and_an_svg_with_colours_written_out(full: list[Record], tmp_path: Path) -> None:
    written = write_images(full, tmp_path / "images")
    assert len(written) == len(set(written)) == 2 * len(list((tmp_path / "images").glob("*.svg")))
    for path in written:
        if path.suffix == ".png":
            assert path.read_bytes().startswith(b"\x89PNG")
        else:
            assert "var(--" not in path.read_text()
    assert {"01-xgboost-01-forest.svg", "01-xgboost-03-speed-up.svg", "01-xgboost-07-phases.png"} <= {
        path.name for path in written
    }


def test_names_from_records_cannot_leave_the_folder_nor_enter_the_image(hostile: list[Record], tmp_path: Path) -> None:
    written = write_images(hostile[:6], tmp_path)
    assert {path.parent for path in written} == {tmp_path}
    assert not [path for path in written if path.suffix == ".svg" and "<script" in path.read_text()]


def test_a_folder_that_cannot_be_written_is_an_error(full: list[Record], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RecordError, match=r"cannot write images to .*; choose another folder with --images"):
        write_images(full, tmp_path / "file")
