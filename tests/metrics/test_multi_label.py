"""Multi-label confusion matrices against a loop over examples and pairs of classes."""

from __future__ import annotations

import numpy as np
import pytest

from evaluator_component.batch import Batch
from evaluator_component.errors import ConfigError, MetricError
from evaluator_component.groups import Groups
from evaluator_component.metrics import multi_label_confusion_matrix as multi_label
from evaluator_component.metrics.registry import create


def _expected(label, prediction, weight, thresholds) -> list[tuple]:
    rows = []
    for threshold in sorted(set(thresholds)):
        for actual in range(label.shape[1]):
            inside = (label[:, actual] > 0) & (weight > 0)
            if not inside.any():
                continue
            for other in range(label.shape[1]):
                true, found = label[:, other] > 0, prediction[:, other] > threshold
                rows.append(
                    (
                        threshold,
                        actual,
                        other,
                        weight[inside & true & ~found].sum(),
                        weight[inside & ~true & ~found].sum(),
                        weight[inside & ~true & found].sum(),
                        weight[inside & true & found].sum(),
                    )
                )
    return rows


@pytest.mark.parametrize("thresholds", [(0.5,), (0.9, 0.2, 0.5)])
@pytest.mark.parametrize("classes", [2, 5])
def test_agrees_with_a_loop(evaluate, thresholds, classes):
    random = np.random.default_rng(1)
    label = (random.random((120, classes)) < 0.4).astype(float)
    label[:, -1] = 0  # a class that never occurs
    prediction = np.round(random.random((120, classes)), 1)
    weight = np.round(random.uniform(0, 2, 120), 1)
    ids = random.integers(0, 2, 120)
    metric = multi_label.MultiLabelConfusionMatrixPlot(thresholds)
    plots = evaluate(metric, Batch(label, prediction, weight), Groups.single(ids, 3))
    for group in range(2):
        inside = ids == group
        expected = np.array(
            _expected(label[inside], prediction[inside], weight[inside], thresholds)
        )
        found = np.stack(list(plots[group]["columns"].values()), axis=1)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    assert len(plots[2]["columns"]["threshold"]) == 0


def test_labels_may_be_class_ids_or_lists_of_them(evaluate):
    prediction = np.array([[0.9, 0.1, 0.8], [0.2, 0.7, 0.1]])
    dense = np.array([[1.0, 0, 0], [0, 1.0, 0]])
    lists = np.empty(2, dtype=object)
    lists[:] = [[0], np.array([1])]
    metric = multi_label.MultiLabelConfusionMatrixPlot()
    tables = [
        evaluate(metric, Batch(label, prediction, class_names=("a", "b", "c")))[0]
        for label in (dense, np.array([0, 1]), lists)
    ]
    for table in tables:
        assert table["class_names"] == ("a", "b", "c")
        for name, column in tables[0]["columns"].items():
            np.testing.assert_array_equal(table["columns"][name], column)


def test_with_very_many_classes_only_pairs_that_meet_are_listed(evaluate):
    prediction = np.zeros((2, 400))
    prediction[0, 7] = prediction[1, 8] = 0.9
    plot = evaluate(
        multi_label.MultiLabelConfusionMatrixPlot(), Batch(np.array([7, 300]), prediction)
    )[0]["columns"]
    pairs = list(zip(plot["actual"].tolist(), plot["predicted"].tolist(), strict=True))
    assert pairs == [(7, 7), (300, 8), (300, 300)]
    assert plot["true_positives"].tolist() == [1, 0, 0]
    assert plot["false_positives"].tolist() == [0, 1, 0]
    assert plot["false_negatives"].tolist() == [0, 0, 1]


def test_wrong_labels_and_arguments_are_named(evaluate):
    metric = multi_label.MultiLabelConfusionMatrixPlot()
    lists = np.empty(1, dtype=object)
    lists[:] = [[5]]
    with pytest.raises(MetricError, match=r"class ids 0\.\.2, found 5"):
        evaluate(metric, Batch(lists, np.zeros((1, 3))))
    with pytest.raises(MetricError, match="no labels"):
        evaluate(metric, Batch(prediction=np.zeros((1, 3))))
    with pytest.raises(ConfigError, match="at least 2"):
        create("MultiLabelConfusionMatrixPlot", config='"num_thresholds": 1')
