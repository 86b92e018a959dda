"""The files of a result folder: what they hold, and when they appear."""

from __future__ import annotations

import csv
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from evaluator_component.errors import ConfigError, ResultError
from evaluator_component.keys import MetricKey
from evaluator_component.metrics_table import Column, MetricsTable
from evaluator_component.writers import plain_json, tagged_json
from evaluator_component.writers.folder import Folder
from evaluator_component.writers.run_info import (
    SCHEMA_VERSION,
    RunInfo,
    read_run_info,
    write_run_info,
)
from evaluator_component.writers.store import gather, write_metrics, write_results
from evaluator_component.writers.tfrecord import read_records, write_records
from evaluator_component.writers.tidy import SCHEMA, tidy_table

sys.path.insert(0, str(Path(__file__).parent))
import small_tables


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "nightly"
    write_results(
        str(path),
        [small_tables.table()],
        eval_config=small_tables.config(),
        verdict=small_tables.verdict(),
        data_location="data/eval-*",
        file_format="parquet",
    )
    return path


def test_the_folder_holds_every_file(folder: Path) -> None:
    assert sorted(os.listdir(folder)) == [
        "attributions-00000-of-00001.tfrecord",
        "eval_config.json",
        "metrics-00000-of-00001.tfrecord",
        "metrics.csv",
        "metrics.json",
        "metrics.parquet",
        "plots-00000-of-00001.tfrecord",
        "run.json",
        "validations.tfrecord",
        "verdict.json",
    ]


def test_run_json_is_written_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    replaced = os.replace

    def replace(old: str, new: str) -> None:
        written.append(os.path.basename(new))
        replaced(old, new)

    monkeypatch.setattr(os, "replace", replace)
    write_results(str(tmp_path), [small_tables.table()], verdict=small_tables.verdict())
    assert written[-1] == "run.json"
    assert written.count("run.json") == 1


def test_a_write_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    folder.write("metrics.json", b"before")

    def write_half() -> None:
        with folder.writing("metrics.json") as stream:
            stream.write(b"half of it")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()
    assert os.listdir(tmp_path) == ["metrics.json"]
    assert folder.read("metrics.json") == b"before"


def test_a_second_evaluation_removes_the_files_of_the_first(tmp_path: Path) -> None:
    for name in ("metrics-00000-of-00003.tfrecord", "plots-00002-of-00003.tfrecord"):
        (tmp_path / name).write_bytes(b"old")
    (tmp_path / "verdict.json").write_text("{}")
    (tmp_path / "notes.txt").write_text("mine")
    write_results(str(tmp_path), [small_tables.table()])
    left = os.listdir(tmp_path)
    assert "notes.txt" in left
    assert "verdict.json" not in left
    assert not [name for name in left if "00003" in name]


def test_the_same_results_give_the_same_bytes(tmp_path: Path) -> None:
    whole = small_tables.table()
    parts = [whole.take([3, 1]), whole.take([4, 0, 2])]
    for name, tables in (("one", [whole]), ("two", parts), ("three", parts[::-1])):
        write_metrics(str(tmp_path / name), tables, name="run")
    for file in ("metrics-00000-of-00001.tfrecord", "metrics.json", "metrics.csv"):
        contents = {(tmp_path / name / file).read_bytes() for name in ("one", "two", "three")}
        assert len(contents) == 1, file


def test_the_tidy_table_has_a_row_per_number(folder: Path) -> None:
    table = pq.read_table(folder / "metrics.parquet")
    assert table.schema.remove_metadata().equals(SCHEMA)
    rows = table.to_pylist()
    # 6 number columns and a vector of 2 on 5 slices, and one structured value
    assert len(rows) == 5 * (6 + 2) + 1
    (auc,) = [
        row
        for row in rows
        if row["slice"] == "carrier=UA"
        and row["metric"] == "auc"
        and row["model"] == "candidate"
        and row["weighted"]
        and not row["is_diff"]
    ]
    assert auc == {
        "run": "nightly",
        "dataset": "",
        "model": "candidate",
        "output": "",
        "slice": "carrier=UA",
        "metric": "auc",
        "class_id": None,
        "k": None,
        "top_k": None,
        "aggregation": "",
        "weighted": True,
        "is_diff": False,
        "entry": "",
        "value": 0.8,
        "ci_low": 0.76,
        "ci_high": 0.84,
        "standard_error": 0.02,
        "n": 60,
        "weight": 90.5,
        "threshold": ">= 0.85",
        "decision": "FAILED",
        "confidence_level": 0.95,
        "direction": "higher",
        "text": None,
        "note": "",
        "slice_key": '[["carrier", "UA"]]',
    }


def test_the_tidy_table_goes_slice_by_slice_in_the_order_of_the_metrics(folder: Path) -> None:
    table = pq.read_table(folder / "metrics.parquet")
    slices = table["slice"].to_pylist()
    order = ["Overall", "carrier=UA", "hour=3", "hour=7", "carrier=UA vs Overall"]
    assert list(dict.fromkeys(slices)) == order
    assert slices == sorted(slices, key=order.index)
    overall = [row["metric"] for row in table.to_pylist() if row["slice"] == "Overall"]
    assert overall[:2] == ["example_count", "auc"]


