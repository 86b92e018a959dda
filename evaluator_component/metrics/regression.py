"""Regression errors: means of functions of the error, such as squared and absolute error.

y is the label, p the prediction, w the example weight. The definitions are those of scikit-learn's
functions of the same names, with weights.

Two values are not averages: `MaxError`, and `R2Score`, which compares the squared error with the
spread of the labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from evaluator_component.batch import Batch
from evaluator_component.groups import Groups
from evaluator_component.metrics import screen
from evaluator_component.metrics.base import (
    HIGHER_IS_BETTER,
    LOWER_IS_BETTER,
    Array,
    Metric,
    State,
    Statistic,
)
from evaluator_component.metrics.formulas import divide, sqrt
from evaluator_component.metrics.moments import Moments, centred
from evaluator_component.metrics.registry import register

__all__ = [
    "AbsoluteError",
    "AbsoluteLabel",
    "ErrorSum",
    "ExplainedVariance",
    "LargestError",
    "LogCosh",
    "LogCoshError",
    "MaxError",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "PercentageError",
    "Pinball",
    "QuantileLoss",
    "R2Score",
    "RootMeanSquaredError",
    "RootMeanSquaredLogarithmicError",
    "SignedError",
    "SquaredError",
    "SquaredLogarithmicError",
    "SymmetricMeanAbsolutePercentageError",
    "SymmetricPercentageError",
    "WeightedAbsolutePercentageError",
]


@dataclass(frozen=True)
class ErrorSum(Statistic):
    """Weighted sum of a function of label and prediction, and the weight of the pairs it counts."""

    state: ClassVar[Mapping[str, str]] = {"error": "sum", "weight": "sum"}

    def error(self, label: Array, prediction: Array) -> Array:
        """Returns the error of each pair; NaN leaves the pair out."""
        raise NotImplementedError

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Sums w * error and w."""
        error = self.error(*screen.numbers(batch))
        counted = ~np.isnan(error)
        if counted.all():
            return {"error": groups.sum(error * batch.weight), "weight": groups.sum(batch.weight)}
        weight = np.where(counted, batch.weight, 0.0)
        error = np.where(counted, error, 0.0)
        return {"error": groups.sum(error * weight), "weight": groups.sum(weight)}


@dataclass(frozen=True)
class SignedError(ErrorSum):
    """Weighted sum of p - y."""

    def error(self, label: Array, prediction: Array) -> Array:
        """Returns p - y."""
        return np.asarray(prediction - label)


@dataclass(frozen=True)
class AbsoluteError(ErrorSum):
    """Weighted sum of |p - y|."""

    def error(self, label: Array, prediction: Array) -> Array:
        """Returns |p - y|."""
        return np.asarray(np.abs(prediction - label))


@dataclass(frozen=True)
class SquaredError(ErrorSum):
    """Weighted sum of (p - y)^2."""

    def error(self, label: Array, prediction: Array) -> Array:
        """Returns (p - y)^2."""
        return np.asarray(np.square(prediction - label))


@dataclass(frozen=True)
class PercentageError(ErrorSum):
    """Weighted sum of |p - y| / |y| over the pairs with y != 0."""

    def error(self, label: Array, prediction: Array) -> Array:
        """Returns |p - y| / |y|, NaN where y = 0."""
        return divide(np.abs(prediction - label), np.abs(label))


@dataclass(frozen=True)
class SymmetricPercentageError(ErrorSum):
    """Weighted sum of 2 |p - y| / (|p| + |y|); 0 where both are 0."""

    def error(self, label: Array, prediction: Array) -> Array:
        """Returns 2 |p - y| / (|p| + |y|)."""
        size = np.abs(prediction) + np.abs(label)
        return np.where(size == 0, 0.0, divide(2 * np.abs(prediction - label), size))


