"""Multi-class and multi-label: matrices, averages over classes; TFMA and us."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.slow

MODEL = """
model_specs { label_key: "label" example_weight_key: "weight" }
slicing_specs {}
"""

MATRICES = (
    MODEL
    + """
metrics_specs {
  metrics { class_name: "MultiClassConfusionMatrixAtThresholds"
            config: '"thresholds": [0.2, 0.5]' }
  metrics { class_name: "SparseCategoricalAccuracy" }
  metrics { class_name: "SparseTopKCategoricalAccuracy" config: '"k": 2' }
}
"""
)

PLOTS = (
    MODEL
    + """
metrics_specs {
  metrics { class_name: "MultiClassConfusionMatrixPlot" config: '"num_thresholds": 5' }
}
"""
)

AVERAGES = (
    MODEL
    + """
metrics_specs {
  metrics { class_name: "Precision" } metrics { class_name: "Recall" }
  metrics { class_name: "MeanSquaredError" }
  aggregate { micro_average: true class_weights { key: 0 value: 1 }
              class_weights { key: 1 value: 2 } class_weights { key: 3 value: 0.5 } }
}
metrics_specs {
  metrics { class_name: "Precision" config: '"thresholds": 0.3' }
  metrics { class_name: "Recall" config: '"thresholds": 0.3' }
  aggregate { macro_average: true class_weights { key: 0 value: 1 }
              class_weights { key: 1 value: 2 } class_weights { key: 3 value: 0.5 } }
}
metrics_specs {
  metrics { class_name: "Precision" config: '"thresholds": 0.2, "name": "p"' }
  metrics { class_name: "Recall" config: '"thresholds": 0.2, "name": "r"' }
  aggregate { weighted_macro_average: true class_weights { key: 0 value: 1 }
              class_weights { key: 1 value: 2 } class_weights { key: 3 value: 0.5 } }
}
metrics_specs {
  metrics { class_name: "Recall" config: '"thresholds": 0.4, "name": "of_class"' }
  metrics { class_name: "MeanSquaredError" config: '"name": "mse_of_class"' }
  binarize { class_ids { values: [0, 2] } }
}
metrics_specs {
  metrics { class_name: "Recall" config: '"thresholds": 0.4, "name": "of_rank"' }
  binarize { k_list { values: [1, 3] } }
}
"""
)


def _columns(seed: int, size: int = 250, classes: int = 4) -> dict:
    random = np.random.default_rng(seed)
    prediction = random.dirichlet(np.ones(classes), size)
    best = prediction.argmax(axis=1)
    label = np.where(random.random(size) < 0.6, best, random.integers(0, classes, size))
    return {
        "labels": label,
        "predictions": prediction,
        "example_weights": random.uniform(0.1, 3, size),
        "features": {},
    }


def _matrices_of(value: dict) -> dict:
    columns = value["columns"]
    keys = zip(*(columns[n].tolist() for n in ("threshold", "actual", "predicted")), strict=True)
    return dict(zip(keys, columns["weight"].tolist(), strict=True))


def _same(mine: dict, theirs: dict) -> None:
    assert mine.keys() == theirs.keys()
    for key, weight in mine.items():
        np.testing.assert_allclose(weight, theirs[key], rtol=1e-9)


def test_matrices_and_accuracies(peer, ours, key):
    columns = _columns(1)
    theirs, mine = peer(MATRICES, columns), ours(MATRICES, columns)
    which = key("multi_class_confusion_matrix_at_thresholds", weighted=True)
    _same(
        _matrices_of(mine[which]),
        {
            (threshold, entry.actual_class_id, entry.predicted_class_id): weight
            for threshold, entries in theirs[which].items()
            for entry, weight in entries.items()
        },
    )
    for name in ("sparse_categorical_accuracy", "sparse_top_k_categorical_accuracy"):
        which = key(name, weighted=True)
        np.testing.assert_allclose(mine[which], theirs[which], rtol=1e-6)


def test_plot_of_matrices(peer, ours, key):
    columns = _columns(2)
    which = key("multi_class_confusion_matrix_plot", weighted=True)
    theirs, mine = peer(PLOTS, columns)[which], ours(PLOTS, columns)[which]
    _same(
        _matrices_of(mine),
        {
            (m.threshold, e.actual_class_id, e.predicted_class_id): e.num_weighted_examples
            for m in theirs.matrices
            for e in m.entries
        },
    )


def test_averages_and_parts(peer, ours, key):
    columns = _columns(3)
    theirs, mine = peer(AVERAGES, columns), ours(AVERAGES, columns)
    for name, aggregation in (
        ("precision", "micro"),
        ("recall", "micro"),
        ("mean_squared_error", "micro"),
        ("precision", "macro"),
        ("recall", "macro"),
        ("p", "weighted_macro"),
        ("r", "weighted_macro"),
    ):
        # The peer labels the weighted macro average as the plain one, and some micro averages
        # not at all.
        label = "macro" if aggregation == "weighted_macro" else aggregation
        label = None if name == "mean_squared_error" else label
        np.testing.assert_allclose(
            mine[key(name, weighted=True, aggregation=aggregation)],
            theirs[key(name, weighted=True, aggregation=label)],
            rtol=1e-9,
            err_msg=f"{name} {aggregation}",
        )
    for class_id in (0, 2):
        for name in ("of_class", "mse_of_class"):
            which = key(name, weighted=True, class_id=class_id)
            np.testing.assert_allclose(mine[which], theirs[which], rtol=1e-9)
    for k in (1, 3):
        which = key("of_rank", weighted=True, k=k)
        np.testing.assert_allclose(mine[which], theirs[which], rtol=1e-9)


def test_unsorted_thresholds_are_wrong_in_the_peer(peer, ours, key):
    config = MATRICES.replace("[0.2, 0.5]", "[0.5, 0.2]")
    which = key("multi_class_confusion_matrix_at_thresholds", weighted=True)
    columns = _columns(4)
    right = _matrices_of(ours(MATRICES, columns)[which])
    _same(_matrices_of(ours(config, columns)[which]), right)
    theirs = peer(config, columns)[which]
    without = sum(w for e, w in theirs[0.2].items() if e.predicted_class_id == -1)
    expected = sum(w for (t, _, predicted), w in right.items() if (t, predicted) == (0.2, -1))
    assert without > expected + 1  # what 0.5 rejected stays rejected at 0.2


def test_matrix_and_plot_share_one_result_in_the_peer(peer, ours, key):
    config = (
        MODEL
        + """
