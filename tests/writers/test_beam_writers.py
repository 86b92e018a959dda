"""Writers on Beam: the same folder as without it, however the tables are cut."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
from apache_beam.testing.util import assert_that, equal_to

from evaluator_component.errors import ConfigError, ResultError
from evaluator_component.groups import Groups, Membership
from evaluator_component.results import load_analysis_table, load_eval_result
from evaluator_component.writers import (
    AnalysisTableWriter,
    EvalConfigWriter,
    MetricsAndPlotsWriter,
    MetricsPlotsAndValidationsWriter,
    RunInfo,
    Write,
    Writer,
    WriteRunInfo,
    store,
)
from evaluator_component.writers.row_tables import flat_table

sys.path.insert(0, str(Path(__file__).parent))
import small_tables
from random_tables import assert_same_table


def pipeline() -> beam.Pipeline:
    return beam.Pipeline(argv=["--runner=FnApiRunner"])


def evaluation(on: beam.Pipeline, plot_tables: int = 1) -> dict[str, beam.PCollection]:
    """Numbers in two parts, plots in some, as evaluators give them."""
    import dataclasses

    whole = small_tables.table()
    numbers = dataclasses.replace(whole, plots={}, attributions={})
    plots = dataclasses.replace(whole, columns={}, notes={})
    return {
        "metrics": on | "M" >> beam.Create([numbers.take([0, 3]), numbers.take([4, 1, 2])]),
        "plots": on
        | "P"
        >> beam.Create([plots.take(rows) for rows in np.array_split([2, 0, 1, 3, 4], plot_tables)]),
        "validations": on | "V" >> beam.Create([small_tables.verdict()]),
    }


def run(writers: list[Writer], path: Path, plot_tables: int = 1, **info: Any) -> None:
    """Runs writers on the small evaluation, and then completes the folder."""
    with pipeline() as on:
        given = evaluation(on, plot_tables)
        written = tuple(given | each.stage_name >> each.ptransform for each in writers)
        written | WriteRunInfo(str(path), RunInfo(name="nightly", **info))


def test_the_folder_is_the_same_as_without_beam(tmp_path: Path) -> None:
    beamed, plain = tmp_path / "beam" / "nightly", tmp_path / "plain" / "nightly"
    config = small_tables.config()
    run([EvalConfigWriter(str(beamed), config), MetricsAndPlotsWriter(str(beamed), config)], beamed)
    store.write_results(
        str(plain),
        [small_tables.table()],
        eval_config=config,
        verdict=small_tables.verdict(),
        info=RunInfo(name="nightly"),
    )
    assert sorted(os.listdir(beamed)) == sorted(os.listdir(plain))
    for name in os.listdir(plain):
        if not name.endswith(".parquet"):
            assert (beamed / name).read_bytes() == (plain / name).read_bytes(), name
    assert_same_table(small_tables.table().sorted(), load_eval_result(beamed).tables[0])


@pytest.mark.parametrize("count", [1, 3])
def test_every_table_of_plots_is_a_file(tmp_path: Path, count: int) -> None:
    run([MetricsAndPlotsWriter(str(tmp_path))], tmp_path, plot_tables=count)
    names = [name for name in os.listdir(tmp_path) if "plots" in name]
    assert sorted(names) == [f"plots-{i:05d}-of-{count:05d}.tfrecord" for i in range(count)]
    assert_same_table(small_tables.table().sorted(), load_eval_result(tmp_path).tables[0])


def test_what_the_config_disables_is_not_written(tmp_path: Path) -> None:
    config = small_tables.config()
    config.options.disabled_outputs.values.extend(["plots", "validations"])
    run([MetricsAndPlotsWriter(str(tmp_path), config, formats="tfrecord")], tmp_path)
    assert sorted(os.listdir(tmp_path)) == [
        "attributions-00000-of-00001.tfrecord",
        "metrics-00000-of-00001.tfrecord",
        "run.json",
    ]
    assert not load_eval_result(tmp_path).tables[0].plots


def test_an_evaluation_without_any_table_gives_a_complete_folder(tmp_path: Path) -> None:
    with pipeline() as on:
        writer = MetricsAndPlotsWriter(str(tmp_path))
        written = {"metrics": on | beam.Create([])} | writer.stage_name >> writer.ptransform
        (written,) | WriteRunInfo(str(tmp_path), RunInfo())
    assert list(load_eval_result(tmp_path).tables) == []


def test_the_arguments_of_the_published_writer_are_understood(tmp_path: Path) -> None:
    keys = ("metrics", "plots", "attributions", "validations")
    paths = {key: f"{tmp_path}/{key}" for key in keys}
    config = small_tables.config()
    run([MetricsPlotsAndValidationsWriter(paths, config, add_metrics_callbacks=[])], tmp_path)
    assert load_eval_result(tmp_path).verdict == small_tables.verdict()
    with pytest.raises(ConfigError, match="unknown key 'plot'"):
        MetricsPlotsAndValidationsWriter({"plot": "a/plot"}, config)
    with pytest.raises(ConfigError, match="must lie in one folder"):
        MetricsPlotsAndValidationsWriter({"plots": "a/plots", "metrics": "b/metrics"}, config)
    with pytest.raises(ConfigError, match="must end in '/plots'"):
        MetricsPlotsAndValidationsWriter({"plots": "a/curves"}, config)


def test_write_picks_one_collection() -> None:
    with pipeline() as on:
        given = {"metrics": on | "A" >> beam.Create([1]), "mine": on | "B" >> beam.Create([2])}
        picked = given | "Mine" >> Write(key="mine", ptransform=beam.Map(lambda x: x + 1))
        assert_that(picked, equal_to([3]))
        absent = given | "Plots" >> Write(key="plots", ptransform=beam.Map(print))
        assert_that(absent, equal_to([]), label="Absent")


def test_write_tells_a_mistyped_key() -> None:
    on = pipeline()
    given = {"mine": on | beam.Create([2])}
    with pytest.raises(ConfigError, match=r"has no 'mien' \(did you mean 'mine'\?\)"):
        given | Write(key="mien", ptransform=beam.Map(print))


def test_names_and_formats_are_checked_when_a_writer_is_made() -> None:
    with pytest.raises(ConfigError, match="stage_name"):
        Writer("", beam.Map(print))
    with pytest.raises(ConfigError, match="did you mean 'parquet'"):
        MetricsAndPlotsWriter("out", formats=("tfrecord", "parquett"))
    with pytest.raises(ConfigError, match="must be 'json'"):
        EvalConfigWriter("out", small_tables.config(), output_file_format="text")


def test_run_json_waits_for_every_writer(tmp_path: Path) -> None:
    def fail(_: Any) -> None:
        raise ValueError("disk full")

    bad = Writer("Bad", Write("metrics", beam.Map(fail)))
    with pytest.raises(Exception, match="disk full"):
        run([MetricsAndPlotsWriter(str(tmp_path)), bad], tmp_path)
    assert not (tmp_path / "run.json").exists()


def test_a_folder_that_is_written_again_is_not_complete_until_the_end(tmp_path: Path) -> None:
    run([MetricsAndPlotsWriter(str(tmp_path))], tmp_path)
    assert (tmp_path / "run.json").exists()
    with pipeline() as on:
        writer = MetricsAndPlotsWriter(str(tmp_path))
        evaluation(on) | writer.stage_name >> writer.ptransform
    assert not (tmp_path / "run.json").exists()
    with pytest.raises(ResultError, match="half-written"):
        load_eval_result(tmp_path)


# -------------------------------------------------------------------------------------------------
# The analysis table


def extracts(start: int, size: int) -> dict[str, Any]:
    rows = np.arange(start, start + size)
    even = Membership(np.zeros(size, dtype=np.int64))
    odd = np.flatnonzero(rows % 2)
    keys = ((), (("parity", "odd"),))
    groups = Groups((even, Membership(np.ones(len(odd), dtype=np.int64), odd)), 2, size, keys=keys)
    return {
        "features": {
            "hour": pa.array([[int(row)] for row in rows]),
            "rare": pa.nulls(size) if start else pa.array(["a"] * size),
        },
        "labels": rows.astype(float),
        "predictions": {"candidate": np.stack([rows, -rows], axis=1).astype(np.float32)},
        "example_weights": None,
        "example_ids": rows.astype(np.uint64),
        "slice_keys": groups,
    }


def test_rows_become_columns() -> None:
    table = flat_table(extracts(0, 3))
    assert table.column_names == [
        "features.hour",
        "features.rare",
        "labels",
        "predictions.candidate",
        "example_ids",
        "slice_keys",
    ]
    assert table["predictions.candidate"].to_pylist() == [[0.0, 0.0], [1.0, -1.0], [2.0, -2.0]]
    assert table["slice_keys"].to_pylist() == [["Overall"], ["Overall", "parity=odd"], ["Overall"]]


def test_the_analysis_table_is_written_and_loaded(tmp_path: Path) -> None:
    with pipeline() as on:
        batches = on | beam.Create([extracts(0, 3), extracts(3, 2), extracts(5, 4)])
        writer = AnalysisTableWriter(str(tmp_path), file_bytes=1)
        written = {"analysis": batches} | writer.stage_name >> writer.ptransform
        counted = written | beam.combiners.Count.Globally()
        assert_that(counted, equal_to([3]))
    names = sorted(os.listdir(tmp_path))
    assert names == [f"analysis-{i:05d}-of-00003.parquet" for i in range(3)]
    table = load_analysis_table(tmp_path).sort_by("labels")
    assert table["labels"].to_pylist() == [float(row) for row in range(9)]
    assert table["features.rare"].to_pylist() == ["a"] * 3 + [None] * 6
    assert load_analysis_table(tmp_path, ["labels"]).column_names == ["labels"]
    with pytest.raises(ResultError, match=r"no column 'label' .*did you mean 'labels'"):
        load_analysis_table(tmp_path, ["label"])


def test_an_evaluation_without_rows_has_no_analysis_table(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="no analysis table"):
        load_analysis_table(tmp_path)
