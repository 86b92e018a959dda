"""Sharding: any number of shards gives the same numbers; the number follows from the sample."""

from __future__ import annotations

import json
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import evaluator_component as ec
from evaluator_component.api.defaults import resampling_of
from evaluator_component.api.job import Job
from evaluator_component.config import prepare_config
from evaluator_component.evaluators import metrics_and_plots
from evaluator_component.evaluators.accumulate import Accumulated, Accumulator
from evaluator_component.evaluators.compute import compute
from evaluator_component.evaluators.over_slices import assemble
from evaluator_component.evaluators.planning import make_plan
from evaluator_component.evaluators.sharding import (
    Size,
    expected_distinct,
    shards_for,
    size_of,
)
from evaluator_component.groups import Groups
from evaluator_component.metrics import registry
from evaluator_component.metrics_table import MetricsTable
from evaluator_component.slicing import SliceIndex
from evaluator_component.writers.statistics import load_statistics

METRICS = """
model_specs { label_key: "label" prediction_key: "score" }
metrics_specs {
  metrics { class_name: "ExampleCount" } metrics { class_name: "AUC" }
  metrics { class_name: "ExactAUC" } metrics { class_name: "MaxError" }
  metrics { class_name: "BinaryCrossEntropy" } metrics { class_name: "CalibrationPlot" }
  metrics { class_name: "Precision" threshold {
    value_threshold { lower_bound { value: 0.55 } } } }
  metrics { class_name: "MaxGap" config: '{"feature_keys": ["city"], "metric": "Recall"}' }
}
slicing_specs {} slicing_specs { feature_keys: "city" } slicing_specs { feature_keys: "hour" }
slicing_specs { feature_keys: ["city", "hour"] }
"""
INTERVALS = {
    "none": "",
    "jackknife": "options { compute_confidence_intervals { value: true } }",
    "bootstrap": """options { compute_confidence_intervals { value: true }
      confidence_intervals { method: POISSON_BOOTSTRAP num_replicates { value: 9 } } }""",
}
CROSS = """cross_slicing_specs { baseline_spec {} slicing_specs { feature_keys: "city" } }
options { compute_confidence_intervals { value: true } min_slice_size { value: 20 } }"""


def table_of(rows: int, seed: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    label = random.integers(0, 2, rows)
    return {
        "label": label,
        "score": np.clip(random.normal(0.35 + 0.3 * label, 0.2), 0, 1),
        "city": random.choice(["Bergen", "Oslo", "Voss", "Ål"], rows),
        "hour": random.integers(0, 24, rows),
    }


def batches(columns: dict[str, np.ndarray], plan: Any, parts: int) -> list[dict[str, Any]]:
    """The rows as batches of extracts of one bundle."""
    found, index = [], SliceIndex(plan.slices)
    for rows in np.array_split(np.arange(len(columns["label"])), parts):
        features = {name: columns[name][rows] for name in ("city", "hour")}
        groups: Groups = index.assign(features, len(rows))
        found.append(
            {
                "features": features,
                "labels": columns["label"][rows].astype(np.float64),
                "predictions": columns["score"][rows],
                "example_ids": rows.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15),
                "slice_keys": groups,
            }
        )
    return found


def evaluated(config: Any, columns: dict[str, np.ndarray], shards: int, parts: int) -> MetricsTable:
    """Accumulates batch by batch, sends states on after each, merges, computes, assembles."""
    plan, resampling = make_plan(config), resampling_of(config)
    merged: dict[int, Accumulated] = {}
    accumulator = Accumulator(plan, resampling, chunk_rows=1)
    for batch in batches(columns, plan, parts):
        accumulator.add(batch)
        for shard, part in accumulator.finish().split(shards):
            part = pickle.loads(pickle.dumps(part))
            if shard in merged:
                merged[shard].merge(part)
            else:
                merged[shard] = part
    computed = [compute(plan, part, resampling, 20) for part in merged.values()]
    return assemble(plan, [each.numbers() for each in computed], resampling, "")


