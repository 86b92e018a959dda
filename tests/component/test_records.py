from __future__ import annotations

import math

import numpy as np
import pytest

from evaluator_component.component.curves import matrix_record, plots_record, roc_record
from evaluator_component.component.properties import safe_properties
from evaluator_component.component.records import metrics_record, value_name
from evaluator_component.keys import MetricKey, PlotKey, SubKey
from evaluator_component.metrics_table import Column, MetricsTable


def table(values, examples):
    slices = ((), *((("hour", hour),) for hour in range(len(values) - 1)))
    return MetricsTable(
        slices=slices,
        examples=np.array(examples),
        weights=np.array(examples, dtype=float),
        columns={MetricKey("auc"): Column(np.array(values, dtype=float))},
    )


def test_the_largest_slices_are_kept():
    record = metrics_record({"": table([0.9, 0.1, 0.2, 0.3], [60, 10, 30, 20])}, max_slices=2)
    assert record["by_slice"] == {
        "hour=1": {"examples": 30, "auc": 0.2},
        "hour=2": {"examples": 20, "auc": 0.3},
    }
    assert record["examples"] == 60


def test_no_slices_are_kept_where_none_are_wanted():
    record = metrics_record({"": table([0.9, 0.1], [60, 10])}, max_slices=0)
    assert record == {"examples": 60, "auc": 0.9, "overall": {"examples": 60, "auc": 0.9}}


def test_several_datasets_are_kept_apart():
    tables = {"eval": table([0.9, 0.8], [9, 3]), "golden": table([0.7, 0.6], [2, 1])}
    record = metrics_record(tables)
    assert record["eval: auc"] == 0.9
    assert record["golden: auc"] == 0.7
    assert record["by_slice"]["hour=0"]["golden: auc"] == 0.6


def test_only_the_candidate_loses_its_name():
    assert value_name(MetricKey("auc", "candidate"), "candidate") == "auc"
    assert value_name(MetricKey("auc", "baseline"), "candidate") == "baseline/auc"
    key = MetricKey("precision", "candidate", sub_key=SubKey(top_k=3))
    assert value_name(key, "candidate") == "precision@top_k=3"


def test_numbers_that_are_not_finite_are_named_not_stored():
    record = safe_properties(metrics_record({"": table([math.nan, 0.5], [60, 10])}))
    assert "auc" not in record
    assert record["undefined"] == "auc"


def test_vectors_and_structures_stay_in_the_result_folder():
    vector = MetricsTable(
        slices=((),),
        examples=np.array([1]),
        weights=np.array([1.0]),
        columns={
            MetricKey("at"): Column(np.ones((1, 3)), labels=("a", "b", "c")),
            MetricKey("matrix"): Column(np.array([{"x": 1}], dtype=object)),
        },
    )
    assert metrics_record({"": vector}) == {"examples": 1, "overall": {"examples": 1}}


def test_a_roc_curve_runs_from_the_highest_threshold_down():
    record = roc_record(
        [-1e-7, 0.5, 1 + 1e-7],
        true_positives=[4, 3, 0],
        false_positives=[6, 1, 0],
        true_negatives=[0, 5, 6],
        false_negatives=[0, 1, 4],
        class_names=("on time", "late"),
    )
    assert record["confidenceMetrics"] == [
        {"confidenceThreshold": 1.0, "falsePositiveRate": 0.0, "recall": 0.0},
        {"confidenceThreshold": 0.5, "falsePositiveRate": 1 / 6, "recall": 0.75},
        {"confidenceThreshold": 0.0, "falsePositiveRate": 1.0, "recall": 1.0},
    ]
    assert record["confusionMatrix"] == {
        "annotationSpecs": [{"displayName": "on time"}, {"displayName": "late"}],
        "rows": [{"row": [5.0, 1.0]}, {"row": [1.0, 3.0]}],
    }


def test_a_roc_curve_of_one_class_has_no_points():
    record = roc_record([0.5], [1], [0], [0], [0])
    assert record["confidenceMetrics"] == []


def test_a_long_roc_curve_is_thinned_but_keeps_its_ends():
    thresholds = np.linspace(0, 1, 10_001)
    record = roc_record(thresholds, 1 - thresholds, 1 - thresholds, thresholds, thresholds)
    points = record["confidenceMetrics"]
    assert len(points) == 101
    assert points[0]["confidenceThreshold"] == 1.0
    assert points[-1]["confidenceThreshold"] == pytest.approx(0.0)


def test_curves_come_from_the_candidates_plot_on_all_examples():
    def plot(count):
        counts = {name: [count] for name in ("true_positives", "false_positives")}
        others = {name: [count] for name in ("true_negatives", "false_negatives")}
        return {"kind": "confusion_matrices", "columns": {"threshold": [0.5], **counts, **others}}

    def column(*plots):
        values = np.empty(len(plots), dtype=object)
        values[:] = plots
        return values

    plots = MetricsTable(
        slices=((("hour", 1),), ()),
        examples=np.array([1, 2]),
        weights=np.array([1.0, 2.0]),
        plots={
            PlotKey("confusion_matrix_plot", "baseline"): column(plot(1.0), plot(2.0)),
            PlotKey("confusion_matrix_plot", "candidate"): column(plot(3.0), plot(4.0)),
        },
    )
    record = plots_record([plots], "candidate")
    assert record["confusionMatrix"]["rows"][0] == {"row": [4.0, 4.0]}
    assert record["plot"] == "candidate/confusion_matrix_plot"


def test_a_matrix_of_many_classes_keeps_the_frequent_ones():
    count = 100
    columns = {
        "threshold": [0.0] * count,
        "actual": list(range(count)),
        "predicted": list(range(count)),
        "weight": [float(code) for code in range(count)],
    }
    matrix = matrix_record(columns, ())["confusionMatrix"]
    names = [spec["displayName"] for spec in matrix["annotationSpecs"]]
    assert names == [str(code) for code in range(70, 100)]
    assert matrix["rows"][0]["row"][0] == 70.0
