"""Counts: how many examples, and how much weight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from evaluator_component.batch import Batch
from evaluator_component.groups import Groups
from evaluator_component.metrics.base import ROWS, Array, Metric, State, Statistic
from evaluator_component.metrics.registry import register

__all__ = ["ExampleCount", "RowWeight", "WeightedExampleCount"]


@dataclass(frozen=True)
class RowWeight(Statistic):
    """Sum of example weights (of ones where the view is unweighted)."""

    state: ClassVar[Mapping[str, str]] = {"weight": "sum"}
    form: ClassVar[str] = ROWS

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Sums the weights of the rows; several weights per row count with their mean."""
        weight = batch.row_weight
        return {"weight": groups.sum(weight)}


@register
@dataclass(frozen=True)
class ExampleCount(Metric):
    """Number of examples, or the sum of their weights: sum(w)."""

    statistics = (RowWeight(),)
    has_interval = False

    def result(self, rows: State) -> Array:
        """Returns the sum of weights; 0 for a slice without examples."""
        return rows["weight"]  # type: ignore[no-any-return]


@register
@dataclass(frozen=True)
class WeightedExampleCount(ExampleCount):
    """Sum of example weights: sum(w). Kept for old configs; see ExampleCount."""
