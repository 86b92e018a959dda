"""Cross entropies against scikit-learn and SciPy, with Keras' clipping."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit, log_softmax
from sklearn.metrics import log_loss

from evaluator_component.batch import Batch
from evaluator_component.errors import ConfigError, MetricError
from evaluator_component.metrics.registry import create

sys.path.insert(0, str(Path(__file__).parent))
from binary_batches import make


def _clipped(probability):
    return np.clip(probability, 1e-7, 1 - 1e-7)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize(
    "scenario", ["probabilities", "weights", "fractional labels", "zeros and ones", "near one"]
)
def test_binary_cross_entropy(evaluate, scenario, smoothing):
    batch = make(scenario)
    label = batch.label * (1 - smoothing) + smoothing / 2
    prediction = _clipped(batch.prediction)
    loss = -(label * np.log(prediction) + (1 - label) * np.log(1 - prediction))
    expected = np.average(loss, weights=batch.weight)
    metric = create("BinaryCrossEntropy", config=f'"label_smoothing": {smoothing}')
    np.testing.assert_allclose(evaluate(metric, batch), [expected], rtol=1e-9)


@pytest.mark.parametrize("scenario", ["probabilities", "weights"])
def test_binary_cross_entropy_is_scikit_learns_log_loss(evaluate, scenario):
    batch = make(scenario)
    expected = log_loss(batch.label, _clipped(batch.prediction), sample_weight=batch.weight)
    np.testing.assert_allclose(evaluate(create("BinaryCrossEntropy"), batch), [expected], rtol=1e-9)


def test_a_confident_mistake_costs_16_and_not_infinity(evaluate):
    batch = Batch(label=np.array([1.0, 0.0]), prediction=np.array([0.0, 1.0]))
    assert evaluate(create("BinaryCrossEntropy"), batch)[0] == pytest.approx(-np.log(1e-7))


@pytest.mark.parametrize("size", [1.0, 30.0, 800.0])
def test_binary_cross_entropy_of_logits(evaluate, size):
    random = np.random.default_rng(1)
    logit, label = random.normal(0, size, 500), random.integers(0, 2, 500).astype(float)
    batch = Batch(label=label, prediction=logit, weight=random.random(500))
    expected = np.average(
        np.logaddexp(0, np.where(label == 1, -logit, logit)), weights=batch.weight
    )
    metric = create("BinaryCrossEntropy", config='"from_logits": true')
    np.testing.assert_allclose(evaluate(metric, batch), [expected], rtol=1e-9)
    if size == 1.0:
        same = Batch(label=label, prediction=expit(logit), weight=batch.weight)
        np.testing.assert_allclose(evaluate(create("BinaryCrossEntropy"), same), [expected])


def _classes(rows=400, classes=7):
    random = np.random.default_rng(8)
    score = random.gamma(0.5, size=(rows, classes)) + 1e-12
    return random.integers(0, classes, rows), score, random.random(rows)


@pytest.mark.parametrize("dense", [False, True])
def test_categorical_cross_entropy(evaluate, dense):
    label, score, weight = _classes()
    share = score / score.sum(axis=1, keepdims=True)
    expected = log_loss(label, _clipped(share), sample_weight=weight, labels=np.arange(7))
    given = np.eye(7)[label] if dense else label
    batch = Batch(label=given, prediction=score.copy(), weight=weight)
    value = evaluate(create("CategoricalCrossEntropy"), batch)
    # scikit-learn divides by the sum once more, after clipping.
    np.testing.assert_allclose(value, [expected], rtol=1e-6)
    exact = np.average(-np.log(_clipped(share[np.arange(400), label])), weights=weight)
    np.testing.assert_allclose(value, [exact], rtol=1e-9)
    np.testing.assert_array_equal(batch.prediction, score)


def test_categorical_cross_entropy_of_logits_with_smoothing(evaluate):
    label, _, weight = _classes()
    logits = np.random.default_rng(2).normal(0, 20, (400, 7))
    smooth = np.eye(7)[label] * 0.8 + 0.2 / 7
    expected = np.average(-(smooth * log_softmax(logits, axis=1)).sum(axis=1), weights=weight)
    metric = create("CategoricalCrossEntropy", config='"from_logits": true, "label_smoothing": 0.2')
    batch = Batch(label=label, prediction=logits, weight=weight)
    np.testing.assert_allclose(evaluate(metric, batch), [expected], rtol=1e-9)


def test_a_true_class_without_any_probability_costs_16(evaluate):
    batch = Batch(label=np.array([1]), prediction=np.array([[1.0, 0.0]]))
    assert evaluate(create("CategoricalCrossEntropy"), batch)[0] == pytest.approx(-np.log(1e-7))


def test_examples_of_no_class_are_left_out(evaluate):
    prediction = np.array([[0.5, 0.5], [0.9, 0.1]])
    batch = Batch(label=np.array([0, -1]), prediction=prediction)
    assert evaluate(create("CategoricalCrossEntropy"), batch)[0] == pytest.approx(np.log(2))


@pytest.mark.parametrize(
    ("label", "prediction", "message"),
    [
        ([2], [[0.5, 0.5]], r"class ids 0..1 \(or -1 for none\), found 2"),
        ([0], [[0.5, -0.5]], "must not be negative, found -0.5; set from_logits"),
        ([0], [[0.5, np.nan]], "predictions must be finite, found nan"),
    ],
)
def test_impossible_values_are_named(evaluate, label, prediction, message):
    batch = Batch(label=np.array(label), prediction=np.array(prediction))
    with pytest.raises(MetricError, match=message):
        evaluate(create("CategoricalCrossEntropy"), batch)


@pytest.mark.parametrize("name", ["BinaryCrossEntropy", "CategoricalCrossEntropy"])
def test_smoothing_is_a_share(name):
    with pytest.raises(ConfigError, match=r"label_smoothing must be in \[0, 1\], got 2"):
        create(name, config='"label_smoothing": 2')
