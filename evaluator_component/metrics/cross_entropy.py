"""Cross entropies: the log loss of binary and of multi-class predictions.

Probabilities are clipped to [1e-7, 1 - 1e-7], as Keras does, so that a confident mistake costs
about 16.1 and not infinity. Logits (`from_logits`) are not clipped.

Example:
    >>> loss = binary_loss(np.array([1.0, 0.0]), np.array([0.5, 0.0]), False, 0.0)
    >>> np.round(loss, 6)
    array([0.693147, 0.      ])
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
    LOWER_IS_BETTER,
    MULTICLASS,
    Array,
    Metric,
    State,
    Statistic,
)
from evaluator_component.metrics.formulas import divide
from evaluator_component.metrics.registry import register

__all__ = [
    "CLIP",
    "BinaryCrossEntropy",
    "BinaryLoss",
    "CategoricalCrossEntropy",
    "CategoricalLoss",
    "binary_loss",
    "categorical_loss",
]

#: Probabilities closer to 0 or 1 count as this far away: Keras' epsilon.
CLIP = 1e-7


def binary_loss(label: Array, prediction: Array, from_logits: bool, smoothing: float) -> Array:
    """Computes -(y log p + (1 - y) log(1 - p)) elementwise.

    Args:
        label: in [0, 1].
        prediction: probabilities, or logits.
        from_logits: whether predictions are logits.
        smoothing: s moves labels towards 0.5: y (1 - s) + s / 2.
    """
    if smoothing:
        label = label * (1.0 - smoothing) + smoothing / 2.0
    if from_logits:
        overflow = np.log1p(np.exp(-np.abs(prediction)))
        return np.asarray(np.maximum(prediction, 0.0) - prediction * label + overflow)
    clipped = np.clip(prediction, CLIP, 1.0 - CLIP)
    return np.asarray(-(label * np.log(clipped) + (1.0 - label) * np.log1p(-clipped)))


def categorical_loss(
    one_hot: Array, prediction: Array, from_logits: bool, smoothing: float
) -> Array:
    """Computes -sum over classes(y log p), (rows,).

    Args:
        one_hot: labels (rows, classes).
        prediction: (rows, classes); probabilities are first divided by their sum.
        from_logits: whether predictions are logits.
        smoothing: s moves labels towards equal shares: y (1 - s) + s / classes.
    """
    if smoothing:
        one_hot = one_hot * (1.0 - smoothing) + smoothing / one_hot.shape[1]
    if from_logits:
        shifted = prediction - prediction.max(axis=1, keepdims=True)
        log = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    else:
        share = divide(prediction, prediction.sum(axis=1, keepdims=True))
        log = np.log(np.clip(share, CLIP, 1.0 - CLIP))
    return np.asarray(-(one_hot * log).sum(axis=1))


@dataclass(frozen=True)
class BinaryLoss(Statistic):
    """Weighted sum of binary cross entropies, and of weights."""

    from_logits: bool = False
    label_smoothing: float = 0.0

    state: ClassVar[Mapping[str, str]] = {"loss": "sum", "weight": "sum"}

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Sums w * loss and w; classes outside the top k are left out."""
        pairs = screen.pairs(batch)
        weight, score = batch.weight, pairs.score
        if batch.top_k is not None:
            counted = np.isfinite(score)
            weight, score = weight * counted, np.where(counted, score, 0.5)
        label = np.clip(batch.label, 0.0, 1.0)
        loss = binary_loss(label, score, self.from_logits, self.label_smoothing)
        return {"loss": groups.sum(loss * weight), "weight": groups.sum(weight)}


@dataclass(frozen=True)
class CategoricalLoss(Statistic):
    """Weighted sum of categorical cross entropies, and of weights."""

    from_logits: bool = False
    label_smoothing: float = 0.0

    state: ClassVar[Mapping[str, str]] = {"loss": "sum", "weight": "sum"}
    form: ClassVar[str] = MULTICLASS

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Sums w * loss and w; examples of no class (label -1, or all zeros) are left out."""
        screen.classes(batch)
        one_hot = batch.one_hot
        if not self.from_logits and (batch.prediction < 0).any():
            raise MetricError(
                f"probabilities must not be negative, found {batch.prediction.min():g}; "
                "set from_logits for logits"
            )
        loss = categorical_loss(one_hot, batch.prediction, self.from_logits, self.label_smoothing)
        labelled = one_hot.any(axis=1)
        weight = batch.weight * labelled
        loss = np.where(labelled, loss, 0.0)
        return {"loss": groups.sum(loss * weight), "weight": groups.sum(weight)}


@dataclass(frozen=True)
class _CrossEntropy(Metric):
    """Arguments and formula that both cross entropies share."""

    from_logits: bool = False
    label_smoothing: float = 0.0

    direction = LOWER_IS_BETTER

    def __post_init__(self) -> None:
        if not 0 <= self.label_smoothing <= 1:
            raise ValueError(f"label_smoothing must be in [0, 1], got {self.label_smoothing!r}")

    def result(self, losses: State) -> Array:
        """Returns the mean loss; NaN without weight."""
        return divide(losses["loss"], losses["weight"])


@register
@dataclass(frozen=True)
class BinaryCrossEntropy(_CrossEntropy):
    """Binary cross entropy: -sum(w (y log p + (1 - y) log(1 - p))) / sum(w).

    Attributes:
        from_logits: predictions are logits.
        label_smoothing: s moves labels towards 0.5: y (1 - s) + s / 2.
    """

    default_name = "binary_crossentropy"

    @property
    def statistics(self) -> tuple[Statistic, ...]:  # type: ignore[override]
        """The loss of these arguments."""
        return (BinaryLoss(self.from_logits, self.label_smoothing),)


@register
@dataclass(frozen=True)
class CategoricalCrossEntropy(_CrossEntropy):
    """Categorical cross entropy: -sum(w sum over classes(y log p)) / sum(w).

    Labels are class ids or one column per class. Probabilities are divided by their sum first.

    Attributes:
        from_logits: predictions are logits.
        label_smoothing: s moves labels towards equal shares: y (1 - s) + s / classes.
    """

    default_name = "categorical_crossentropy"

    @property
    def statistics(self) -> tuple[Statistic, ...]:  # type: ignore[override]
        """The loss of these arguments."""
        return (CategoricalLoss(self.from_logits, self.label_smoothing),)
