"""The search finds planted slices, and little else."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest

from evaluator_component.config import parse_config
from evaluator_component.keys import sorted_slice_key
from evaluator_component.validation import SliceSums, find_weak_slices

VALUES = {"carrier": 8, "hour": 6, "origin": 3}


def _features(rng, rows):
    return {name: rng.integers(count, size=rows) for name, count in VALUES.items()}


def sums_of(features, loss, depth=2):
    """Sums over every value and every cross of two values."""
    keys, count, total, squares = [()], [len(loss)], [loss.sum()], [np.square(loss).sum()]
    for size in range(1, depth + 1):
        for names in itertools.combinations(sorted(features), size):
            code, cells = np.zeros(len(loss), dtype=np.int64), [()]
            for name in names:
                code = code * VALUES[name] + features[name]
                cells = [(*cell, value) for cell in cells for value in range(VALUES[name])]
            keys += [sorted_slice_key(zip(names, cell, strict=True)) for cell in cells]
            count += np.bincount(code, minlength=len(cells)).tolist()
            total += np.bincount(code, loss, len(cells)).tolist()
            squares += np.bincount(code, np.square(loss), len(cells)).tolist()
    return SliceSums(keys, count, total, squares)


def _errors(rng, features, planted, base=0.1, worse=0.3):
    rate = np.full(len(features["hour"]), base)
    for conditions in planted:
        inside = np.logical_and.reduce([features[name] == v for name, v in conditions])
        rate[inside] = worse
    return (rng.random(len(rate)) < rate).astype(float)


PLANTED = {
    "one value": [(("carrier", 3),)],
    "a cross": [(("carrier", 2), ("hour", 4))],
    "a value and a cross": [(("origin", 1),), (("carrier", 5), ("hour", 0))],
    "two crosses that share a value": [
        (("carrier", 2), ("hour", 1)),
        (("carrier", 2), ("hour", 4)),
    ],
    "nothing": [],
}


@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED)
def test_planted_slices_are_found_and_their_relatives_are_not(planted):
    recalls, false = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        features = _features(rng, 40_000)
        loss = _errors(rng, features, planted)
        found = {each.slice_key for each in find_weak_slices(sums_of(features, loss))}
        recalls += [key in found for key in planted]
        false.append(len(found - set(planted)))
    assert not recalls or np.mean(recalls) >= 0.95
    assert np.mean(false) <= 0.35


def test_a_hotter_part_of_a_weak_slice_is_found_too():
    rng = np.random.default_rng(1)
    features = _features(rng, 60_000)
    rate = np.where(features["carrier"] == 3, 0.25, 0.1)
    rate = np.where((features["carrier"] == 3) & (features["hour"] == 2), 0.6, rate)
    loss = (rng.random(60_000) < rate).astype(float)
    found = {each.slice_key for each in find_weak_slices(sums_of(features, loss))}
    assert found == {(("carrier", 3),), (("carrier", 3), ("hour", 2))}


def test_against_the_baseline_the_loss_difference_counts():
    rng = np.random.default_rng(2)
    features = _features(rng, 40_000)
    # Both models are bad on carrier 3; the candidate got worse on hour 2.
    old = _errors(rng, features, [(("carrier", 3),)])
    new = np.where(features["hour"] == 2, np.maximum(old, rng.random(40_000) < 0.05), old)
    found = find_weak_slices(sums_of(features, new - old), against="baseline")
    assert [each.slice_key for each in found] == [(("hour", 2),)]
    assert "above the baseline's" in found[0].sentence
    assert found[0].reference == 0.0


def test_where_all_got_worse_only_slices_that_got_even_worse_are_told():
    rng = np.random.default_rng(3)
    features = _features(rng, 40_000)
    change = (rng.random(40_000) < 0.05).astype(float)
    assert len(find_weak_slices(sums_of(features, change), against="baseline")) <= 1
    change = np.where(features["hour"] == 2, rng.random(40_000) < 0.2, change).astype(float)
    found = find_weak_slices(sums_of(features, change), against="baseline")
    assert (("hour", 2),) in [each.slice_key for each in found]
    assert len(found) <= 2


def test_small_slices_are_no_candidates_and_results_are_limited():
    rng = np.random.default_rng(4)
    features = _features(rng, 40_000)
    loss = _errors(rng, features, [(("carrier", n),) for n in range(3)])
    sums = sums_of(features, loss)
    assert len(find_weak_slices(sums)) == 3
    assert len(find_weak_slices(sums, max_results=2)) == 2
    assert find_weak_slices(sums, min_examples=6000) == ()


def test_the_mean_and_its_comparison_are_those_of_the_slice_and_of_the_rest():
    rng = np.random.default_rng(5)
    features = _features(rng, 20_000)
    loss = np.square(rng.normal(size=20_000)) * np.where(features["hour"] == 1, 2, 1)
    found, *_ = find_weak_slices(sums_of(features, loss, depth=1), loss="squared_error")
    inside = features["hour"] == 1
    assert found.mean == pytest.approx(loss[inside].mean())
    assert found.reference == pytest.approx(loss[~inside].mean())
    assert found.num_examples == inside.sum()
    from scipy import stats

    expected = stats.ttest_ind(loss[inside], loss[~inside], equal_var=False, alternative="greater")
    assert found.p_value == pytest.approx(expected.pvalue)
    assert found.sentence.startswith("hour=1: mean squared_error 1.9")


def test_the_config_lines_pin_the_slice_into_the_gate():
    rng = np.random.default_rng(6)
    features = _features(rng, 40_000)
    loss = _errors(rng, features, [(("carrier", 2), ("hour", 4))])
    (found,) = find_weak_slices(sums_of(features, loss), metric="MeanSquaredError")
    config = parse_config(found.config)
    (pinned,) = config.metrics_specs[0].metrics[0].per_slice_thresholds
    assert dict(pinned.slicing_specs[0].feature_values) == {"carrier": "2", "hour": "4"}
    assert dict(config.slicing_specs[0].feature_values) == {"carrier": "2", "hour": "4"}
    upper = pinned.threshold.value_threshold.upper_bound.value
    assert found.mean <= upper <= found.mean * 1.01
    json.dumps(found.to_dict(), allow_nan=False)


def test_hostile_values_stay_inside_their_quotes():
    name = 'a" } metrics_specs { metrics { class_name: "x'
    sums = SliceSums(((), (("s", name),)), [9000, 900], [900.0, 400.0], [900.0, 400.0])
    (found,) = find_weak_slices(sums, metric="MeanSquaredError")
    config = parse_config(found.config)
    assert dict(config.slicing_specs[0].feature_values) == {"s": name}


def test_wrong_arguments_are_refused():
    sums = SliceSums(((),), [9], [1.0], [1.0])
    with pytest.raises(ValueError, match="against must be"):
        find_weak_slices(sums, against="everyone")
    with pytest.raises(ValueError, match="alpha must be"):
        find_weak_slices(sums, alpha=5)
    with pytest.raises(ValueError, match="overall slice"):
        SliceSums(((("s", 1),),), [9], [1.0], [1.0])


def test_no_candidates_give_no_slices():
    assert find_weak_slices(SliceSums(((),), [9000], [1.0], [1.0])) == ()
