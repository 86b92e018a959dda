"""Ranking metrics against scikit-learn where it has them, and against loops over queries."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from sklearn import metrics as sk

from evaluator_component.batch import Batch
from evaluator_component.errors import ConfigError, MetricError
from evaluator_component.groups import Groups
from evaluator_component.keys import SubKey
from evaluator_component.metrics.registry import create
from evaluator_component.metrics.view import View

KS = [None, 1, 3, 10]


def _batch(seed: int, top_k: int | None = None, queries: int = 60, ties: bool = False) -> Batch:
    random = np.random.default_rng(seed)
    sizes = random.integers(1, 9, queries)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    rows = starts[-1]
    score = random.normal(size=rows)
    return Batch(
        label=(random.random(rows) < 0.3).astype(float),
        prediction=np.round(score) if ties else score,
        weight=np.repeat(random.uniform(0, 2, queries), sizes),
        features={"gain": random.integers(0, 4, rows).astype(float)},
        query_starts=starts,
        top_k=top_k,
    )


def _mean(batch: Batch, value) -> float:
    """Mean over queries of value(labels or gains in ranking order, k); None leaves one out."""
    values, weights = [], []
    for start, stop in zip(batch.query_starts[:-1], batch.query_starts[1:], strict=True):
        rows = np.arange(start, stop)
        order = rows[np.argsort(-batch.prediction[rows], kind="stable")]
        each = value(batch, order, batch.top_k or len(rows))
        if each is not None:
            values.append(each)
            weights.append(batch.weight[start])
    return float(np.average(values, weights=weights))


def _ndcg(batch, order, k):
    gain = batch.features["gain"][order]
    if gain.max() <= 0:
        return None
    if len(gain) == 1:
        return 1.0
    return sk.ndcg_score([gain], [-np.arange(len(gain))], k=k)


def _exponential_ndcg(batch, order, k):
    gain = 2 ** batch.features["gain"][order] - 1
    if gain.max() <= 0:
        return None
    return 1.0 if len(gain) == 1 else sk.ndcg_score([gain], [-np.arange(len(gain))], k=k)


def _average_precision(batch, order, k):
    positive = batch.label[order] > 0
    if not positive.any():
        return None
    precisions = [positive[: i + 1].mean() for i in range(min(k, len(order))) if positive[i]]
    return sum(precisions) / min(k, positive.sum(), len(order))


def _reciprocal(batch, order, k):
    positive = np.flatnonzero(batch.label[order] > 0)
    if not len(positive):
        return None
    return 1 / (positive[0] + 1) if positive[0] < k else 0.0


def _position(batch, order, k):
    positive = np.flatnonzero(batch.label[order] > 0)
    return positive[0] + 1 if len(positive) else None


def _recall(batch, order, k):
    positive = batch.label[order] > 0
    return positive[:k].sum() / positive.sum() if positive.any() else None


REFERENCES = [
    ("NDCG", '"gain_key": "gain"', _ndcg),
    ("NDCG", '"gain_key": "gain", "exponential": true', _exponential_ndcg),
    ("MeanAveragePrecision", "", _average_precision),
    ("MeanReciprocalRank", "", _reciprocal),
    ("MinLabelPosition", "", _position),
    ("PrecisionAtK", "", lambda b, order, k: (b.label[order[:k]] > 0).sum() / k),
    ("RecallAtK", "", _recall),
    (
        "HitRate",
        "",
        lambda b, o, k: float(b.label[o[:k]].any()) if b.label[o].any() else None,
    ),
]
NAMES = [f"{name}({config})" for name, config, _ in REFERENCES]


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("k", KS)
@pytest.mark.parametrize(("name", "config", "reference"), REFERENCES, ids=NAMES)
def test_agrees_with_a_loop_over_queries(evaluate, name, config, reference, k, ties):
    batch = _batch(1, k, ties=ties)
    expected = _mean(batch, reference)
    np.testing.assert_allclose(evaluate(create(name, config=config), batch), [expected], rtol=1e-9)


def test_average_precision_agrees_with_sklearn(evaluate):
    batch = _batch(2)
    expected = _mean(
        batch,
        lambda b, o, k: (
            sk.average_precision_score(b.label[o], b.prediction[o]) if b.label[o].any() else None
        ),
    )
    value = evaluate(create("MeanAveragePrecision"), batch)
    np.testing.assert_allclose(value, [expected], rtol=1e-9)


def test_query_statistics_count_queries_and_rows(evaluate):
    batch = _batch(3)
    sizes, weight = np.diff(batch.query_starts), batch.weight[batch.query_starts[:-1]]
    metrics = create("QueryStatistics", config='"total_queries_name": "searches"').expand()
    assert [each.key_name for each in metrics] == [
        "searches",
        "total_documents",
        "min_documents",
        "max_documents",
    ]
    values = [evaluate(each, batch)[0] for each in metrics]
    np.testing.assert_allclose(values, [weight.sum(), sizes @ weight, sizes.min(), sizes.max()])


def test_ndcg_stands_for_one_metric_per_k():
    metrics = create("NDCG", config='"gain_key": "gain", "top_k_list": [1, 5]').expand()
    assert [each.sub_key for each in metrics] == [SubKey(top_k=1), SubKey(top_k=5)]
    with pytest.raises(ConfigError, match="whole number from 1"):
        create("NDCG", config='"gain_key": "gain", "top_k_list": [0]')


def test_queries_without_positives_do_not_count(evaluate):
    batch = replace(_batch(4), label=np.zeros(len(_batch(4))))
    for name in ("MeanAveragePrecision", "MeanReciprocalRank", "RecallAtK", "MinLabelPosition"):
        assert np.isnan(evaluate(create(name), batch)).all()
    assert evaluate(create("PrecisionAtK"), batch)[0] == 0.0


def test_slices_hold_queries(evaluate):
    batch = _batch(5)
    ids = np.arange(batch.queries) % 2
    value = evaluate(create("MeanReciprocalRank"), batch, Groups.single(ids, 3))
    for group in range(2):
        wanted = ids == group
        expected = _mean(
            batch,
            lambda b, o, k, w=wanted: _reciprocal(b, o, k) if w[b.query_of_row[o[0]]] else None,
        )
        np.testing.assert_allclose(value[group], expected, rtol=1e-12)
    assert np.isnan(value[2])


def test_rows_of_a_query_must_agree_on_its_weight(evaluate):
    batch = Batch(
        np.zeros(2), np.zeros(2), weight=np.array([1.0, 2.0]), query_starts=np.array([0, 2])
    )
    with pytest.raises(MetricError, match="found 1 and 2 in one query"):
        evaluate(create("PrecisionAtK"), batch)


def test_a_view_shapes_queries_and_says_how_many_ranks_count():
    extracts = {
        "labels": np.array([1.0, 0.0]),
        "predictions": np.array([[0.3], [0.4]]),
        "features": {"gain": pa.array([[1.0], [2.0]])},
    }
    view = View(sub_key=SubKey(top_k=2), query_key="q")
    picked = replace(view.pick(extracts), query_starts=np.array([0, 2]))
    batch, _ = view.shape(picked, Groups.everything(1), "query")
    assert batch.top_k == 2
    assert batch.prediction.shape == (2,)
    np.testing.assert_allclose(batch.number("gain"), [1.0, 2.0])
    with pytest.raises(MetricError, match="query_key"):
        view.shape(view.pick(extracts), Groups.everything(2), "query")
    by_class = View(sub_key=SubKey(class_id=0), query_key="q")
    with pytest.raises(MetricError, match="takes top_k only"):
        by_class.shape(picked, Groups.everything(1), "query")


@pytest.mark.parametrize("name", ["NDCG", "MeanReciprocalRank"])
def test_scores_and_labels_must_be_numbers(evaluate, name):
    batch = _batch(6)
    batch.prediction[0] = np.nan
    with pytest.raises(MetricError, match="predictions must be finite, found nan"):
        evaluate(create(name), batch)
    with pytest.raises(MetricError, match=r"no (labels|gains)"):
        evaluate(create(name), replace(_batch(6), label=None))
