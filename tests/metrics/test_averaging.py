"""Averages over classes, through views, against scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

from evaluator_component.groups import Groups
from evaluator_component.keys import SubKey
from evaluator_component.metrics.averaging import PositiveWeight, weighted_average
from evaluator_component.metrics.base import ELEMENTWISE
from evaluator_component.metrics.registry import create
from evaluator_component.metrics.view import View
from evaluator_component.resamples import Poisson

CLASSES = 4


def _extracts(seed: int) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    prediction = random.dirichlet(np.ones(CLASSES), 300)
    return {
        "predictions": prediction,
        "labels": np.where(
            random.random(300) < 0.6, prediction.argmax(axis=1), random.integers(0, CLASSES, 300)
        ),
        "example_weights": random.uniform(0, 2, 300),
        "example_ids": np.arange(300, dtype=np.uint64),
    }


def _per_class(evaluate: Any, name: str, extracts: dict, groups: Groups) -> tuple[Any, Any]:
    """Values and positive weights of every class, (classes, groups)."""
    values, weights = [], []
    for class_id in range(CLASSES):
        view = View(sub_key=SubKey(class_id=class_id), example_weighted=True)
        batch, shaped = view.shape(view.pick(extracts), groups, ELEMENTWISE)
        values.append(evaluate(create(name, config='"thresholds": 0.4'), batch, shaped))
        weights.append(PositiveWeight().accumulate(batch, shaped)["weight"])
    return np.stack(values), np.stack(weights)


@pytest.mark.parametrize("name", ["Precision", "Recall", "F1Score"])
def test_macro_and_weighted_macro_agree_with_sklearn(evaluate, name):
    extracts = _extracts(1)
    ids = np.random.default_rng(2).integers(0, 2, 300)
    values, weights = _per_class(evaluate, name, extracts, Groups.single(ids, 2))
    score = {"Precision": sk.precision_score, "Recall": sk.recall_score, "F1Score": sk.f1_score}
    for group in range(2):
        rows = ids == group
        for average, class_weights in (("macro", np.ones((CLASSES, 1))), ("weighted", weights)):
            expected = score[name](
                np.eye(CLASSES, dtype=int)[extracts["labels"][rows]],
                (extracts["predictions"][rows] > 0.4).astype(int),
                average=average,
                sample_weight=extracts["example_weights"][rows],
                zero_division=np.nan,
            )
            found = weighted_average(values, class_weights)[group]
            np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_an_undefined_class_counts_only_if_it_weighs_something():
    values = np.array([[0.5], [np.nan]])
    assert np.isnan(weighted_average(values, np.array([[1.0], [1.0]])))
    assert weighted_average(values, np.array([[1.0], [0.0]])) == 0.5
    assert np.isnan(weighted_average(values, np.zeros((2, 1))))


def test_averages_of_resamples_have_their_axis(evaluate):
    extracts = _extracts(3)
    groups = Groups(Groups.everything(300).memberships, 1, 300, Poisson(extracts["example_ids"], 5))
    values, weights = _per_class(evaluate, "Recall", extracts, groups)
    assert weighted_average(values, weights).shape == (1, 5)
