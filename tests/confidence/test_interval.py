"""Intervals from resamples: formulas, small slices, coverage."""

from __future__ import annotations

import numpy as np
import pytest

from evaluator_component.confidence.interval import (
    interval,
    moments,
    occupied_buckets,
    pseudo_values,
    t_quantile,
    with_intervals,
)
from evaluator_component.groups import Groups
from evaluator_component.keys import MetricKey
from evaluator_component.metrics_table import Column, MetricsTable
from evaluator_component.resamples import Partition, Poisson

JACKKNIFE, BOOTSTRAP = "jackknife", "poisson_bootstrap"


def _mean_replicates(values, rng, method, count):
    """The mean of each row of values (slices, n) on the resamples of its examples."""
    slices, size = values.shape
    if method == JACKKNIFE:
        bucket = rng.integers(count, size=values.shape) + count * np.arange(slices)[:, None]
        flat = bucket.ravel()
        sums = np.bincount(flat, values.ravel(), slices * count).reshape(slices, count)
        sizes = np.bincount(flat, minlength=slices * count).reshape(slices, count)
        with np.errstate(invalid="ignore"):
            return (sums.sum(1, keepdims=True) - sums) / (size - sizes)
    weights = rng.poisson(1.0, size=(slices, count, size)).astype(float)
    with np.errstate(invalid="ignore"):
        return np.einsum("srn,sn->sr", weights, values) / weights.sum(2)


def test_the_jackknife_of_a_mean_is_the_textbook_standard_error():
    rng = np.random.default_rng(0)
    values = rng.gamma(2.0, size=(1, 400))
    parts = values.reshape(20, 20)
    left_out = (values.sum() - parts.sum(1))[None, :] / 380
    found = moments(left_out, [400], method=JACKKNIFE)
    assert found.standard_error[0] == pytest.approx(parts.mean(1).std(ddof=1) / np.sqrt(20))
    pseudo = pseudo_values(values.mean(1), left_out)
    np.testing.assert_allclose(pseudo[0], parts.mean(1))


@pytest.mark.parametrize("method", [JACKKNIFE, BOOTSTRAP])
def test_both_methods_estimate_the_standard_error_of_a_mean(method):
    rng = np.random.default_rng(1)
    values = rng.exponential(size=(300, 200))
    replicates = _mean_replicates(values, rng, method, 20 if method == JACKKNIFE else 60)
    found = moments(replicates, np.full(300, 200), method=method)
    expected = np.sqrt(np.mean(np.square(found.standard_error)))
    assert expected == pytest.approx(1 / np.sqrt(200), rel=0.06)


@pytest.mark.parametrize(("method", "count"), [(JACKKNIFE, 20), (BOOTSTRAP, 100)])
@pytest.mark.parametrize("size", [12, 40, 300])
def test_intervals_hold_the_truth_about_as_often_as_they_say(method, count, size):
    rng = np.random.default_rng(size)
    values = rng.normal(3.0, 2.0, size=(1500, size))
    replicates = _mean_replicates(values, rng, method, count)
    found = interval(values.mean(1), replicates, np.full(1500, size), method=method, level=0.9)
    known = np.isfinite(found.lower)
    held = ((found.lower <= 3.0) & (3.0 <= found.upper))[known].mean()
    assert 0.865 <= held <= 0.94


def test_the_interval_is_centred_on_the_estimate_and_not_on_the_mean_of_replicates():
    replicates = np.array([[1.0, 2.0, 3.0, 6.0]])
    found = interval(np.array([10.0]), replicates, np.array([1000]), method=BOOTSTRAP)
    assert (found.lower[0] + found.upper[0]) / 2 == pytest.approx(10.0)


def test_a_higher_level_gives_a_wider_interval():
    replicates = np.array([[1.0, 2.0, 3.0, 6.0]])
    widths = []
    for level in (0.5, 0.9, 0.99):
        found = interval(np.array([3.0]), replicates, np.array([99]), method=BOOTSTRAP, level=level)
        widths.append(found.upper[0] - found.lower[0])
    assert widths == sorted(widths)


@pytest.mark.parametrize(
    ("method", "count", "examples", "degrees"),
    [
        (JACKKNIFE, 20, 100_000, 19),
        (JACKKNIFE, 20, 20, 12),
        (JACKKNIFE, 20, 5, 4),
        (JACKKNIFE, 20, 2, 1),
        (JACKKNIFE, 20, 1, 0),
        (BOOTSTRAP, 200, 100_000, 199),
        (BOOTSTRAP, 200, 50, 49),
        (BOOTSTRAP, 200, 2, 1),
        (BOOTSTRAP, 200, 1, 0),
        (BOOTSTRAP, 20, 0, 0),
    ],
)
def test_small_slices_have_fewer_degrees_of_freedom(method, count, examples, degrees):
    rng = np.random.default_rng(2)
    found = interval(
        np.array([0.0]), rng.normal(size=(1, count)), np.array([examples]), method=method
    )
    assert found.degrees_of_freedom[0] == degrees
    assert np.isnan(found.standard_error[0]) == (degrees == 0)
    assert np.isnan(found.lower[0]) == (degrees == 0)
    assert bool(found.notes) == (degrees < min(19, count - 1))


