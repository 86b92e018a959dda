"""Means, calibration errors, Brier score and discrimination against scikit-learn and loops."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from evaluator_component.batch import Batch
from evaluator_component.errors import ConfigError, MetricError
from evaluator_component.groups import Groups
from evaluator_component.keys import SubKey
from evaluator_component.metrics.registry import create
from evaluator_component.metrics.view import View

sys.path.insert(0, str(Path(__file__).parent))
from binary_batches import SCENARIOS, hardened, make

PROBABILITIES = [name for name in SCENARIOS if name != "logits"]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_means_and_their_ratio(evaluate, scenario):
    batch = make(scenario)
    label = np.average(batch.label, weights=batch.weight)
    prediction = np.average(batch.prediction, weights=batch.weight)
    np.testing.assert_allclose(evaluate(create("MeanLabel"), batch), [label], rtol=1e-9)
    np.testing.assert_allclose(evaluate(create("MeanPrediction"), batch), [prediction], rtol=1e-9)
    ratio = prediction / label if label else np.nan
    np.testing.assert_allclose(evaluate(create("Calibration"), batch), [ratio], rtol=1e-9)


def test_labels_of_any_size_are_fine_for_means(evaluate):
    batch = Batch(label=np.array([-3.0, 100.0]), prediction=np.array([2.0, 4.0]))
    assert evaluate(create("MeanLabel"), batch)[0] == 48.5


def test_means_over_the_top_k_leave_the_others_out(evaluate):
    prediction = np.array([[0.5, 0.3, 0.2], [0.1, 0.3, 0.6]])
    view = View(sub_key=SubKey(top_k=2))
    batch = Batch(label=np.array([0, 1]), prediction=prediction)
    viewed, groups = view.shape(batch, Groups.everything(2), "elementwise")
    assert evaluate(create("MeanPrediction"), viewed, groups)[0] == pytest.approx(1.7 / 4)
    assert evaluate(create("MeanLabel"), viewed, groups)[0] == pytest.approx(2 / 4)
    assert evaluate(create("Calibration"), viewed, groups)[0] == pytest.approx(1.7 / 2)


def _equal_width_bins(score, count):
    return np.clip(np.ceil(np.round(score * count, 9)), 1, count).astype(int) - 1


def _error(batch, bins, norm):
    total, gaps, shares = batch.weight.sum(), [], []
    for each in np.unique(bins[batch.weight > 0]):
        weight = batch.weight * (bins == each)
        gaps.append(abs(np.average(batch.prediction - batch.label, weights=weight)))
        shares.append(weight.sum() / total)
    gaps, shares = np.array(gaps), np.array(shares)
    if norm == "max":
        return gaps.max()
    return (shares * gaps).sum() if norm == "l1" else np.sqrt((shares * gaps**2).sum())


@pytest.mark.parametrize("norm", ["l1", "l2", "max"])
@pytest.mark.parametrize("scenario", PROBABILITIES)
def test_calibration_error_over_equal_bins(evaluate, scenario, norm):
    batch = make(scenario)
    expected = _error(batch, _equal_width_bins(batch.prediction, 15), norm)
    metric = create("ExpectedCalibrationError", config=f'"num_bins": 15, "norm": "{norm}"')
    np.testing.assert_allclose(evaluate(metric, batch), [expected], rtol=1e-9)


def test_calibration_error_agrees_with_scikit_learns_curve(evaluate):
    batch = make("probabilities")
    label, prediction = calibration_curve(batch.label, batch.prediction, n_bins=8)
    value = evaluate(create("MaximumCalibrationError", config='"num_bins": 8'), batch)[0]
    assert value == pytest.approx(np.abs(label - prediction).max(), rel=1e-9)


@pytest.mark.parametrize("scenario", PROBABILITIES)
def test_calibration_error_over_bins_of_equal_mass(evaluate, scenario):
    batch = make(scenario)
    scores, index = np.unique(batch.prediction, return_inverse=True)
    mass = np.bincount(index, batch.weight, len(scores))
    middle = (np.cumsum(mass) - mass / 2) / mass.sum()
    bins = np.clip(np.floor(middle * 7 + 1e-9), 0, 6)[index]
    metric = create("ExpectedCalibrationError", config='"num_bins": 7, "binning": "equal_mass"')
    np.testing.assert_allclose(
        evaluate(metric, batch), [_error(batch, bins, "l1")], rtol=1e-9, atol=1e-15
    )


def test_equal_mass_bins_hold_equal_mass(evaluate):
    random = np.random.default_rng(2)
    score = np.round(np.sort(random.random(1000)), 6)
    batch = Batch(label=np.repeat([1.0, 0.0] * 5, 100), prediction=score)
    metric = create("ExpectedCalibrationError", config='"binning": "equal_mass"')
    means = score.reshape(10, 100).mean(axis=1)
    expected = np.abs(means - np.array([1, 0] * 5)).mean()
    assert evaluate(metric, batch)[0] == pytest.approx(expected, rel=1e-6)


def test_top_label_calibration_error(evaluate):
    random = np.random.default_rng(5)
    prediction = random.dirichlet(np.ones(5), 600)
    label, weight = random.integers(0, 5, 600), random.random(600)
    confidence, hit = prediction.max(axis=1), prediction.argmax(axis=1) == label
    binary = Batch(label=hit.astype(float), prediction=confidence, weight=weight)
    expected = _error(binary, _equal_width_bins(confidence, 10), "l1")
    metric = create("ExpectedCalibrationError", config='"binning": "top_label"')
    batch = Batch(label=label, prediction=prediction, weight=weight)
    np.testing.assert_allclose(evaluate(metric, batch), [expected], rtol=1e-9)


@pytest.mark.parametrize("scenario", PROBABILITIES)
def test_brier_score(evaluate, scenario):
    batch = make(scenario)
    label, score, weight = hardened(batch)
    expected = np.average((score - label) ** 2, weights=weight)
    np.testing.assert_allclose(evaluate(create("BrierScore"), batch), [expected], rtol=1e-9)
    if len(set(label)) == 2:
        assert expected == pytest.approx(brier_score_loss(label, score, sample_weight=weight))


def test_brier_score_is_reliability_minus_resolution_plus_uncertainty(evaluate):
    batch = make("ties")  # one distinct prediction per bin
    parts = create("BrierDecomposition").expand()
    reliability, resolution, uncertainty = (evaluate(part, batch)[0] for part in parts)
    score = evaluate(create("BrierScore"), batch)[0]
    assert reliability - resolution + uncertainty == pytest.approx(score, abs=3e-3)
    coarse = batch.prediction > 0.5
    two = Batch(label=batch.label, prediction=np.where(coarse, 0.8, 0.3))
    reliability, resolution, uncertainty = (evaluate(part, two)[0] for part in parts)
    score = evaluate(create("BrierScore"), two)[0]
    assert reliability - resolution + uncertainty == pytest.approx(score, rel=1e-12)
    assert resolution > 0
    assert uncertainty == pytest.approx(batch.label.mean() * (1 - batch.label.mean()))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_discrimination(evaluate, scenario):
    batch = make(scenario)
    label, score, weight = hardened(batch)
    means = [
        np.average(score[label == each], weights=weight[label == each])
        if (label == each).any()
        else np.nan
        for each in (1, 0)
    ]
    difference = evaluate(create("CoefficientOfDiscrimination"), batch)
    np.testing.assert_allclose(difference, [means[0] - means[1]], rtol=1e-9)
    relative = evaluate(create("RelativeCoefficientOfDiscrimination"), batch)
    np.testing.assert_allclose(relative, [means[0] / means[1]], rtol=1e-9)


def test_discrimination_of_each_class_differs(evaluate):
    random = np.random.default_rng(3)
    batch = Batch(label=random.integers(0, 3, 50), prediction=random.dirichlet(np.ones(3), 50))
    values = set()
    for class_id in range(3):
        view = View(sub_key=SubKey(class_id=class_id))
        viewed, groups = view.shape(batch, Groups.everything(50), "elementwise")
        score, label = batch.prediction[:, class_id], batch.label == class_id
        value = evaluate(create("CoefficientOfDiscrimination"), viewed, groups)[0]
        assert value == pytest.approx(score[label].mean() - score[~label].mean())
        values.add(value)
    assert len(values) == 3


@pytest.mark.parametrize("name", ["ExpectedCalibrationError", "BrierScore", "BrierReliability"])
def test_logits_are_no_probabilities(evaluate, name):
    batch = Batch(label=np.array([1.0, 0.0]), prediction=np.array([0.5, -2.0]))
    with pytest.raises(MetricError, match=r"needs probabilities: .*found -2 \(1 of 2\)"):
        evaluate(create(name), batch)


@pytest.mark.parametrize("arguments", ['"num_bins": 0', '"binning": "quantile"', '"norm": "l3"'])
def test_wrong_arguments_are_explained(arguments):
    with pytest.raises(ConfigError, match="must be"):
        create("ExpectedCalibrationError", config=arguments)
