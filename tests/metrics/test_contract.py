"""The algebra that every registered metric obeys, found by discovery.

A new metric is tried here without a line of its own; see `data` for what one may add.
"""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator_component.errors import MetricError
from evaluator_component.groups import Groups, Membership
from evaluator_component.metrics.base import ELEMENTWISE
from evaluator_component.metrics.registry import create, registered
from evaluator_component.resamples import Partition, Poisson

sys.path.insert(0, str(Path(__file__).parent))
import data

CASES = list(data.cases())
every_metric = pytest.mark.parametrize("case", CASES, ids=str)
every_number = pytest.mark.parametrize(
    "case", [case for case in CASES if case.metric.kind in ("number", "vector")], ids=str
)
few = settings(max_examples=3, deadline=None, derandomize=True, database=None)
seeds = st.integers(0, 2**32 - 1)


def _has(case: data.Case, reduction: str) -> bool:
    return any(reduction in statistic.state.values() for statistic in case.metric.statistics)


def assert_same(left: Any, right: Any, rtol: float = 1e-12) -> None:
    """Compares results: numbers closely, everything else exactly, whatever they are nested in."""
    if isinstance(left, np.ndarray) and left.dtype != object:
        right = np.asarray(right)
        assert left.shape == right.shape
        if left.dtype.kind in "fc":
            np.testing.assert_allclose(left, right, rtol=rtol, atol=rtol)
        else:
            assert (left == right).all()
    elif isinstance(left, dict):
        assert left.keys() == right.keys()
        for key, value in left.items():
            assert_same(value, right[key], rtol)
    elif isinstance(left, (list, tuple, np.ndarray)):
        assert len(left) == len(right)
        for one, two in zip(left, right, strict=True):
            assert_same(one, two, rtol)
    elif isinstance(left, float):
        np.testing.assert_allclose(left, right, rtol=rtol, atol=rtol)
    else:
        assert left == right


