"""Gain and lift at k: what the examples of highest score hold.

The top fraction is taken by weight. Where it ends inside a group of equal scores, these are taken
in proportion, as if in random order.

Example:
    >>> GainAtK((0.1, 0.2)).labels()
    ('k=0.1', 'k=0.2')
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evaluator_component.metrics.base import HIGHER_IS_BETTER, Array, State
from evaluator_component.metrics.curves import CurveMetric, Points
from evaluator_component.metrics.formulas import divide
from evaluator_component.metrics.registry import register

__all__ = ["GainAtK", "LiftAtK"]


def positives_among(points: Points, fraction: float) -> Array:
    """Returns the positive weight among the top fraction, (groups, [replicates])."""
    taken = points.tp + points.fp
    wanted = fraction * taken[..., :1]
    share = divide(wanted - taken[..., 1:], taken[..., :-1] - taken[..., 1:])
    inside = np.clip(np.nan_to_num(share, nan=0.0), 0.0, 1.0)
    return np.asarray((inside * (points.tp[..., :-1] - points.tp[..., 1:])).sum(axis=-1))


@register
@dataclass(frozen=True)
class GainAtK(CurveMetric):
    """Gain at k: share of all positives that are among the fraction k of highest scores.

    Attributes:
        k: a fraction in (0, 1], or several.
    """

    k: float | tuple[float, ...] = 0.1

    direction = HIGHER_IS_BETTER

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.k, list):
            object.__setattr__(self, "k", tuple(self.k))
        for fraction in self._fractions:
            if isinstance(fraction, str) or not 0 < fraction <= 1:
                raise ValueError(f"k must be a fraction in (0, 1], got {fraction!r}")
        if self.thresholds is not None:
            raise ValueError("gain and lift at k take no thresholds")

    @property
    def _fractions(self) -> tuple[float, ...]:
        return self.k if isinstance(self.k, tuple) else (self.k,)

    @property
    def kind(self) -> str:  # type: ignore[override]
        """A number for one k, a vector for several."""
        return "vector" if len(self._fractions) > 1 else "number"

    def labels(self) -> tuple[str, ...]:
        """Returns the fractions as text."""
        return tuple(f"k={fraction:g}" for fraction in self._fractions)

    def _value(self, gain: Array, fraction: float) -> Array:
        return gain

    def result(self, scores: State) -> Array:
        """Returns the value for each k; NaN without positives."""

        def formula(points: Points) -> Array:
            found = [
                self._value(
                    divide(positives_among(points, fraction), points.positives[..., 0]), fraction
                )
                for fraction in self._fractions
            ]
            return np.stack(found, axis=-1)

        found = self.over_points(scores, formula, len(self._fractions))
        return found if self.is_vector else found[..., 0]


@register
@dataclass(frozen=True)
class LiftAtK(GainAtK):
    """Lift at k: positives among the fraction k of highest scores, relative to a random choice.

    Attributes:
        k: a fraction in (0, 1], or several.
    """

    def _value(self, gain: Array, fraction: float) -> Array:
        return np.asarray(gain / fraction)
