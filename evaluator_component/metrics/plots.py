"""Plots: calibration, confusion matrices, distribution of scores, residuals, gain.

All of them read one histogram on an equal grid, so that any number of plots costs one pass. Counts
are exact at the grid's thresholds: a score equal to a threshold is told from one just above it.

Vocabulary:
    grid: n + 1 edges left, left + (right - left) / n, ..., right.
    cell: 2 j for scores between edges j - 1 and j, 2 j + 1 for scores equal to edge j. Cell 0 is
        below the grid; -1 is below left - 1e-6, the lowest threshold of the matrices; -2 holds
        classes outside the top k, which have no score.
    plot: {"kind": ..., "columns": {name: array}}.

Example:
    >>> grid_cells(np.array([-1.0, 0.0, 0.3, 0.5, 1.0, 1.5]), 0.0, 1.0, 2)
    array([-1,  1,  2,  3,  5,  6])
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from evaluator_component.batch import Batch
from evaluator_component.cells import Cells
from evaluator_component.groups import Groups
from evaluator_component.metrics import screen
from evaluator_component.metrics.base import Array, Metric, State, Statistic
from evaluator_component.metrics.confusion_counts import suffix_sums
from evaluator_component.metrics.formulas import divide
from evaluator_component.metrics.registry import register

__all__ = [
    "CalibrationPlot",
    "ConfusionMatrixPlot",
    "GainPlot",
    "GridHistogram",
    "ResidualHistogram",
    "ResidualPlot",
    "ScoreDistributionPlot",
    "grid_cells",
    "grid_edges",
]

#: How far the lowest threshold of the matrices lies below the grid.
_BELOW = 1e-6

#: Groups whose plots are made at once.
_GROUPS = 256


def grid_edges(left: float, right: float, size: int) -> Array:
    """Returns the size + 1 edges of a grid."""
    return np.asarray(left + np.arange(size + 1) * (right - left) / size)


def grid_cells(score: Array, left: float, right: float, size: int) -> Array:
    """Returns the cell of each score on a grid, int64.

    The position is computed, then corrected by comparing with the edges themselves: exact, and
    cheaper than a search.
    """
    edges = np.concatenate([[-np.inf], grid_edges(left, right, size), [np.inf]])
    position = np.clip((score - left) * (size / (right - left)), -1.0, size)
    below = np.floor(position).astype(np.int64) + 1
    below -= score < edges[below]
    below += score >= edges[below + 1]
    cell = 2 * below - (score == edges[below])
    low = score <= left - _BELOW
    if low.any():
        cell[low] = np.where(np.isneginf(score[low]), -2, -1)
    return np.asarray(cell)


@dataclass(frozen=True)
class GridHistogram(Statistic):
    """Weights, labels and predictions by score on an equal grid.

    On [0, 1] labels are probabilities: columns are positive weight, negative weight and weighted
    score. On other grids they may be any number: columns are weighted label, weight and weighted
    score. Without labels the only column is weight.

    Attributes:
        left: lowest edge.
        right: highest edge.
        size: cells between them.
        labels: whether labels are read.
    """

    left: float = 0.0
    right: float = 1.0
    size: int = 1000
    labels: bool = True

    state: ClassVar[Mapping[str, str]] = {"grid": "cells"}

    @property
    def binary(self) -> bool:
        """Whether labels must be in [0, 1]."""
        return self.left == 0 and self.right == 1

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Sums the columns per cell."""
        screen.weights(batch)
        score = screen.scores(batch)
        finite = score if batch.top_k is None else np.where(np.isneginf(score), 0.0, score)
        columns = [batch.weight]
        if self.labels and self.binary:
            pairs = screen.pairs(batch)
            columns = [pairs.positive, pairs.negative, finite * batch.weight]
        elif self.labels:
            columns = [screen.labels(batch) * batch.weight, batch.weight, finite * batch.weight]
        key = ("grid cells", self.left, self.right, self.size)
        cell = batch.derived(key, lambda: grid_cells(score, self.left, self.right, self.size))
        return {"grid": groups.cells(cell, np.stack(columns).T)}