def test_occupied_buckets_are_what_hashing_fills_on_average():
    rng = np.random.default_rng(3)
    for examples in (3, 15, 40):
        filled = [len(set(rng.integers(20, size=examples))) for _ in range(2000)]
        assert abs(np.mean(filled) - occupied_buckets(examples, 20)) < 0.6


def test_an_undefined_replicate_leaves_a_jackknife_interval_undefined_and_says_so():
    replicates = np.random.default_rng(4).normal(size=(2, 20))
    replicates[1, 3] = np.nan
    found = interval(np.zeros(2), replicates, np.array([500, 500]), method=JACKKNIFE)
    assert np.isfinite(found.standard_error[0])
    assert np.isnan(found.standard_error[1])
    assert found.notes == {1: "no interval: undefined on 1 of 20 resamples"}


def test_a_bootstrap_interval_survives_one_undefined_replicate_in_twenty():
    replicates = np.random.default_rng(5).normal(size=(2, 100))
    replicates[0, :5] = np.nan
    replicates[1, :6] = np.inf
    found = interval(np.zeros(2), replicates, np.array([500, 500]), method=BOOTSTRAP)
    assert np.isfinite(found.standard_error[0])
    assert np.isnan(found.standard_error[1])


def test_an_undefined_value_has_no_interval_and_no_note():
    replicates = np.full((1, 20), np.nan)
    found = interval(np.array([np.nan]), replicates, np.array([500]), method=JACKKNIFE)
    assert np.isnan(found.lower[0])
    assert not found.notes


def test_vectors_have_one_interval_per_entry():
    replicates = np.random.default_rng(6).normal(size=(3, 20, 5))
    found = interval(np.zeros((3, 5)), replicates, np.array([99, 99, 1]), method=JACKKNIFE)
    assert found.lower.shape == (3, 5)
    assert np.isnan(found.lower[2]).all()
    one = interval(np.zeros(3), replicates[..., 2], np.array([99, 99, 1]), method=JACKKNIFE)
    np.testing.assert_array_equal(found.lower[:, 2], one.lower)


def test_skewness_of_an_estimate_is_found_and_noise_is_not():
    rng = np.random.default_rng(7)
    rare = (rng.random((400, 300)) < 0.02).astype(float)
    even = rng.normal(size=(400, 300))
    truth = 1 / np.sqrt(300 * 0.02)
    for method, count in ((JACKKNIFE, 20), (BOOTSTRAP, 200)):
        found = moments(
            _mean_replicates(rare, rng, method, count), np.full(400, 300), method=method
        )
        assert 0.1 * truth < np.median(found.skewness) < 1.2 * truth
        none = moments(_mean_replicates(even, rng, method, count), np.full(400, 300), method=method)
        assert abs(np.median(none.skewness)) < 0.02


def test_t_quantiles_are_those_of_the_tables():
    np.testing.assert_allclose(t_quantile(0.95, [1, 10, 19]), [12.7062, 2.2281, 2.0930], atol=1e-4)
    assert np.isnan(t_quantile(0.95, 0))


@pytest.mark.parametrize("wrong", [0.0, 1.0, 95.0])
def test_a_level_out_of_range_is_refused(wrong):
    with pytest.raises(ValueError, match="level must be between 0 and 1"):
        interval(np.zeros(1), np.zeros((1, 2)), np.array([9]), method=JACKKNIFE, level=wrong)


def test_an_unknown_method_is_refused():
    with pytest.raises(ValueError, match="method must be"):
        moments(np.zeros((1, 2)), [9], method="bayes")


def test_a_table_gets_intervals_from_real_groups_of_resamples():
    rng = np.random.default_rng(8)
    ids = rng.integers(2**63, size=5000, dtype=np.uint64)
    value = rng.normal(size=5000)
    slices = np.repeat([0, 1], [4990, 10])
    groups = Groups.single(slices, 2)
    resamples = {
        JACKKNIFE: Partition((ids % np.uint64(20)).astype(np.int64), 20),
        BOOTSTRAP: Poisson(ids, 50),
    }
    for method, how in resamples.items():
        drawn = Groups(groups.memberships, 2, 5000, how)
        sums, counts = drawn.sum(value), drawn.counts()
        if method == JACKKNIFE:
            sums = sums.sum(1, keepdims=True) - sums
            counts = counts.sum(1, keepdims=True) - counts
        table = MetricsTable(
            slices=((), (("rare", "yes"),)),
            examples=np.array([4990, 10]),
            weights=np.array([4990.0, 10.0]),
            columns={
                MetricKey("mean"): Column(
                    groups.sum(value) / groups.counts(), replicates=sums / counts
                ),
                MetricKey("text"): Column(np.array(["a", "b"], dtype=object)),
            },
            notes={(("rare", "yes"),): "said before"},
        )
        filled = with_intervals(table, method=method, level=0.9)
        column = filled.columns[MetricKey("mean")]
        assert column.standard_error[0] == pytest.approx(1 / np.sqrt(4990), rel=0.5)
        assert column.confidence_level == 0.9
        assert column.resampling == method
        assert filled.columns[MetricKey("text")] is table.columns[MetricKey("text")]
        note = filled.notes[(("rare", "yes"),)]
        assert note.startswith("said before; interval from 10 examples")
        assert () not in filled.notes