def test_vectors_are_named_by_their_labels_and_matrices_are_json(folder: Path) -> None:
    rows = pq.read_table(folder / "metrics.parquet").to_pylist()
    entries = {
        row["entry"]: row["value"]
        for row in rows
        if row["metric"] == "precision" and row["slice"] == "carrier=UA"
    }
    assert entries == {"0.25": 0.3, "0.5": None}
    (text,) = [row["text"] for row in rows if row["metric"] == "matrix"]
    assert json.loads(text)["columns"]["true_positives"] == [3.0, 2.0]


def test_what_is_undefined_is_null_and_what_is_infinite_stays(folder: Path) -> None:
    rows = pq.read_table(folder / "metrics.parquet").to_pylist()
    losses = {row["slice"]: row["value"] for row in rows if row["metric"] == "loss"}
    assert losses["carrier=UA"] == np.inf
    assert losses["hour=7"] is None


def test_a_change_is_judged_on_the_value_and_on_the_difference(folder: Path) -> None:
    rows = pq.read_table(folder / "metrics.parquet").to_pylist()
    judged = {
        (row["is_diff"], row["threshold"], row["decision"])
        for row in rows
        if row["slice"] == "Overall" and row["decision"]
    }
    assert judged == {
        (False, "change >= -0.01", "PASSED"),
        (True, "change >= -0.01", "PASSED"),
    }


def test_csv_has_the_same_rows_as_parquet(folder: Path) -> None:
    with open(folder / "metrics.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    table = pq.read_table(folder / "metrics.parquet").to_pylist()
    assert [row["slice"] for row in rows] == [row["slice"] for row in table]
    for read, expected in zip(rows, table, strict=True):
        if expected["value"] is not None:
            assert float(read["value"]) == expected["value"]
        else:
            assert read["value"] == ""


def test_json_is_strict_and_nested_by_slice(folder: Path) -> None:
    def no_constants(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    text = (folder / "metrics.json").read_text(encoding="utf-8")
    found = json.loads(text, parse_constant=no_constants)
    assert found["schema_version"] == SCHEMA_VERSION
    (dataset,) = found["datasets"]
    by_name = {each["name"]: each for each in dataset["slices"]}
    united = by_name["carrier=UA"]
    assert united["slice"] == {"carrier": "UA"}
    assert united["examples"] == 60
    metric = united["metrics"][1]
    assert metric["metric"] == "auc"
    assert (metric["ci_low"], metric["value"], metric["ci_high"]) == (0.76, 0.8, 0.84)
    assert metric["decision"] == "FAILED"
    loss = next(each for each in united["metrics"] if each["metric"] == "loss")
    assert loss["value"] == "Infinity"
    assert loss["class_id"] == 3
    assert by_name["hour=3"]["note"].startswith("2 examples")
    assert by_name["carrier=UA vs Overall"]["baseline"] == {"carrier": "UA"}


def test_hostile_slice_values_stay_what_they_are(tmp_path: Path) -> None:
    values = ["<script>", 'a"b', "a,b", "a\nb", "=cmd()", "é", "\u2028"]
    names = tuple((("carrier", value),) for value in values)
    columns = {MetricKey("m"): Column(np.arange(len(values), dtype=float))}
    ones = np.ones(len(values))
    write_metrics(str(tmp_path), [MetricsTable(names, ones.astype(int), ones, columns)])
    with open(tmp_path / "metrics.csv", encoding="utf-8", newline="") as file:
        from_csv = {json.loads(row["slice_key"])[0][1] for row in csv.DictReader(file)}
    found = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    from_json = {each["slice"]["carrier"] for each in found["datasets"][0]["slices"]}
    assert from_csv == from_json == set(values)


def test_unknown_number_of_examples_is_null() -> None:
    columns = {MetricKey("m"): Column(np.array([1.0]))}
    table = MetricsTable(((),), np.array([-1]), np.array([np.nan]), columns)
    (row,) = tidy_table([table]).to_pylist()
    assert row["n"] is None
    assert row["weight"] is None


def test_tables_without_metrics_have_no_rows() -> None:
    table = MetricsTable(((),), np.array([1]), np.array([1.0]))
    assert tidy_table([table]).num_rows == 0
    assert tidy_table([]).schema == SCHEMA


def test_an_unknown_format_is_told_with_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"unknown format 'parket' \(did you mean 'parquet'\?\)"):
        write_metrics(str(tmp_path), [], formats=("parket",))


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultError, match="cannot make the folder"):
        write_results(str(tmp_path / "file" / "out"), [])


def test_gather_joins_shards_by_dataset() -> None:
    whole = small_tables.table("eval")
    empty = whole.take([])
    joined = gather([whole.take([2, 4]), empty, whole.take([0, 3, 1]), small_tables.table("a")])
    assert [table.dataset for table in joined] == ["a", "eval"]
    assert joined[1].slices[0] == ()
    assert len(joined[1]) == 5