@pytest.mark.parametrize("intervals", INTERVALS)
@settings(max_examples=8, deadline=None)
@given(st.integers(1, 40), st.integers(1, 9), st.integers(30, 400), st.integers(0, 99))
def test_any_number_of_shards_gives_the_same_table(
    intervals: str, shards: int, parts: int, rows: int, seed: int
) -> None:
    config = prepare_config(METRICS + INTERVALS[intervals], tuple(registry.registered()))
    columns = table_of(rows, seed)
    one, many = evaluated(config, columns, 1, 1), evaluated(config, columns, shards, parts)
    assert one.slices == many.slices
    assert one.notes == many.notes
    assert list(one.columns) == list(many.columns)
    for key, column in one.columns.items():
        for name in ("value", "standard_error", "lower", "upper", "replicates"):
            first, second = getattr(column, name), getattr(many.columns[key], name)
            assert (first is None) == (second is None)
            if first is not None and first.dtype != object:
                np.testing.assert_allclose(first, second, rtol=1e-12, atol=1e-12, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("more", [*INTERVALS.values(), CROSS])
def test_a_run_over_shards_writes_the_same_results(
    more: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = pd.DataFrame(table_of(3000, 5))
    found = []
    for shards in (1, 7):
        monkeypatch.setattr(Job, "_shards", lambda *_, count=shards: count)
        outcome = ec.evaluate(METRICS + more, frame, output_path=str(tmp_path / str(shards)))
        found.append(outcome.result)
    one, many = (result.to_frame() for result in found)
    pd.testing.assert_frame_equal(
        one.drop(columns="run", errors="ignore"),
        many.drop(columns="run", errors="ignore"),
        rtol=1e-12,
        atol=1e-12,
    )
    assert [plot.slice for plot in found[0].plots] == [plot.slice for plot in found[1].plots]
    verdicts = [json.loads((tmp_path / name / "verdict.json").read_text()) for name in "17"]
    assert verdicts[0] == verdicts[1]
    stored = [load_statistics(str(tmp_path / n), "statistics-00000-of-00001.npz") for n in "17"]
    assert set(stored[0].slices["plain"]) == set(stored[1].slices["plain"])
    assert stored[0].statistics.keys() == stored[1].statistics.keys()


@pytest.mark.slow
def test_states_too_large_to_be_stored_are_not_gathered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evaluator_component.writers.statistics.MAX_BYTES", 1000)
    monkeypatch.setattr(Job, "_shards", lambda *_: 5)
    ec.evaluate(METRICS, pd.DataFrame(table_of(500, 1)), output_path=str(tmp_path))
    assert load_statistics(str(tmp_path), "statistics-00000-of-00001.npz").omitted_bytes > 1000


def test_states_that_take_much_memory_are_sent_on_before_the_bundle_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = make_plan(prepare_config(METRICS, tuple(registry.registered())))
    monkeypatch.setattr(metrics_and_plots, "MOST_BYTES", 1000)
    sender = metrics_and_plots.Accumulate(plan, None, shards=3)
    sender.start_bundle()
    sender._accumulator.chunk_rows = 1
    sent = [[*sender.process(batch)] for batch in batches(table_of(300, 2), plan, 3)]
    assert all({shard for shard, _ in parts} == {0, 1, 2} for parts in sent)
    assert not [*sender.finish_bundle()]
    alone = metrics_and_plots.Accumulate(plan, None, shards=1)
    alone.start_bundle()
    assert not [
        each for batch in batches(table_of(300, 2), plan, 3) for each in alone.process(batch)
    ]
    assert len([*alone.finish_bundle()]) == 1


def test_the_sample_tells_how_many_slices_there_are() -> None:
    plan = make_plan(prepare_config(METRICS, tuple(registry.registered())))
    (sample,) = batches(table_of(256, 0), plan, 1)
    size = size_of(plan, None, sample)
    assert 1 + 4 + 24 + 90 < size.slices < 1 + 4 + 24 + 110
    assert size.slice_bytes > 100
    resampled = prepare_config(METRICS + INTERVALS["bootstrap"], tuple(registry.registered()))
    assert size_of(plan, resampling_of(resampled), sample).slice_bytes > 2 * size.slice_bytes


def test_a_sample_of_different_values_only_tells_that_they_are_many() -> None:
    assert expected_distinct(np.arange(256)) == math.inf
    assert expected_distinct([5]) == 1
    random = np.random.default_rng(0)
    estimates = [expected_distinct(random.integers(0, 300, 256)) for _ in range(50)]
    assert 280 < np.mean(estimates) < 330


@pytest.mark.parametrize(
    ("size", "workers", "shards"),
    [
        (Size(1, 1e5), 200, 1),
        (Size(72, 1e6), 200, 2),
        (Size(20_000, 1e3), 200, 4),
        (Size(20_000, 1e5), 200, 30),
        (Size(1e6, 1e3), 200, 200),
        (Size(1e6, 1e5), 200, 800),
        (Size(math.inf, 1e3), 200, 800),
        (Size(math.inf, 1e3), 1, 1),
    ],
)
def test_shards_follow_from_slices_bytes_and_workers(size: Size, workers: int, shards: int) -> None:
    assert shards_for(size, workers) == shards
