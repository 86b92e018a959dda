"""Losses: a number per example that is larger the worse the prediction is.

The weak-slice search and the sample of worst examples take them.

=====================  ===========================================================================
squared_error          (y - p)^2, summed over classes for several scores
absolute_error         |y - p|, summed over classes for several scores
log_loss               -log of the probability given to what happened, clipped at 1e-7
zero_one               1 where the predicted class is wrong (score > 0.5 for one score), else 0
=====================  ===========================================================================

Example:
    >>> batch = Batch(label=np.array([1.0, 0.0]), prediction=np.array([0.9, 0.6]))
    >>> per_example("zero_one", batch)
    array([0., 1.])
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from evaluator_component.batch import Batch
from evaluator_component.errors import ConfigError, MetricError, did_you_mean
from evaluator_component.groups import Groups
from evaluator_component.metrics.base import ROWS, Statistic

__all__ = ["LOSSES", "METRIC_OF_LOSS", "LossSums", "per_example", "usual_loss"]

Array = npt.NDArray[Any]

LOSSES = ("squared_error", "absolute_error", "log_loss", "zero_one")

#: The metric that is the mean of a loss, for one score per example.
METRIC_OF_LOSS = {
    "squared_error": "MeanSquaredError",
    "absolute_error": "MeanAbsoluteError",
    "log_loss": "BinaryCrossEntropy",
    "zero_one": "BinaryAccuracy",
}

_CLIP = 1e-7


def usual_loss(batch: Batch) -> str:
    """Returns the loss that fits a batch: wrong class, log loss for 0/1 labels, squared error."""
    if batch.classes > 1:
        return "zero_one"
    label = np.asarray(batch.label, dtype=np.float64)
    return "log_loss" if np.isin(label, (0.0, 1.0)).all() else "squared_error"


def per_example(loss: str, batch: Batch) -> Array:
    """Computes the loss of each example.

    Args:
        loss: one of `LOSSES`.
        batch: label and prediction (rows,), or prediction (rows, classes).

    Returns:
        float64 (rows,); NaN where label or prediction is.

    Raises:
        ConfigError: for another loss.
        MetricError: without labels or predictions.
    """
    if loss not in LOSSES:
        raise ConfigError(f"no loss {loss!r} {did_you_mean(loss, LOSSES)}")
    if batch.label is None or batch.prediction is None:
        raise MetricError(f"loss {loss!r} needs labels and predictions")
    prediction = np.asarray(batch.prediction, dtype=np.float64)
    prediction = prediction.reshape(len(prediction), -1)
    if prediction.shape[1] == 1:
        label = np.asarray(batch.label, dtype=np.float64).reshape(len(prediction), -1)
    elif loss == "zero_one":
        with np.errstate(invalid="ignore"):
            wrong = prediction.argmax(axis=1) != batch.class_label
        return np.asarray(wrong, dtype=np.float64)
    else:
        label = batch.one_hot
    if loss == "squared_error":
        return np.asarray(np.square(label - prediction).sum(axis=1))
    if loss == "absolute_error":
        return np.asarray(np.abs(label - prediction).sum(axis=1))
    if loss == "zero_one":
        return np.asarray(((prediction > 0.5) != (label > 0.5)).any(axis=1), dtype=np.float64)
    likely = np.clip(prediction, _CLIP, 1.0 - _CLIP)
    if prediction.shape[1] > 1:
        return np.asarray(-(label * np.log(likely)).sum(axis=1))
    loss_of = label * np.log(likely) + (1.0 - label) * np.log1p(-likely)
    return np.asarray(-loss_of.sum(axis=1))


@dataclass(frozen=True)
class LossSums(Statistic):
    """Number of examples, sum of their loss, and of its squares.

    Attributes:
        loss: one of `LOSSES`.
        against_baseline: sums the loss minus the baseline's.
    """

    loss: str = "squared_error"
    against_baseline: bool = False

    state: ClassVar[Mapping[str, str]] = {"count": "sum", "total": "sum", "squares": "sum"}
    form: ClassVar[str] = ROWS

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Sums over the examples whose loss is a number."""
        value = per_example(self.loss, batch)
        if self.against_baseline:
            other = replace(batch, prediction=batch.baseline_prediction, _derived={})
            value = value - per_example(self.loss, other)
        known = np.isfinite(value)
        value = np.where(known, value, 0.0)
        sums = groups.sum(np.stack([known.astype(np.float64), value, np.square(value)], axis=1))
        return {"count": sums[..., 0], "total": sums[..., 1], "squares": sums[..., 2]}
