"""Plots, counted in loops over their thresholds and buckets."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator_component.batch import Batch
from evaluator_component.errors import ConfigError
from evaluator_component.groups import Groups
from evaluator_component.keys import SubKey
from evaluator_component.metrics.plots import grid_cells, grid_edges
from evaluator_component.metrics.registry import create
from evaluator_component.metrics.view import View

sys.path.insert(0, str(Path(__file__).parent))
from binary_batches import SCENARIOS, hardened, make


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(
    score=st.one_of(st.floats(-0.2, 1.2), st.floats(-1e9, 1e9)),
    left=st.sampled_from([0.0, -1.0, 0.1, 1e6]),
    width=st.sampled_from([1.0, 0.7, 3.0, 1e-3]),
    size=st.sampled_from([1, 3, 10, 1000]),
    edge=st.integers(0, 1000),
)
def test_cells_are_exact_at_the_edges(score, left, width, size, edge):
    edges = grid_edges(left, left + width, size)
    at = edges[edge % (size + 1)]
    scores = np.array([score, at, np.nextafter(at, np.inf), np.nextafter(at, -np.inf)])
    cells = grid_cells(scores, left, left + width, size)
    below = np.searchsorted(edges, scores, side="left")
    expected = 2 * below + np.isin(scores, edges)
    expected = np.where(scores <= left - 1e-6, -1, expected)
    np.testing.assert_array_equal(cells, expected)


@pytest.mark.parametrize("size", [4, 10, 1000])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_confusion_matrices_are_exact_at_every_threshold(evaluate, scenario, size):
    batch = make(scenario)
    (plot,) = evaluate(create("ConfusionMatrixPlot", config=f'"num_thresholds": {size}'), batch)
    columns = plot["columns"]
    assert plot["kind"] == "confusion_matrices"
    thresholds = [-1e-6, *(i / size for i in range(size + 1))]
    np.testing.assert_allclose(columns["threshold"], thresholds, rtol=1e-15)
    label, score, weight = hardened(batch)
    above = score[None, :] > np.array(thresholds)[:, None]
    for name, wanted in [
        ("true_positives", above & (label == 1)),
        ("false_positives", above & (label == 0)),
        ("true_negatives", ~above & (label == 0)),
        ("false_negatives", ~above & (label == 1)),
    ]:
        np.testing.assert_allclose(columns[name], wanted @ weight, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_calibration_buckets(evaluate, scenario):
    batch = make(scenario)
    (plot,) = evaluate(create("CalibrationPlot", config='"num_buckets": 10'), batch)
    columns = plot["columns"]
    assert plot["kind"] == "calibration"
    np.testing.assert_array_equal(columns["lower"], [-np.inf, *(i / 10 for i in range(11))])
    np.testing.assert_array_equal(columns["upper"], [*(i / 10 for i in range(11)), np.inf])
    score, weight = batch.prediction, batch.weight
    inside = (score >= columns["lower"][:, None]) & (score < columns["upper"][:, None])
    np.testing.assert_allclose(columns["weight"], inside @ weight, rtol=1e-9)
    np.testing.assert_allclose(columns["label"], inside @ (weight * batch.label), rtol=1e-9)
    np.testing.assert_allclose(columns["prediction"], inside @ (weight * score), rtol=1e-9)


def test_calibration_of_a_regression(evaluate):
    batch = Batch(label=np.array([10.0, 50.0, -4.0]), prediction=np.array([12.0, 49.0, 120.0]))
    metric = create("CalibrationPlot", config='"num_buckets": 2, "left": 0, "right": 100')
    columns = evaluate(metric, batch)[0]["columns"]
    np.testing.assert_array_equal(columns["label"], [0, 60, 0, -4])
    np.testing.assert_array_equal(columns["prediction"], [0, 61, 0, 120])


def test_score_distribution_needs_no_labels(evaluate):
    batch = Batch(prediction=np.array([-1.0, 0.0, 0.3, 0.3, 1.0]), weight=np.arange(5.0))
    metric = create("ScoreDistributionPlot", config='"num_thresholds": 4')
    (plot,) = evaluate(metric, batch)
    assert plot["kind"] == "score_distribution"
    np.testing.assert_array_equal(plot["columns"]["weight"], [0, 1, 5, 0, 0, 4])


def test_residuals(evaluate):
    batch = Batch(label=np.array([1.0, 0.0, 1.0]), prediction=np.array([0.75, 0.75, 3.0]))
    (plot,) = evaluate(create("ResidualPlot", config='"num_buckets": 4'), batch)
    assert plot["kind"] == "residuals"
    np.testing.assert_array_equal(plot["columns"]["weight"], [1, 1, 0, 1, 0, 0])


@pytest.mark.parametrize("scenario", ["probabilities", "weights", "positives only"])
def test_gain_and_lift(evaluate, scenario):
    batch = make(scenario)
    (plot,) = evaluate(create("GainPlot", config='"num_thresholds": 8'), batch)
    for threshold, fraction, gain, lift in zip(*plot["columns"].values(), strict=True):
        above = batch.prediction > threshold
        positive = batch.weight * batch.label
        assert fraction == pytest.approx(batch.weight[above].sum() / batch.weight.sum())
        assert gain == pytest.approx(positive[above].sum() / positive.sum())
        assert lift == pytest.approx(gain / fraction if fraction else np.nan, nan_ok=True)


def test_calibration_and_confusion_matrices_share_one_histogram():
    assert create("CalibrationPlot").statistics == create("ConfusionMatrixPlot").statistics


def test_classes_outside_the_top_k_are_never_predicted(evaluate):
    prediction = np.array([[0.5, 0.3, 0.2], [0.1, 0.3, 0.6]])
    batch = Batch(label=np.array([2, 1]), prediction=prediction)
    view = View(sub_key=SubKey(top_k=1))
    viewed, groups = view.shape(batch, Groups.everything(2), "elementwise")
    (plot,) = evaluate(create("ConfusionMatrixPlot", config='"num_thresholds": 2'), viewed, groups)
    np.testing.assert_array_equal(plot["columns"]["false_positives"], [2, 2, 1, 0])
    np.testing.assert_array_equal(plot["columns"]["false_negatives"], [2, 2, 2, 2])
    (plot,) = evaluate(create("CalibrationPlot", config='"num_buckets": 2'), viewed, groups)
    np.testing.assert_array_equal(plot["columns"]["weight"], [0, 0, 2, 0])


def test_many_groups_are_as_many_plots(evaluate):
    random = np.random.default_rng(0)
    batch = Batch(label=random.integers(0, 2, 2000).astype(float), prediction=random.random(2000))
    ids = random.integers(0, 700, 2000)
    plots = evaluate(create("ConfusionMatrixPlot"), batch, Groups.single(ids, 700))
    positives = [plot["columns"]["true_positives"][0] for plot in plots]
    np.testing.assert_array_equal(positives, np.bincount(ids, batch.label, 700))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("CalibrationPlot", '"left": 1'),
        ("CalibrationPlot", '"num_buckets": 0'),
        ("ConfusionMatrixPlot", '"num_thresholds": 0'),
        ("ResidualPlot", '"left": 2'),
    ],
)
def test_wrong_arguments_are_explained(name, arguments):
    with pytest.raises(ConfigError, match="must be"):
        create(name, config=arguments)
