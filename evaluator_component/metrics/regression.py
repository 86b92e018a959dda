"""Regression errors: means of functions of the error, such as squared and absolute error.

Source of formulas: the definitions of scikit-learn's `mean_squared_error` and its siblings, with
weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from evaluator_component.batch import Batch
from evaluator_component.groups import Groups
from evaluator_component.metrics.base import LOWER_IS_BETTER, Array, Metric, State, Statistic
from evaluator_component.metrics.formulas import divide, sqrt
from evaluator_component.metrics.registry import register

__all__ = ["MeanSquaredError", "RootMeanSquaredError", "SquaredError"]


@dataclass(frozen=True)
class SquaredError(Statistic):
    """Weighted sum of squared errors, and of weights."""

    state: ClassVar[Mapping[str, str]] = {"error": "sum", "weight": "sum"}

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Sums w * (y - p)^2 and w."""
        error = np.square(batch.prediction - batch.label)
        return {"error": groups.sum(error * batch.weight), "weight": groups.sum(batch.weight)}


@register
@dataclass(frozen=True)
class MeanSquaredError(Metric):
    """Mean squared error: sum(w * (y - p)^2) / sum(w)."""

    direction = LOWER_IS_BETTER
    statistics = (SquaredError(),)

    def result(self, error: State) -> Array:
        """Returns the mean; NaN without weight."""
        return divide(error["error"], error["weight"])


@register
@dataclass(frozen=True)
class RootMeanSquaredError(MeanSquaredError):
    """Root mean squared error: sqrt(sum(w * (y - p)^2) / sum(w))."""

    def result(self, error: State) -> Array:
        """Returns the root of the mean; NaN without weight."""
        return sqrt(super().result(error))