metrics_specs {
  metrics { class_name: "MultiClassConfusionMatrixAtThresholds" config: '"thresholds": [0.5]' }
  metrics { class_name: "MultiClassConfusionMatrixPlot" config: '"thresholds": [0.9]' }
}
"""
    )
    columns = _columns(5)
    which = key("multi_class_confusion_matrix_plot", weighted=True)
    assert [m.threshold for m in peer(config, columns)[which].matrices] == [0.5]
    assert set(ours(config, columns)[which]["columns"]["threshold"]) == {0.9}


def test_correlation_per_class_is_the_same_number_for_every_class_in_the_peer(peer, ours, key):
    config = (
        MODEL
        + """
metrics_specs {
  metrics { class_name: "SquaredPearsonCorrelation" }
  binarize { class_ids { values: [0, 1] } }
}
"""
    )
    columns = _columns(6)
    theirs, mine = peer(config, columns), ours(config, columns)
    which = [key("squared_pearson_correlation", weighted=True, class_id=c) for c in (0, 1)]
    assert theirs[which[0]] == theirs[which[1]]
    for class_id in (0, 1):
        covariance = np.cov(
            columns["labels"] == class_id,
            columns["predictions"][:, class_id],
            aweights=columns["example_weights"],
        )
        expected = covariance[0, 1] ** 2 / (covariance[0, 0] * covariance[1, 1])
        np.testing.assert_allclose(mine[which[class_id]], expected, rtol=1e-9)


def test_multi_label_matrices(peer, ours, key):
    config = (
        MODEL
        + """
metrics_specs {
  metrics { class_name: "MultiLabelConfusionMatrixPlot" config: '"thresholds": [0.1, 0.4]' }
}
"""
    )
    columns = _columns(7)
    random = np.random.default_rng(8)
    columns["labels"] = random.integers(0, 2, columns["predictions"].shape).astype(float)
    which = key("multi_label_confusion_matrix_plot", weighted=True)
    theirs, mine = peer(config, columns)[which], ours(config, columns)[which]["columns"]
    names = ("false_negatives", "true_negatives", "false_positives", "true_positives")
    expected = [
        (m.threshold, e.actual_class_id, e.predicted_class_id, *(getattr(e, n) for n in names))
        for m in theirs.matrices
        for e in m.entries
    ]
    found = np.stack([mine[n] for n in ("threshold", "actual", "predicted", *names)], axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
