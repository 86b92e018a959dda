"""Areas under curves against scikit-learn, and against sums and integrals written out."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad
from sklearn import metrics as reference

from evaluator_component.batch import Batch
from evaluator_component.errors import ConfigError
from evaluator_component.metrics.registry import create

sys.path.insert(0, str(Path(__file__).parent))
from binary_batches import SCENARIOS, hardened, make

BOTH_CLASSES = [
    name for name in SCENARIOS if name not in ("one row", "positives only", "negatives only")
]


def _points(batch, thresholds):
    """True and false positives above each threshold, and all positives and negatives."""
    label, score, weight = hardened(batch)
    above = score[None, :] > np.asarray(thresholds)[:, None]
    tp, fp = (above * (weight * label)).sum(axis=1), (above * (weight * (1 - label))).sum(axis=1)
    return tp, fp, (weight * label).sum(), (weight * (1 - label)).sum()


def _all_points(batch):
    return _points(batch, [-np.inf, *np.unique(batch.prediction[batch.weight > 0])])


def _precision(tp, low_tp, low_fp, slope):
    return tp / (tp + low_fp + slope * (tp - low_tp))


def _pr_integral(tp, fp, positives):
    """Precision integrated over recall, counts growing linearly between neighbouring points."""
    area = 0.0
    for high in range(len(tp) - 1):
        t0, f0, t1, f1 = tp[high + 1], fp[high + 1], tp[high], fp[high]
        if t1 > t0:
            if t0 + f0 == 0:
                area += (t1 - t0) * t1 / (t1 + f1)
                continue
            slope = (f1 - f0) / (t1 - t0)
            area += quad(_precision, t0, t1, (t0, f0, slope), epsabs=0, epsrel=1e-12)[0]
    return area / positives


def _steps(x, y, pick):
    return sum((x[i] - x[i + 1]) * pick(y[i], y[i + 1]) for i in range(len(x) - 1))


@pytest.mark.parametrize("scenario", BOTH_CLASSES)
def test_roc_agrees_with_scikit_learn(evaluate, scenario):
    batch = make(scenario)
    label, score, weight = hardened(batch)
    expected = reference.roc_auc_score(label, score, sample_weight=weight)
    for arguments in ("", '"exact": true'):
        value = evaluate(create("AUC", config=arguments), batch)
        np.testing.assert_allclose(value, [expected], rtol=1e-9)
    np.testing.assert_allclose(evaluate(create("Gini"), batch), [2 * expected - 1], rtol=1e-9)


@pytest.mark.parametrize("scenario", BOTH_CLASSES)
def test_pr_is_the_integral_of_precision(evaluate, scenario):
    batch = make(scenario, rows=150)
    tp, fp, positives, _ = _all_points(batch)
    value = evaluate(create("AUCPrecisionRecall"), batch)
    np.testing.assert_allclose(value, [_pr_integral(tp, fp, positives)], rtol=1e-9)


@pytest.mark.parametrize("scenario", BOTH_CLASSES)
def test_average_precision_agrees_with_scikit_learn(evaluate, scenario):
    batch = make(scenario)
    label, score, weight = hardened(batch)
    expected = reference.average_precision_score(label, score, sample_weight=weight)
    np.testing.assert_allclose(evaluate(create("AveragePrecision"), batch), [expected], rtol=1e-9)


@pytest.mark.parametrize("scenario", ["probabilities", "ties", "fractional labels", "logits"])
@pytest.mark.parametrize(("method", "pick"), [("minoring", min), ("majoring", max)])
def test_minoring_and_majoring_are_rectangles(evaluate, scenario, method, pick):
    batch = make(scenario)
    tp, fp, positives, negatives = _all_points(batch)
    roc = evaluate(create("AUC", config=f'"summation_method": "{method}"'), batch)
    np.testing.assert_allclose(roc, [_steps(fp / negatives, tp / positives, pick)], rtol=1e-9)
    precision = np.divide(tp, tp + fp, out=np.zeros_like(tp), where=tp + fp > 0)
    pr = evaluate(create("AUC", config=f'"curve": "PR", "summation_method": "{method}"'), batch)
    np.testing.assert_allclose(pr, [_steps(tp / positives, precision, pick)], rtol=1e-9)


@pytest.mark.parametrize("scenario", ["probabilities", "ties", "weights", "logits"])
def test_explicit_thresholds_have_one_below_zero_and_one_above_one(evaluate, scenario):
    batch = make(scenario)
    tp, fp, positives, negatives = _points(batch, [-1e-7, 0.25, 0.5, 0.75, 1 + 1e-7])
    expected = _steps(fp / negatives, tp / positives, lambda left, right: (left + right) / 2)
    value = evaluate(create("AUC", config='"thresholds": [0.75, 0.25, 0.5]'), batch)
    np.testing.assert_allclose(value, [expected], rtol=1e-9)


def _bucketed(batch, count):
    """The scores as 10,000 buckets see them: the lower end of their bucket."""
    bucket = np.clip((batch.prediction * 10000 + 1).astype(int), 0, 10001)
    lower = (bucket - 1) / 10000
    thresholds = np.array([-1e-7, *(i / (count - 1) for i in range(1, count - 1)), 1 + 1e-7])
    above = (lower[None, :] >= thresholds[:, None] + 1e-7) | (bucket == 10001)[None, :]
    above[0], above[-1] = True, False
    positive = batch.weight * batch.label
    tp, fp = (above * positive).sum(axis=1), (above * (batch.weight - positive)).sum(axis=1)
    return fp / fp[0], tp / tp[0]


@pytest.mark.parametrize("count", [2, 3, 200, 4097, 10000])
@pytest.mark.parametrize("scenario", ["probabilities", "ties", "weights", "zeros and ones"])
def test_num_thresholds_are_equal_steps_over_buckets(evaluate, scenario, count):
    batch = make(scenario)
    fpr, tpr = _bucketed(batch, count)
    expected = _steps(fpr, tpr, lambda left, right: (left + right) / 2)
    value = evaluate(create("AUC", config=f'"num_thresholds": {count}'), batch)
    np.testing.assert_allclose(value, [expected], rtol=1e-9)


def _continuous(kind, rows=20_000):
    random = np.random.default_rng(9)
    hidden = random.normal(-1, 1.5, rows)
    label = (random.random(rows) < 1 / (1 + np.exp(-hidden))).astype(float)
    score = {
        "probabilities": 1 / (1 + np.exp(-hidden)),
        "order 1e-4": 1e-4 / (1 + np.exp(-hidden)),
        "near one": 1 - 1e-4 / (1 + np.exp(hidden)),
        "logits": hidden,
        "sharp": 1 / (1 + np.exp(-9 * hidden)),
    }[kind]
    return Batch(label=label, prediction=score, weight=random.random(rows))


@pytest.mark.parametrize("kind", ["probabilities", "order 1e-4", "near one", "logits", "sharp"])
def test_the_histogram_moves_the_area_less_than_its_bound(evaluate, kind):
    batch = _continuous(kind)
    exact = reference.roc_auc_score(batch.label, batch.prediction, sample_weight=batch.weight)
    np.testing.assert_allclose(evaluate(create("ExactAUC"), batch), [exact], rtol=1e-9)
    error = abs(evaluate(create("AUC"), batch)[0] - exact)
    bound = evaluate(create("AUCErrorBound"), batch)[0]
    assert error <= bound < 1e-4
    assert error < 1e-6
    curve = '"curve": "PR"'
    exact = evaluate(create("ExactAUC", config=curve), batch)[0]
    error = abs(evaluate(create("AUC", config=curve), batch)[0] - exact)
    assert error <= evaluate(create("AUCErrorBound", config=curve), batch)[0] < 2e-4


def test_the_bound_is_reached_by_ties_that_hide_an_order(evaluate):
    step = 1e-6  # far below a cell's width at 0.3
    label = np.array([0.0, 0.0, 1.0, 1.0])
    batch = Batch(label=label, prediction=0.3 + step * np.arange(4))
    assert evaluate(create("AUC"), batch)[0] == 0.5
    assert evaluate(create("ExactAUC"), batch)[0] == 1.0
    assert evaluate(create("AUCErrorBound"), batch)[0] == 0.5


@pytest.mark.parametrize(
    "arguments", ["", '"num_thresholds": 100', '"thresholds": [0.5]', '"exact": true']
)
def test_one_class_has_no_area(evaluate, arguments):
    for scenario in ("positives only", "negatives only"):
        assert np.isnan(evaluate(create("AUC", config=arguments), make(scenario))[0])
    pr = create("AUC", config=", ".join(filter(None, [arguments, '"curve": "PR"'])))
    assert np.isnan(evaluate(pr, make("negatives only"))[0])
    assert evaluate(pr, make("positives only"))[0] == pytest.approx(1.0)


def test_auc_and_pr_share_one_histogram():
    assert create("AUC").statistics == create("AUCPrecisionRecall").statistics
    assert (
        create("AUC").statistics
        == create("SensitivityAtSpecificity", config='"specificity": 0.5').statistics
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ('"curve": "ROCK"', "curve must be one of"),
        ('"summation_method": "trapezoid"', "summation_method must be one of"),
        ('"num_thresholds": 1', "at least 2"),
        ('"num_thresholds": 10, "exact": true', "only one of"),
        ('"num_threshold": 10', "did you mean 'num_thresholds'"),
    ],
)
def test_wrong_arguments_are_explained(arguments, message):
    with pytest.raises(ConfigError, match=message):
        create("AUC", config=arguments)


def test_curve_names_may_be_written_small():
    assert create("AUC", config='"curve": "pr"') == create("AUC", config='"curve": "PR"')
