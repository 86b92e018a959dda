"""Confusion matrix metrics against scikit-learn and against their definitions."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics as reference

from evaluator_component.batch import Batch
from evaluator_component.errors import ConfigError, MetricError
from evaluator_component.groups import Groups
from evaluator_component.keys import SubKey
from evaluator_component.metrics.registry import create
from evaluator_component.metrics.view import View

sys.path.insert(0, str(Path(__file__).parent))
from binary_batches import SCENARIOS, hardened, make


def _ratio(numerator, denominator):
    return numerator / denominator if denominator else np.nan


def _by_definition(tp, fp, tn, fn):
    tpr, tnr = _ratio(tp, tp + fn), _ratio(tn, tn + fp)
    ppv, npv = _ratio(tp, tp + fp), _ratio(tn, tn + fn)
    fpr, fnr = _ratio(fp, fp + tn), _ratio(fn, fn + tp)
    everything = tp + fp + tn + fn
    return {
        "TruePositives": tp,
        "TP": tp,
        "FalsePositives": fp,
        "FP": fp,
        "TrueNegatives": tn,
        "TN": tn,
        "FalseNegatives": fn,
        "FN": fn,
        "Precision": ppv,
        "PPV": ppv,
        "Recall": tpr,
        "TPR": tpr,
        "Specificity": tnr,
        "TNR": tnr,
        "FallOut": fpr,
        "FPR": fpr,
        "MissRate": fnr,
        "FNR": fnr,
        "NegativePredictiveValue": npv,
        "NPV": npv,
        "FalseDiscoveryRate": _ratio(fp, fp + tp),
        "FalseOmissionRate": _ratio(fn, fn + tn),
        "Prevalence": _ratio(tp + fn, everything),
        "PredictedPositiveRate": _ratio(tp + fp, everything),
        "PredictedNegativeRate": _ratio(tn + fn, everything),
        "BinaryAccuracy": _ratio(tp + tn, everything),
        "BalancedAccuracy": (tpr + tnr) / 2,
        "ThreatScore": _ratio(tp, tp + fn + fp),
        "F1Score": _ratio(2 * tp, 2 * tp + fp + fn),
        "FowlkesMallowsIndex": np.sqrt(ppv * tpr),
        "Informedness": tpr + tnr - 1,
        "Markedness": ppv + npv - 1,
        "PositiveLikelihoodRatio": _ratio(tpr, fpr),
        "NegativeLikelihoodRatio": _ratio(fnr, tnr),
        "DiagnosticOddsRatio": _ratio(_ratio(tp, fn), _ratio(fp, tn)),
        "PrevalenceThreshold": _ratio(np.sqrt(tpr * fpr) - fpr, tpr - fpr),
    }


@pytest.mark.parametrize("threshold", [0.5, 0.25, 0.1])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_formulas_are_their_definitions(evaluate, scenario, threshold):
    batch = make(scenario)
    label, score, weight = hardened(batch)
    above = score > threshold
    counts = [
        weight[above & (label == 1)].sum(),
        weight[above & (label == 0)].sum(),
        weight[~above & (label == 0)].sum(),
        weight[~above & (label == 1)].sum(),
    ]
    for name, expected in _by_definition(*counts).items():
        value = evaluate(create(name, config=f'"thresholds": {threshold}'), batch)
        np.testing.assert_allclose(value, [expected], rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Precision", reference.precision_score),
        ("Recall", reference.recall_score),
        ("F1Score", reference.f1_score),
        ("ThreatScore", reference.jaccard_score),
        ("BinaryAccuracy", reference.accuracy_score),
        ("BalancedAccuracy", reference.balanced_accuracy_score),
        ("MatthewsCorrelationCoefficient", reference.matthews_corrcoef),
        ("BinaryCohenKappa", reference.cohen_kappa_score),
    ],
)
@pytest.mark.parametrize("scenario", ["probabilities", "ties", "weights", "fractional labels"])
def test_agrees_with_scikit_learn(evaluate, name, expected, scenario):
    batch = make(scenario)
    label, score, weight = hardened(batch)
    value = evaluate(create(name), batch)[0]
    assert value == pytest.approx(expected(label, score > 0.5, sample_weight=weight), rel=1e-9)


def test_a_prediction_equal_to_the_threshold_is_negative(evaluate):
    batch = Batch(label=np.array([1.0, 1.0]), prediction=np.array([0.5, np.nextafter(0.5, 1)]))
    assert evaluate(create("TruePositives"), batch) == 1.0


def test_several_thresholds_keep_their_order(evaluate):
    batch = make("ties")
    metric = create("Recall", config='"thresholds": [0.9, 0.1, 0.5, 0.9]')
    each = [
        evaluate(create("Recall", config=f'"thresholds": {threshold}'), batch)[0]
        for threshold in (0.9, 0.1, 0.5, 0.9)
    ]
    np.testing.assert_array_equal(evaluate(metric, batch)[0], each)
    assert metric.labels() == tuple(f"threshold={t}" for t in (0.9, 0.1, 0.5, 0.9))
    assert metric.kind == "vector"


def test_one_threshold_in_a_list_is_a_number():
    assert create("Recall", config='"thresholds": [0.5]').kind == "number"


def test_metrics_of_equal_thresholds_share_their_counts():
    assert create("Precision").statistics == create("F1Score").statistics
    one = create("Precision", config='"thresholds": [0.5, 0.25]')
    other = create("Recall", config='"thresholds": [0.25, 0.5]')
    assert one.statistics == other.statistics


def test_confusion_matrices_at_thresholds(evaluate):
    batch = make("weights")
    metric = create("ConfusionMatrixAtThresholds", config='"thresholds": [0.75, 0.25]')
    (value,) = evaluate(metric, batch)
    assert value["kind"] == "confusion_matrices"
    np.testing.assert_array_equal(value["columns"]["threshold"], [0.75, 0.25])
    above = batch.prediction > 0.25
    assert value["columns"]["true_positives"][1] == pytest.approx(
        (batch.weight * batch.label)[above].sum(), rel=1e-12
    )


def test_max_recall_counts_every_score_above_zero(evaluate):
    batch = Batch(label=np.ones(4), prediction=np.array([0.0, 1e-13, 1e-9, 1.0]))
    assert evaluate(create("MaxRecall"), batch)[0] == 0.5


def _multi_class():
    prediction = np.array([[0.5, 0.3, 0.2], [0.1, 0.3, 0.6], [0.2, 0.45, 0.35], [0.4, 0.4, 0.2]])
    return Batch(label=np.array([0, 1, 1, 2]), prediction=prediction, weight=np.ones(4))


def _viewed(batch, sub_key, aggregation=None):
    view = View(sub_key=sub_key, aggregation=aggregation)
    return view.shape(batch, Groups.everything(len(batch)), "elementwise")


def test_top_k_predicts_the_k_best_classes(evaluate):
    viewed, groups = _viewed(_multi_class(), SubKey(top_k=2))
    # Hits of the top 2: rows 0, 1, 2; row 3 has its class 2 behind classes 0 and 1.
    assert evaluate(create("Recall"), viewed, groups)[0] == 3 / 4
    assert evaluate(create("Precision"), viewed, groups)[0] == 3 / 8
    explicit = create("Precision", config='"thresholds": 0.42')
    assert evaluate(explicit, viewed, groups)[0] == 2 / 3


def test_class_id_looks_at_one_class(evaluate):
    viewed, groups = _viewed(_multi_class(), SubKey(class_id=1))
    values = evaluate(create("Recall", config='"thresholds": 0.35'), viewed, groups)
    assert values[0] == 1 / 2


@pytest.mark.parametrize("wrong", [1.5, -0.25])
def test_labels_outside_zero_and_one_are_named(evaluate, wrong):
    batch = Batch(label=np.array([1.0, wrong]), prediction=np.array([0.5, 0.5]))
    with pytest.raises(MetricError, match=rf"in \[0, 1\], found {wrong:g} \(1 of 2\)"):
        evaluate(create("Recall"), batch)


def test_labels_that_float32_moved_a_little_are_accepted(evaluate):
    batch = Batch(label=np.array([1.0000001]), prediction=np.array([0.75]))
    assert evaluate(create("TruePositives"), batch)[0] == 1.0


@pytest.mark.parametrize("missing", ["label", "prediction"])
def test_missing_columns_are_named(evaluate, missing):
    columns = {"label": np.ones(2), "prediction": np.ones(2)}
    del columns[missing]
    with pytest.raises(MetricError, match=f"no {missing}s"):
        evaluate(create("Recall"), Batch(**columns))


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("Precision", '"thresholds": "0.5"', "thresholds must be numbers, got '0.5'"),
        ("ConfusionMatrixAtThresholds", "", "needs thresholds"),
        ("MaxRecall", '"thresholds": 0.5', "takes no thresholds"),
        ("Precision", '"threshold": 0.5', "did you mean 'thresholds'"),
    ],
)
def test_wrong_arguments_are_explained(name, arguments, message):
    with pytest.raises(ConfigError, match=message):
        create(name, config=arguments)