@dataclass(frozen=True)
class SquaredLogarithmicError(ErrorSum):
    """Weighted sum of (ln(1 + p) - ln(1 + y))^2."""

    def error(self, label: Array, prediction: Array) -> Array:
        """Returns (ln(1 + p) - ln(1 + y))^2."""
        for values, what in ((label, "labels"), (prediction, "predictions")):
            screen.require(values > -1, values, f"{what} must be above -1 for a logarithmic error")
        return np.asarray(np.square(np.log1p(prediction) - np.log1p(label)))


@dataclass(frozen=True)
class LogCosh(ErrorSum):
    """Weighted sum of ln(cosh(p - y))."""

    def error(self, label: Array, prediction: Array) -> Array:
        """Returns ln(cosh(p - y)): without overflow for large errors, all digits for small ones."""
        distance = np.abs(prediction - label)
        small = np.log1p(2 * np.square(np.sinh(np.minimum(distance, 1.0) / 2)))
        large = distance + np.log1p(np.exp(-2 * distance)) - np.log(2.0)
        return np.asarray(np.where(distance < 1, small, large))


@dataclass(frozen=True)
class Pinball(ErrorSum):
    """Weighted sum of max(q (y - p), (q - 1) (y - p)).

    Attributes:
        quantile: q, in (0, 1).
    """

    quantile: float = 0.5

    def error(self, label: Array, prediction: Array) -> Array:
        """Returns max(q (y - p), (q - 1) (y - p))."""
        distance = label - prediction
        return np.asarray(np.maximum(self.quantile * distance, (self.quantile - 1) * distance))


@dataclass(frozen=True)
class AbsoluteLabel(ErrorSum):
    """Weighted sum of |y|."""

    def error(self, label: Array, prediction: Array) -> Array:
        """Returns |y|."""
        return np.asarray(np.abs(label))


@dataclass(frozen=True)
class LargestError(Statistic):
    """Largest |p - y| among the pairs that weigh anything."""

    state: ClassVar[Mapping[str, str]] = {"error": "max"}

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Returns the largest |p - y|."""
        label, prediction = screen.numbers(batch)
        error = np.abs(prediction - label)
        return {"error": groups.max(np.where(batch.weight > 0, error, -np.inf))}


@dataclass(frozen=True)
class _Average(Metric):
    """The mean of its only statistic."""

    def result(self, error: State) -> Array:
        """Returns the mean; NaN without weight."""
        return divide(error["error"], error["weight"])


@register
@dataclass(frozen=True)
class MeanError(_Average):
    """Mean error, or bias: sum(w (p - y)) / sum(w). Positive: predictions are too high.

    Example:
        >>> from evaluator_component.batch import Batch
        >>> from evaluator_component.groups import Groups
        >>> batch = Batch(label=np.array([1.0, 2.0]), prediction=np.array([2.0, 4.0]))
        >>> state = SignedError().accumulate(batch, Groups.everything(2))
        >>> MeanError().result(state)
        array([1.5])
    """

    statistics = (SignedError(),)


@register
@dataclass(frozen=True)
class MeanAbsoluteError(_Average):
    """Mean absolute error: sum(w |p - y|) / sum(w)."""

    direction = LOWER_IS_BETTER
    statistics = (AbsoluteError(),)


@register
@dataclass(frozen=True)
class MeanSquaredError(_Average):
    """Mean squared error: sum(w (p - y)^2) / sum(w)."""

    direction = LOWER_IS_BETTER
    statistics = (SquaredError(),)


@register
@dataclass(frozen=True)
class RootMeanSquaredError(MeanSquaredError):
    """Root mean squared error: sqrt(sum(w (p - y)^2) / sum(w))."""

    def result(self, error: State) -> Array:
        """Returns the root of the mean; NaN without weight."""
        return sqrt(super().result(error))


@register
@dataclass(frozen=True)
class MeanAbsolutePercentageError(_Average):
    """Mean absolute percentage error: 100 sum(w |p - y| / |y|) / sum(w), over pairs with y != 0."""

    direction = LOWER_IS_BETTER
    statistics = (PercentageError(),)

    def result(self, error: State) -> Array:
        """Returns the mean in percent; NaN where no label differs from 0."""
        return 100 * super().result(error)


@register
@dataclass(frozen=True)
class SymmetricMeanAbsolutePercentageError(_Average):
    """Symmetric percentage error: 100 sum(w 2 |p - y| / (|p| + |y|)) / sum(w), in [0, 200]."""

    direction = LOWER_IS_BETTER
    statistics = (SymmetricPercentageError(),)

    def result(self, error: State) -> Array:
        """Returns the mean in percent; NaN without weight."""
        return 100 * super().result(error)


@register
@dataclass(frozen=True)
class WeightedAbsolutePercentageError(Metric):
    """Total absolute error as a share of the labels: 100 sum(w |p - y|) / sum(w |y|)."""

    direction = LOWER_IS_BETTER
    statistics = (AbsoluteError(), AbsoluteLabel())

    def result(self, error: State, label: State) -> Array:
        """Returns the share in percent; NaN where all labels are 0."""
        return 100 * divide(error["error"], label["error"])


@register
@dataclass(frozen=True)
class MeanSquaredLogarithmicError(_Average):
    """Mean squared logarithmic error: sum(w (ln(1 + p) - ln(1 + y))^2) / sum(w).

    Labels and predictions of -1 or less are an error.
    """

    direction = LOWER_IS_BETTER
    statistics = (SquaredLogarithmicError(),)


@register
@dataclass(frozen=True)
class RootMeanSquaredLogarithmicError(MeanSquaredLogarithmicError):
    """Root of the mean squared logarithmic error."""

    def result(self, error: State) -> Array:
        """Returns the root of the mean; NaN without weight."""
        return sqrt(super().result(error))


@register
@dataclass(frozen=True)
class LogCoshError(_Average):
    """Mean log-cosh error: sum(w ln(cosh(p - y))) / sum(w). Named like Keras'."""

    direction = LOWER_IS_BETTER
    default_name = "logcosh"
    statistics = (LogCosh(),)


