"""Sums of a loss over slices, and tests of one mean against another.

Example:
    >>> sums = SliceSums(((), (("hour", 7),)), count=[4, 2], total=[6.0, 4.0], squares=[14.0, 8.0])
    >>> sums.of(1).mean, (sums.of(0) - sums.of(1)).mean
    (2.0, 1.0)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from evaluator_component.keys import OVERALL, SliceKey

__all__ = ["SliceSums", "Sums", "p_of_larger_mean", "t_and_p"]

Array = npt.NDArray[Any]


class SliceSums:
    """Sums of a loss over candidate slices.

    Attributes:
        keys: the slices; one of them is the overall slice.
        count: float64 (slices,), number of examples.
        total: float64 (slices,), sum of the loss (or of candidate's minus baseline's).
        squares: float64 (slices,), sum of its squares.
    """

    def __init__(
        self,
        keys: Sequence[SliceKey],
        count: npt.ArrayLike,
        total: npt.ArrayLike,
        squares: npt.ArrayLike,
    ) -> None:
        self.keys = tuple(keys)
        self.count, self.total, self.squares = (
            np.asarray(array, dtype=np.float64) for array in (count, total, squares)
        )
        self.row_of = {key: row for row, key in enumerate(self.keys)}
        if OVERALL not in self.row_of:
            raise ValueError("the sums of all examples (the overall slice) are missing")

    def of(self, row: int) -> Sums:
        """Returns the sums of one slice."""
        return Sums(float(self.count[row]), float(self.total[row]), float(self.squares[row]))


@dataclass(frozen=True)
class Sums:
    """Count, sum and sum of squares of some examples."""

    count: float = 0.0
    total: float = 0.0
    squares: float = 0.0

    def __add__(self, other: Sums) -> Sums:
        return self - other * -1.0

    def __sub__(self, other: Sums) -> Sums:
        return Sums(
            self.count - other.count, self.total - other.total, self.squares - other.squares
        )

    def __mul__(self, share: float) -> Sums:
        return Sums(self.count * share, self.total * share, self.squares * share)

    @property
    def mean(self) -> float:
        """Mean loss; NaN without examples."""
        return self.total / self.count if self.count > 0 else math.nan

    @property
    def variance(self) -> float:
        """Of the loss of one example."""
        if self.count < 2:
            return math.nan
        return max(self.squares - self.total**2 / self.count, 0.0) / (self.count - 1)

    @property
    def error(self) -> float:
        """Squared standard error of the mean."""
        return self.variance / self.count if self.count > 0 else math.nan

    def with_variance(self, variance: float) -> Sums:
        """Returns sums of the same mean and another variance."""
        squares = self.total**2 / self.count + variance * (self.count - 1)
        return Sums(self.count, self.total, squares)


def t_and_p(difference: Array, squared_error: Array, degrees: Array) -> tuple[Array, Array]:
    """Returns t and the one-sided p-value of a difference above 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        t = difference / np.sqrt(squared_error)
    degrees = np.nan_to_num(np.maximum(degrees, 1.0), nan=1.0)
    p = special.stdtr(degrees, -t)
    return np.nan_to_num(t, nan=0.0), np.where(np.isnan(p), 1.0, p)


def p_of_larger_mean(part: Sums, other: Sums | None) -> float:
    """Returns the one-sided p-value of a larger mean than the other's (than 0 without one)."""
    if part.count < 2 or (other is not None and other.count < 2):
        return 1.0
    error = np.array([part.error]) + (0.0 if other is None else other.error)
    difference = np.array([part.mean - (0.0 if other is None else other.mean)])
    degrees = np.array([min(part.count, math.inf if other is None else other.count) - 1])
    return float(t_and_p(difference, error, degrees)[1][0])
