"""Query counts: how many queries, and how many rows (documents) they have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from evaluator_component.batch import Batch
from evaluator_component.errors import MetricError
from evaluator_component.groups import Groups
from evaluator_component.metrics import screen
from evaluator_component.metrics.base import QUERY, Array, Metric, State, Statistic
from evaluator_component.metrics.registry import register

__all__ = [
    "MaxDocuments",
    "MinDocuments",
    "QuerySizes",
    "QueryStatistics",
    "TotalDocuments",
    "TotalQueries",
    "query_weights",
]


def query_weights(batch: Batch) -> Array:
    """Returns the weight of each query, float64 (queries,): that of its rows, which must agree.

    Raises:
        MetricError: when rows of one query have different weights, or a weight is not valid.
    """

    def weights() -> Array:
        screen.weights(batch)
        of_query = batch.weight[batch.query_starts[:-1]]
        other = ~np.isclose(batch.weight, of_query[batch.query_of_row], rtol=1e-6, atol=0)
        if other.any():
            query = batch.query_of_row[other][0]
            raise MetricError(
                f"all rows of a query must have one weight, found {of_query[query]:g} and "
                f"{batch.weight[other][0]:g} in one query"
            )
        return np.asarray(of_query)

    return batch.derived("query weights", weights)


@dataclass(frozen=True)
class QuerySizes(Statistic):
    """Weight of queries and of their rows; fewest and most rows of a query."""

    state: ClassVar[Mapping[str, str]] = {
        "queries": "sum",
        "documents": "sum",
        "fewest": "min",
        "most": "max",
    }
    form: ClassVar[str] = QUERY

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Sums w and w * rows; a query of weight 0 is not there."""
        weight = query_weights(batch)
        rows = np.diff(batch.query_starts).astype(np.float64)
        return {
            "queries": groups.sum(weight),
            "documents": groups.sum(weight * rows),
            "fewest": groups.min(np.where(weight > 0, rows, np.inf)),
            "most": groups.max(np.where(weight > 0, rows, -np.inf)),
        }


@dataclass(frozen=True)
class _OfQueries(Metric):
    """One of the counts."""

    statistics = (QuerySizes(),)
    has_interval = False
    column: ClassVar[str] = ""

    @property
    def binarizes(self) -> bool:
        """Counts are the same for every top k."""
        return False

    def result(self, sizes: State) -> Array:
        """Returns the count; where there is no query, sums are 0 and extremes NaN."""
        values = sizes[self.column]
        return np.where(np.isinf(values), np.nan, values)


@register
@dataclass(frozen=True)
class TotalQueries(_OfQueries):
    """Number of queries, or the sum of their weights."""

    column = "queries"


@register
@dataclass(frozen=True)
class TotalDocuments(_OfQueries):
    """Number of rows of all queries, each times the weight of its query."""

    column = "documents"


@register
@dataclass(frozen=True)
class MinDocuments(_OfQueries):
    """Rows of the smallest query, whatever its weight."""

    column = "fewest"


@register
@dataclass(frozen=True)
class MaxDocuments(_OfQueries):
    """Rows of the largest query, whatever its weight."""

    column = "most"


@register
@dataclass(frozen=True)
class QueryStatistics(Metric):
    """Four counts: queries, rows of all queries, of the smallest and of the largest query.

    Attributes:
        total_queries_name: name of the number of queries.
        total_documents_name: name of the number of rows.
        min_documents_name: name of the size of the smallest query.
        max_documents_name: name of the size of the largest query.
    """

    total_queries_name: str = "total_queries"
    total_documents_name: str = "total_documents"
    min_documents_name: str = "min_documents"
    max_documents_name: str = "max_documents"

    def expand(self) -> tuple[Metric, ...]:
        """Returns the four counts under their names."""
        return (
            TotalQueries(name=self.total_queries_name),
            TotalDocuments(name=self.total_documents_name),
            MinDocuments(name=self.min_documents_name),
            MaxDocuments(name=self.max_documents_name),
        )
