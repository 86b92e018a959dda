"""Samples do not depend on batches, follow weights and never hold an example of weight 0."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from evaluator_component.batch import Batch
from evaluator_component.errors import ConfigError, MetricError
from evaluator_component.groups import Groups
from evaluator_component.metrics.registry import create
from evaluator_component.metrics.samples import FixedSizeSample


def _batch(size: int, weight: np.ndarray | None = None) -> Batch:
    return Batch(
        weight=weight if weight is not None else np.ones(size),
        features={"number": np.arange(size), "text": pa.array([[f"t{i}"] for i in range(size)])},
        example_ids=np.arange(size, dtype=np.uint64) * 7919,
    )


def test_sample_has_the_asked_size_without_repetition(evaluate):
    sample = evaluate(FixedSizeSample("number", 10), _batch(100))[0]
    assert len(sample) == len(set(sample.tolist())) == 10
    assert sample.dtype.kind == "i"
    few = evaluate(FixedSizeSample("text", 10), _batch(3))[0]
    assert sorted(few.tolist()) == ["t0", "t1", "t2"]


def test_another_seed_gives_another_sample(evaluate):
    batch = _batch(1000)
    samples = [evaluate(FixedSizeSample("number", 5, seed), batch)[0] for seed in (None, 0, 1)]
    assert samples[0].tolist() == samples[1].tolist() != samples[2].tolist()


def test_sample_is_the_same_however_the_rows_are_cut(evaluate, merged):
    batch, metric = _batch(300), FixedSizeSample("number", 8)
    rows = np.random.default_rng(0).permutation(300)
    parts = [(batch.take(r), Groups.everything(len(r))) for r in np.split(rows, [3, 100, 290])]
    whole = evaluate(metric, batch)[0]
    assert merged(metric, parts, ["all"])[0].tolist() == whole.tolist()


def test_heavier_examples_are_taken_more_often(evaluate):
    weight = np.where(np.arange(2000) < 1000, 9.0, 1.0)
    sample = evaluate(FixedSizeSample("number", 200), _batch(2000, weight))[0]
    heavy = (sample < 1000).sum()
    assert 160 < heavy < 195  # 0.9 of 200, less what the first draws take away; sd is about 5
    none = evaluate(FixedSizeSample("number", 2000), _batch(2000, (weight > 1).astype(float)))[0]
    assert sorted(none.tolist()) == list(range(1000))


def test_each_slice_has_its_own_sample(evaluate):
    ids = np.arange(100) % 3
    samples = evaluate(FixedSizeSample("number", 4), _batch(100), Groups.single(ids, 4))
    assert [set((sample % 3).tolist()) for sample in samples[:3]] == [{0}, {1}, {2}]
    assert len(samples[3]) == 0


def test_what_a_sample_needs_is_said(evaluate):
    with pytest.raises(ConfigError, match="sampled_key must name"):
        create("FixedSizeSample")
    with pytest.raises(ConfigError, match="size must be"):
        create("FixedSizeSample", config='"sampled_key": "a", "size": 0')
    with pytest.raises(MetricError, match="did you mean 'number'"):
        evaluate(FixedSizeSample("numbr", 4), _batch(5))
    with pytest.raises(MetricError, match="example ids"):
        evaluate(FixedSizeSample("number", 4), Batch(features={"number": np.arange(3)}))
