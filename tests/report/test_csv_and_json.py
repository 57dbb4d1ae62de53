from __future__ import annotations

import csv
import io
import json
import math

from manyhands.analysis.example import example_record, example_records
from manyhands.record import Record
from manyhands.report.csv_and_json import to_csv, to_json


def test_csv_has_one_row_a_record_and_the_columns_of_all() -> None:
    records = [*example_records(repeats=1), example_record(1.0, {"workload": "lstm"}, quality={"rmse": 5.2})]
    rows = list(csv.DictReader(io.StringIO(to_csv(records))))
    assert len(rows) == len(records)
    assert rows[0]["spec.backend"] == "serial"
    assert float(rows[0]["phases.train_s"]) == records[0].phases["train_s"]
    assert (rows[0]["quality.rmse"], rows[-1]["quality.rmse"]) == ("", "5.2")
    assert json.loads(rows[0]["history"])[0]["epoch"] == 1


def test_csv_texts_never_run_as_formulas_and_numbers_stay_numbers() -> None:
    record = example_record(1.0, {}, command="=HYPERLINK(1)", quality={"r2": -0.5, "@x": 1})
    (row,) = csv.DictReader(io.StringIO(to_csv([record])))
    assert row["command"] == "'=HYPERLINK(1)"
    assert row["quality.r2"] == "-0.5"


def test_json_holds_the_records_and_a_summary_of_every_cell() -> None:
    records = [*example_records(), example_record(1.0, {"backend": "dask"}, quality={"accuracy": math.nan})]
    whole = json.loads(to_json(records, "wall"))
    assert [Record.from_json(json.dumps(values)).id for values in whole["records"]] == [record.id for record in records]
    assert [row["backend"] for row in whole["summary"]] == ["serial", "serial", "dask", "ddp", "ddp"]
    assert whole["summary"][0]["time"] == "wall"
    assert whole["summary"][-1]["speedup"]["method"] == "cell + block"
    assert [(row["backend"], row["law"]) for row in whole["laws"]] == [("ddp", None)]


def test_json_holds_the_fitted_laws_and_null_for_a_peak_that_is_not_there() -> None:
    speeds = {("ddp", workers, 1): workers / (1 + 0.1 * (workers - 1)) for workers in (1, 2, 4, 8)}
    (law,) = json.loads(to_json(example_records(speeds=speeds)))["laws"]
    assert law["law"] == "Amdahl's law"
    assert law["parameters"]["sigma"]["low"] < 0.1 < law["parameters"]["sigma"]["high"]
    assert law["peak_workers"]["value"] is None


def test_no_records_give_empty_tables() -> None:
    assert to_csv([]) == "\n"
    assert json.loads(to_json([])) == {"records": [], "summary": [], "laws": []}
