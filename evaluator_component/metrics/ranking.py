"""Ranking: how well the rows of a query are ordered by their scores.

Rows with one value of the spec's `query_key` are a query (a search, a user). Each metric is a value
per query, averaged over queries by the query's weight, which all its rows share. Slices, intervals
and counts are those of queries.

Vocabulary:
    rank: position of a row in its query by descending score, from 1. Rows of equal score keep the
        order in which the query holds them, which is that of their ids (a hash of their content):
        the same in every run, and not related to the labels.
    top_k: only the first k ranks count (`binarize.top_k_list` of the spec, or an argument).
    positive: a row whose label is above 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from evaluator_component.batch import Batch
from evaluator_component.errors import MetricError
from evaluator_component.groups import Groups
from evaluator_component.metrics import screen
from evaluator_component.metrics.base import (
    HIGHER_IS_BETTER,
    LOWER_IS_BETTER,
    QUERY,
    Array,
    Metric,
    State,
    Statistic,
)
from evaluator_component.metrics.formulas import divide
from evaluator_component.metrics.query_counts import query_weights
from evaluator_component.metrics.registry import register

__all__ = [
    "NDCG",
    "AveragePrecisionSum",
    "GainSum",
    "HitRate",
    "HitSum",
    "MeanAveragePrecision",
    "MeanReciprocalRank",
    "MinLabelPosition",
    "PositionSum",
    "PrecisionAtK",
    "PrecisionSum",
    "QuerySum",
    "Ranking",
    "RecallAtK",
    "RecallSum",
    "ReciprocalRankSum",
]


@dataclass(frozen=True)
class Ranking:
    """The rows of a batch, query by query, from highest to lowest score.

    Attributes:
        order: int64 (rows,), which row stands here.
        rank: float64 (rows,), from 1 in each query.
        counted: bool (rows,), whether the rank is among the top k.
        starts: int64 (queries,), where each query starts.
        sizes: int64 (queries,), rows of each query.
    """

    order: Array
    rank: Array
    counted: Array
    starts: Array
    sizes: Array

    def total(self, values: Array) -> Array:
        """Sums values (rows,), in ranking order, over each query: float64 (queries,)."""
        if not len(self.starts):
            return np.zeros(0)
        return np.asarray(np.add.reduceat(values, self.starts, dtype=np.float64))

    def running(self, values: Array) -> Array:
        """Running sums of values (rows,), in ranking order, within each query."""
        totals = np.cumsum(values)
        before = (totals - values)[self.starts]
        return np.asarray(totals - np.repeat(before, self.sizes))


def _ranking(batch: Batch) -> Ranking:
    def rank() -> Ranking:
        scores = screen.scores(batch)
        starts, sizes = batch.query_starts[:-1], np.diff(batch.query_starts)
        order = np.lexsort((-scores, batch.query_of_row))
        ranks = np.arange(1.0, len(order) + 1) - np.repeat(starts, sizes)
        limit = np.inf if batch.top_k is None else batch.top_k
        return Ranking(order, ranks, ranks <= limit, starts, sizes)

    return batch.derived("ranking", rank)


@dataclass(frozen=True)
class QuerySum(Statistic):
    """Weighted sum of a value per query, and the weight of the queries that have one."""

    state: ClassVar[Mapping[str, str]] = {"total": "sum", "weight": "sum"}
    form: ClassVar[str] = QUERY

    def value(self, batch: Batch, ranking: Ranking) -> Array:
        """Returns the value of each query; NaN leaves the query out."""
        raise NotImplementedError

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Sums w * value and w over queries."""
        value = self.value(batch, _ranking(batch))
        known = ~np.isnan(value)
        weight = np.where(known, query_weights(batch), 0.0)
        value = np.where(known, value, 0.0)
        return {"total": groups.sum(value * weight), "weight": groups.sum(weight)}


@dataclass(frozen=True)
class LabelledSum(QuerySum):
    """A value per query from which of its rows are positive.

    Attributes:
        label_key: feature that holds the labels; "" for the model's labels.
    """

    label_key: str = ""

    def features(self) -> tuple[str, ...]:
        """Returns the label's feature."""
        return (self.label_key,) if self.label_key else ()

    def positives(self, batch: Batch, ranking: Ranking) -> Array:
        """Returns which rows are positive, in ranking order, as 0 and 1."""
        label = batch.number(self.label_key) if self.label_key else batch.label
        if label is None:
            raise MetricError("no labels: set label_key in the model spec")
        screen.require(np.isfinite(label), label, "labels must be finite")
        return np.asarray((label[ranking.order] > 0).astype(np.float64))


