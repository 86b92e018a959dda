"""Gaps over slices, by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest

from evaluator_component.errors import ConfigError
from evaluator_component.metrics import gaps
from evaluator_component.metrics.registry import create


def test_gap_and_ratio_leave_undefined_slices_out():
    values = np.array([[0.9, np.nan], [0.6, np.nan], [np.nan, np.nan]])
    np.testing.assert_allclose(gaps.spread(values), [0.3, np.nan])
    np.testing.assert_allclose(gaps.ratio(values), [2 / 3, np.nan])


def test_no_slice_at_all_is_undefined():
    nothing = np.zeros((0, 4))
    assert np.isnan(gaps.spread(nothing)).all()
    assert np.isnan(gaps.ratio(nothing)).all()


def test_ratio_of_zeros_is_undefined():
    assert np.isnan(gaps.ratio(np.zeros(3)))


def test_equalised_odds_is_the_larger_gap():
    gap = create("EqualisedOdds", config='"feature_keys": ["sex"], "threshold": 0.3')
    tpr, fpr = np.array([0.5, 0.7]), np.array([0.1, 0.6])
    assert gap.over(tpr, fpr) == 0.5
    assert [(type(each).__name__, each.thresholds) for each in gap.inner()] == [
        ("Recall", 0.3),
        ("FallOut", 0.3),
    ]
    assert np.isnan(gap.over(np.array([np.nan, np.nan]), fpr))


@pytest.mark.parametrize(
    ("name", "rate"),
    [("DemographicParity", "PredictedPositiveRate"), ("EqualOpportunity", "Recall")],
)
def test_fairness_gaps_look_at_their_rate(name, rate):
    gap = create(name, config='"feature_keys": ["sex"]')
    assert [type(each).__name__ for each in gap.inner()] == [rate]
    assert gap.over(np.array([0.5, 0.75])) == 0.25


def test_max_gap_takes_any_metric_and_its_arguments():
    config = {"feature_keys": ["a"], "metric": "QuantileLoss", "metric_config": '"quantile": 0.9'}
    gap = create("MaxGap", config=json.dumps(config))
    assert gap.inner()[0].quantile == 0.9
    assert gap.config()["metric"] == "QuantileLoss"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("", "feature_keys must name"),
        ('"feature_keys": ["a"], "metric": "Recal"', "did you mean 'Recall'"),
        ('"feature_keys": ["a"], "metric": "QueryStatistics"', "one number per slice"),
    ],
)
def test_a_gap_that_cannot_be_is_refused(config, said):
    with pytest.raises(ConfigError, match=said):
        create("MaxGap", config=config)
