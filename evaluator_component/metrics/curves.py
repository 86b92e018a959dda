"""Curves: true and false positives over all thresholds, from whichever statistic holds the scores.

Metrics of curves (areas, operating points, gain) are formulas over `Points`. Where the points lie:

=========================  ========================================================================
default                    at every cell of a fine histogram of scores, see `scores`
exact=True                 at every distinct score; memory grows with their number
num_thresholds=n           n equal steps on [0, 1] over 10,000 buckets: TFMA's numbers
thresholds=[...]           at exactly these
=========================  ========================================================================

On resamples a histogram of few cells stands in; formulas that search for a point then interpolate
between points.

Example:
    >>> keras_thresholds(3)
    array([-1.0000000e-07,  5.0000000e-01,  1.0000001e+00])
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from evaluator_component.cells import Cells
from evaluator_component.metrics.base import Array, Metric, State, Statistic
from evaluator_component.metrics.confusion_counts import ConfusionCounts, suffix_sums
from evaluator_component.metrics.scores import (
    BUCKETS,
    EXACT,
    BucketHistogram,
    ScoreHistogram,
    blocks,
    lower_edge,
)

__all__ = ["EPSILON", "CurveMetric", "Points", "keras_thresholds"]

#: How far below 0 and above 1 the outermost thresholds lie.
EPSILON = 1e-7


@dataclass(frozen=True)
class Points:
    """Counts above rising thresholds.

    Attributes:
        tp: positive weight above each threshold, (groups, [replicates,] points).
        fp: negative weight above each threshold.
        positives: all positive weight, (groups, [replicates,] 1).
        negatives: all negative weight.
        edges: edges(0) is the threshold of each point, (groups, points) or (points,); edges(1) the
            upper edge of the cell that begins at each point but the last.
        resampled: whether the points are those of a coarse histogram.
    """

    tp: Array
    fp: Array
    positives: Array
    negatives: Array
    edges: Callable[[int], Array]
    resampled: bool = False


def keras_thresholds(count: int) -> Array:
    """Returns `count` thresholds in equal steps from just below 0 to just above 1."""
    inner = np.arange(1, count - 1) / (count - 1)
    return np.concatenate([[-EPSILON], inner, [1.0 + EPSILON]])


def rebinned(cells: Cells, thresholds: Array) -> Cells:
    """Returns the cells of a BucketHistogram by the number of thresholds below them.

    A bucket is above a threshold when its lower end is; thresholds are first moved up a little, so
    that one that equals the lower end is not below it. Everything is above the first threshold and
    nothing above the last.
    """
    lower = np.arange(-1, BUCKETS + 1) / BUCKETS
    lower[0], lower[-1] = -np.inf, np.inf
    moved = thresholds[1:] + np.where(thresholds[1:] == 0, 0.0, EPSILON)
    below = 1 + np.searchsorted(moved, lower, side="right")
    cell = np.minimum(below, len(thresholds) - 1)[cells.cell]
    return Cells(cells.group, cell, cells.sums).compact()


@dataclass(frozen=True)
class CurveMetric(Metric):
    """A metric of the curve that true and false positives trace over all thresholds.

    Attributes:
        num_thresholds: equal steps on [0, 1], over buckets as TFMA does. None: every score.
        thresholds: explicit thresholds.
        top_k: looks at the k classes of highest score of each example.
        class_id: looks at one class against the rest.
        exact: keeps every distinct score apart; memory grows with their number.
    """

    num_thresholds: int | None = field(default=None, kw_only=True)
    thresholds: float | tuple[float, ...] | None = field(default=None, kw_only=True)
    top_k: int | None = field(default=None, kw_only=True)
    class_id: int | None = field(default=None, kw_only=True)
    exact: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        if isinstance(self.thresholds, list):
            object.__setattr__(self, "thresholds", tuple(self.thresholds))
        given = (self.num_thresholds is not None) + (self.thresholds is not None) + self.exact
        if given > 1:
            raise ValueError("give only one of num_thresholds, thresholds and exact")
        if self.num_thresholds is not None and self.num_thresholds < 2:
            raise ValueError(f"num_thresholds must be at least 2, got {self.num_thresholds}")

    @property
    def statistics(self) -> tuple[Statistic, ...]:  # type: ignore[override]
        """The histogram of scores, or the counts at the given thresholds."""
        return (self._counts(),)

    def _counts(self) -> Statistic:
        explicit = self._explicit()
        if explicit:
            return ConfusionCounts(explicit)
        if self.num_thresholds is not None:
            return BucketHistogram()
        return ScoreHistogram(EXACT if self.exact else ScoreHistogram.bits)

    def _explicit(self) -> tuple[float, ...]:
        """The given thresholds, ascending."""
        if self.thresholds is None:
            return ()
        given = self.thresholds if isinstance(self.thresholds, tuple) else (self.thresholds,)
        return tuple(sorted({float(threshold) for threshold in given}))

    def over_points(
        self, state: State, formula: Callable[[Points], Array], width: int | None = None
    ) -> Array:
        """Computes a formula of each group's points; NaN for groups without any example.

        Args:
            state: of this metric's statistic.
            formula: returns (groups, [replicates]), or (groups, [replicates,] width).
            width: length of the last axis of the result; None: it has no such axis.
        """
        if "counts" in state:
            between = np.moveaxis(state["counts"], -1, 0)
            tp, fp = suffix_sums(between)[..., 1:-1]
            positives, negatives = between.sum(axis=-1, keepdims=True)
            thresholds = np.array(self._explicit())
            return formula(Points(tp, fp, positives, negatives, lambda _: thresholds))
        resampled = len(state.shape) > 1
        cells, edge_of = self._cells(state, resampled)
        result = np.full(state.shape if width is None else (*state.shape, width), np.nan)
        for block in blocks(cells):
            tp, fp = suffix_sums(block.sums[:2])

            def edges(step: int, cell: Array = block.cell) -> Array:
                last = np.full((len(cell), 1 - step), np.inf)
                return np.concatenate([edge_of(cell + step), last], axis=1)

            points = Points(tp, fp, tp[..., :1], fp[..., :1], edges, resampled)
            result[block.groups] = formula(points)
        return result

    def _cells(self, state: State, resampled: bool) -> tuple[Cells, Callable[[Array], Array]]:
        """The cells of a histogram, and what gives their lower edges."""
        if "scores" in state:
            histogram = self._counts().replicated() if resampled else self._counts()
            assert isinstance(histogram, ScoreHistogram)
            bits = histogram.bits
            return state["scores"], lambda cell: lower_edge(cell, bits)
        grid = keras_thresholds(self.num_thresholds or 0)
        return rebinned(state["buckets"], grid), lambda cell: grid[cell - 1]
