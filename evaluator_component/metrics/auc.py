"""Areas under the ROC and the precision-recall curve.

By default the curve runs through every cell of a fine histogram of scores (see `scores`): the area
is that of the scores themselves, within the bound that `AUCErrorBound` reports, whether they are
probabilities of order 1e-4 or logits. `exact`, `num_thresholds` and `thresholds` choose other
points (see `curves`); explicit thresholds get one below 0 and one above 1, as in Keras.

A slice without positives (for ROC also: without negatives) has no area: NaN.

Example:
    >>> tp, fp, all = np.array([[2.0, 1.0, 0.0]]), np.array([[2.0, 1.0, 0.0]]), np.array([[2.0]])
    >>> area(Points(tp, fp, all, all, lambda step: np.array([0.1, 0.5, 0.9])))
    array([0.5])
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from evaluator_component.metrics.base import HIGHER_IS_BETTER, LOWER_IS_BETTER, Array, State
from evaluator_component.metrics.curves import EPSILON, CurveMetric, Points
from evaluator_component.metrics.formulas import divide
from evaluator_component.metrics.registry import register

__all__ = [
    "AUC",
    "AUCErrorBound",
    "AUCPrecisionRecall",
    "AveragePrecision",
    "ExactAUC",
    "Gini",
    "area",
]

_CURVES = ("ROC", "PR")
_SUMMATIONS = ("interpolation", "minoring", "majoring")


def area(points: Points, curve: str = "ROC", summation: str = "interpolation") -> Array:
    """Computes the area under a curve.

    Args:
        points: counts above thresholds.
        curve: "ROC" (true over false positive rate) or "PR" (precision over recall).
        summation: "interpolation" (trapezoids; on PR the curve of Davis and Goadrich, 2006),
            "minoring" (the lower end of each step) or "majoring" (the higher one).

    Returns:
        float64 (groups, [replicates]); NaN where the curve does not exist.
    """
    if curve == "ROC":
        width = divide(_steps(points.fp), points.negatives)
        height = divide(points.tp, points.positives)
    elif summation == "interpolation":
        return divide(_interpolated(points.tp, points.fp), points.positives[..., 0])
    else:
        width = divide(_steps(points.tp), points.positives)
        height = np.nan_to_num(divide(points.tp, points.tp + points.fp), nan=0.0)
    left, right = height[..., :-1], height[..., 1:]
    if summation == "interpolation":
        height = (left + right) / 2.0
    else:
        height = np.minimum(left, right) if summation == "minoring" else np.maximum(left, right)
    return np.asarray((width * height).sum(axis=-1))


def _steps(counts: Array) -> Array:
    return np.asarray(counts[..., :-1] - counts[..., 1:])


def _interpolated(tp: Array, fp: Array) -> Array:
    """Integral of precision over true positives, both counts growing linearly between points."""
    step_tp = _steps(tp)
    step = step_tp + _steps(fp)
    above_tp, above = tp[..., 1:], tp[..., 1:] + fp[..., 1:]
    slope = np.divide(step_tp, step, out=np.zeros_like(step), where=step > 0)
    growth = np.divide(step, above, out=np.zeros_like(step), where=above > 0)
    increments = slope * (step_tp + (above_tp - slope * above) * np.log1p(growth))
    return np.asarray(increments.sum(axis=-1))


@register
@dataclass(frozen=True)
class AUC(CurveMetric):
    """Area under the ROC (or PR) curve.

    Attributes:
        curve: "ROC" or "PR".
        summation_method: "interpolation", "minoring" or "majoring"; see `area`.
    """

    num_thresholds: int | None = None
    curve: str = "ROC"
    summation_method: str = "interpolation"

    direction = HIGHER_IS_BETTER

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "curve", str(self.curve).upper())
        object.__setattr__(self, "summation_method", str(self.summation_method).lower())
        if self.curve not in _CURVES:
            raise ValueError(f"curve must be one of {_CURVES}, got {self.curve!r}")
        if self.summation_method not in _SUMMATIONS:
            raise ValueError(
                f"summation_method must be one of {_SUMMATIONS}, got {self.summation_method!r}"
            )

    def _explicit(self) -> tuple[float, ...]:
        inner = super()._explicit()
        return tuple(sorted({-EPSILON, *inner, 1.0 + EPSILON})) if inner else ()

    def result(self, scores: State) -> Array:
        """Returns the area; NaN without positives (for ROC also: without negatives)."""
        return self.over_points(scores, self._area)

    def _area(self, points: Points) -> Array:
        # On resamples a step stands for many thresholds, between which the curve runs on.
        method = "interpolation" if points.resampled else self.summation_method
        return area(points, self.curve, method)


@register
@dataclass(frozen=True)
class AUCPrecisionRecall(AUC):
    """Area under the precision-recall curve."""

    curve: str = "PR"


@register
@dataclass(frozen=True)
class ExactAUC(AUC):
    """Area under the ROC (or PR) curve, every distinct score apart; see AUC."""

    exact: bool = field(default=True, kw_only=True)


@register
@dataclass(frozen=True)
class Gini(AUC):
    """Gini coefficient of the ROC curve: 2 AUC - 1."""

    def _area(self, points: Points) -> Array:
        return 2.0 * super()._area(points) - 1.0


@register
@dataclass(frozen=True)
class AveragePrecision(CurveMetric):
    """Average precision: sum of precision at each threshold times the step of recall there."""

    direction = HIGHER_IS_BETTER

    def result(self, scores: State) -> Array:
        """Returns the sum over all thresholds; NaN without positives."""

        def formula(points: Points) -> Array:
            if points.resampled:
                return area(points, "PR")
            precision = np.nan_to_num(divide(points.tp, points.tp + points.fp)[..., :-1], nan=0.0)
            recall = divide(_steps(points.tp), points.positives)
            return np.asarray((precision * recall).sum(axis=-1))

        return self.over_points(scores, formula)


@register
@dataclass(frozen=True)
class AUCErrorBound(AUC):
    """How far AUC can be from the area over all distinct scores, at the most.

    ROC: sum over cells(positive * negative) / (2 P N). PR: the area with the positives of each cell
    ranked first, minus the area with the negatives ranked first. Takes the arguments of AUC.
    """

    direction = LOWER_IS_BETTER
    has_interval = False

    def _area(self, points: Points) -> Array:
        positive, negative = _steps(points.tp), _steps(points.fp)
        if self.curve == "ROC":
            ties = divide((positive * negative).sum(axis=-1), points.positives[..., 0])
            return divide(ties / 2.0, points.negatives[..., 0])
        above = points.tp[..., 1:] + points.fp[..., 1:]
        lost = (points.fp[..., 1:] + negative) * _log_growth(positive, above + negative)
        lost -= points.fp[..., 1:] * _log_growth(positive, above)
        return divide(lost.sum(axis=-1), points.positives[..., 0])


def _log_growth(step: Array, above: Array) -> Array:
    """log((above + step) / above), and 0 where nothing is above."""
    return np.log1p(np.divide(step, above, out=np.zeros_like(step), where=above > 0))
