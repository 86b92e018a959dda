"""Correlation of labels and predictions.

The Pearson family reads centred moments that are kept with twice the digits, so that the order of
merging does not show. Spearman's correlation needs ranks; see `PairCells`.
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
from evaluator_component.metrics.base import HIGHER_IS_BETTER, Array, Metric, State, Statistic
from evaluator_component.metrics.formulas import divide, sqrt
from evaluator_component.metrics.moments import Moments, centred
from evaluator_component.metrics.registry import register

__all__ = [
    "ConcordanceCorrelation",
    "PairCells",
    "PearsonCorrelation",
    "SpearmanCorrelation",
    "SquaredPearsonCorrelation",
]


@register
@dataclass(frozen=True)
class PearsonCorrelation(Metric):
    """Pearson's correlation: cov(y, p) / sqrt(var(y) var(p)), in [-1, 1]."""

    direction = HIGHER_IS_BETTER
    statistics = (Moments(),)

    def result(self, moments: State) -> Array:
        """Returns r; NaN where labels or predictions do not vary."""
        sums = centred(moments)
        return np.clip(divide(sums.xy, sqrt(sums.xx) * sqrt(sums.yy)), -1.0, 1.0)


@register
@dataclass(frozen=True)
class SquaredPearsonCorrelation(PearsonCorrelation):
    """Squared Pearson correlation: cov(y, p)^2 / (var(y) var(p)), in [0, 1]."""

    def result(self, moments: State) -> Array:
        """Returns r^2; NaN where labels or predictions do not vary."""
        return np.square(super().result(moments))


@register
@dataclass(frozen=True)
class ConcordanceCorrelation(Metric):
    """Lin's concordance: 2 cov(y, p) / (var(y) + var(p) + (mean(y) - mean(p))^2), in [-1, 1].

    Like Pearson's correlation, but a bias or a wrong scale lowers it.
    """

    direction = HIGHER_IS_BETTER
    statistics = (Moments(),)

    def result(self, moments: State) -> Array:
        """Returns the concordance; NaN where neither labels nor predictions vary."""
        sums = centred(moments)
        return divide(2 * sums.xy, sums.xx + sums.yy + sums.bias)


@dataclass(frozen=True)
class PairCells(Statistic):
    """Weight of each distinct pair of label and prediction.

    Values are kept as the leading `bits` bits of their float32: labels and predictions that differ
    by less than about 6e-8 of their size (32 bits), or 13 % (12 bits), are ties. The order of
    other values is exact. A slice has as many cells as it has distinct pairs.

    Attributes:
        bits: from 10 to 32.
    """

    bits: int = 32

    state: ClassVar[Mapping[str, str]] = {"pairs": "cells"}

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Sums weights per pair."""
        y, x = (_ordinal(values) for values in screen.numbers(batch))
        cell = ((x >> (32 - self.bits)) << 32) + (y >> (32 - self.bits))
        return {"pairs": groups.cells(cell, batch.weight[:, None])}

    def replicated(self) -> PairCells:
        """Resamples keep 12 bits of each value, so that a slice has some thousand cells."""
        return PairCells(12)


def _ordinal(values: Array) -> Array:
    """int64 in [-2**31, 2**31) in the order of the values rounded to float32; -0.0 equals 0.0."""
    with np.errstate(over="ignore"):
        bits = (values.astype(np.float32) + np.float32(0)).view(np.int32).astype(np.int64)
    return np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)


@register
@dataclass(frozen=True)
class SpearmanCorrelation(Metric):
    """Spearman's rank correlation: Pearson's correlation of midranks, in [-1, 1].

    Exact for values that differ in float32. Intervals come from the ranks of values with 4
    significant bits. Costs memory for every distinct pair (label, prediction).
    """

    direction = HIGHER_IS_BETTER
    statistics = (PairCells(),)

    def result(self, pairs: State) -> Array:
        """Returns the correlation of midranks; NaN where labels or predictions do not vary."""
        cells: Cells = pairs["pairs"]
        count = pairs.shape[0]
        weight = cells.sums[..., 0]
        total = cells.per_group(weight, count)
        low = (cells.cell << 32) >> 32
        x = _midranks(cells, cells.cell - low, weight) - total[cells.group] / 2
        y = _midranks(cells, low, weight) - total[cells.group] / 2
        xx, xy, yy = (cells.per_group(weight * product, count) for product in (x * x, x * y, y * y))
        spread = np.where(
            np.minimum(xx, yy) <= 1e-28 * np.power(total, 3), np.nan, sqrt(xx) * sqrt(yy)
        )
        return np.clip(divide(xy, spread), -1.0, 1.0)


def _midranks(cells: Cells, value: Array, weight: Array) -> Array:
    """Weight below each entry's value in its group, plus half of the weight at that value."""
    order = np.lexsort((value, cells.group))
    sorted_value, sorted_weight = value[order], weight[order]
    ranks = np.empty_like(weight)
    # One group at a time: a running sum over all groups would round a small group by a large one.
    for _, span in cells.spans():
        new = np.diff(sorted_value[span], prepend=sorted_value[span.start] - 1) != 0
        tied = np.add.reduceat(sorted_weight[span], np.flatnonzero(new), axis=0)
        midrank = np.cumsum(tied, axis=0) - tied / 2
        ranks[order[span]] = midrank[np.cumsum(new) - 1]
    return ranks
