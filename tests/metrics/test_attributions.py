"""Attributions summed by hand: scalars, classes, ragged rows, features that come and go."""

from __future__ import annotations

import numpy as np
import pytest

from evaluator_component.batch import Batch
from evaluator_component.errors import MetricError
from evaluator_component.groups import Groups
from evaluator_component.keys import SubKey
from evaluator_component.metrics.registry import create
from evaluator_component.metrics.view import View

WEIGHT = np.array([1.0, 2.0, 1.0])
AGE = np.array([0.5, -1.0, 2.0])
CITY = np.array([[1.0, -2.0], [0.0, 3.0], [-1.0, 1.0]])


def _ragged() -> np.ndarray:
    rows = np.empty(3, dtype=object)
    rows[:] = [np.array([1.0]), np.array([]), np.array([2.0, -3.0])]
    return rows


def _batch() -> Batch:
    attributions = {"city": CITY, "age": AGE, "tags": _ragged()}
    return Batch(prediction=np.zeros(3), weight=WEIGHT, attributions=attributions)


@pytest.mark.parametrize("mean", [False, True])
@pytest.mark.parametrize("absolute", [False, True])
def test_totals_and_means_by_feature(evaluate, mean, absolute):
    name = f"{'Mean' if mean else 'Total'}{'Absolute' if absolute else ''}Attributions"
    value = evaluate(create(name), _batch())[0]
    size = np.abs if absolute else np.asarray
    scale = WEIGHT.sum() if mean else 1.0
    assert list(value) == ["age", "city", "tags"]
    assert value["age"] == pytest.approx(WEIGHT @ size(AGE) / scale)
    np.testing.assert_allclose(value["city"], WEIGHT @ size(CITY) / scale)
    np.testing.assert_allclose(value["tags"], [3.0 / scale, size(-3.0) / scale])


def test_slices_are_separate_and_an_empty_one_has_none(evaluate):
    ids = np.array([0, 1, 1])
    values = evaluate(create("MeanAttributions"), _batch(), Groups.single(ids, 3))
    assert values[0]["age"] == 0.5
    assert values[1]["age"] == 0.0
    assert values[2] == {}


def test_features_may_differ_between_batches(merged):
    first = Batch(prediction=np.zeros(1), attributions={"a": np.array([1.0])})
    second = Batch(prediction=np.zeros(1), attributions={"b": np.array([4.0])})
    parts = [(first, Groups.everything(1)), (second, Groups.everything(1))]
    assert merged(create("MeanAttributions"), parts, ["all"])[0] == {"a": 0.5, "b": 2.0}


@pytest.mark.parametrize(
    ("sub_key", "expected"),
    [
        (SubKey(class_id=1), CITY[:, 1]),
        (SubKey(k=1), CITY.max(axis=1)),
        (SubKey(k=2), CITY.min(axis=1)),
        (SubKey(top_k=2), -np.sort(-CITY, axis=1)),
    ],
)
def test_a_view_picks_model_output_and_class(evaluate, sub_key, expected):
    extracts = {
        "predictions": {"m": {"out": np.zeros((3, 2))}},
        "attributions": {"m": {"out": {"city": CITY}}},
        "example_weights": WEIGHT,
    }
    view = View("m", "out", sub_key, example_weighted=True)
    value = evaluate(create("TotalAttributions"), view.pick(extracts))[0]
    np.testing.assert_allclose(value["city"], WEIGHT @ expected)


def test_what_attributions_need_is_said(evaluate):
    with pytest.raises(MetricError, match="add an extractor"):
        evaluate(create("MeanAttributions"), Batch(prediction=np.zeros(1)))
    wrong = Batch(prediction=np.zeros(2), attributions={"age": np.array([np.nan, 1.0])})
    with pytest.raises(MetricError, match="'age' must be finite, found nan"):
        evaluate(create("MeanAttributions"), wrong)
    extracts = {"predictions": np.zeros((3, 2)), "attributions": {"city": CITY, "age": AGE}}
    with pytest.raises(MetricError, match=r"classes 0\.\.1"):
        View(sub_key=SubKey(class_id=2)).pick(extracts)
    with pytest.raises(MetricError, match="feature 'age' has none"):
        View(sub_key=SubKey(class_id=1)).pick(extracts)
