"""Calibration: mean label, mean prediction, and their ratio.

Where only the top k classes of an example count, the others are left out of both means.

Example:
    >>> Calibration().direction
    0
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from evaluator_component.batch import Batch
from evaluator_component.groups import Groups
from evaluator_component.metrics import screen
from evaluator_component.metrics.base import Array, Metric, State, Statistic
from evaluator_component.metrics.formulas import divide
from evaluator_component.metrics.registry import register

__all__ = ["Calibration", "LabelSum", "MeanLabel", "MeanPrediction", "PredictionSum"]


@dataclass(frozen=True)
class PredictionSum(Statistic):
    """Weighted sum of predictions, and sum of weights."""

    state: ClassVar[Mapping[str, str]] = {"prediction": "sum", "weight": "sum"}

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Sums w * p and w."""
        score, weight = _counted(batch)
        return {"prediction": groups.sum(score * weight), "weight": groups.sum(weight)}


@dataclass(frozen=True)
class LabelSum(Statistic):
    """Weighted sum of labels, and sum of weights."""

    state: ClassVar[Mapping[str, str]] = {"label": "sum", "weight": "sum"}

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Sums w * y and w."""
        label, (_, weight) = screen.labels(batch), _counted(batch)
        return {"label": groups.sum(label * weight), "weight": groups.sum(weight)}


def _counted(batch: Batch) -> tuple[Array, Array]:
    """Scores and weights; classes outside the top k have weight 0."""

    def count() -> tuple[Array, Array]:
        screen.weights(batch)
        if batch.prediction is None:
            return np.zeros(len(batch)), batch.weight
        score = screen.scores(batch)
        if batch.top_k is None:
            return score, batch.weight
        counted = np.isfinite(score)
        return np.where(counted, score, 0.0), batch.weight * counted

    return batch.derived("counted", count)


@register
@dataclass(frozen=True)
class MeanLabel(Metric):
    """Mean label: sum(w * y) / sum(w)."""

    statistics = (LabelSum(),)

    def result(self, labels: State) -> Array:
        """Returns the mean; NaN without weight."""
        return divide(labels["label"], labels["weight"])


@register
@dataclass(frozen=True)
class MeanPrediction(Metric):
    """Mean prediction: sum(w * p) / sum(w)."""

    statistics = (PredictionSum(),)

    def result(self, predictions: State) -> Array:
        """Returns the mean; NaN without weight."""
        return divide(predictions["prediction"], predictions["weight"])


@register
@dataclass(frozen=True)
class Calibration(Metric):
    """Calibration, the ratio of mean prediction to mean label: sum(w * p) / sum(w * y)."""

    statistics = (LabelSum(), PredictionSum())

    def result(self, labels: State, predictions: State) -> Array:
        """Returns the ratio; NaN where all labels are 0."""
        return divide(predictions["prediction"], labels["label"])
