"""Discrimination: how far apart the mean predictions of positives and of negatives are.

Where only the top k classes of an example count, the others are left out.

Example:
    >>> CoefficientOfDiscrimination().statistics
    (ClassMeans(),)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from evaluator_component.batch import Batch
from evaluator_component.groups import Groups
from evaluator_component.metrics import screen
from evaluator_component.metrics.base import HIGHER_IS_BETTER, Array, Metric, State, Statistic
from evaluator_component.metrics.formulas import divide
from evaluator_component.metrics.registry import register

__all__ = ["ClassMeans", "CoefficientOfDiscrimination", "RelativeCoefficientOfDiscrimination"]


@dataclass(frozen=True)
class ClassMeans(Statistic):
    """Weight and weighted predictions of positives and of negatives."""

    state: ClassVar[Mapping[str, str]] = {"sums": "sum"}

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Sums (groups, 4): positive weight, its predictions, negative weight, its predictions."""
        pairs = screen.pairs(batch)
        positive, negative, score = pairs.positive, pairs.negative, pairs.score
        if batch.top_k is not None:
            counted = np.isfinite(score)
            positive, negative = positive * counted, negative * counted
            score = np.where(counted, score, 0.0)
        columns = [positive, positive * score, negative, negative * score]
        return {"sums": groups.sum(np.stack(columns).T)}

    @staticmethod
    def means(state: State) -> tuple[Array, Array]:
        """Returns the mean predictions of positives and of negatives."""
        sums = state["sums"]
        return divide(sums[..., 1], sums[..., 0]), divide(sums[..., 3], sums[..., 2])


@register
@dataclass(frozen=True)
class CoefficientOfDiscrimination(Metric):
    """Tjur's coefficient: mean prediction of positives minus that of negatives."""

    direction = HIGHER_IS_BETTER
    statistics = (ClassMeans(),)

    def result(self, means: State) -> Array:
        """Returns the difference; NaN without positives or without negatives."""
        positives, negatives = ClassMeans.means(means)
        return positives - negatives


@register
@dataclass(frozen=True)
class RelativeCoefficientOfDiscrimination(Metric):
    """Relative discrimination: mean prediction of positives divided by that of negatives."""

    direction = HIGHER_IS_BETTER
    statistics = (ClassMeans(),)

    def result(self, means: State) -> Array:
        """Returns the ratio; NaN without positives, without negatives, or where theirs is 0."""
        return divide(*ClassMeans.means(means))