def several_groups(random: np.random.Generator, units: int) -> Groups:
    """Three groups of all units, and two groups of units that repeat, overlap and are left out."""
    rows = random.integers(0, units, units // 2) if units else np.zeros(0, dtype=np.int64)
    return Groups(
        (
            Membership(random.integers(0, 3, units)),
            Membership(random.integers(3, 5, len(rows)), rows),
        ),
        5,
        units,
    )


def members(groups: Groups, group: int) -> Any:
    """Units of a group, in order, repeated where they repeat."""
    found = []
    for membership in groups.memberships:
        inside = np.flatnonzero(membership.ids == group)
        found.append(inside if membership.rows is None else membership.rows[inside])
    return np.concatenate(found)


def test_every_registered_class_is_tried():
    tried = {case.class_name for case in CASES}
    without = {
        name
        for name, metric in registered().items()
        if metric.__module__.startswith("evaluator_component.") and not hasattr(metric, "over")
    }
    assert without <= tried, f"give ARGUMENTS for {sorted(without - tried)}"


@every_metric
def test_it_pickles(case):
    assert pickle.loads(pickle.dumps(case.metric)) == case.metric


@every_metric
def test_its_config_makes_it_again(case):
    again = create(type(case.metric).__name__, config=data.config_of(case.metric))
    assert again == case.metric
    assert hash(again) == hash(case.metric)
    assert again.statistics == case.metric.statistics


@every_metric
def test_it_says_what_it_is(case):
    metric = case.metric
    assert metric.kind in ("number", "vector", "structured", "plot", "attribution")
    assert metric.direction in (-1, 0, 1)
    assert type(metric).__doc__
    assert not type(metric).__doc__.startswith(type(metric).__name__ + "(")
    assert metric.key_name == metric.key_name.strip() != ""
    for statistic in metric.statistics:
        assert hash(statistic) == hash(pickle.loads(pickle.dumps(statistic)))


@every_metric
@few
@given(seed=seeds)
def test_any_parts_merged_in_any_order_give_the_same(case, merged, evaluate, seed):
    random = np.random.default_rng(seed)
    batch = data.batch_for(case, random, 30)
    groups = several_groups(random, 30)
    keys = list(range(groups.count))
    cuts = np.sort(random.integers(0, 31, 3))
    pieces = np.split(random.permutation(30), cuts)
    parts = [(data.take(batch, piece), groups.take(piece)) for piece in pieces]
    order = random.permutation(len(parts))
    assert_same(
        evaluate(case.metric, batch, groups),
        merged(case.metric, [parts[index] for index in order], keys),
    )


@every_metric
@few
@given(seed=seeds)
def test_groups_are_separate_runs(case, evaluate, seed):
    random = np.random.default_rng(seed)
    batch = data.batch_for(case, random, 25)
    groups = several_groups(random, 25)
    together = evaluate(case.metric, batch, groups)
    for group in range(groups.count):
        alone = evaluate(case.metric, data.take(batch, members(groups, group)))
        assert_same(together[group], alone[0])


@every_metric
@few
@given(seed=seeds)
def test_weight_two_is_twice(case, evaluate, seed):
    if _has(case, "sample"):
        pytest.skip("a sample holds an example once")
    random = np.random.default_rng(seed)
    batch = data.batch_for(case, random, 20)
    times = random.integers(1, 3, 20)
    twice = data.take(batch, np.repeat(np.arange(20), times))
    assert_same(
        evaluate(case.metric, data.reweighted(batch, times)), evaluate(case.metric, twice), 1e-11
    )


@every_metric
@few
@given(seed=seeds)
def test_weight_zero_is_absent(case, evaluate, seed):
    random = np.random.default_rng(seed)
    batch = data.batch_for(case, random, 20)
    kept = random.random(20) < 0.7
    batch = data.reweighted(batch, kept)
    assert_same(
        evaluate(case.metric, batch), evaluate(case.metric, data.take(batch, np.flatnonzero(kept)))
    )


@every_metric
def test_a_group_without_examples_is_undefined(case, evaluate):
    random = np.random.default_rng(7)
    batch = data.batch_for(case, random, 10)
    value = evaluate(case.metric, batch, Groups.single(np.full(10, 1), 3))
    if case.metric.kind in ("number", "vector"):
        empty = value[np.array([0, 2])]
        expected = 0.0 if type(case.metric).__name__ in data.COUNTS else np.nan
        assert_same(empty, np.full_like(empty, expected))
    nothing = data.take(batch, np.zeros(0, dtype=np.int64))
    none = Groups((Membership(np.zeros(0, dtype=np.int64)),), 2, 0)
    assert len(evaluate(case.metric, nothing, none)) == 2


@every_number
@few
@given(seed=seeds)
def test_parts_of_the_jackknife_are_runs_on_parts(case, evaluate, seed):
    random = np.random.default_rng(seed)
    batch = data.batch_for(case, random, 30)
    groups = several_groups(random, 30)
    part = random.integers(0, 3, 30)
    split = Groups(groups.memberships, 5, 30, Partition(part, 3))
    value = evaluate(case.metric, batch, split)
    for replicate in range(3):
        chosen = np.flatnonzero(part == replicate)
        alone = groups.take(chosen)
        alone = Groups(alone.memberships, 5, len(chosen), Partition(np.zeros_like(chosen), 1))
        expected = evaluate(case.metric, data.take(batch, chosen), alone)
        assert_same(value[:, replicate], expected[:, 0])


@every_number
@few
@given(seed=seeds)
def test_resamples_are_runs_on_repeated_examples(case, evaluate, seed):
    random = np.random.default_rng(seed)
    batch = data.batch_for(case, random, 30)
    groups = several_groups(random, 30)
    draws = Poisson(random.integers(0, 2**63, 30).astype(np.uint64), 3, seed % 97)
    value = evaluate(case.metric, batch, Groups(groups.memberships, 5, 30, draws))
    times = draws.weights(0, 30).astype(int)
    for replicate in range(3):
        chosen = np.repeat(np.arange(30), times[:, replicate])
        alone = groups.take(chosen)
        alone = Groups(alone.memberships, 5, len(chosen), Partition(np.zeros_like(chosen), 1))
        expected = evaluate(case.metric, data.take(batch, chosen), alone)
        assert_same(value[:, replicate], expected[:, 0], 1e-11)


ELEMENTWISE_CASES = [
    case
    for case in CASES
    if case.metric.statistics
    and all(statistic.form == ELEMENTWISE for statistic in case.metric.statistics)
]


@pytest.mark.parametrize("case", ELEMENTWISE_CASES, ids=str)
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_predictions_that_are_no_numbers_are_named(case, evaluate, wrong):
    if type(case.metric).__name__ == "MeanLabel":
        pytest.skip("does not look at predictions")
    batch = data.batch_for(case, np.random.default_rng(1), 10)
    batch.prediction[3] = wrong
    with pytest.raises(MetricError, match=r"predictions .*(nan|inf)"):
        evaluate(case.metric, batch)


@pytest.mark.parametrize("case", ELEMENTWISE_CASES, ids=str)
def test_negative_weights_are_named(case, evaluate):
    batch = data.batch_for(case, np.random.default_rng(1), 10)
    batch.weight[4] = -1.0
    with pytest.raises(MetricError, match=r"weights must be .*not negative, found -1"):
        evaluate(case.metric, batch)
