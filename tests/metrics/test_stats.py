"""The mean of any column."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from evaluator_component.batch import Batch
from evaluator_component.errors import ConfigError, MetricError
from evaluator_component.metrics.registry import create


def _mean(path: str, weights: str = "") -> object:
    config = f'"feature_key_path": {path}'
    return create(
        "Mean", config=config + (f', "example_weights_key_path": {weights}' if weights else "")
    )


BATCH = Batch(
    label=np.array([1.0, 0.0, 1.0]),
    prediction={"score": np.array([[0.5], [0.25], [1.0]]), "pair": np.zeros((3, 2))},
    weight=np.array([1.0, 2.0, 1.0]),
    features={
        "age": pa.array([[30.0], [], [10.0]]),
        "height": np.array([1.0, 2.0, 4.0]),
        "share": pa.array([0.5, 0.5, 1.0]),
        "many": pa.array([[1.0, 2.0], [1.0], []]),
        "name": pa.array(["a", "b", "c"]),
    },
)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ('["features", "height"]', 9 / 4),
        ('["features", "age"]', 20.0),  # one example has none
        ('["height"]', 9 / 4),
        ('["labels"]', 2 / 4),
        ('["predictions", "score"]', 2 / 4),
        ('["example_weights"]', 6 / 4),
    ],
)
def test_mean_of_a_column(evaluate, path, expected):
    np.testing.assert_allclose(evaluate(_mean(path), BATCH), [expected])


def test_weights_may_come_from_a_column(evaluate):
    value = evaluate(_mean('["features", "height"]', '["features", "share"]'), BATCH)
    np.testing.assert_allclose(value, [(0.5 + 1.0 + 4.0) / 2])


def test_name_and_columns_follow_from_the_path():
    metric = _mean('["features", "height"]', '["features", "share"]')
    assert metric.key_name == "mean_features.height"
    assert metric.statistics[0].features() == ("height", "share")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ('["features", "hight"]', "did you mean 'height'"),
        ('["features", "many"]', "one value per example, got 2"),
        ('["features", "name"]', "no numbers but string"),
        ('["predictions", "scores"]', "did you mean 'score'"),
        ('["predictions", "pair"]', "one number per example, got 2"),
    ],
)
def test_a_column_without_one_number_per_example_is_an_error(evaluate, path, said):
    with pytest.raises(MetricError, match=said):
        evaluate(_mean(path), BATCH)


@pytest.mark.parametrize("path", ["[]", '["features"]'])
def test_a_path_must_name_a_column(path):
    with pytest.raises(ConfigError, match="feature_key_path must"):
        _mean(path)
