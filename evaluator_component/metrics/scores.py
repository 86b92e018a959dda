"""Scores: a histogram of scores fine enough to rank by, and formulas over it.

A ranking metric (AUC, sensitivity at specificity, gain) needs how much positive and negative weight
there is at each score. Scores are kept in cells whose width is relative: 2^-12 of the score below
0.5, of the distance to 1 above 0.5, and of the value itself outside [0, 1]. So scores of order
1e-4, scores just below 1 and logits all keep 12 bits, and a slice costs only the cells it has.

Scores in one cell count as ties. That moves AUC by at most
`sum over cells(positive * negative) / (2 * P * N)`; `AUCErrorBound` reports it.

Vocabulary:
    cell: an integer that grows with the score; cell c holds the scores s with
        lower_edge(c) < s <= lower_edge(c + 1).
    ScoreHistogram: positive and negative weight per cell.
    BucketHistogram: the same in 10,000 equal buckets on [0, 1] (for `num_thresholds`).
    Block: the cells of some groups as dense arrays, ascending, padded with empty cells.

Example:
    >>> cells = score_cells(np.array([0.25, 0.2500001, 0.75]))
    >>> bool((np.diff(cells) > 0).all())
    True
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from evaluator_component.batch import Batch
from evaluator_component.cells import Cells
from evaluator_component.groups import Groups
from evaluator_component.metrics import screen
from evaluator_component.metrics.base import Array, Statistic

__all__ = [
    "BUCKETS",
    "EXACT",
    "Block",
    "BucketHistogram",
    "ScoreHistogram",
    "blocks",
    "lower_edge",
    "score_cells",
]

#: Bits per factor of two that keep every distinct float64 apart.
EXACT = 52

#: Bits of the histograms of resamples: about 200 cells for usual probabilities, 1,024 for any.
_RESAMPLED = 4

#: Scores closer to 0 (or to 1) than this power of two share a cell; 0 and 1 have their own.
_SMALLEST, _SMALLEST_RESAMPLED = -126, -32

#: Buckets of TFMA's calibration histogram.
BUCKETS = 10_000

#: Numbers that a block of groups holds at the most (unless one group needs more).
_BLOCK = 1 << 19


def score_cells(score: Array, bits: int = 12) -> Array:
    """Returns the cell of each score.

    Args:
        score: float64, any shape, no NaN.
        bits: cells per factor of two are 2**bits; `EXACT` keeps all float64 apart.

    Returns:
        int64 like score; monotone: a higher score is never in a lower cell.
    """
    score = np.asarray(score, dtype=np.float64)
    if bits == EXACT:
        raw = np.abs(score).view(np.int64)
        return np.asarray(np.where(score < 0, -raw, raw))
    shift = EXACT - bits
    upper = score > 0.5
    distance = np.where(upper, 1.0 - score, score)
    raw = distance.view(np.int64)
    cell = ((raw + np.where(upper, 0, (1 << shift) - 1)) >> shift) - _offset(bits)
    cell = np.maximum(cell, distance > 0)
    cell = np.where(upper, 2 * _half(bits) - cell, cell)
    negative, above = score < 0, score > 1
    if negative.any():
        magnitude = np.abs(score[negative]).view(np.int64) >> shift
        cell[negative] = -1 - np.maximum(magnitude - _offset(bits), 0)
    if above.any():
        magnitude = (score[above].view(np.int64) + (1 << shift) - 1) >> shift
        cell[above] = magnitude - _offset(bits) + _half(bits) - (1 << bits)
    return np.asarray(cell)


def _offset(bits: int) -> int:
    """What is taken off the leading bits of a float64, so that the smallest power is in cell 1."""
    smallest = _SMALLEST if bits > _RESAMPLED else _SMALLEST_RESAMPLED
    return ((1023 + smallest) << bits) - 1


def _half(bits: int) -> int:
    """The cell of score 0.5."""
    return (1022 << bits) - _offset(bits)


def lower_edge(cell: Array, bits: int = 12) -> Array:
    """Returns the largest number that is below every score of the cell.

    Example:
        >>> cell = score_cells(np.array([0.3]))
        >>> edge = lower_edge(cell)[0]
        >>> bool(edge < 0.3 < edge * (1 + 2**-11))
        True
    """
    below = np.asarray(cell, dtype=np.int64) - 1
    if bits == EXACT:
        return np.where(below < 0, -_float(-below), _float(below))
    shift, offset, half = EXACT - bits, _offset(bits), _half(bits)
    low = np.where(below <= 0, 0.0, _float((below + offset) << shift))
    from_top = 2 * half - below
    tiny = np.where(from_top <= 0, 0.0, np.nextafter(0.0, 1.0))
    distance = np.where(from_top <= 1, tiny, _float((from_top + offset) << shift))
    top = 1.0 - distance
    top = np.where(1.0 - top < distance, np.nextafter(top, 0.0), top)
    outside = _float((below - half + (1 << bits) + offset) << shift)
    depth = -1 - below
    minus = np.where(depth <= 0, np.nextafter(0.0, -1.0), -_float((depth + offset) << shift))
    edge = np.where(below <= half, low, np.where(below <= 2 * half, top, outside))
    return np.asarray(np.where(below < 0, np.where(np.isnan(minus), -np.inf, minus), edge))


def _float(raw: Array) -> Array:
    """Integers as the float64 numbers of the same bits; 0 for negative ones."""
    return np.maximum(raw, 0).astype(np.int64).view(np.float64)


@dataclass(frozen=True)
class ScoreHistogram(Statistic):
    """Positive and negative weight per cell of score.

    Attributes:
        bits: cells per factor of two are 2**bits; `EXACT` keeps all scores apart, at a cost of one
            cell per distinct score.
        predictions: also sums weight times score per cell.
    """

    bits: int = 12
    predictions: bool = False

    state: ClassVar[Mapping[str, str]] = {"scores": "cells"}

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Sums positive weight, negative weight (and weighted scores) per cell."""
        pairs = screen.pairs(batch)
        cell = batch.derived(
            ("score cells", self.bits), lambda: score_cells(pairs.score, self.bits)
        )
        weights = pairs.weights
        if self.predictions:
            score = np.where(np.isneginf(pairs.score), 0.0, pairs.score) * batch.weight
            weights = np.stack([pairs.positive, pairs.negative, score]).T
        return {"scores": groups.cells(cell, weights)}

    def replicated(self) -> Statistic:
        """Returns a histogram of few cells: resamples of every slice have to fit in memory."""
        return ScoreHistogram(min(self.bits, _RESAMPLED), self.predictions)


