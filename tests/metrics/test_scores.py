"""Cells of scores, and the histogram's form on resamples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator_component.batch import Batch
from evaluator_component.groups import Groups, Membership
from evaluator_component.metrics.registry import create
from evaluator_component.metrics.scores import (
    EXACT,
    BucketHistogram,
    ScoreHistogram,
    blocks,
    lower_edge,
    score_cells,
)
from evaluator_component.resamples import Poisson

numbers = st.one_of(
    st.floats(0, 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(0, 1e-3),
    st.floats(0.999, 1),
    st.sampled_from([0.0, 1.0, 0.5, 2.0**-126, 2.0**-32, 1 - 2.0**-53, -0.0, 5e-324, -5e-324]),
)


@pytest.mark.parametrize("bits", [4, 8, 12, EXACT])
@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(scores=st.lists(numbers, min_size=2, max_size=8))
def test_cells_keep_the_order_and_lie_above_their_lower_edge(bits, scores):
    scores = np.sort(np.array(scores))
    cells = score_cells(scores, bits)
    assert (cells[1:] >= cells[:-1]).all()
    edges, ends = lower_edge(cells, bits), lower_edge(cells + 1, bits)
    assert (edges < scores).all()
    assert (scores <= ends).all()
    for cell, edge in zip(cells, edges, strict=True):
        assert (scores[cells < cell] <= edge).all()


@pytest.mark.parametrize(
    "scores",
    [
        np.linspace(1e-5, 2e-4, 3000),
        np.linspace(0.25, 0.5, 3000),
        1 - np.geomspace(1e-6, 0.5, 3000),
        np.geomspace(1.001, 1e4, 3000),
        -np.geomspace(1e-3, 50, 3000),
    ],
)
def test_cells_are_as_wide_as_a_4096th_of_the_scores_distance_from_its_end(scores):
    cells = score_cells(scores)
    width = lower_edge(cells + 1) - lower_edge(cells)
    distance = np.where((scores > 0.5) & (scores < 1), 1 - scores, np.abs(scores))
    assert (width <= distance / 4096 * 1.001).all()
    assert (width >= distance / 8192 * 0.999).all()


def test_exact_cells_keep_all_scores_apart():
    scores = np.unique(np.random.default_rng(0).normal(size=1000))
    scores = np.concatenate([scores, np.nextafter(scores, 2)])
    assert len(np.unique(score_cells(scores, EXACT))) == len(np.unique(scores))


def test_resampled_probabilities_have_at_most_1025_cells_on_each_side():
    scores = np.concatenate(
        [10.0 ** -np.linspace(0, 40, 50_000), 1 - np.geomspace(1e-17, 1, 50_000)]
    )
    assert len(np.unique(score_cells(scores, ScoreHistogram().replicated().bits))) <= 2 * 513


def test_blocks_hold_every_cell_once():
    random = np.random.default_rng(3)
    ids = random.choice(40, 3000, p=random.dirichlet(np.full(40, 0.3)))
    label, weight = random.integers(0, 2, 3000).astype(float), random.random(3000)
    batch = Batch(label=label, prediction=random.random(3000), weight=weight)
    cells = ScoreHistogram().accumulate(batch, Groups.single(ids, 40))["scores"]
    seen = np.zeros(40)
    for block in blocks(cells):
        assert (np.diff(block.cell, axis=1) >= 0).all()
        seen[block.groups] += block.sums.sum(axis=(0, 2))
    np.testing.assert_allclose(seen, np.bincount(ids, weight, minlength=40))


def test_histograms_name_one_stand_in_for_resamples():
    assert ScoreHistogram().replicated() == BucketHistogram().replicated()
    assert ScoreHistogram(EXACT).replicated() == ScoreHistogram().replicated()


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("AUC", ""),
        ("AUC", '"num_thresholds": 200'),
        ("AUCPrecisionRecall", ""),
        ("AveragePrecision", ""),
        ("SensitivityAtSpecificity", '"specificity": 0.9'),
        ("RecallAtPrecision", '"precision": 0.6'),
        ("ThresholdAtRecall", '"recall": 0.8'),
        ("GainAtK", '"k": 0.1'),
        ("KolmogorovSmirnov", ""),
        ("ExpectedCalibrationError", '"binning": "equal_mass"'),
    ],
)
@pytest.mark.parametrize("scale", [1.0, 1e-2])
def test_standard_errors_from_few_cells_are_those_of_a_naive_bootstrap(
    evaluate, name, arguments, scale
):
    random = np.random.default_rng(1)
    rows, replicates = 4000, 100
    if scale < 1 and "num_thresholds" in arguments:
        pytest.skip("equal steps on [0, 1] see no fine differences of small scores")
    hidden = random.normal(-1.5, 1.5, rows)
    score = scale / (1 + np.exp(-hidden))
    label = (random.random(rows) < score / scale).astype(float)
    batch = Batch(label=label, prediction=score)
    draws = Poisson(random.integers(0, 2**63, rows).astype(np.uint64), replicates)
    membership = Membership(np.zeros(rows, dtype=np.int64))
    metric = create(name, config=arguments)
    few = evaluate(metric, batch, Groups((membership,), 1, rows, draws))[0]
    times = draws.weights(0, rows)
    naive = [
        evaluate(metric, Batch(label=label, prediction=score, weight=times[:, replicate]))[0]
        for replicate in range(replicates)
    ]
    assert np.std(few) == pytest.approx(np.std(naive), rel=0.1)
    assert abs(np.mean(few) - np.mean(naive)) < 0.5 * np.std(naive)
