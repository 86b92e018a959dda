"""What is written is read back as it was: values, intervals, plots, notes, names."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evaluator_component.keys import CrossSliceKey, MetricKey, PlotKey, SubKey
from evaluator_component.metrics_table import Column, MetricsTable
from evaluator_component.protos import metrics_for_slice_pb2 as pb
from evaluator_component.results.load import load_eval_result
from evaluator_component.writers.metric_protos import metrics_records, metrics_tables
from evaluator_component.writers.plot_protos import (
    LazyPlots,
    attributions_of,
    attributions_records,
    plots_records,
)
from evaluator_component.writers.store import write_results

sys.path.insert(0, str(Path(__file__).parent))
import random_tables
from random_tables import assert_same_table, same

SETTINGS = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def through_bytes(table: MetricsTable) -> MetricsTable:
    """Writes a table as records and reads it back."""
    metrics = [record.SerializeToString() for record in metrics_records(table)]
    plots = [record.SerializeToString() for record in plots_records(table)]
    attributions = [record.SerializeToString() for record in attributions_records(table)]
    (read,) = metrics_tables(map(pb.MetricsForSlice.FromString, metrics))
    return dataclasses.replace(
        read,
        plots=LazyPlots(list(map(pb.PlotsForSlice.FromString, plots)), read.row_of),
        attributions=attributions_of(
            map(pb.AttributionsForSlice.FromString, attributions), read.row_of
        ),
    )


@SETTINGS
@given(random_tables.tables())
def test_any_table_comes_back_from_its_records(table: MetricsTable) -> None:
    assert_same_table(table, through_bytes(table))


def test_a_folder_gives_back_the_tables_of_all_datasets(tmp_path: Path) -> None:
    @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
    @given(random_tables.tables("eval"), random_tables.tables("golden"))
    def check(first: MetricsTable, second: MetricsTable) -> None:
        path = str(tmp_path / "out")
        write_results(path, [second, first])
        read = load_eval_result(path).tables
        assert [table.dataset for table in read] == ["eval", "golden"]
        assert_same_table(first.sorted(), read[0])
        assert_same_table(second.sorted(), read[1])

    check()


@pytest.mark.parametrize(
    "value",
    [
        "Zürich",
        "",
        "café\udce9",  # bytes that are not UTF-8, as Python keeps them
        7,
        -(2**63),
        0.1,
        1e300,
        -1e-300,
        float("inf"),
        "7",
    ],
)
def test_a_slice_value_keeps_its_type_and_all_its_digits(value: Any) -> None:
    table = MetricsTable(((("feature", value),),), np.array([1]), np.array([1.0]))
    (pair,) = through_bytes(table).slices[0]
    assert pair == ("feature", value)
    assert type(pair[1]) is type(value)


def test_nan_as_a_slice_value_is_kept() -> None:
    table = MetricsTable(((("feature", float("nan")),),), np.array([1]), np.array([1.0]))
    assert through_bytes(table).slices[0][0][1] != through_bytes(table).slices[0][0][1]


def test_whole_numbers_too_large_for_64_bits_become_text() -> None:
    table = MetricsTable(((("feature", 2**64),),), np.array([1]), np.array([1.0]))
    assert through_bytes(table).slices[0] == (("feature", str(2**64)),)


def test_pairs_of_slices_are_kept() -> None:
    pair = CrossSliceKey((), (("hour", 7),))
    table = MetricsTable((pair, ()), np.array([1, 2]), np.array([1.0, 2.0]), notes={pair: "few"})
    assert_same_table(table, through_bytes(table))


def test_a_metric_that_no_slice_has_keeps_its_name() -> None:
    empty = Column(np.array([None, None], dtype=object))
    small = Column(np.array([np.nan, np.nan]))
    table = MetricsTable(
        ((), (("a", 1),)),
        np.array([1, 1]),
        np.array([1.0, 1.0]),
        {MetricKey("text"): empty, MetricKey("auc"): small},
        notes={(): "too small", (("a", 1),): "too small"},
    )
    assert_same_table(table, through_bytes(table))


def test_weighted_and_unweighted_and_class_metrics_of_one_name_are_kept() -> None:
    keys = [
        MetricKey("auc", example_weighted=weighted, sub_key=sub_key, aggregation=aggregation)
        for weighted in (None, True, False)
        for sub_key in (None, SubKey(class_id=0), SubKey(top_k=1), SubKey(k=1))
        for aggregation in (None, "micro", "macro", "weighted_macro")
    ]
    columns = {key: Column(np.array([float(place)])) for place, key in enumerate(keys)}
    table = MetricsTable(((),), np.array([1]), np.array([1.0]), columns)
    assert_same_table(table, through_bytes(table))


def test_several_plots_of_one_kind_are_kept() -> None:
    plot = {
        "kind": "confusion_matrices",
        "columns": {name: np.array([0.5]) for name in random_tables.LAYOUTS["confusion_matrices"]},
    }
    names = ("confusion_matrix_plot", "another", "a third")
    plots = {PlotKey(name): np.array([plot], dtype=object) for name in names}
    table = MetricsTable(((),), np.array([1]), np.array([1.0]), plots=plots)
    assert_same_table(table, through_bytes(table))


def test_standard_plots_stay_together_even_with_columns_of_their_own() -> None:
    table = MetricsTable(
        ((),),
        np.array([1]),
        np.array([1.0]),
        plots={
            PlotKey(name): np.array([_plot(kind)], dtype=object)
            for name, kind in (
                ("confusion_matrix_plot", "confusion_matrices"),
                ("calibration_plot", "calibration"),
            )
        },
    )
    (record,) = plots_records(table)
    assert len(record.plot_keys_and_values) == 1
    assert_same_table(table, through_bytes(table))


def _plot(kind: str) -> dict[str, Any]:
    columns = {name: np.array([0.25, 0.5]) for name in random_tables.LAYOUTS[kind]}
    return {
        "kind": kind,
        "columns": {**columns, "squares": np.array([1.0, 2.0])},
        "left": 0.0,
        "class_names": ["no", "yes"],
    }


def test_attributions_are_kept() -> None:
    rows = np.empty(2, dtype=object)
    rows[0] = {"age": 0.5, "hours": -1.25, "vector": np.array([1.0, 2.0])}
    table = MetricsTable(
        ((), (("a", 1),)),
        np.array([2, 1]),
        np.array([2.0, 1.0]),
        attributions={MetricKey("mean_attributions", aggregation="macro"): rows},
    )
    assert_same_table(table, through_bytes(table))


@settings(max_examples=100, deadline=None)
@given(random_tables.OBJECTS, random_tables.OBJECTS)
def test_bounds_of_another_kind_than_the_value_are_kept(value: Any, bound: Any) -> None:
    values, bounds = np.empty(1, dtype=object), np.empty(1, dtype=object)
    values[0], bounds[0] = value, bound
    if bound is None:
        return
    columns = {MetricKey("m"): Column(values, lower=bounds)}
    table = MetricsTable(((),), np.array([1]), np.array([1.0]), columns)
    assert_same_table(table, through_bytes(table))


def test_plots_that_were_read_can_be_pickled_and_asked_for_one_by_one() -> None:
    import pickle

    table = MetricsTable(
        ((), (("a", 1),)),
        np.array([1, 1]),
        np.array([1.0, 1.0]),
        plots={PlotKey("p"): np.array([_plot("calibration"), None], dtype=object)},
    )
    read = through_bytes(table)
    assert isinstance(read.plots, LazyPlots)
    assert same(read.plots.at(PlotKey("p"), ()), _plot("calibration"))
    assert read.plots.at(PlotKey("p"), (("a", 1),)) is None
    assert_same_table(table, pickle.loads(pickle.dumps(read)))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_numbers_that_are_undefined_are_not_taken_for_missing(data: Any) -> None:
    values = data.draw(st.lists(random_tables.NUMBERS, min_size=3, max_size=3))
    columns = {MetricKey("m"): Column(np.array(values))}
    names = ((), (("a", 1),), (("a", 2),))
    table = MetricsTable(names, np.array([1, 1, 1]), np.ones(3), columns, notes={names[1]: "small"})
    records = list(metrics_records(table))
    for row, record in enumerate(records):
        small = row == 1 and bool(np.isnan(values[1]))
        assert len(record.metric_keys_and_values) == (0 if small else 1)
        assert ("__ERROR__" in record.metrics) == small
    assert_same_table(table, through_bytes(table))
