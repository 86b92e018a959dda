"""Multi-class numbers and matrices against scikit-learn, Keras' rules and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from evaluator_component.batch import Batch
from evaluator_component.errors import ConfigError, MetricError
from evaluator_component.groups import Groups
from evaluator_component.metrics import multi_class_confusion_matrix as matrix
from evaluator_component.metrics.registry import create
from evaluator_component.resamples import Partition, Poisson


def _batch(seed: int, classes: int, kind: str = "sparse", size: int = 400) -> Batch:
    random = np.random.default_rng(seed)
    prediction = random.dirichlet(np.ones(classes), size)
    if kind == "ties":
        prediction = np.round(prediction, 1)
    if kind == "logits":
        prediction = random.normal(size=(size, classes)) * 5
    label = np.where(
        random.random(size) < 0.6, prediction.argmax(axis=1), random.integers(0, classes, size)
    )
    if classes > 3:
        label[label == 2] = 0  # a class that never occurs
    weight = random.uniform(0, 3, size) * (random.random(size) < 0.9)
    if kind == "dense":
        return Batch(np.eye(classes)[label], prediction, weight)
    return Batch(label, prediction, weight)


def _columns(batch: Batch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    kept = batch.weight > 0
    predicted = batch.prediction.argmax(axis=1)
    return batch.class_label[kept], predicted[kept], batch.weight[kept]


REFERENCES = [
    ("CategoricalAccuracy", "", lambda y, p, w: sk.accuracy_score(y, p, sample_weight=w)),
    ("SparseCategoricalAccuracy", "", lambda y, p, w: sk.accuracy_score(y, p, sample_weight=w)),
    (
        "MultiClassBalancedAccuracy",
        "",
        lambda y, p, w: sk.balanced_accuracy_score(y, p, sample_weight=w),
    ),
    ("MultiClassF1Score", "", lambda y, p, w: sk.f1_score(y, p, sample_weight=w, average="macro")),
    (
        "MultiClassF1Score",
        '"average": "weighted"',
        lambda y, p, w: sk.f1_score(y, p, sample_weight=w, average="weighted"),
    ),
    (
        "MultiClassF1Score",
        '"average": "micro"',
        lambda y, p, w: sk.f1_score(y, p, sample_weight=w, average="micro"),
    ),
    (
        "MultiClassMatthewsCorrelationCoefficient",
        "",
        lambda y, p, w: sk.matthews_corrcoef(y, p, sample_weight=w),
    ),
    ("CohenKappa", "", lambda y, p, w: sk.cohen_kappa_score(y, p, sample_weight=w)),
    (
        "CohenKappa",
        '"weights": "linear"',
        lambda y, p, w: _kappa(y, p, w, 1),
    ),
    (
        "CohenKappa",
        '"weights": "quadratic"',
        lambda y, p, w: _kappa(y, p, w, 2),
    ),
]
NAMES = [f"{name}({config})" for name, config, _ in REFERENCES]


def _kappa(y, p, w, power):
    # scikit-learn's weighted kappa takes distances between positions among the classes that
    # occur; classes here are numbers, so the distance is that of the class ids.
    classes = np.arange(max(y.max(), p.max()) + 1)
    return sk.cohen_kappa_score(
        y, p, labels=classes, sample_weight=w, weights={1: "linear", 2: "quadratic"}[power]
    )


@pytest.mark.parametrize("kind", ["sparse", "dense", "ties", "logits"])
@pytest.mark.parametrize("classes", [2, 5, 60])
@pytest.mark.parametrize(("name", "config", "reference"), REFERENCES, ids=NAMES)
@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
def test_agrees_with_sklearn(evaluate, name, config, reference, classes, kind):
    batch = _batch(1, classes, kind)
    value = evaluate(create(name, config=config), batch)
    np.testing.assert_allclose(value, [reference(*_columns(batch))], rtol=1e-9)


@pytest.mark.parametrize("k", [1, 2, 4])
def test_top_k_accuracy_counts_classes_tied_with_the_last(evaluate, k):
    batch = _batch(2, 5, "ties")
    own = batch.prediction[np.arange(len(batch)), batch.label]
    better = (batch.prediction > own[:, None]).sum(axis=1)
    expected = np.average(better < k, weights=batch.weight)
    for name in ("TopKCategoricalAccuracy", "SparseTopKCategoricalAccuracy"):
        value = evaluate(create(name, config=f'"k": {k}'), batch)
        np.testing.assert_allclose(value, [expected], rtol=1e-12)


def test_top_k_accuracy_agrees_with_sklearn_without_ties(evaluate):
    batch = _batch(3, 8, "logits")
    expected = sk.top_k_accuracy_score(
        batch.label, batch.prediction, k=3, sample_weight=batch.weight, labels=np.arange(8)
    )
    value = evaluate(create("TopKCategoricalAccuracy", config='"k": 3'), batch)
    np.testing.assert_allclose(value, [expected], rtol=1e-9)


def test_examples_of_no_class_are_wrong(evaluate):
    label = np.array([[1.0, 0.0], [0.0, 0.0]])
    batch = Batch(label, np.array([[0.9, 0.1], [0.9, 0.1]]))
    for name in ("CategoricalAccuracy", "TopKCategoricalAccuracy"):
        assert evaluate(create(name), batch)[0] == 0.5


@pytest.mark.parametrize("name", ["CohenKappa", "MultiClassMatthewsCorrelationCoefficient"])
def test_one_class_has_no_agreement_beyond_chance(evaluate, name):
    prediction = np.tile([0.7, 0.3], (9, 1))
    batch = Batch(np.zeros(9, dtype=int), prediction, np.random.default_rng(4).random(9))
    assert np.isnan(evaluate(create(name), batch)).all()


def test_a_class_id_that_does_not_exist_is_an_error(evaluate):
    batch = Batch(np.array([0, 7]), np.full((2, 3), 0.3))
    with pytest.raises(MetricError, match=r"found 7"):
        evaluate(create("CategoricalAccuracy"), batch)


@pytest.mark.parametrize("thresholds", [(0.5,), (0.9, 0.1, 0.5), (0.0, 0.3, 0.3)])
def test_matrix_agrees_with_a_loop_over_rows_whatever_the_order_of_thresholds(evaluate, thresholds):
    batch = _batch(5, 6, "ties")
    ids = np.random.default_rng(6).integers(0, 3, len(batch))
    metric = matrix.MultiClassConfusionMatrixAtThresholds(thresholds)
    tables = evaluate(metric, batch, Groups.single(ids, 4))
    assert [len(tables[3]["columns"][name]) for name in ("threshold", "weight")] == [0, 0]
    for group in range(3):
        expected: dict = {}
        for row in np.flatnonzero((ids == group) & (batch.weight > 0)):
            for threshold in set(thresholds):
                predicted = int(batch.prediction[row].argmax())
                if batch.prediction[row, predicted] <= threshold:
                    predicted = -1
                key = (threshold, int(batch.label[row]), predicted)
                expected[key] = expected.get(key, 0.0) + batch.weight[row]
        columns = tables[group]["columns"]
        keys = list(
            zip(
                *(columns[name].tolist() for name in ("threshold", "actual", "predicted")),
                strict=True,
            )
        )
        assert keys == sorted(expected)
        np.testing.assert_allclose(columns["weight"], [expected[k] for k in keys], rtol=1e-12)


def test_matrix_carries_class_names_and_shows_the_ends_as_0_and_1(evaluate):
    batch = Batch(np.array([1, 0]), np.array([[0.0, 1.0], [1.0, 0.0]]), class_names=("cat", "dog"))
    plot = evaluate(matrix.MultiClassConfusionMatrixPlot(num_thresholds=3), batch)[0]
    assert plot["kind"] == "multi_class_confusion_matrix"
    assert plot["class_names"] == ("cat", "dog")
    assert plot["columns"]["threshold"].tolist() == [0.0, 0.0, 0.5, 0.5, 1.0, 1.0]
    # A score of exactly 1 is above no threshold beyond 1.
    assert plot["columns"]["predicted"].tolist() == [0, 1, 0, 1, -1, -1]


def test_matrix_and_plot_at_different_thresholds_do_not_mix(evaluate):
    batch = Batch(np.array([1]), np.array([[0.3, 0.7]]))
    at = evaluate(matrix.MultiClassConfusionMatrixAtThresholds(0.5), batch)[0]["columns"]
    plot = evaluate(matrix.MultiClassConfusionMatrixPlot((0.9,)), batch)[0]["columns"]
    assert (at["threshold"], at["predicted"]) == ([0.5], [1])
    assert (plot["threshold"], plot["predicted"]) == ([0.9], [-1])


def test_thresholds_and_their_number_exclude_each_other():
    with pytest.raises(ConfigError, match="not both"):
        create("MultiClassConfusionMatrixPlot", config='"thresholds": [0.5], "num_thresholds": 5')


@pytest.mark.parametrize(("name", "config"), [(name, config) for name, config, _ in REFERENCES])
def test_replicates_are_metrics_of_the_resampled_rows(evaluate, name, config):
    batch = _batch(7, 4, size=80)
    size = len(batch)
    ids = np.random.default_rng(8).integers(0, 2, size)
    part = np.random.default_rng(9).integers(0, 3, size)
    metric = create(name, config=config)
    poisson = Poisson(np.arange(size, dtype=np.uint64), 3)
    for replicates in (poisson, Partition(part, 3)):
        groups = Groups(Groups.single(ids, 2).memberships, 2, size, replicates)
        value = evaluate(metric, batch, groups)
        assert value.shape == (2, 3)
        for group in range(2):
            for replicate in range(3):
                times = (part == replicate).astype(int)
                if replicates is poisson:
                    times = poisson.weights(0, size)[:, replicate].astype(int)
                rows = np.repeat(np.arange(size), times * (ids == group))
                expected = evaluate(metric, batch.take(rows))[0]
                np.testing.assert_allclose(value[group, replicate], expected, rtol=1e-9)


def test_merged_batches_give_the_same_matrix(merged, evaluate):
    batch = _batch(10, 5)
    metric = matrix.MultiClassConfusionMatrixAtThresholds((0.2, 0.6))
    parts = [
        (batch.take(rows), Groups.everything(len(rows)))
        for rows in np.split(np.random.default_rng(11).permutation(len(batch)), [7, 50])
    ]
    whole, together = evaluate(metric, batch)[0], merged(metric, parts, ["all"])[0]
    for name, column in whole["columns"].items():
        np.testing.assert_allclose(together["columns"][name], column, rtol=1e-12)