@dataclass(frozen=True)
class GainSum(QuerySum):
    """NDCG per query, over queries in which some gain is above 0.

    Attributes:
        gain_key: feature that holds the gains; "" for the labels.
        exponential: whether a gain g counts as 2^g - 1.
    """

    gain_key: str = ""
    exponential: bool = False

    def features(self) -> tuple[str, ...]:
        """Returns the gain's feature."""
        return (self.gain_key,) if self.gain_key else ()

    def value(self, batch: Batch, ranking: Ranking) -> Array:
        """Returns DCG of the ranking divided by that of the best ranking."""
        gain = batch.number(self.gain_key) if self.gain_key else batch.label
        if gain is None:
            raise MetricError("no gains: set gain_key, or label_key in the model spec")
        screen.require(np.isfinite(gain), gain, f"gains {self.gain_key} must be finite")
        if self.exponential:
            gain = np.exp2(gain) - 1
        best = np.lexsort((-gain, batch.query_of_row))
        discount = np.where(ranking.counted, 1 / np.log2(ranking.rank + 1), 0.0)
        reached = ranking.total(gain[ranking.order] * discount)
        possible = ranking.total(gain[best] * discount)
        some = ranking.total(gain > 0) > 0
        return np.where(some, divide(reached, possible), np.nan)


@dataclass(frozen=True)
class PositionSum(LabelledSum):
    """Rank of the first positive row, over queries that have one."""

    def value(self, batch: Batch, ranking: Ranking) -> Array:
        """Returns the rank; NaN for queries without positive rows."""
        found = self.positives(batch, ranking)
        first = ranking.total(ranking.rank * found * (ranking.running(found) == 1))
        return np.where(first > 0, first, np.nan)


@dataclass(frozen=True)
class ReciprocalRankSum(LabelledSum):
    """1 / rank of the first positive row, 0 if it is not among the top k."""

    def value(self, batch: Batch, ranking: Ranking) -> Array:
        """Returns 1 / rank; NaN for queries without positive rows."""
        positive = self.positives(batch, ranking)
        first = (ranking.running(positive) == 1) & (positive == 1) & ranking.counted
        some = ranking.total(positive) > 0
        return np.where(some, ranking.total(first / ranking.rank), np.nan)


@dataclass(frozen=True)
class AveragePrecisionSum(LabelledSum):
    """Mean of the precisions at the ranks of positive rows."""

    def value(self, batch: Batch, ranking: Ranking) -> Array:
        """Returns the average precision; NaN for queries without positive rows."""
        positive = self.positives(batch, ranking)
        precision = ranking.running(positive) / ranking.rank
        reached = ranking.total(precision * positive * ranking.counted)
        possible = np.minimum(ranking.total(positive), ranking.total(ranking.counted))
        return divide(reached, possible)


@dataclass(frozen=True)
class PrecisionSum(LabelledSum):
    """Share of positive rows among the top k."""

    def value(self, batch: Batch, ranking: Ranking) -> Array:
        """Returns the share; k counts in full where a query has fewer rows."""
        hits = ranking.total(self.positives(batch, ranking) * ranking.counted)
        return np.asarray(hits / (ranking.sizes if batch.top_k is None else batch.top_k))


@dataclass(frozen=True)
class RecallSum(LabelledSum):
    """Share of the positive rows that are among the top k."""

    def value(self, batch: Batch, ranking: Ranking) -> Array:
        """Returns the share; NaN for queries without positive rows."""
        positive = self.positives(batch, ranking)
        return divide(ranking.total(positive * ranking.counted), ranking.total(positive))


@dataclass(frozen=True)
class HitSum(LabelledSum):
    """Whether any positive row is among the top k."""

    def value(self, batch: Batch, ranking: Ranking) -> Array:
        """Returns 1 or 0; NaN for queries without positive rows."""
        positive = self.positives(batch, ranking)
        hit = (ranking.total(positive * ranking.counted) > 0).astype(np.float64)
        return np.where(ranking.total(positive) > 0, hit, np.nan)


