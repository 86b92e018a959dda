"""Overall changes split into mix and performance."""

from __future__ import annotations

import json

import numpy as np
import pytest

from evaluator_component.config import parse_config
from evaluator_component.keys import MetricKey
from evaluator_component.metrics_table import Column, MetricsTable
from evaluator_component.validation import attribute, partitions, split_change, validate

KEY = MetricKey("accuracy")


def _table(counts, values, feature="s", key=KEY, overall=None):
    counts, values = np.asarray(counts), np.asarray(values, float)
    total = np.nansum(np.where(counts > 0, counts * values, 0)) / counts.sum()
    slices = ((), *(((feature, i),) for i in range(len(counts))))
    value = np.array([total if overall is None else overall, *values])
    examples = np.array([counts.sum(), *counts])
    return MetricsTable(slices, examples, 2.0 * examples, {key: Column(value)})


def _only(before, after):
    (found,) = attribute(before, after, [(KEY, KEY)])
    return found


@pytest.mark.parametrize("seed", range(20))
def test_mix_and_performance_add_up_to_the_change(seed):
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 9))
    w0, w1 = rng.dirichlet(np.ones(size), 2)
    v0, v1 = rng.normal(size=(2, size))
    split = split_change(w0, v0, w1, v1)
    change = (w1 * v1).sum() - (w0 * v0).sum()
    assert split.mix.sum() + split.performance.sum() == pytest.approx(change)


def test_by_hand():
    # Shares 1/2, 1/2 -> 3/4, 1/4; values .8, .4 -> .6, .4: V .6 -> .55, middle .575.
    split = split_change([0.5, 0.5], [0.8, 0.4], [0.75, 0.25], [0.6, 0.4])
    np.testing.assert_allclose(split.mix, [0.25 * (0.7 - 0.575), -0.25 * (0.4 - 0.575)])
    np.testing.assert_allclose(split.performance, [0.625 * -0.2, 0.0])


def test_only_shares_moved():
    found = _only(_table([500, 500], [0.9, 0.5]), _table([900, 100], [0.9, 0.5]))
    assert found.performance == pytest.approx(0, abs=1e-15)
    assert found.mix == pytest.approx(found.change)


def test_only_values_moved():
    found = _only(_table([500, 500], [0.9, 0.5]), _table([500, 500], [0.8, 0.5]))
    assert found.mix == pytest.approx(0, abs=1e-15)
    assert found.contributions[0].performance == pytest.approx(-0.05)
    assert not found.reversal


def test_a_simpson_reversal_is_flagged():
    # Better overall, worse on each slice: easy examples became more.
    found = _only(_table([500, 500], [0.9, 0.5]), _table([900, 100], [0.88, 0.45]))
    assert found.change > 0 > found.performance
    assert found.reversal
    assert found.everywhere
    assert "Simpson's paradox" in found.sentence
    assert "no slice moved that way" in found.sentence
    assert found.sentence.startswith("accuracy rose by 0.137 overall (0.7 to 0.837): -0.0")


def test_a_slice_that_appears_or_disappears_is_mix():
    found = _only(
        _table([500, 500, 0], [0.9, 0.5, np.nan]), _table([500, 0, 500], [0.9, np.nan, 0.1])
    )
    assert found.performance == pytest.approx(0, abs=1e-15)
    assert found.change == pytest.approx(-0.2)
    json.dumps(found.to_dict(), allow_nan=False)


def test_a_metric_that_is_no_mean_over_slices_is_not_split():
    before = _table([500, 500], [0.9, 0.5], overall=0.72)
    assert list(attribute(before, before, [(KEY, KEY)])) == []


def test_undefined_slices_are_not_split():
    before = _table([500, 500], [0.9, np.nan], overall=0.9)
    assert list(attribute(before, before, [(KEY, KEY)])) == []


def test_slices_that_miss_or_repeat_examples_are_no_partition():
    table = _table([500, 500], [0.9, 0.5])
    assert partitions(table) == [("s",)]
    assert partitions(table.take([0, 1])) == []
    assert partitions(table.take([1, 2])) == []


def test_weighted_metrics_use_weights():
    key = MetricKey("accuracy", example_weighted=True)
    table = _table([500, 500], [0.9, 0.5], key=key)
    weights = np.array([1000.0, 900.0, 100.0])
    columns = {key: Column(np.array([0.86, 0.9, 0.5]))}
    table = MetricsTable(table.slices, table.examples, weights, columns)
    (found,) = attribute(table, table, [(key, key)])
    assert {each.share_before for each in found.contributions} == {0.9, 0.1}


def test_the_verdict_splits_changes_that_thresholds_look_at():
    new, old = MetricKey("mean_label", "candidate"), MetricKey("mean_label", "baseline")
    table = _table([600, 400], [0.8, 0.5], key=old)
    after = _table([600, 400], [0.9, 0.4], key=new)
    table = MetricsTable(
        table.slices, table.examples, table.weights, {**table.columns, **after.columns}
    )
    config = parse_config(
        {
            "model_specs": [{"name": "candidate"}, {"name": "baseline", "is_baseline": True}],
            "metrics_specs": [
                {
                    "metrics": [
                        {
                            "class_name": "MeanLabel",
                            "threshold": {
                                "change_threshold": {
                                    "absolute": -1,
                                    "direction": "HIGHER_IS_BETTER",
                                }
                            },
                        }
                    ]
                }
            ],
        }
    )
    verdict = validate([table], config, rubber_stamp=False, has_baseline=True)
    (found,) = verdict.attribution
    assert found.performance == pytest.approx(0.02)
    assert found.mix == pytest.approx(0, abs=1e-15)
    assert [each.slice_key for each in found.contributions] == [(("s", 0),), (("s", 1),)]
    json.dumps(verdict.to_dict(), allow_nan=False)
