"""Classes of users' files in reports: the name of the class, and its path once."""

from __future__ import annotations

from manyhands.analysis.example import example_record
from manyhands.report.markdown import to_markdown
from manyhands.report.own_names import with_class_names

PATH = "/home/me/x/own.py:Net"


def test_a_report_shows_the_class_and_its_path_once() -> None:
    asked = [{"workload": PATH, "backend": backend} for backend in ("serial", "ddp")]
    records = [example_record(1.0, one, command=f"manyhands run {PATH} --backend ddp", id=one["backend"]) for one in asked]
    page = to_markdown(records)
    assert page.count("/home/me/x") == 1
    assert "own class: Net is /home/me/x/own.py:Net" in page.replace("\\", "")
    assert "### Net" in page
    shown, _ = with_class_names(records)
    assert {record.command for record in shown} == {"manyhands run own.py:Net --backend ddp"}


def test_classes_of_one_name_are_distinguished_by_their_files() -> None:
    names = ["/a/one.py:Net", "/a/two.py:Net", "/b/two.py:Net", "cnn"]
    shown, own = with_class_names([example_record(1.0, {"workload": name}, id=name) for name in names])
    assert [record.spec["workload"] for record in shown] == ["one.py:Net", "/a/two.py:Net", "/b/two.py:Net", "cnn"]
    assert own["one.py:Net"] == "/a/one.py:Net"