@dataclass(frozen=True)
class ResidualHistogram(Statistic):
    """Weight by label minus prediction on an equal grid."""

    left: float
    right: float
    size: int

    state: ClassVar[Mapping[str, str]] = {"grid": "cells"}

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Sums weight per cell; classes outside the top k are left out."""
        screen.weights(batch)
        residual = screen.labels(batch) - screen.scores(batch)
        counted = np.isfinite(residual)
        cell = grid_cells(np.where(counted, residual, 0.0), self.left, self.right, self.size)
        return {"grid": groups.cells(cell, (batch.weight * counted)[:, None])}


def _tables(
    cells: Cells, count: int, size: int, row: Callable[[Array], Array]
) -> Iterator[tuple[int, Array]]:
    """Yields each group with its sums (columns, size); cell c goes to row(c), row -1 is dropped."""
    place = row(cells.cell)
    for start in range(0, count, _GROUPS):
        low, high = np.searchsorted(cells.group, (start, start + _GROUPS))
        kept = np.flatnonzero(place[low:high] >= 0) + low
        many = min(_GROUPS, count - start)
        index = (cells.group[kept] - start) * size + place[kept]
        dense = np.stack(
            [
                np.bincount(index, weights=column, minlength=many * size).reshape(many, size)
                for column in cells.sums[kept].T
            ],
            axis=1,
        )
        yield from enumerate(dense, start)


def _bucket(cell: Array) -> Array:
    """0 below the grid, then one bucket [edge, next edge) per edge; -1 without score."""
    return np.where(cell == -2, -1, np.maximum(cell + 1, 0) // 2)


def _thresholds_below(cell: Array) -> Array:
    """How many of left - 1e-6 and the edges are below the scores of a cell."""
    return np.where(cell < 0, 0, 1 + cell // 2)


def _bounds(edges: Array) -> dict[str, Array]:
    return {
        "lower": np.concatenate([[-np.inf], edges]),
        "upper": np.concatenate([edges, [np.inf]]),
    }


def _check_grid(left: float, right: float, size: int, name: str) -> None:
    if not left < right:
        raise ValueError(f"left must be below right, got {left!r} and {right!r}")
    if size < 1:
        raise ValueError(f"{name} must be at least 1, got {size!r}")


@register
@dataclass(frozen=True)
class CalibrationPlot(Metric):
    """Weight, labels and predictions per bucket of prediction.

    Attributes:
        num_buckets: equal buckets between left and right, and one on either side.
        left: lowest prediction of the buckets; 0 if not given.
        right: highest; 1 if not given.
    """

    num_buckets: int = 1000
    left: float | None = None
    right: float | None = None

    kind = "plot"

    def __post_init__(self) -> None:
        grid = self._grid
        _check_grid(grid.left, grid.right, self.num_buckets, "num_buckets")

    @property
    def _grid(self) -> GridHistogram:
        left = 0.0 if self.left is None else float(self.left)
        right = 1.0 if self.right is None else float(self.right)
        return GridHistogram(left, right, self.num_buckets)

    @property
    def statistics(self) -> tuple[Statistic, ...]:  # type: ignore[override]
        """The histogram on the grid."""
        return (self._grid,)

    def result(self, grid: State) -> Array:
        """Returns {"kind": "calibration", "columns": lower, upper, weight, label, prediction}."""
        histogram = self._grid
        edges = grid_edges(histogram.left, histogram.right, histogram.size)
        plots = np.empty(grid.shape, dtype=object)
        for group, (label, weight, prediction) in _tables(
            grid["grid"], grid.shape[0], len(edges) + 1, _bucket
        ):
            if histogram.binary:
                weight = label + weight
            columns = {**_bounds(edges), "weight": weight, "label": label, "prediction": prediction}
            plots[group] = {"kind": "calibration", "columns": columns}
        return plots


@dataclass(frozen=True)
class _ThresholdPlot(Metric):
    """A plot over num_thresholds + 1 thresholds on [0, 1], and one just below 0."""

    num_thresholds: int = 1000

    kind = "plot"

    def __post_init__(self) -> None:
        _check_grid(0.0, 1.0, self.num_thresholds, "num_thresholds")

    @property
    def statistics(self) -> tuple[Statistic, ...]:  # type: ignore[override]
        """The histogram on the grid."""
        return (GridHistogram(0.0, 1.0, self.num_thresholds),)

    def _matrices(self, grid: State) -> Iterator[tuple[int, dict[str, Array]]]:
        """Yields each group with the counts at all thresholds."""
        edges = grid_edges(0.0, 1.0, self.num_thresholds)
        thresholds = np.concatenate([[-_BELOW], edges])
        for group, sums in _tables(
            grid["grid"], grid.shape[0], len(thresholds) + 1, _thresholds_below
        ):
            (tp, fp), (fn, tn) = suffix_sums(sums[:2])[:, 1:-1], np.cumsum(sums[:2], axis=1)[:, :-1]
            yield (
                group,
                {
                    "threshold": thresholds,
                    "true_positives": tp,
                    "false_positives": fp,
                    "true_negatives": tn,
                    "false_negatives": fn,
                },
            )


@register
@dataclass(frozen=True)
class ConfusionMatrixPlot(_ThresholdPlot):
    """Confusion matrices at thresholds 0, 1/n, ..., 1 and just below 0: ROC, PR, gain and more.

    Counts are exact: predicted positive means `prediction > threshold`.

    Attributes:
        num_thresholds: n.
    """

    def result(self, grid: State) -> Array:
        """Returns {"kind": "confusion_matrices", "columns": threshold and the four counts}."""
        plots = np.empty(grid.shape, dtype=object)
        for group, columns in self._matrices(grid):
            plots[group] = {"kind": "confusion_matrices", "columns": columns}
        return plots


@register
@dataclass(frozen=True)
class GainPlot(_ThresholdPlot):
    """Gain and lift when the examples of highest score are taken first.

    gain = tp / positives, fraction = (tp + fp) / all, lift = gain / fraction.

    Attributes:
        num_thresholds: thresholds on [0, 1].
    """

    def result(self, grid: State) -> Array:
        """Returns {"kind": "table", "columns": threshold, fraction, gain, lift}."""
        plots = np.empty(grid.shape, dtype=object)
        for group, counts in self._matrices(grid):
            tp, fp = counts["true_positives"], counts["false_positives"]
            fn, tn = counts["false_negatives"], counts["true_negatives"]
            gain = divide(tp, tp + fn)
            fraction = divide(tp + fp, tp + fp + tn + fn)
            columns = {"fraction": fraction, "gain": gain, "lift": divide(gain, fraction)}
            columns = {"threshold": counts["threshold"], **columns}
            plots[group] = {"kind": "table", "columns": columns}
        return plots


@register
@dataclass(frozen=True)
class ScoreDistributionPlot(Metric):
    """Weight per bucket of score; labels are not needed.

    Attributes:
        num_thresholds: equal buckets on [0, 1].
    """

    num_thresholds: int = 1000

    kind = "plot"

    def __post_init__(self) -> None:
        _check_grid(0.0, 1.0, self.num_thresholds, "num_thresholds")

    @property
    def statistics(self) -> tuple[Statistic, ...]:  # type: ignore[override]
        """The histogram on the grid, without labels."""
        return (GridHistogram(0.0, 1.0, self.num_thresholds, labels=False),)

    def result(self, grid: State) -> Array:
        """Returns {"kind": "score_distribution", "columns": lower, upper, weight}."""
        return _distribution(grid, grid_edges(0.0, 1.0, self.num_thresholds), "score_distribution")


@register
@dataclass(frozen=True)
class ResidualPlot(Metric):
    """Weight per bucket of label minus prediction.

    Attributes:
        num_buckets: equal buckets between left and right, and one on either side.
        left: lowest residual of the buckets.
        right: highest.
    """

    num_buckets: int = 1000
    left: float = -1.0
    right: float = 1.0

    kind = "plot"

    def __post_init__(self) -> None:
        _check_grid(self.left, self.right, self.num_buckets, "num_buckets")

    @property
    def statistics(self) -> tuple[Statistic, ...]:  # type: ignore[override]
        """The histogram of residuals."""
        return (ResidualHistogram(float(self.left), float(self.right), self.num_buckets),)

    def result(self, grid: State) -> Array:
        """Returns {"kind": "residuals", "columns": lower, upper, weight}."""
        return _distribution(grid, grid_edges(self.left, self.right, self.num_buckets), "residuals")


def _distribution(grid: State, edges: Array, kind: str) -> Array:
    plots = np.empty(grid.shape, dtype=object)
    for group, (weight,) in _tables(grid["grid"], grid.shape[0], len(edges) + 1, _bucket):
        plots[group] = {"kind": kind, "columns": {**_bounds(edges), "weight": weight}}
    return plots
