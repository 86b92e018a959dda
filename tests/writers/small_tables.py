"""A small evaluation: three slices, two models, thresholds that were met and missed."""

from __future__ import annotations

from typing import Any

import numpy as np

from evaluator_component.keys import CrossSliceKey, MetricKey, PlotKey, SubKey
from evaluator_component.metrics_table import Column, MetricsTable
from evaluator_component.protos import eval_config_pb2
from evaluator_component.validation.decision import Decision
from evaluator_component.validation.verdict import Verdict

UA = (("carrier", "UA"),)
SEVEN = (("hour", 7),)
TINY = (("hour", 3),)
PAIR = CrossSliceKey(UA, ())

AUC = MetricKey("auc", "candidate", example_weighted=True)
UNWEIGHTED = MetricKey("auc", "candidate", example_weighted=False)
BASELINE = MetricKey("auc", "baseline", example_weighted=True)
LOSS = MetricKey("loss", "candidate", output_name="tip", sub_key=SubKey(class_id=3))
VECTOR = MetricKey("precision", "candidate", aggregation="macro")
MATRIX = MetricKey("matrix", "candidate")
COUNT = MetricKey("example_count")


def matrix() -> dict[str, Any]:
    return {
        "kind": "confusion_matrices",
        "columns": {
            "threshold": np.array([0.25, 0.5]),
            "true_positives": np.array([3.0, 2.0]),
            "false_positives": np.array([1.0, 0.0]),
            "true_negatives": np.array([2.0, 3.0]),
            "false_negatives": np.array([0.0, 1.0]),
        },
        "class_names": ["late", "on time"],
    }


def calibration() -> dict[str, Any]:
    return {
        "kind": "calibration",
        "columns": {
            "lower": np.array([-np.inf, 0.0, 0.5, 1.0]),
            "upper": np.array([0.0, 0.5, 1.0, np.inf]),
            "weight": np.array([0.0, 4.0, 2.0, 0.0]),
            "label": np.array([0.0, 1.0, 2.0, 0.0]),
            "prediction": np.array([0.0, 1.2, 1.8, 0.0]),
        },
    }


def residuals() -> dict[str, Any]:
    ends = {"lower": np.array([0.0, 1.0]), "upper": np.array([1.0, 2.0])}
    return {"kind": "residuals", "columns": {**ends, "weight": np.array([2.0, 3.0])}}


def objects(*values: Any) -> Any:
    out = np.empty(len(values), dtype=object)
    for place, value in enumerate(values):
        out[place] = value
    return out


def table(dataset: str = "") -> MetricsTable:
    """Overall, UA, 7 o'clock, a slice too small, and UA against all."""
    interval = {
        "standard_error": np.array([0.01, 0.02, 0.03, np.nan, np.nan]),
        "lower": np.array([0.88, 0.76, 0.6, np.nan, np.nan]),
        "upper": np.array([0.92, 0.84, 0.8, np.nan, np.nan]),
        "degrees_of_freedom": np.array([19, 19, 19, 0, 0]),
        "confidence_level": 0.95,
        "resampling": "jackknife",
    }
    nan = np.nan
    return MetricsTable(
        slices=((), UA, SEVEN, TINY, PAIR),
        examples=np.array([100, 60, 40, 2, 100]),
        weights=np.array([150.0, 90.5, 59.5, 2.0, 150.0]),
        columns={
            COUNT: Column(np.array([100.0, 60.0, 40.0, nan, nan])),
            AUC: Column(np.array([0.9, 0.8, 0.7, nan, -0.1]), direction=1, **interval),
            UNWEIGHTED: Column(np.array([0.91, 0.81, 0.71, nan, nan]), direction=1),
            BASELINE: Column(np.array([0.89, 0.82, 0.7, nan, nan]), direction=1),
            AUC.diff(): Column(np.array([0.01, -0.02, 0.0, nan, nan]), direction=1),
            LOSS: Column(np.array([0.5, np.inf, nan, nan, nan]), direction=-1),
            VECTOR: Column(
                np.array([[0.1, 0.2], [0.3, nan], [0.5, 0.6], [nan, nan], [nan, nan]]),
                labels=("0.25", "0.5"),
            ),
            MATRIX: Column(objects(matrix(), None, None, None, None)),
        },
        plots={
            PlotKey("confusion_matrix_plot", "candidate"): objects(
                matrix(), matrix(), None, None, None
            ),
            PlotKey("calibration_plot", "candidate"): objects(
                calibration(), None, None, None, None
            ),
            PlotKey("residual_plot", "candidate"): objects(
                residuals(),
                *(None,) * 4,
            ),
        },
        attributions={
            MetricKey("total_attributions", "candidate"): objects(
                {"hour": 0.5, "carrier": -1.5}, *(None,) * 4
            )
        },
        dataset=dataset,
        notes={TINY: "2 examples, fewer than the 10 that a slice needs"},
    )


def verdict() -> Verdict:
    """Two checks: one missed on a slice, one met."""
    failed = Decision(
        "floor",
        AUC,
        UA,
        check="LOWER_BOUND",
        outcome="FAILED",
        value=0.8,
        difference=0.8,
        bound=0.85,
        margin=-0.05,
        num_examples=60,
        sentence="carrier=UA: AUC is 0.8, which is below 0.85 (60 examples).",
        message="UA is our largest carrier",
    )
    passed = Decision(
        "no worse",
        AUC,
        (),
        check="ABSOLUTE_CHANGE",
        outcome="PASSED",
        value=0.9,
        baseline=0.89,
        difference=0.01,
        bound=-0.01,
        margin=0.02,
        lower=-0.001,
        upper=0.021,
        p_value=0.01,
        num_examples=100,
        sentence="Overall: AUC changed by +0.01.",
    )
    return Verdict(
        "NOT_BLESSED",
        summary="NOT BLESSED: 1 of 2 checks failed.",
        decisions=(failed, passed),
        num_failed=1,
        num_passed=1,
        notes=("the baseline is 3 weeks old",),
    )


def config() -> eval_config_pb2.EvalConfig:
    """A config with fields that only we know."""
    made = eval_config_pb2.EvalConfig()
    made.model_specs.add(name="candidate", label_key="late", class_names=["late", "on time"])
    made.model_specs.add(name="baseline", label_key="late", is_baseline=True)
    made.slicing_specs.add()
    made.slicing_specs.add(feature_keys=["carrier"])
    metric = made.metrics_specs.add().metrics.add(class_name="AUC")
    metric.threshold.name = "floor"
    metric.threshold.value_threshold.lower_bound.value = 0.85
    metric.threshold.confidence_level.value = 0.95
    made.decision.correction = eval_config_pb2.DecisionOptions.HOLM
    made.datasets.add(name="eval")
    return made
