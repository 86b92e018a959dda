"""Moments: means, variances and the covariance of labels and predictions.

The sums are those of w, w x, w y, w x^2, w x y and w y^2, kept as pairs of float64 (`precise`), so
that subtracting the squared mean loses nothing: values around 1e8 with a spread of 1 are as good as
values around 0, and the order of merging does not show.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from evaluator_component.batch import Batch
from evaluator_component.groups import Groups
from evaluator_component.metrics import precise, screen
from evaluator_component.metrics.base import Array, State, Statistic
from evaluator_component.metrics.formulas import divide
from evaluator_component.resamples import Partition, Poisson

__all__ = ["CentredMoments", "Moments", "centred"]

#: A spread of less than 1e-14 of the mean is rounding, not spread: the square of that.
_ROUNDED = 1e-28

#: So is less than this share of the sum of squares around the batches' own centres, which is a sum
#: of float64: what a resample of equal values is left with.
_SUMMED = 1e-13

#: Groups of fewer rows than this on average may hang on a single one.
_FEW = 64


@dataclass(frozen=True)
class CentredMoments:
    """Sums around the weighted means; x is the prediction, y the label.

    Attributes:
        weight: sum(w).
        mean_x: weighted mean of predictions.
        mean_y: weighted mean of labels.
        bias: weight * (mean_x - mean_y)^2.
        xx: sum(w (x - mean_x)^2).
        xy: sum(w (x - mean_x) (y - mean_y)).
        yy: sum(w (y - mean_y)^2).
    """

    weight: Array
    mean_x: Array
    mean_y: Array
    bias: Array
    xx: Array
    xy: Array
    yy: Array


@dataclass(frozen=True)
class Moments(Statistic):
    """Sums of products of predictions (x) and labels (y) up to the second degree."""

    state: ClassVar[Mapping[str, str]] = {"sums": "precise", "scale": "sum"}

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Sums around a centre of each group, then moves the centre to 0 in twice the digits."""
        labels, predictions = screen.numbers(batch)
        total, scale = np.zeros((*groups.shape, 6, 2)), np.zeros((*groups.shape, 2))
        for part, rows in groups.parts():
            picked: Any = slice(None) if rows is None else rows
            x, y, w = predictions[picked], labels[picked], batch.weight[picked]
            ids = part.memberships[0].ids
            shape: tuple[int, ...] = (part.count, 1)
            if isinstance(part.replicates, Partition):  # each part has a centre of its own
                ids, shape = ids * part.replicates.count + part.replicates.part, part.shape
            few = len(ids) < _FEW * part.count
            centre = _median if few and isinstance(part.replicates, Poisson) else _mean
            centre_x, centre_y = (centre(v, w, ids, int(np.prod(shape))) for v in (x, y))
            dx, dy = x - centre_x[ids], y - centre_y[ids]
            columns = (w, w * dx, w * dy, w * dx * dx, w * dx * dy, w * dy * dy)
            sums = part.sum(np.stack(columns).T)
            centres = (each.reshape(shape[: sums.ndim - 1]) for each in (centre_x, centre_y))
            total = precise.add(total, _around_zero(sums, *centres))
            scale += sums[..., [3, 5]]
        return {"sums": total, "scale": scale}


def _median(values: Array, weight: Array, ids: Array, count: int) -> Array:
    """The middle value of each group: near most values of a resample that misses an outlier."""
    counted = np.flatnonzero(weight)
    order = counted[np.lexsort((values[counted], ids[counted]))]
    sizes = np.bincount(ids[counted], minlength=count)
    middle = np.cumsum(sizes) - sizes + sizes // 2
    centre = np.zeros(count)
    centre[sizes > 0] = values[order[middle[sizes > 0]]]
    return centre


def _mean(values: Array, weight: Array, ids: Array, count: int) -> Array:
    """About the mean of each group, and exactly the value where all values are equal."""
    first = np.zeros(count)
    counted = slice(None) if weight.all() else np.flatnonzero(weight)
    first[ids[counted][::-1]] = values[counted][::-1]
    total = np.bincount(ids, weight, minlength=count)
    distance = np.bincount(ids, weight * (values - first[ids]), minlength=count)
    return np.asarray(first + distance / np.where(total > 0, total, 1.0))


def _around_zero(sums: Array, centre_x: Array, centre_y: Array) -> Array:
    """Moves sums (groups, [replicates,] 6) around centres (groups, [1 or replicates]) to 0."""
    shape = (*sums.shape[:-1], 2)
    cx, cy = (np.broadcast_to(precise.pair(centre), shape) for centre in (centre_x, centre_y))
    w, x, y, xx, xy, yy = (precise.pair(sums[..., column]) for column in range(6))
    add, multiply = precise.add, precise.multiply
    around_x = add(x, multiply(cx, w))
    around_y = add(y, multiply(cy, w))
    # sum w (dx + cx)(dy + cy) = sum w dx dy + cy sum w dx + cx sum w (dy + cy)
    return np.stack(
        [
            w,
            around_x,
            around_y,
            add(xx, add(multiply(cx, x), multiply(cx, around_x))),
            add(xy, add(multiply(cy, x), multiply(cx, around_y))),
            add(yy, add(multiply(cy, y), multiply(cy, around_y))),
        ],
        axis=-2,
    )


def centred(moments: State) -> CentredMoments:
    """Returns means and sums around them; NaN where a group has no weight."""
    w, x, y, xx, xy, yy = (moments["sums"][..., column, :] for column in range(6))
    scale_x, scale_y = moments["scale"][..., 0], moments["scale"][..., 1]

    def around_mean(product: Array, left: Array, right: Array) -> Array:
        squared_mean = precise.divide_pairs(precise.multiply(left, right), w)
        return precise.rounded(precise.subtract(product, squared_mean))

    def spread(product: Array, column: Array, scale: Array) -> Array:
        around = around_mean(product, column, column)
        return np.where(around < _ROUNDED * product[..., 0] + _SUMMED * scale, 0.0, around)

    weight = precise.rounded(w)
    mean_x, mean_y = divide(precise.rounded(x), weight), divide(precise.rounded(y), weight)
    bias = weight * np.square(mean_x - mean_y)
    digits = xx[..., 0] + yy[..., 0] + scale_x + scale_y
    return CentredMoments(
        weight=weight,
        mean_x=mean_x,
        mean_y=mean_y,
        bias=np.where(bias < _ROUNDED * digits, 0.0, bias),
        xx=spread(xx, x, scale_x),
        xy=around_mean(xy, x, y),
        yy=spread(yy, y, scale_y),
    )
