"""Comparison of two models' predictions, against loops over rows."""

from __future__ import annotations

import numpy as np
import pytest

from evaluator_component.batch import Batch
from evaluator_component.errors import MetricError
from evaluator_component.groups import Groups
from evaluator_component.metrics.registry import create


def _batch(seed: int = 0, size: int = 300, shape: tuple[int, ...] = ()) -> Batch:
    random = np.random.default_rng(seed)
    prediction = np.round(random.random((size, *shape)), 2)
    baseline = np.round(np.clip(prediction + random.normal(0, 0.2, prediction.shape), 0, 1), 2)
    weight = random.uniform(0, 2, size)
    return Batch(prediction=prediction, baseline_prediction=baseline, weight=weight)


@pytest.mark.parametrize("threshold", [0.5, 0.25])
@pytest.mark.parametrize(
    ("name", "flips"),
    [
        ("SymmetricFlipRate", lambda b, c: b != c),
        ("NegToNegFlipRate", lambda b, c: ~b & ~c),
        ("NegToPosFlipRate", lambda b, c: ~b & c),
        ("PosToNegFlipRate", lambda b, c: b & ~c),
        ("PosToPosFlipRate", lambda b, c: b & c),
    ],
)
def test_flip_rates_are_shares_of_all_examples(evaluate, name, flips, threshold):
    batch = _batch()
    value = evaluate(create(name, config=f'"threshold": {threshold}'), batch)
    baseline, candidate = batch.baseline_prediction > threshold, batch.prediction > threshold
    expected = np.average(flips(baseline, candidate), weights=batch.weight)
    np.testing.assert_allclose(value, [expected], rtol=1e-12)


def test_boolean_flip_rates_stand_for_five_named_metrics():
    rates = create("BooleanFlipRates", config='"threshold": 0.3, "flip_rate_name": "flips"')
    names = [each.key_name for each in rates.expand()]
    assert names == [
        "flips",
        "neg_to_neg_flip_rate",
        "neg_to_pos_flip_rate",
        "pos_to_neg_flip_rate",
        "pos_to_pos_flip_rate",
    ]
    assert len({each.statistics for each in rates.expand()}) == 1
    assert all(each.compares_models for each in rates.expand())


def test_prediction_difference_is_symmetric_and_bounded(evaluate):
    batch = _batch(1)
    b, c = batch.baseline_prediction, batch.prediction
    size = np.abs(b) + np.abs(c)
    each = np.where(size < 1e-7, 0, 2 * np.abs(b - c) / np.where(size == 0, 1, size))
    metric = create("SymmetricPredictionDifference")
    expected = np.average(each, weights=batch.weight)
    np.testing.assert_allclose(evaluate(metric, batch), [expected], rtol=1e-12)
    swapped = Batch(prediction=b, baseline_prediction=c, weight=batch.weight)
    np.testing.assert_allclose(evaluate(metric, swapped), [expected], rtol=1e-12)
    opposite = Batch(prediction=np.array([1.0]), baseline_prediction=np.array([-1.0]))
    assert evaluate(metric, opposite)[0] == 2.0


def test_cosine_similarity_of_vectors(evaluate):
    batch = _batch(2, shape=(4,))
    b, c = batch.baseline_prediction, batch.prediction
    cosine = (b * c).sum(axis=1) / np.linalg.norm(b, axis=1) / np.linalg.norm(c, axis=1)
    expected = np.average(cosine, weights=batch.weight)
    value = evaluate(create("ModelCosineSimilarity"), batch)
    np.testing.assert_allclose(value, [expected], rtol=1e-12)


def test_cosine_of_a_zero_vector_does_not_count(evaluate):
    zero = Batch(prediction=np.zeros((2, 3)), baseline_prediction=np.ones((2, 3)))
    assert np.isnan(evaluate(create("ModelCosineSimilarity"), zero)).all()
    mixed = Batch(
        prediction=np.array([[0.0, 0.0], [1.0, 1.0]]), baseline_prediction=np.ones((2, 2))
    )
    np.testing.assert_allclose(evaluate(create("ModelCosineSimilarity"), mixed), [1.0])


@pytest.mark.parametrize(
    "name", ["SymmetricFlipRate", "SymmetricPredictionDifference", "ModelCosineSimilarity"]
)
def test_what_cannot_be_compared_is_an_error(evaluate, name):
    with pytest.raises(MetricError, match="is_baseline"):
        evaluate(create(name), Batch(prediction=np.zeros(2)))
    other = Batch(prediction=np.zeros((2, 3)), baseline_prediction=np.zeros((2, 2)))
    with pytest.raises(MetricError, match=r"shape \(3,\).*shape \(2,\)"):
        evaluate(create(name), other)
    wrong = Batch(prediction=np.array([np.nan, 0.5]), baseline_prediction=np.ones(2))
    with pytest.raises(MetricError, match="predictions must be"):
        evaluate(create(name), wrong)


@pytest.mark.parametrize(
    "name", ["SymmetricFlipRate", "SymmetricPredictionDifference", "ModelCosineSimilarity"]
)
def test_groups_are_separate_and_empty_ones_undefined(evaluate, name):
    batch = _batch(3)
    ids = np.random.default_rng(4).integers(0, 2, len(batch))
    value = evaluate(create(name), batch, Groups.single(ids, 3))
    for group in range(2):
        expected = evaluate(create(name), batch.take(ids == group))
        np.testing.assert_allclose(value[group], expected[0], rtol=1e-12)
    assert np.isnan(value[2])
