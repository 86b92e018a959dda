"""Set match against Python sets."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from evaluator_component.batch import Batch
from evaluator_component.errors import ConfigError, MetricError
from evaluator_component.groups import Groups
from evaluator_component.metrics.registry import create

NAMES = [f"class {number}" for number in range(12)]


def _objects(rows: list) -> np.ndarray:
    column = np.empty(len(rows), dtype=object)
    column[:] = rows
    return column


def _batch(seed: int, rows: int = 150) -> Batch:
    random = np.random.default_rng(seed)
    labels = [list(random.choice(NAMES, random.integers(0, 5))) for _ in range(rows)]
    classes = [
        list(random.choice(NAMES, random.integers(0, 6), replace=False)) for _ in range(rows)
    ]
    scores = [-np.sort(-np.round(random.random(len(row)), 2)) for row in classes]
    weights = [np.round(random.random(len(row)), 1) for row in classes]
    return Batch(
        label=_objects(labels),
        prediction={"classes": _objects(classes), "scores": _objects(scores)},
        weight=random.uniform(0, 2, rows),
        features={"weights": _objects(weights), "weighted": _objects(classes)},
    )


def _counts(batch: Batch, threshold: float, top_k: int | None = None, weighted: bool = False):
    hits = false = missed = 0.0
    for row in range(len(batch)):
        names = list(batch.prediction["classes"][row])
        scores = dict(zip(names[:top_k], batch.prediction["scores"][row][:top_k], strict=True))
        found = {name for name, score in scores.items() if score > threshold}
        labels = set(batch.label[row])
        of_class = dict(zip(names, batch.features["weights"][row], strict=True)) if weighted else {}

        def total(chosen, row=row, of_class=of_class):
            return sum(batch.weight[row] * of_class.get(name, 1.0) for name in chosen)

        hits, false = hits + total(found & labels), false + total(found - labels)
        missed += total(labels - found)
    return hits, false, missed


@pytest.mark.parametrize(
    ("config", "arguments"),
    [
        ("", {"threshold": 0.5}),
        ('"thresholds": 0.3', {"threshold": 0.3}),
        ('"top_k": 2', {"threshold": -np.inf, "top_k": 2}),
        ('"top_k": 3, "thresholds": 0.4', {"threshold": 0.4, "top_k": 3}),
        (
            '"class_key": "weighted", "weight_key": "weights"',
            {"threshold": 0.5, "weighted": True},
        ),
    ],
)
def test_agrees_with_python_sets(evaluate, config, arguments):
    batch = _batch(1)
    hits, false, missed = _counts(batch, **arguments)
    precision = evaluate(create("SetMatchPrecision", config=config), batch)
    recall = evaluate(create("SetMatchRecall", config=config), batch)
    np.testing.assert_allclose(precision, [hits / (hits + false)], rtol=1e-12)
    np.testing.assert_allclose(recall, [hits / (hits + missed)], rtol=1e-12)


def test_several_thresholds_are_a_vector(evaluate):
    metric = create("SetMatchRecall", config='"thresholds": [0.7, 0.1]')
    batch = _batch(2)
    counts = [_counts(batch, threshold) for threshold in (0.7, 0.1)]
    assert (metric.kind, metric.labels()) == ("vector", ("0.7", "0.1"))
    expected = [hits / (hits + missed) for hits, _, missed in counts]
    np.testing.assert_allclose(evaluate(metric, batch), [expected], rtol=1e-12)


def test_weights_belong_to_labels_unless_a_class_key_is_given(evaluate):
    batch = Batch(
        label=_objects([["sun", "moon"]]),
        prediction={
            "classes": _objects([["sun", "sea", "light"]]),
            "scores": np.array([[1.0, 0.7, 0.6]]),
        },
        weight=np.array([0.1]),
        features={"weights": pa.array([[0.3, 0.4]])},
    )
    precision = create("SetMatchPrecision", config='"weight_key": "weights"')
    recall = create("SetMatchRecall", config='"weight_key": "weights"')
    np.testing.assert_allclose(evaluate(precision, batch), [0.03 / (0.03 + 0.1 + 0.1)])
    np.testing.assert_allclose(evaluate(recall, batch), [0.03 / (0.03 + 0.04)])
    assert precision.statistics[0].features() == ("weights",)


def test_classes_without_scores_and_predicted_twice(evaluate):
    classes = pa.array([[b"a", b"a", b"b"]])
    batch = Batch(label=np.array([["a", "c"]], dtype=object), prediction=classes)
    assert evaluate(create("SetMatchPrecision"), batch)[0] == 0.5
    assert evaluate(create("SetMatchRecall"), batch)[0] == 0.5


def test_slices_without_labels_or_predictions_are_undefined(evaluate):
    batch = Batch(label=_objects([["a"], []]), prediction=_objects([[], ["b"]]))
    groups = Groups.single(np.array([0, 1]), 2)
    np.testing.assert_array_equal(
        evaluate(create("SetMatchPrecision"), batch, groups), [np.nan, 0.0]
    )
    np.testing.assert_array_equal(evaluate(create("SetMatchRecall"), batch, groups), [0.0, np.nan])


def test_what_does_not_fit_is_named(evaluate):
    batch = Batch(
        label=_objects([["a"]]),
        prediction={"class": _objects([["a"]]), "scores": _objects([[0.5]])},
        weight=np.ones(1),
    )
    with pytest.raises(MetricError, match="did you mean 'class'"):
        evaluate(create("SetMatchPrecision"), batch)
    short = {"classes": _objects([["a", "b"]]), "scores": _objects([[0.5]])}
    with pytest.raises(MetricError, match="2 predicted classes and 1 scores"):
        evaluate(
            create("SetMatchPrecision"),
            Batch(label=_objects([["a"]]), prediction=short, weight=np.ones(1)),
        )
    with pytest.raises(ConfigError, match="class_key needs weight_key"):
        create("SetMatchRecall", config='"class_key": "a"')
