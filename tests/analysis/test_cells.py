from dataclasses import replace

from manyhands.analysis.cells import differences, group_records
from manyhands.analysis.example import MACHINE, example_record, example_records


def test_cells_stand_in_order_with_serial_first() -> None:
    (group,) = group_records(reversed(example_records()))
    assert [(cell.backend, cell.workers, cell.threads) for cell in group.cells] == [
        ("serial", 1, 1),
        ("serial", 1, 4),
        ("ddp", 1, 1),
        ("ddp", 2, 1),
    ]
    assert [record.spec["repeat"] for record in group.cells[0].records] == [0, 1, 2]


def test_load_of_the_machine_and_time_limit_do_not_set_records_apart() -> None:
    one = example_record(1.0, {"timeout_s": 10.0}, machine=MACHINE | {"load_1m": 0.1})
    two = example_record(1.0, {"timeout_s": 99.0, "repeat": 1}, machine=MACHINE | {"load_1m": 3.0})
    assert len(group_records([one, two])) == 1


def test_names_what_keeps_records_apart() -> None:
    one = example_record(1.0, {"epochs": 1})
    two = example_record(1.0, {"epochs": 2}, data={"sha256": "c3d4"}, machine=MACHINE | {"cores": 8})
    assert differences(group_records([one, two])) == {
        "epochs": ["1", "2"],
        "data sha256": ["a1b2c3d4e5f6", "c3d4"],
        "machine cores": ["4", "8"],
    }


def test_settings_versions_and_code_set_records_apart() -> None:
    base = example_record(1.0, {})
    changed = [
        replace(base, id="settings", spec={**base.spec, "settings": {"cell": "gru"}}),
        replace(base, id="versions", versions={"manyhands": "0.1.0", "torch": "2.14.0"}),
        replace(base, id="code", code={"commit": "abcdef0123456789", "dirty": True}),
    ]
    names = [list(differences(group_records([base, other]))) for other in changed]
    assert names == [["settings"], ["version of torch"], ["code"]]


def test_a_library_that_one_backend_alone_uses_sets_cells_apart_not_groups() -> None:
    serial = example_record(1.0, {})
    old, new = (
        example_record(1.0, {"backend": "ray"}, id=version, versions={**serial.versions, "ray": version})
        for version in ("2.1", "2.2")
    )
    (group,) = group_records([serial, old, new])
    assert [cell.variant for cell in group.cells] == ["", "version of ray 2.1", "version of ray 2.2"]


def test_a_run_that_failed_early_joins_the_group_that_it_does_not_contradict() -> None:
    one, two = example_record(1.0, {"epochs": 1}), example_record(1.0, {"epochs": 2})
    failed = example_record(
        1.0, {"epochs": 2, "backend": "ddp"}, status="failed", reason="broke", data={}, machine={}, versions={}, code={}
    )
    groups = group_records([failed, one, two])
    assert {group.conditions["epochs"]: len(group.records) for group in groups} == {"1": 1, "2": 2}
    assert len(group_records([failed])) == 1
