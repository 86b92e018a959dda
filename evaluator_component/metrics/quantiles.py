"""Quantiles of errors, from a histogram whose cells are a fixed share of the error wide.

Errors go into cells whose edges grow by a factor (DDSketch, Masson et al. 2019), so a quantile is
off by at most that share of itself, however large or small errors are; where all errors of a cell
are equal it is exact. Cells add up, so neither batches nor the order of merging matter.

Quantile q is the smallest error that at least q of the weight does not exceed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from evaluator_component.batch import Batch
from evaluator_component.cells import Cells
from evaluator_component.groups import Groups
from evaluator_component.metrics import screen
from evaluator_component.metrics.base import LOWER_IS_BETTER, Array, Metric, State, Statistic
from evaluator_component.metrics.formulas import divide
from evaluator_component.metrics.registry import register

__all__ = [
    "AbsoluteErrorQuantiles",
    "ErrorHistogram",
    "ErrorQuantiles",
    "MedianAbsoluteError",
    "quantiles",
]

#: Added to logarithmic cell numbers to make them positive: the smallest float64 is about e^-745.
_LOWEST = 745.0

#: Width of the cells of resamples: their quantiles vary by far more.
_RESAMPLED_WIDTH = 0.01


@dataclass(frozen=True)
class ErrorHistogram(Statistic):
    """Weight, and weighted sum, of the errors p - y per cell.

    Cell 0 holds errors of exactly 0, cells above it positive and cells below it negative ones.

    Attributes:
        width: errors in a cell differ by at most this share of themselves.
    """

    width: float = 0.001

    state: ClassVar[Mapping[str, str]] = {"errors": "cells"}

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Sums w and w * error per cell."""
        label, prediction = screen.numbers(batch)
        error = prediction - label
        size = np.abs(error)
        with np.errstate(divide="ignore"):
            position = np.floor((np.log(size) + _LOWEST) / np.log1p(self.width))
        cell = np.where(size > 0, np.sign(error) * (1 + np.where(size > 0, position, 0)), 0)
        values = np.stack([batch.weight, batch.weight * error]).T
        return {"errors": groups.cells(cell.astype(np.int64), values)}

    def replicated(self) -> ErrorHistogram:
        """Resamples keep cells of one hundredth."""
        return ErrorHistogram(max(self.width, _RESAMPLED_WIDTH))


def quantiles(errors: Cells, count: int, wanted: tuple[float, ...], absolute: bool) -> Array:
    """Returns the wanted quantiles of each group.

    Args:
        errors: from `ErrorHistogram`.
        count: number of groups.
        wanted: in [0, 1].
        absolute: whether to look at |error|.

    Returns:
        (groups, [replicates,] quantiles); NaN for groups without weight.
    """
    if absolute:
        errors = _folded(errors)
    values = np.full((count, *errors.sums.shape[1:-1], len(wanted)), np.nan)
    for group, span in errors.spans():
        weight, total = errors.sums[span, ..., 0], errors.sums[span, ..., 1]
        mean = divide(total, weight)
        upto = np.cumsum(weight, axis=0)
        for number, quantile in enumerate(wanted):
            # The last digits of a sum of weights are rounding; a cell of no weight is no answer.
            reached = (upto >= quantile * upto[-1] * (1 - 1e-12)) & (weight > 0)
            first = reached.argmax(axis=0)[None]
            value = np.take_along_axis(mean, first, axis=0)[0]
            values[group, ..., number] = np.where(reached.any(axis=0), value, np.nan)
    return values


def _folded(errors: Cells) -> Cells:
    """Cells of absolute errors."""
    below = np.flatnonzero(errors.cell < 0)
    below = below[np.lexsort((-errors.cell[below], errors.group[below]))]
    sides = (below, np.flatnonzero(errors.cell >= 0))
    sums = np.stack([errors.sums[..., 0], np.abs(errors.sums[..., 1])], axis=-1)
    return Cells.merge([Cells(errors.group[s], np.abs(errors.cell[s]), sums[s]) for s in sides])


@dataclass(frozen=True)
class _Quantiles(Metric):
    """Several quantiles of errors."""

    quantiles: float | tuple[float, ...] = ()
    relative_error: float = 0.001

    absolute: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if not self.wanted or not all(0 <= quantile <= 1 for quantile in self.wanted):
            raise ValueError(f"quantiles must be in [0, 1], got {self.quantiles!r}")
        if not 1e-6 <= self.relative_error < 1:
            raise ValueError(f"relative_error must be in [1e-6, 1), got {self.relative_error!r}")

    @property
    def wanted(self) -> tuple[float, ...]:
        """The quantiles as a tuple."""
        if isinstance(self.quantiles, (int, float)):
            return (float(self.quantiles),)
        return self.quantiles

    @property
    def kind(self) -> str:  # type: ignore[override]
        """A number for one quantile, else a vector."""
        return "number" if isinstance(self.quantiles, (int, float)) else "vector"

    @property
    def statistics(self) -> tuple[Statistic, ...]:  # type: ignore[override]
        """The histogram of errors."""
        return (ErrorHistogram(self.relative_error),)

    def labels(self) -> tuple[str, ...]:
        """Returns the quantiles as text."""
        return () if self.kind == "number" else tuple(f"{each:g}" for each in self.wanted)

    def result(self, errors: State) -> Array:
        """Returns the quantiles; NaN without weight."""
        values = quantiles(errors["errors"], errors.shape[0], self.wanted, self.absolute)
        return np.asarray(values[..., 0] if self.kind == "number" else values)


@register
@dataclass(frozen=True)
class ErrorQuantiles(_Quantiles):
    """Quantiles of the error p - y.

    Attributes:
        quantiles: one number or several, in [0, 1].
        relative_error: quantiles are off by at most this share of themselves.
    """

    quantiles: float | tuple[float, ...] = (0.05, 0.25, 0.5, 0.75, 0.95)


@register
@dataclass(frozen=True)
class AbsoluteErrorQuantiles(_Quantiles):
    """Quantiles of the absolute error |p - y|.

    Attributes:
        quantiles: one number or several, in [0, 1].
        relative_error: quantiles are off by at most this share of themselves.
    """

    quantiles: float | tuple[float, ...] = (0.5, 0.9, 0.95, 0.99)

    direction = LOWER_IS_BETTER
    absolute = True


@register
@dataclass(frozen=True)
class MedianAbsoluteError(_Quantiles):
    """Median of |p - y|: the error that half of the weight does not exceed.

    Attributes:
        quantiles: 0.5.
        relative_error: the median is off by at most this share of itself.
    """

    quantiles: float | tuple[float, ...] = 0.5

    direction = LOWER_IS_BETTER
    absolute = True
