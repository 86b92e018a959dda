"""Operating points: the best value of one rate where another one is good enough.

Each metric looks at all points of the curve (see `curves`) that satisfy a constraint, and takes the
largest value among them. A rate that meets its bound up to one part in 10^9 satisfies it, so that
rounding decides nothing. On resamples, whose histogram is coarse, the point where the constraint is
just met is found by interpolation.

Predicting nothing is a point too: its recall is 0, and no prediction of it is wrong. So a precision
that no threshold reaches is reached with recall 0. Where nothing satisfies the constraint the value
is NaN: without positives there is no recall.

Example:
    >>> SensitivityAtSpecificity((0.8, 0.9)).labels()
    ('specificity=0.8', 'specificity=0.9')
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from evaluator_component.metrics.base import HIGHER_IS_BETTER, NEITHER, Array, State
from evaluator_component.metrics.curves import CurveMetric, Points
from evaluator_component.metrics.formulas import divide
from evaluator_component.metrics.registry import register

__all__ = [
    "KolmogorovSmirnov",
    "OperatingPoint",
    "PrecisionAtRecall",
    "RecallAtFalsePositiveRate",
    "RecallAtPrecision",
    "SensitivityAtSpecificity",
    "SpecificityAtSensitivity",
    "ThresholdAtRecall",
]

#: Relative slack of constraints.
_SLACK = 1e-9


def _recall(points: Points) -> Array:
    return divide(points.tp, points.positives)


def _false_positive_rate(points: Points) -> Array:
    return divide(points.fp, points.negatives)


def _specificity(points: Points) -> Array:
    return divide(points.negatives - points.fp, points.negatives)


def _precision(points: Points) -> Array:
    return divide(points.tp, points.tp + points.fp)


def largest_where(
    value: Array, rate: Array, bound: float, at_most: bool = False, ends: Array | None = None
) -> Array:
    """Finds the largest value among the points whose rate satisfies a bound.

    Args:
        value: (..., points); NaN where undefined.
        rate: like value.
        bound: the rate must be at least this.
        at_most: the rate must be at most this instead.
        ends: the value at the end of the step that begins at each point but the last; if given,
            also looks inside the steps that have the bound between their ends.

    Returns:
        float64 (...); NaN where no point satisfies it.

    Example:
        >>> recall, precision = np.array([1.0, 0.5, 0.0]), np.array([0.2, 0.6, np.nan])
        >>> float(largest_where(precision, recall, 0.5))
        0.6
    """
    if at_most:
        rate, bound = -rate, -bound
    slack = _SLACK * abs(bound)
    with np.errstate(invalid="ignore"):
        good = (rate >= bound - slack) & ~np.isnan(value)
    best = np.where(good, value, -np.inf).max(axis=-1, initial=-np.inf)
    if ends is not None:
        with np.errstate(invalid="ignore", divide="ignore"):
            share = (bound - rate[..., :-1]) / (rate[..., 1:] - rate[..., :-1])
            crossing = value[..., :-1] + share * (ends - value[..., :-1])
            crossed = (good[..., :-1] != good[..., 1:]) & np.isfinite(crossing)
        found = np.where(crossed, crossing, -np.inf).max(axis=-1, initial=-np.inf)
        best = np.maximum(best, found)
    return np.where(np.isneginf(best), np.nan, best)


@dataclass(frozen=True)
class OperatingPoint(CurveMetric):
    """Base of the metrics that look for a point of the curve."""

    bounded: ClassVar[str]
    at_most: ClassVar[bool] = False

    direction = HIGHER_IS_BETTER

    def __post_init__(self) -> None:
        super().__post_init__()
        given = getattr(self, self.bounded)
        if isinstance(given, list):
            object.__setattr__(self, self.bounded, tuple(given))
        for bound in self._bounds:
            if isinstance(bound, str) or not 0 <= bound <= 1:
                raise ValueError(f"{self.bounded} must be in [0, 1], got {bound!r}")

    @property
    def _bounds(self) -> tuple[float, ...]:
        given = getattr(self, self.bounded)
        return given if isinstance(given, tuple) else (given,)

    @property
    def kind(self) -> str:  # type: ignore[override]
        """A number for one bound, a vector for several."""
        return "vector" if len(self._bounds) > 1 else "number"

    def labels(self) -> tuple[str, ...]:
        """Returns the bounds as text."""
        return tuple(f"{self.bounded}={bound:g}" for bound in self._bounds)

    def _rates(self, points: Points) -> tuple[Array, Array]:
        """The value that is sought, and the rate that is bounded."""
        raise NotImplementedError

    def _ends(self, points: Points, value: Array) -> Array:
        """The value at the end of each step."""
        return value[..., 1:]

    def result(self, scores: State) -> Array:
        """Returns the largest value for each bound; NaN where no point satisfies it."""

        def formula(points: Points) -> Array:
            value, rate = self._rates(points)
            ends = self._ends(points, value) if points.resampled else None
            found = [
                largest_where(value, rate, float(bound), self.at_most, ends)
                for bound in self._bounds
            ]
            return np.stack(found, axis=-1)

        found = self.over_points(scores, formula, len(self._bounds))
        return found if self.is_vector else found[..., 0]


@register
@dataclass(frozen=True)
class SensitivityAtSpecificity(OperatingPoint):
    """Largest sensitivity (recall) with specificity at least `specificity`.

    Attributes:
        specificity: a number, or several.
    """

    specificity: float | tuple[float, ...]

    bounded = "specificity"

    def _rates(self, points: Points) -> tuple[Array, Array]:
        return _recall(points), _specificity(points)


@register
@dataclass(frozen=True)
class SpecificityAtSensitivity(OperatingPoint):
    """Largest specificity with sensitivity (recall) at least `sensitivity`.

    Attributes:
        sensitivity: a number, or several.
    """

    sensitivity: float | tuple[float, ...]

    bounded = "sensitivity"

    def _rates(self, points: Points) -> tuple[Array, Array]:
        return _specificity(points), _recall(points)


@register
@dataclass(frozen=True)
class PrecisionAtRecall(OperatingPoint):
    """Largest precision with recall at least `recall`.

    Attributes:
        recall: a number, or several.
    """

    recall: float | tuple[float, ...]

    bounded = "recall"

    def _rates(self, points: Points) -> tuple[Array, Array]:
        return _precision(points), _recall(points)


@register
@dataclass(frozen=True)
class RecallAtPrecision(OperatingPoint):
    """Largest recall with precision at least `precision`.

    Attributes:
        precision: a number, or several.
    """

    precision: float | tuple[float, ...]

    bounded = "precision"

    def _rates(self, points: Points) -> tuple[Array, Array]:
        nothing = points.tp + points.fp == 0
        return _recall(points), np.where(nothing, 1.0, _precision(points))


@register
@dataclass(frozen=True)
class RecallAtFalsePositiveRate(OperatingPoint):
    """Largest recall with false positive rate at most `false_positive_rate`.

    Attributes:
        false_positive_rate: a number, or several.
    """

    false_positive_rate: float | tuple[float, ...]

    bounded = "false_positive_rate"
    at_most = True

    def _rates(self, points: Points) -> tuple[Array, Array]:
        return _recall(points), _false_positive_rate(points)


@register
@dataclass(frozen=True)
class ThresholdAtRecall(OperatingPoint):
    """Largest threshold with recall at least `recall`.

    Attributes:
        recall: a number, or several.
    """

    recall: float | tuple[float, ...]

    bounded = "recall"

    direction = NEITHER

    def _rates(self, points: Points) -> tuple[Array, Array]:
        recall = _recall(points)
        return np.broadcast_to(_like(points.edges(0), recall), recall.shape), recall

    def _ends(self, points: Points, value: Array) -> Array:
        return _like(points.edges(1), value)


def _like(threshold: Array, rate: Array) -> Array:
    """Thresholds (groups, points) with an axis for replicates where the rate has one."""
    return threshold[:, None] if rate.ndim > threshold.ndim == 2 else threshold


@register
@dataclass(frozen=True)
class KolmogorovSmirnov(CurveMetric):
    """Kolmogorov-Smirnov distance of the scores of positives and negatives: max(tpr - fpr)."""

    direction = HIGHER_IS_BETTER

    def result(self, scores: State) -> Array:
        """Returns the largest difference; NaN without positives or without negatives."""

        def formula(points: Points) -> Array:
            return np.asarray((_recall(points) - _false_positive_rate(points)).max(axis=-1))

        return self.over_points(scores, formula)