@dataclass(frozen=True)
class _OverQueries(Metric):
    """The mean over queries."""

    direction = HIGHER_IS_BETTER

    def result(self, queries: State) -> Array:
        """Returns the mean; NaN where no query has a value."""
        return divide(queries["total"], queries["weight"])


@register
@dataclass(frozen=True)
class NDCG(_OverQueries):
    """Normalised discounted cumulative gain: mean over queries of DCG / DCG of the best order.

    DCG = sum(gain at rank i / log2(i + 1)) over the first k ranks. Queries without a gain above 0
    do not count.

    Attributes:
        gain_key: feature that holds the gains; unless given, the labels.
        top_k_list: one metric for each of these k.
        top_k: how many ranks count; all unless given here or in the spec.
        exponential: whether a gain g counts as 2^g - 1.
    """

    gain_key: str = ""
    top_k_list: tuple[int, ...] | None = None
    top_k: int | None = None
    exponential: bool = False

    def __post_init__(self) -> None:
        for k in (*(self.top_k_list or ()), *(() if self.top_k is None else (self.top_k,))):
            _check_k(k)

    def expand(self) -> tuple[Metric, ...]:
        """Returns one metric per k."""
        if not self.top_k_list:
            return (self,)
        return tuple(
            NDCG(self.gain_key, None, k, self.exponential, name=self.name) for k in self.top_k_list
        )

    @property
    def statistics(self) -> tuple[Statistic, ...]:  # type: ignore[override]
        """NDCG per query."""
        return (GainSum(self.gain_key, self.exponential),)


def _check_k(k: Any) -> None:
    if not isinstance(k, int) or k < 1:
        raise ValueError(f"top_k must be a whole number from 1, got {k!r}")


@dataclass(frozen=True)
class _Labelled(_OverQueries):
    """A mean over queries of something about their positive rows.

    Attributes:
        top_k: how many ranks count; all unless given here or in the spec.
        label_key: feature that holds the labels; unless given, the model's labels.
    """

    top_k: int | None = None
    label_key: str | None = None

    per_query: ClassVar[type[LabelledSum]] = LabelledSum

    def __post_init__(self) -> None:
        if self.top_k is not None:
            _check_k(self.top_k)

    @property
    def statistics(self) -> tuple[Statistic, ...]:  # type: ignore[override]
        """The value per query."""
        return (self.per_query(self.label_key or ""),)


@register
@dataclass(frozen=True)
class MinLabelPosition(_OverQueries):
    """Mean rank of the best-ranked positive row, over queries that have one. The best is 1.

    Attributes:
        label_key: feature that holds the labels; unless given, the model's labels.
    """

    label_key: str | None = None

    direction = LOWER_IS_BETTER

    @property
    def binarizes(self) -> bool:
        """The position is that among all rows, whatever top k the other metrics look at."""
        return False

    @property
    def statistics(self) -> tuple[Statistic, ...]:  # type: ignore[override]
        """The rank per query."""
        return (PositionSum(self.label_key or ""),)


@register
@dataclass(frozen=True)
class MeanReciprocalRank(_Labelled):
    """Mean over queries of 1 / rank of the first positive row; 0 if it is not among the top k.

    Queries without positive rows do not count.

    Example:
        >>> from evaluator_component.batch import Batch
        >>> batch = Batch(np.array([0.0, 1.0]), np.array([0.9, 0.2]), query_starts=np.array([0, 2]))
        >>> state = ReciprocalRankSum().accumulate(batch, Groups.everything(1))
        >>> MeanReciprocalRank().result(state)
        array([0.5])
    """

    per_query = ReciprocalRankSum


@register
@dataclass(frozen=True)
class MeanAveragePrecision(_Labelled):
    """Mean over queries of the average precision: mean of precision at the ranks of positive rows.

    With top k, the average is over min(k, positive rows) of them. Queries without positive rows do
    not count.
    """

    per_query = AveragePrecisionSum


@register
@dataclass(frozen=True)
class PrecisionAtK(_Labelled):
    """Mean over queries of the share of positive rows among the top k; all rows without k."""

    per_query = PrecisionSum


@register
@dataclass(frozen=True)
class RecallAtK(_Labelled):
    """Mean over queries of the share of their positive rows that are among the top k.

    Queries without positive rows do not count.
    """

    per_query = RecallSum


@register
@dataclass(frozen=True)
class HitRate(_Labelled):
    """Share of queries with a positive row among the top k, of those that have positive rows."""

    per_query = HitSum