@register
@dataclass(frozen=True)
class QuantileLoss(_Average):
    """Quantile (pinball) loss: sum(w max(q (y - p), (q - 1) (y - p))) / sum(w).

    Attributes:
        quantile: q, in (0, 1): the share of labels that should be below the prediction.
    """

    quantile: float = 0.5

    direction = LOWER_IS_BETTER

    def __post_init__(self) -> None:
        if not 0 < self.quantile < 1:
            raise ValueError(f"quantile must be between 0 and 1, got {self.quantile!r}")

    @property
    def statistics(self) -> tuple[Statistic, ...]:  # type: ignore[override]
        """The pinball error of this quantile."""
        return (Pinball(self.quantile),)


@register
@dataclass(frozen=True)
class MaxError(Metric):
    """Largest absolute error: max |p - y| over examples of any weight above 0."""

    direction = LOWER_IS_BETTER
    statistics = (LargestError(),)

    def result(self, error: State) -> Array:
        """Returns the largest error; NaN without weight."""
        return np.where(np.isinf(error["error"]), np.nan, error["error"])


@register
@dataclass(frozen=True)
class R2Score(Metric):
    """Coefficient of determination: 1 - sum(w (y - p)^2) / sum(w (y - mean(y))^2).

    1 is perfect, 0 is as good as always predicting the mean label, negative is worse.
    """

    direction = HIGHER_IS_BETTER
    default_name = "r2_score"
    statistics = (SquaredError(), Moments())

    def result(self, error: State, moments: State) -> Array:
        """Returns R^2; NaN where all labels are equal."""
        return 1.0 - divide(error["error"], centred(moments).yy)


@register
@dataclass(frozen=True)
class ExplainedVariance(Metric):
    """Explained variance: 1 - var(y - p) / var(y). Unlike R^2 it does not see a constant bias."""

    direction = HIGHER_IS_BETTER
    statistics = (Moments(),)

    def result(self, moments: State) -> Array:
        """Returns the share; NaN where all labels are equal."""
        sums = centred(moments)
        return 1.0 - divide(sums.xx - 2 * sums.xy + sums.yy, sums.yy)
