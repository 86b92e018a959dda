"""Regression errors, moments and correlations against scikit-learn, SciPy and exact arithmetic."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

from evaluator_component.batch import Batch
from evaluator_component.errors import MetricError
from evaluator_component.groups import Groups, Membership
from evaluator_component.metrics import correlation, regression
from evaluator_component.metrics.registry import create
from evaluator_component.resamples import Partition, Poisson


def _data(seed: int, kind: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    size = 500
    label = random.normal(3, 2, size)
    prediction = label + random.normal(0.2, 1, size)
    weight = random.uniform(0, 4, size)
    if kind == "ties":
        label, prediction = np.round(label), np.round(prediction)
    if kind == "tiny":
        label, prediction = label * 1e-6, prediction * 1e-6
    if kind == "large offset":
        label, prediction = label + 1e7, prediction + 1e7
    if kind == "positive":
        label, prediction = np.abs(label), np.abs(prediction)
    if kind == "whole weights":
        weight = random.integers(0, 4, size).astype(float)
    return label, prediction, weight


def _average(function):
    return lambda y, p, w: np.average(function(y, p), weights=w)


REFERENCES = [
    ("MeanError", "", _average(lambda y, p: p - y)),
    ("MeanAbsoluteError", "", lambda y, p, w: sk.mean_absolute_error(y, p, sample_weight=w)),
    ("MeanSquaredError", "", lambda y, p, w: sk.mean_squared_error(y, p, sample_weight=w)),
    (
        "RootMeanSquaredError",
        "",
        lambda y, p, w: sk.root_mean_squared_error(y, p, sample_weight=w),
    ),
    (
        "MeanAbsolutePercentageError",
        "",
        lambda y, p, w: (
            100 * sk.mean_absolute_percentage_error(y[y != 0], p[y != 0], sample_weight=w[y != 0])
        ),
    ),
    (
        "SymmetricMeanAbsolutePercentageError",
        "",
        _average(
            lambda y, p: 200 * np.abs(p - y) / np.where(y == p, 1, np.abs(p) + np.abs(y)) * (y != p)
        ),
    ),
    (
        "WeightedAbsolutePercentageError",
        "",
        lambda y, p, w: 100 * (w @ np.abs(y - p)) / (w @ np.abs(y)),
    ),
    ("LogCoshError", "", _average(lambda y, p: np.log1p(2 * np.sinh((p - y) / 2) ** 2))),
    ("QuantileLoss", "", lambda y, p, w: sk.mean_pinball_loss(y, p, sample_weight=w)),
    (
        "QuantileLoss",
        '"quantile": 0.9',
        lambda y, p, w: sk.mean_pinball_loss(y, p, sample_weight=w, alpha=0.9),
    ),
    ("MaxError", "", lambda y, p, w: sk.max_error(y[w > 0], p[w > 0])),
    ("R2Score", "", lambda y, p, w: sk.r2_score(y, p, sample_weight=w)),
    (
        "ExplainedVariance",
        "",
        lambda y, p, w: sk.explained_variance_score(y, p, sample_weight=w),
    ),
    ("PearsonCorrelation", "", lambda y, p, w: _pearson(y, p, w)),
    ("SquaredPearsonCorrelation", "", lambda y, p, w: _pearson(y, p, w) ** 2),
    ("ConcordanceCorrelation", "", lambda y, p, w: _concordance(y, p, w)),
]
NAMES = [f"{name}({config})" for name, config, _ in REFERENCES]


def _covariance(y, p, w):
    return np.cov(p, y, aweights=w, ddof=0)


def _pearson(y, p, w):
    c = _covariance(y, p, w)
    return c[0, 1] / np.sqrt(c[0, 0] * c[1, 1])


def _concordance(y, p, w):
    c = _covariance(y, p, w)
    distance = np.average(p, weights=w) - np.average(y, weights=w)
    return 2 * c[0, 1] / (c[0, 0] + c[1, 1] + distance**2)


@pytest.mark.parametrize("kind", ["plain", "ties", "tiny", "positive", "whole weights"])
@pytest.mark.parametrize(("name", "config", "reference"), REFERENCES, ids=NAMES)
def test_agrees_with_the_reference(evaluate, name, config, reference, kind):
    label, prediction, weight = _data(1, kind)
    value = evaluate(create(name, config=config), Batch(label, prediction, weight))
    np.testing.assert_allclose(value, [reference(label, prediction, weight)], rtol=1e-9)


@pytest.mark.parametrize("name", ["MeanSquaredLogarithmicError", "RootMeanSquaredLogarithmicError"])
def test_logarithmic_errors_agree_with_sklearn(evaluate, name):
    label, prediction, weight = _data(2, "positive")
    expected = sk.mean_squared_log_error(label, prediction, sample_weight=weight)
    if name.startswith("Root"):
        expected = np.sqrt(expected)
    value = evaluate(create(name), Batch(label, prediction, weight))
    np.testing.assert_allclose(value, [expected], rtol=1e-9)


def test_logarithmic_error_of_a_value_below_minus_one_is_an_error(evaluate):
    batch = Batch(np.array([1.0, -2.0]), np.array([1.0, 1.0]))
    with pytest.raises(MetricError, match=r"labels must be above -1 .* found -2 \(1 of 2\)"):
        evaluate(regression.MeanSquaredLogarithmicError(), batch)


@pytest.mark.parametrize(
    ("label", "prediction", "weight", "said"),
    [
        ([1.0, np.nan], [1.0, 1.0], [1.0, 1.0], "labels must be finite, found nan"),
        ([1.0, 1.0], [np.inf, 1.0], [1.0, 1.0], "predictions must be finite, found inf"),
        ([1.0, 1.0], [1.0, 1.0], [1.0, -2.0], "weights must be finite and not negative, found -2"),
    ],
)
def test_values_that_no_error_can_use_are_named(evaluate, label, prediction, weight, said):
    batch = Batch(np.array(label), np.array(prediction), np.array(weight))
    for name in ("MeanSquaredError", "R2Score", "SpearmanCorrelation", "MaxError"):
        with pytest.raises(MetricError, match=said):
            evaluate(create(name), batch)


def test_percentage_error_leaves_labels_of_zero_out(evaluate):
    batch = Batch(np.array([0.0, 2.0]), np.array([5.0, 3.0]), np.array([10.0, 1.0]))
    assert evaluate(regression.MeanAbsolutePercentageError(), batch)[0] == 50.0
    only_zero = Batch(np.array([0.0]), np.array([5.0]))
    assert np.isnan(evaluate(regression.MeanAbsolutePercentageError(), only_zero)).all()


def test_log_cosh_of_a_large_error_does_not_overflow(evaluate):
    batch = Batch(np.array([0.0]), np.array([1e5]))
    np.testing.assert_allclose(
        evaluate(regression.LogCoshError(), batch), [1e5 - np.log(2)], rtol=1e-12
    )


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e8, -1e10])
def test_moments_lose_nothing_to_a_large_mean(evaluate, offset):
    random = np.random.default_rng(3)
    label = random.normal(size=200) + offset
    prediction = random.normal(size=200) + 0.5 * label
    weight = random.uniform(0.5, 2, 200)
    exact = _exact_squared_pearson(prediction, label, weight)
    value = evaluate(correlation.SquaredPearsonCorrelation(), Batch(label, prediction, weight))
    np.testing.assert_allclose(value, [exact], rtol=1e-12)


def _exact_squared_pearson(x, y, w) -> float:
    x, y, w = ([Fraction(float(v)) for v in column] for column in (x, y, w))
    total = sum(w)
    mean_x = sum(a * b for a, b in zip(x, w, strict=True)) / total
    mean_y = sum(a * b for a, b in zip(y, w, strict=True)) / total
    xx = sum(c * (a - mean_x) ** 2 for a, c in zip(x, w, strict=True))
    yy = sum(c * (b - mean_y) ** 2 for b, c in zip(y, w, strict=True))
    xy = sum(c * (a - mean_x) * (b - mean_y) for a, b, c in zip(x, y, w, strict=True))
    return float(xy * xy / (xx * yy))


@pytest.mark.parametrize("offset", [0.0, 1e8])
def test_merge_order_does_not_change_correlation_even_of_sorted_rows(merged, offset):
    random = np.random.default_rng(4)
    label = np.sort(random.normal(size=1000)) + offset
    prediction = label + random.normal(size=1000)
    weight = random.uniform(0, 2, 1000)
    ids = random.integers(0, 3, 1000)
    values = []
    for cuts in ([500], [1, 2, 999], list(range(10, 1000, 37))):
        chunks = np.split(random.permutation(1000) if len(cuts) == 3 else np.arange(1000), cuts)
        parts = [
            (Batch(label[c], prediction[c], weight[c]), Groups.single(ids[c], 3)) for c in chunks
        ]
        values.extend(
            merged(correlation.SquaredPearsonCorrelation(), order, [0, 1, 2])
            for order in (parts, parts[::-1])
        )
    for value in values:
        np.testing.assert_allclose(value, values[0], rtol=1e-12)


@pytest.mark.parametrize("constant", [0.1, 0.0, 1e9 / 3])
def test_constant_labels_have_no_correlation_and_no_r2(evaluate, merged, constant):
    label = np.full(90, constant)
    prediction = np.random.default_rng(5).normal(size=90)
    weight = np.random.default_rng(6).uniform(0, 1, 90)
    for name in ("R2Score", "ExplainedVariance", "PearsonCorrelation", "SpearmanCorrelation"):
        assert np.isnan(evaluate(create(name), Batch(label, prediction, weight))), name
        parts = [
            (Batch(label[c], prediction[c], weight[c]), Groups.everything(len(c)))
            for c in np.split(np.arange(90), 30)
        ]
        assert np.isnan(merged(create(name), parts, ["all"])), name


@pytest.mark.parametrize("kind", ["plain", "ties", "large offset"])
def test_spearman_agrees_with_scipy(evaluate, kind):
    label, prediction, _ = _data(7, kind)
    # Values that float32 can hold are ranked exactly.
    label, prediction = (v.astype(np.float32).astype(float) for v in (label, prediction))
    value = evaluate(correlation.SpearmanCorrelation(), Batch(label, prediction))
    np.testing.assert_allclose(value, [stats.spearmanr(label, prediction)[0]], rtol=1e-9)


def test_spearman_weight_counts_as_repetition(evaluate):
    label, prediction, _ = _data(8, "ties")
    weight = np.random.default_rng(9).integers(0, 4, len(label))
    value = evaluate(correlation.SpearmanCorrelation(), Batch(label, prediction, weight * 1.0))
    repeated = stats.spearmanr(np.repeat(label, weight), np.repeat(prediction, weight))[0]
    np.testing.assert_allclose(value, [repeated], rtol=1e-9)


@pytest.mark.parametrize("name", ["R2Score", "SpearmanCorrelation", "MeanError", "MaxError"])
def test_replicates_are_metrics_of_the_resampled_rows(evaluate, name):
    label, prediction, weight = _data(10, "ties")
    size = len(label)
    ids = np.random.default_rng(11).integers(0, 2, size)
    poisson = Poisson(np.arange(size, dtype=np.uint64) * 7919, 3)
    part = np.random.default_rng(12).integers(0, 3, size)
    batch = Batch(label, prediction, weight)
    for replicates in (poisson, Partition(part, 3)):
        groups = Groups(Groups.single(ids, 2).memberships, 2, size, replicates)
        value = evaluate(create(name), batch, groups)
        assert value.shape == (2, 3)
        for group in range(2):
            for replicate in range(3):
                if isinstance(replicates, Poisson):
                    times = replicates.weights(0, size)[:, replicate].astype(int)
                else:
                    times = (part == replicate).astype(int)
                rows = np.repeat(np.arange(size), times * (ids == group))
                expected = evaluate(create(name), batch.take(rows))
                np.testing.assert_allclose(value[group, replicate], expected[0], rtol=1e-9)


def test_groups_without_rows_are_nan_not_zero(evaluate):
    label, prediction, weight = _data(13, "positive")
    groups = Groups.single(np.full(len(label), 1), 3)
    for name, config, _ in REFERENCES:
        metric = create(name, config=config)
        value = evaluate(metric, Batch(label, prediction, weight), groups)
        assert np.isnan(value[[0, 2]]).all(), name
        assert np.isfinite(value[1]), name


def test_rows_in_several_groups_count_in_each(evaluate):
    label, prediction, weight = _data(14, "plain")
    ids = np.random.default_rng(15).integers(0, 2, len(label))
    rows = np.repeat(np.arange(len(label)), 2)
    both = Membership(np.tile([2, 3], len(label)), rows)
    groups = Groups((Membership(ids), both), 4, len(label))
    batch = Batch(label, prediction, weight)
    value = evaluate(correlation.PearsonCorrelation(), batch, groups)
    expected = [
        evaluate(correlation.PearsonCorrelation(), batch.take(ids == group))[0] for group in (0, 1)
    ]
    whole = evaluate(correlation.PearsonCorrelation(), batch)[0]
    np.testing.assert_allclose(value, [*expected, whole, whole], rtol=1e-12)
