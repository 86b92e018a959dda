"""Samples of mistakes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from evaluator_component.batch import Batch
from evaluator_component.errors import MetricError
from evaluator_component.groups import Groups
from evaluator_component.keys import SubKey
from evaluator_component.metrics.registry import create
from evaluator_component.metrics.view import View

ARGUMENTS = '"feature_key": "name", "sample_size": 100'


def _batch(rows=200):
    random = np.random.default_rng(0)
    names = pa.array([[f"n{row}"] for row in range(rows)])
    return Batch(
        label=random.integers(0, 2, rows).astype(float),
        prediction=random.random(rows),
        features={"name": names},
        example_ids=random.integers(0, 2**63, rows).astype(np.uint64),
    )


@pytest.mark.parametrize(
    ("name", "label"), [("FalsePositiveFeatureSampler", 0), ("FalseNegativeFeatureSampler", 1)]
)
def test_all_mistakes_of_a_small_slice_are_found(evaluate, name, label):
    batch = _batch()
    wrong = (batch.label == label) & ((batch.prediction > 0.7) != label)
    metric = create(name, config=ARGUMENTS + ', "threshold": 0.7')
    (sample,) = evaluate(metric, batch)
    assert sorted(sample) == sorted(f"n{row}" for row in np.flatnonzero(wrong))


def test_a_slice_without_mistakes_has_an_empty_sample(evaluate):
    batch = Batch(
        label=np.array([1.0, 0.0]),
        prediction=np.array([0.9, 0.1]),
        features={"name": np.array(["a", "b"], dtype=object)},
        example_ids=np.arange(2, dtype=np.uint64),
    )
    groups = Groups.single(np.array([0, 2]), 3)
    samples = evaluate(create("FalsePositiveFeatureSampler", config=ARGUMENTS), batch, groups)
    assert [len(sample) for sample in samples] == [0, 0, 0]


def test_a_large_slice_is_sampled_evenly(evaluate):
    small = '"feature_key": "name", "sample_size": 5'
    batch = _batch(2000)
    (sample,) = evaluate(create("FalsePositiveFeatureSampler", config=small), batch)
    rows = np.array([int(name[1:]) for name in sample])
    assert len(rows) == 5
    assert rows.max() > 500


def test_the_mistakes_of_one_class_and_of_the_top_k(evaluate):
    prediction = np.array([[0.9, 0.1, 0.0], [0.6, 0.3, 0.1], [0.1, 0.2, 0.7]])
    batch = Batch(
        label=np.array([0, 1, 1]),
        prediction=prediction,
        features={"name": np.array(["a", "b", "c"], dtype=object)},
        example_ids=np.array([7, 8, 9], dtype=np.uint64),
    )
    metric = create("FalsePositiveFeatureSampler", config=ARGUMENTS)
    for sub_key, expected in [(SubKey(class_id=0), ["b"]), (SubKey(top_k=1), ["b", "c"])]:
        viewed, groups = View(sub_key=sub_key).shape(batch, Groups.everything(3), "elementwise")
        assert sorted(evaluate(metric, viewed, groups)[0]) == expected


def test_an_unknown_feature_is_named(evaluate):
    metric = create("FalsePositiveFeatureSampler", config='"feature_key": "nme", "sample_size": 3')
    with pytest.raises(MetricError, match=r"no feature 'nme'.*did you mean 'name'"):
        evaluate(metric, _batch())