# -------------------------------------------------------------------------------------------------
# run.json


def test_run_info_comes_back(tmp_path: Path) -> None:
    info = RunInfo.create(
        small_tables.config(),
        name="nightly",
        models={"candidate": "/models/2"},
        data={"eval": {"location": "data/eval-*", "files": np.int64(3)}},
        rows_read={"eval": 1000},
        bad_records={"eval": 2},
        stage_seconds={"read": 1.5},
        seconds=2.5,
        notes=("one",),
    )
    write_run_info(str(tmp_path), info)
    read = read_run_info(str(tmp_path))
    assert read == info.with_(data={"eval": {"location": "data/eval-*", "files": 3}})
    assert read.packages["numpy"] == np.__version__
    assert read.started.endswith("+00:00")
    assert len(read.config_hash) >= 16


def test_the_hash_of_a_config_tells_configs_apart() -> None:
    one, other = small_tables.config(), small_tables.config()
    assert RunInfo.create(one).config_hash == RunInfo.create(other).config_hash
    other.metrics_specs[0].metrics[0].threshold.value_threshold.lower_bound.value = 0.86
    assert RunInfo.create(one).config_hash != RunInfo.create(other).config_hash


def test_an_attribute_of_a_later_patch_release_is_passed_over() -> None:
    text = json.dumps({"schema_version": SCHEMA_VERSION, "name": "a", "color": "red"})
    assert RunInfo.from_json(text, "run.json").name == "a"


def test_results_of_a_later_version_are_refused() -> None:
    text = json.dumps({"schema_version": SCHEMA_VERSION + 1, "package_version": "9.1"})
    with pytest.raises(
        ResultError, match=r"version 2, written by evaluator_component 9\.1.*upgrade"
    ):
        RunInfo.from_json(text, "out/run.json")


@pytest.mark.parametrize("text", ["", "[]", "{}", "{", '{"schema_version": "x"}'])
def test_a_damaged_run_json_is_told(text: str) -> None:
    with pytest.raises(ResultError, match=r"^out/run\.json: not a description of a run"):
        RunInfo.from_json(text, "out/run.json")


# -------------------------------------------------------------------------------------------------
# TFRecord, JSON


def test_records_come_back_and_damage_is_told(tmp_path: Path) -> None:
    records = [b"", b"one", bytes(range(256)) * 100]
    with open(tmp_path / "f", "wb") as stream:
        assert write_records(stream, records) == 3
    content = (tmp_path / "f").read_bytes()
    assert list(read_records(content, "f")) == records
    with pytest.raises(ResultError, match="ends in the middle of the record"):
        list(read_records(content[:-1], "f"))
    damaged = bytearray(content)
    damaged[-10] ^= 1
    with pytest.raises(ResultError, match="checksum does not match"):
        list(read_records(bytes(damaged), "f"))
    with pytest.raises(ResultError, match="not a TFRecord header"):
        list(read_records(b"PAR1" * 10, "f"))


@pytest.mark.slow
def test_tensorflow_reads_and_writes_the_same_records(tmp_path: Path) -> None:
    import tensorflow as tf

    records = [b"", b"one", b"two" * 1000]
    with open(tmp_path / "ours", "wb") as stream:
        write_records(stream, records)
    read = [r.numpy() for r in tf.data.TFRecordDataset(str(tmp_path / "ours"))]
    assert read == records
    with tf.io.TFRecordWriter(str(tmp_path / "theirs")) as writer:
        for record in records:
            writer.write(record)
    assert list(read_records((tmp_path / "theirs").read_bytes(), "theirs")) == records


@pytest.mark.parametrize(
    "value",
    [
        None,
        [1, 2.5, "a", True, None],
        {"a": {"b": (1, (2, 3))}},
        {1: "int key", ("a", 2): "tuple key", "$array": "tag as key"},
        b"\x00\xff",
        float("inf"),
        "\ud800",
    ],
)
def test_tagged_json_gives_back_what_it_was_given(value: Any) -> None:
    assert tagged_json.loads(tagged_json.dumps(value)) == value


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6).reshape(2, 3),
        np.zeros((0, 3)),
        np.float32([1.5, np.nan]),
        np.array([["a", "b"], ["c", None]], dtype=object),
        np.array([True, False]),
        np.array(2.5),
    ],
)
def test_tagged_json_keeps_arrays(array: Any) -> None:
    read = tagged_json.loads(tagged_json.dumps(array))
    assert read.dtype == array.dtype
    assert read.shape == array.shape
    assert np.array_equal(read.astype(str), array.astype(str))


def test_plain_json_has_no_constants() -> None:
    value = {"a": np.array([np.nan, np.inf, -np.inf, 1]), "b": (np.int64(1), b"x", {3})}
    assert plain_json.plain(value) == {
        "a": [None, "Infinity", "-Infinity", 1.0],
        "b": [1, "x", [3]],
    }
