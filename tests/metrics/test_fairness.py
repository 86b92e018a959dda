"""Fairness indicators, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from evaluator_component.batch import Batch
from evaluator_component.errors import ConfigError
from evaluator_component.metrics.registry import create

#: At 0.5, by weight: 1 true positive, 2 false negatives, 4 false positives, 8 true negatives.
BATCH = Batch(
    label=np.array([1.0, 1.0, 0.0, 0.0]),
    prediction=np.array([0.9, 0.2, 0.7, 0.1]),
    weight=np.array([1.0, 2.0, 4.0, 8.0]),
)


def test_the_eight_rates_at_a_threshold(evaluate):
    rates = create("FairnessIndicators", config='"thresholds": [0.5]').expand()
    values = {rate.key_name: evaluate(rate, BATCH)[0] for rate in rates}
    assert values == {
        "fairness_indicators_metrics/false_positive_rate@0.5": 4 / 12,
        "fairness_indicators_metrics/false_negative_rate@0.5": 2 / 3,
        "fairness_indicators_metrics/true_positive_rate@0.5": 1 / 3,
        "fairness_indicators_metrics/true_negative_rate@0.5": 8 / 12,
        "fairness_indicators_metrics/positive_rate@0.5": 5 / 15,
        "fairness_indicators_metrics/negative_rate@0.5": 10 / 15,
        "fairness_indicators_metrics/false_discovery_rate@0.5": 4 / 5,
        "fairness_indicators_metrics/false_omission_rate@0.5": 2 / 10,
    }


def test_rates_without_examples_to_divide_by_are_undefined(evaluate):
    batch = Batch(label=np.array([1.0, 1.0]), prediction=np.array([0.9, 0.8]))
    rates = create("FairnessIndicators", config='"thresholds": [0.5]').expand()
    undefined = {rate.key_name for rate in rates if np.isnan(evaluate(rate, batch)[0])}
    named = ("false_positive_rate", "true_negative_rate", "false_omission_rate")
    assert undefined == {f"fairness_indicators_metrics/{name}@0.5" for name in named}


def test_the_default_is_nine_thresholds_and_names_may_be_others():
    names = [rate.key_name for rate in create("FairnessIndicators").expand()]
    assert len(set(names)) == 72
    assert names[0] == "fairness_indicators_metrics/false_positive_rate@0.1"
    assert names[-1] == "fairness_indicators_metrics/false_omission_rate@0.9"
    short = create("FairnessIndicators", config='"thresholds": [0.5, 0.25], "name": "fair"')
    assert [rate.key_name for rate in short.expand()][::8] == [
        "fair/false_positive_rate@0.50",
        "fair/false_positive_rate@0.25",
    ]


@pytest.mark.parametrize("thresholds", ["[]", '["half"]', "[NaN]"])
def test_thresholds_must_be_numbers(thresholds):
    with pytest.raises(ConfigError, match="thresholds must be numbers"):
        create("FairnessIndicators", config=f'"thresholds": {thresholds}')
