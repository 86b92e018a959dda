"""Operating points and gains, by looking at every threshold in a loop."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from evaluator_component.batch import Batch
from evaluator_component.errors import ConfigError
from evaluator_component.metrics.registry import create

sys.path.insert(0, str(Path(__file__).parent))
from binary_batches import SCENARIOS, hardened, make


def _rates(batch, thresholds):
    label, score, weight = hardened(batch)
    for threshold in thresholds:
        above = score > threshold
        tp, fp = weight[above & (label == 1)].sum(), weight[above & (label == 0)].sum()
        fn, tn = weight[~above & (label == 1)].sum(), weight[~above & (label == 0)].sum()
        with np.errstate(invalid="ignore", divide="ignore"):
            recall, specificity = np.true_divide(tp, tp + fn), np.true_divide(tn, tn + fp)
            precision = np.true_divide(tp, tp + fp)
        yield threshold, recall, specificity, precision


def _best(found, good):
    values = [value for value, rate in found if good(rate) and not np.isnan(value)]
    return max(values) if values else np.nan


def _expected(batch, thresholds, bound):
    rates = list(_rates(batch, thresholds))
    enough = lambda rate: rate >= bound * (1 - 1e-9)  # noqa: E731
    return {
        "SensitivityAtSpecificity": _best([(r, s) for _, r, s, _ in rates], enough),
        "SpecificityAtSensitivity": _best([(s, r) for _, r, s, _ in rates], enough),
        "PrecisionAtRecall": _best([(p, r) for _, r, _, p in rates], enough),
        "RecallAtPrecision": _best(
            [(r, 1.0 if np.isnan(p) else p) for _, r, _, p in rates], enough
        ),
        "RecallAtFalsePositiveRate": _best(
            [(r, 1 - s) for _, r, s, _ in rates], lambda rate: rate <= bound * (1 + 1e-9)
        ),
    }


ARGUMENT = {
    "SensitivityAtSpecificity": "specificity",
    "SpecificityAtSensitivity": "sensitivity",
    "PrecisionAtRecall": "recall",
    "RecallAtPrecision": "precision",
    "RecallAtFalsePositiveRate": "false_positive_rate",
    "ThresholdAtRecall": "recall",
}


@pytest.mark.parametrize("bound", [0.05, 0.5, 0.8, 0.95, 1.0])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_best_of_all_thresholds_is_found(evaluate, scenario, bound):
    batch = make(scenario, rows=120)
    scores = np.unique(batch.prediction[batch.weight > 0])
    for name, expected in _expected(batch, [-np.inf, *scores], bound).items():
        for more in ("", ', "exact": true'):
            metric = create(name, config=f'"{ARGUMENT[name]}": {bound}{more}')
            value = evaluate(metric, batch)
            np.testing.assert_allclose(value, [expected], rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("scenario", ["probabilities", "ties", "weights"])
def test_explicit_thresholds_are_the_only_ones(evaluate, scenario):
    batch = make(scenario)
    for name, expected in _expected(batch, [0.2, 0.4, 0.6], 0.7).items():
        metric = create(name, config=f'"{ARGUMENT[name]}": 0.7, "thresholds": [0.6, 0.2, 0.4]')
        np.testing.assert_allclose(evaluate(metric, batch), [expected], rtol=1e-9, err_msg=name)


@pytest.mark.parametrize("exact", ["true", "false"])
@pytest.mark.parametrize("bound", [0.2, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("scenario", ["probabilities", "ties", "tiny probabilities", "logits"])
def test_a_threshold_at_recall_has_that_recall_and_the_next_score_has_not(
    evaluate, scenario, bound, exact
):
    batch = make(scenario)
    metric = create("ThresholdAtRecall", config=f'"recall": {bound}, "exact": {exact}')
    threshold = evaluate(metric, batch)[0]
    (_, recall, *_), (_, next_recall, *_) = _rates(
        batch, [threshold, batch.prediction[batch.prediction > threshold].min()]
    )
    assert recall >= bound * (1 - 1e-9)
    assert next_recall < bound


def test_without_positives_there_is_no_recall(evaluate):
    batch = make("negatives only")
    for name, argument in ARGUMENT.items():
        value = evaluate(create(name, config=f'"{argument}": 0.5'), batch)[0]
        assert np.isnan(value), name


def test_a_precision_that_no_threshold_reaches_is_reached_with_recall_0(evaluate):
    batch = Batch(label=np.array([0.0, 1.0]), prediction=np.array([0.9, 0.8]))
    assert evaluate(create("RecallAtPrecision", config='"precision": 0.9'), batch)[0] == 0.0
    only = '"precision": 0.9, "thresholds": [0.5]'
    assert np.isnan(evaluate(create("RecallAtPrecision", config=only), batch)[0])


def test_several_bounds_make_a_vector(evaluate):
    batch = make("probabilities")
    metric = create("PrecisionAtRecall", config='"recall": [0.9, 0.3, 1]')
    assert metric.labels() == ("recall=0.9", "recall=0.3", "recall=1")
    each = [
        evaluate(create("PrecisionAtRecall", config=f'"recall": {bound}'), batch)[0]
        for bound in (0.9, 0.3, 1)
    ]
    np.testing.assert_array_equal(evaluate(metric, batch)[0], each)


@pytest.mark.parametrize("scenario", ["probabilities", "weights", "fractional labels", "logits"])
def test_kolmogorov_smirnov_is_the_largest_difference(evaluate, scenario):
    batch = make(scenario)
    rates = list(_rates(batch, [-np.inf, *np.unique(batch.prediction)]))
    expected = max(recall - (1 - specificity) for _, recall, specificity, _ in rates)
    value = evaluate(create("KolmogorovSmirnov"), batch)
    np.testing.assert_allclose(value, [expected], rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("PrecisionAtRecall", '"recall": 1.5', r"recall must be in \[0, 1\], got 1.5"),
        ("PrecisionAtRecall", "", "recall"),
        ("GainAtK", '"k": 0', r"fraction in \(0, 1\], got 0"),
        ("GainAtK", '"k": 10', r"fraction in \(0, 1\], got 10"),
    ],
)
def test_wrong_arguments_are_explained(name, arguments, message):
    with pytest.raises(ConfigError, match=message):
        create(name, config=arguments)


def _gain_in_random_orders(batch, fraction, random, orders=3000):
    """Mean share of positives among the top fraction, ties being broken at random."""
    gains = []
    for _ in range(orders):
        order = np.lexsort((random.random(len(batch)), -batch.prediction))
        top = order[: round(fraction * len(batch))]
        gains.append(batch.label[top].sum() / batch.label.sum())
    return np.mean(gains), np.std(gains) / np.sqrt(orders)


@pytest.mark.parametrize("fraction", [0.05, 0.25, 0.5])
def test_gain_takes_ties_as_if_in_random_order(evaluate, fraction):
    batch = make("ties", rows=200)
    expected, error = _gain_in_random_orders(batch, fraction, np.random.default_rng(4))
    gain = evaluate(create("GainAtK", config=f'"k": {fraction}'), batch)[0]
    assert gain == pytest.approx(expected, abs=4 * error)
    lift = evaluate(create("LiftAtK", config=f'"k": {fraction}'), batch)[0]
    assert lift == pytest.approx(gain / fraction)


@pytest.mark.parametrize("scenario", ["probabilities", "tiny probabilities", "logits"])
def test_gain_without_ties_counts_the_best(evaluate, scenario):
    batch = make(scenario, rows=300)
    batch = batch.take(np.unique(batch.prediction, return_index=True)[1][-100:])
    top = np.argsort(-batch.prediction)[: len(batch) // 4]
    expected = batch.label[top].sum() / batch.label.sum()
    value = evaluate(create("GainAtK", config='"k": 0.25'), batch.take(np.arange(len(batch))))[0]
    assert value == pytest.approx(expected, rel=1e-9)


def test_gain_at_everything_is_1(evaluate):
    value = evaluate(create("GainAtK", config='"k": [0.5, 1.0]'), make("weights"))[0]
    assert value[1] == pytest.approx(1.0)
    assert np.isnan(evaluate(create("LiftAtK"), make("negatives only"))[0])
