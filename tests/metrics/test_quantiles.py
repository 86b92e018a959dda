"""Quantiles of errors against NumPy's inverted distribution function, within the stated bound."""

from __future__ import annotations

import numpy as np
import pytest

from evaluator_component.batch import Batch
from evaluator_component.errors import ConfigError
from evaluator_component.groups import Groups
from evaluator_component.metrics import quantiles
from evaluator_component.metrics.registry import create

WANTED = (0.0, 0.01, 0.3, 0.5, 0.7, 0.99, 1.0)


def _batch(seed: int, scale: float = 1.0, digits: int | None = None) -> Batch:
    random = np.random.default_rng(seed)
    error = random.standard_cauchy(800) * scale
    if digits is not None:
        error = np.round(error, digits)
    label = random.normal(size=800) if digits is None else np.zeros(800)
    weight = random.uniform(0, 3, 800)
    return Batch(label, label + error, weight)


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e9])
@pytest.mark.parametrize("absolute", [False, True])
def test_within_the_relative_error(evaluate, scale, absolute):
    batch = _batch(1, scale)
    name = "AbsoluteErrorQuantiles" if absolute else "ErrorQuantiles"
    metric = create(name, config=f'"quantiles": {list(WANTED)}, "relative_error": 0.01')
    error = batch.prediction - batch.label
    error = np.abs(error) if absolute else error
    expected = np.quantile(error, WANTED, weights=batch.weight, method="inverted_cdf")
    np.testing.assert_allclose(evaluate(metric, batch)[0], expected, rtol=0.01)


def test_exact_where_errors_repeat(evaluate):
    batch = _batch(2, digits=0)
    error = np.abs(batch.prediction)
    expected = np.quantile(error, WANTED, weights=batch.weight, method="inverted_cdf")
    metric = quantiles.AbsoluteErrorQuantiles(WANTED)
    small = expected < 500  # larger neighbouring integers share a cell
    np.testing.assert_allclose(evaluate(metric, batch)[0][small], expected[small], rtol=1e-12)


def test_one_quantile_is_a_number_and_several_are_named(evaluate):
    batch = Batch(np.zeros(10), np.arange(1.0, 11.0))
    one = create("ErrorQuantiles", config='"quantiles": 0.7')
    assert (one.kind, one.labels()) == ("number", ())
    np.testing.assert_allclose(evaluate(one, batch), [7.0])
    several = create("ErrorQuantiles", config='"quantiles": [0.25, 0.7]')
    assert (several.kind, several.labels()) == ("vector", ("0.25", "0.7"))
    np.testing.assert_allclose(evaluate(several, batch), [[3.0, 7.0]])
    np.testing.assert_allclose(evaluate(create("MedianAbsoluteError"), batch), [5.0])


def test_groups_and_zero_errors(evaluate):
    batch = Batch(np.zeros(4), np.array([0.0, 0.0, -3.0, 2.0]))
    value = evaluate(quantiles.ErrorQuantiles(0.5), batch, Groups.single(np.array([0, 0, 1, 1]), 3))
    np.testing.assert_allclose(value, [0.0, -3.0, np.nan])
    value = evaluate(quantiles.MedianAbsoluteError(), batch, Groups.single(np.array([1] * 4), 2))
    np.testing.assert_allclose(value, [np.nan, 0.0])


@pytest.mark.parametrize("config", ['"quantiles": 1.5', '"quantiles": []', '"relative_error": 0'])
def test_quantiles_that_cannot_be_are_refused(config):
    with pytest.raises(ConfigError, match="must be in"):
        create("ErrorQuantiles", config=config)
