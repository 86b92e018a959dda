"""Regression errors and correlation: TFMA and us on the same examples."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.slow

CONFIG = """
model_specs { label_key: "label" example_weight_key: "weight" }
slicing_specs {}
metrics_specs {
  metrics { class_name: "MeanAbsoluteError" }
  metrics { class_name: "MeanSquaredError" }
  metrics { class_name: "MeanAbsolutePercentageError" }
  metrics { class_name: "MeanSquaredLogarithmicError" }
  metrics { class_name: "SquaredPearsonCorrelation" }
  example_weights { weighted: true unweighted: true }
}
metrics_specs {
  metrics { class_name: "Mean" config: '"feature_key_path": ["features", "size"], '
            '"example_weights_key_path": ["example_weights"]' }
  metrics { class_name: "Mean" config: '"feature_key_path": ["features", "size"], "name": "plain"' }
  example_weights { unweighted: true }
}
"""


def _columns(seed: int, size: int = 300, offset: float = 0.0) -> dict:
    random = np.random.default_rng(seed)
    label = np.abs(random.normal(3, 2, size)) + offset
    label[:5] = 0
    return {
        "labels": label,
        "predictions": np.abs(label + random.normal(0.2, 1, size)),
        "example_weights": random.uniform(0.1, 3, size),
        "features": {"size": random.normal(size=size)},
    }


def test_equal_where_the_peer_is_right(peer, ours, key):
    columns = _columns(1)
    theirs, mine = peer(CONFIG, columns), ours(CONFIG, columns)
    names = [
        "mean_absolute_error",
        "mean_squared_error",
        "mean_absolute_percentage_error",
        "mean_squared_logarithmic_error",
        "squared_pearson_correlation",
    ]
    for name in names:
        for weighted in (False, True):
            which = key(name, weighted=weighted)
            np.testing.assert_allclose(mine[which], theirs[which], rtol=1e-9, err_msg=name)
    name = "mean_features.size"
    np.testing.assert_allclose(mine[key(name)], theirs[key(name, weighted=True)], rtol=1e-9)
    np.testing.assert_allclose(mine[key("plain")], theirs[key("plain")], rtol=1e-9)


def test_correlation_of_values_with_a_large_mean(peer, ours, key):
    columns = _columns(2, offset=1e8)
    which = key("squared_pearson_correlation", weighted=True)
    label, prediction = columns["labels"][5:], columns["predictions"][5:]
    columns = {
        "labels": label,
        "predictions": prediction,
        "example_weights": columns["example_weights"][5:],
        "features": {"size": np.zeros(len(label))},
    }
    covariance = np.cov(label - 1e8, prediction - 1e8, aweights=columns["example_weights"], ddof=0)
    exact = covariance[0, 1] ** 2 / (covariance[0, 0] * covariance[1, 1])
    np.testing.assert_allclose(ours(CONFIG, columns)[which], exact, rtol=1e-9)
    # Plain sums of squares lose every digit: the peer is off, or says NaN.
    assert not abs(peer(CONFIG, columns)[which] - exact) < 1e-3


def test_merging_a_list_of_accumulators_counts_the_peers_first_one_twice(tfma):
    from tensorflow_model_analysis.metrics import metric_types

    from evaluator_component.batch import Batch
    from evaluator_component.groups import Groups
    from evaluator_component.metrics.regression import MeanSquaredError, SquaredError
    from evaluator_component.metrics.state import States

    examples = ((0.0, 0.0), (0.0, 1.0))
    combiner = tfma.metrics.MeanSquaredError().computations()[0].combiner
    accumulators = [
        combiner.add_input(
            combiner.create_accumulator(),
            metric_types.StandardMetricInputs(
                {"labels": np.array([label]), "predictions": np.array([prediction])}
            ),
        )
        for label, prediction in examples
    ]
    merged = combiner.merge_accumulators(accumulators)
    theirs = next(iter(combiner.extract_output(merged).values()))

    states = States()
    for label, prediction in examples:
        batch = Batch(np.array([label]), np.array([prediction]))
        arrays = SquaredError().accumulate(batch, Groups.everything(1))
        states.add(["all"], {"error": arrays}, {"error": SquaredError.state})
    mine = MeanSquaredError().result(states.table("error"))[0]

    np.testing.assert_allclose((theirs, mine), (1 / 3, 1 / 2))