@dataclass(frozen=True)
class BucketHistogram(Statistic):
    """Positive and negative weight in 10,000 equal buckets on [0, 1], and one on either side.

    Bucket b > 0 holds the scores in [(b - 1) / 10000, b / 10000); bucket 0 the scores below, the
    last one the scores of 1 and above. This is how TFMA keeps scores.
    """

    state: ClassVar[Mapping[str, str]] = {"buckets": "cells"}

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Sums positive and negative weight per bucket."""
        pairs = screen.pairs(batch)

        def buckets() -> Array:
            scaled = np.clip(pairs.score, -1.0, 2.0) * BUCKETS + 1.0
            return np.clip(scaled, 0, BUCKETS + 1).astype(np.int64)

        return {"buckets": groups.cells(batch.derived("score buckets", buckets), pairs.weights)}

    def replicated(self) -> Statistic:
        """Returns a histogram of few cells."""
        return ScoreHistogram(_RESAMPLED)


@dataclass(frozen=True)
class Block:
    """The cells of some groups as dense arrays, padded with empty cells at the end.

    Attributes:
        groups: int64 (g,), which groups these are.
        sums: float64 (columns, g, [replicates,] cells).
        cells: the histogram.
        spans: int64 (g, 2), where each group's entries begin and end.
    """

    groups: Array
    sums: Array
    cells: Cells
    spans: Array

    @cached_property
    def cell(self) -> Array:
        """The cell of each entry, int64 (g, cells); a group's last cell fills the padding."""
        cell = np.empty((len(self.spans), self.sums.shape[-1]), dtype=np.int64)
        for row, (start, stop) in enumerate(self.spans):
            cell[row, : stop - start] = self.cells.cell[start:stop]
            cell[row, stop - start :] = self.cells.cell[stop - 1]
        return cell


def blocks(cells: Cells) -> Iterator[Block]:
    """Yields all groups that have cells, those with about as many cells together."""
    starts = cells.starts
    lengths = np.diff(starts, append=len(cells))
    order = np.argsort(-lengths, kind="stable")
    falling = -lengths[order]
    middle, columns = cells.sums.shape[1:-1], cells.sums.shape[-1]
    done = 0
    while done < len(order):
        width = int(lengths[order[done]])
        most = max(1, _BLOCK // (width * columns * math.prod(middle)))
        alike = int(np.searchsorted(falling, -(width // 2), side="right"))
        chosen = order[done : max(done + 1, min(done + most, alike))]
        done += len(chosen)
        spans = np.stack([starts[chosen], starts[chosen] + lengths[chosen]], axis=1)
        sums = np.zeros((columns, len(chosen), *middle, width))
        for row, (start, stop) in enumerate(spans):
            sums[:, row, ..., : stop - start] = cells.sums[start:stop].T
        yield Block(cells.group[starts[chosen]], sums, cells, spans)
