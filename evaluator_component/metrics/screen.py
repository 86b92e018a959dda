"""Screening: values that no metric can use are an error that says what was seen.

Each check costs one pass per batch, whatever number of statistics ask for it.

Vocabulary:
    Pairs: what a binary metric sees: a score per row, and how much of the row's weight is positive
        and how much is negative. A label of 0.3 makes 0.3 of the weight positive.

Example:
    >>> from evaluator_component.batch import Batch
    >>> finite(Batch(label=np.array([1.0, 0.0]), prediction=np.array([np.nan, 0.5])))
    Traceback (most recent call last):
    ...
    evaluator_component.errors.MetricError: predictions must be finite, found nan (1 of 2)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.batch import Batch
from evaluator_component.errors import MetricError

__all__ = [
    "Pairs",
    "classes",
    "finite",
    "labels",
    "numbers",
    "pairs",
    "require",
    "scores",
    "weights",
]

Array = npt.NDArray[Any]


#: How far a label may lie outside [0, 1] and still count as 0 or 1: float32 rounding.
_LABEL_SLACK = 1e-6


@dataclass(frozen=True)
class Pairs:
    """Scores, and the positive and negative weight at each.

    Attributes:
        score: float64 (rows,); -inf where the class is not among the top k.
        positive: float64 (rows,), weight times label.
        negative: float64 (rows,), weight times (1 - label).
    """

    score: Array
    positive: Array
    negative: Array

    @cached_property
    def weights(self) -> Array:
        """Positive and negative weight as columns, float64 (rows, 2)."""
        return np.stack([self.positive, self.negative]).T


def require(allowed: Array, values: Array, rule: str) -> None:
    """Raises an error that quotes the first value that is not allowed.

    Args:
        allowed: bool, like `values`.
        values: what was checked.
        rule: such as "labels must be in [0, 1]".

    Raises:
        MetricError: when any value is not allowed.
    """
    if not allowed.all():
        wrong = ~allowed
        raise MetricError(
            f"{rule}, found {values[wrong][0]:g} ({int(wrong.sum())} of {allowed.size})"
        )


def weights(batch: Batch) -> None:
    """Checks that example weights are finite and not negative.

    Raises:
        MetricError: otherwise.
    """

    def check() -> None:
        rule = "example weights must be finite and not negative"
        require(np.isfinite(batch.weight) & (batch.weight >= 0), batch.weight, rule)

    batch.derived("weights are screened", check)


def finite(batch: Batch) -> None:
    """Checks that labels and predictions, where there are any, are finite, and weights are valid.

    Raises:
        MetricError: otherwise.
    """

    def check() -> None:
        if batch.label is not None:
            require(np.isfinite(batch.label), batch.label, "labels must be finite")
        for prediction, model in ((batch.prediction, ""), (batch.baseline_prediction, "baseline ")):
            if prediction is not None:
                rule = f"{model}predictions must be finite"
                require(np.isfinite(prediction), prediction, rule)

    weights(batch)
    batch.derived("numbers are finite", check)


def numbers(batch: Batch) -> tuple[Array, Array]:
    """Returns labels and predictions, checked: both are there and finite.

    Raises:
        MetricError: otherwise, or when weights are not valid.
    """
    if batch.label is None:
        raise MetricError("no labels: set label_key in the model spec")
    if batch.prediction is None:
        raise MetricError("no predictions: give a model or a prediction_key")
    finite(batch)
    return batch.label, batch.prediction


def scores(batch: Batch) -> Array:
    """Returns the predictions, checked: finite, or -inf for classes outside the top k.

    Raises:
        MetricError: when there are none, or others.
    """

    def check() -> Array:
        prediction = batch.prediction
        if prediction is None:
            raise MetricError("no predictions: give a model or a prediction_key")
        allowed = np.isfinite(prediction)
        if batch.top_k is not None and not allowed.all():
            allowed |= np.isneginf(prediction)
        require(allowed, prediction, "predictions must be finite")
        return np.asarray(prediction)

    return batch.derived("scores", check)


def labels(batch: Batch) -> Array:
    """Returns the labels, checked: finite numbers.

    Raises:
        MetricError: when there are none, or others.
    """

    def check() -> Array:
        if batch.label is None:
            raise MetricError("no labels: set label_key in the model spec")
        require(np.isfinite(batch.label), batch.label, "labels must be finite")
        return np.asarray(batch.label)

    return batch.derived("labels", check)


def pairs(batch: Batch) -> Pairs:
    """Returns scores with positive and negative weights, checked.

    Raises:
        MetricError: when labels or predictions are missing, labels are outside [0, 1],
            predictions are not finite or weights are negative.
    """

    def check() -> Pairs:
        weights(batch)
        score = scores(batch)
        label = labels(batch)
        allowed = (label >= -_LABEL_SLACK) & (label <= 1 + _LABEL_SLACK)
        require(allowed, label, "labels of a binary metric must be in [0, 1]")
        label = np.clip(label, 0.0, 1.0)
        return Pairs(score, batch.weight * label, batch.weight * (1.0 - label))

    return batch.derived("pairs", check)


def classes(batch: Batch) -> None:
    """Checks a multi-class batch: finite scores, valid weights, class ids that exist.

    Raises:
        MetricError: otherwise.
    """

    def check() -> None:
        scores(batch)
        ids = batch.class_label
        rule = f"labels must be class ids 0..{batch.classes - 1} (or -1 for none)"
        require((ids >= -1) & (ids < batch.classes), ids, rule)

    weights(batch)
    batch.derived("classes are screened", check)
