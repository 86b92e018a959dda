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

__all__ = ["CentredMoments", "Moments", "centred"]

#: A spread of less than 1e-14 of the mean is rounding, not spread: the square of that.
_ROUNDING = 1e-28


@dataclass(frozen=True)
class CentredMoments:
    """Sums around the weighted means; x is the prediction, y the label.

    Attributes:
        weight: sum(w).
        mean_x: weighted mean of predictions.
        mean_y: weighted mean of labels.
        xx: sum(w (x - mean_x)^2).
        xy: sum(w (x - mean_x) (y - mean_y)).
        yy: sum(w (y - mean_y)^2).
    """

    weight: Array
    mean_x: Array
    mean_y: Array
    xx: Array
    xy: Array
    yy: Array


@dataclass(frozen=True)
class Moments(Statistic):
    """Sums of products of predictions (x) and labels (y) up to the second degree."""

    state: ClassVar[Mapping[str, str]] = {"sums": "precise"}

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Sums around a centre of each group, then moves the centre to 0 in twice the digits."""
        screen.finite(batch)
        total = np.zeros((*groups.shape, 6, 2))
        for part, rows in groups.parts():
            picked: Any = slice(None) if rows is None else rows
            x, y, w = batch.prediction[picked], batch.label[picked], batch.weight[picked]
            ids = part.memberships[0].ids
            centre_x, centre_y = _centre(x, ids, part.count), _centre(y, ids, part.count)
            dx, dy = x - centre_x[ids], y - centre_y[ids]
            columns = (w, w * dx, w * dy, w * dx * dx, w * dx * dy, w * dy * dy)
            sums = part.sum(np.stack(columns, axis=1))
            total = precise.add(total, _around_zero(sums, centre_x, centre_y))
        return {"sums": total}


def _centre(values: Array, ids: Array, count: int) -> Array:
    """About the mean of each group, and exactly the value where all values are equal."""
    first = np.zeros(count)
    first[ids[::-1]] = values[::-1]
    counts = np.maximum(np.bincount(ids, minlength=count), 1)
    return np.asarray(first + np.bincount(ids, values - first[ids], minlength=count) / counts)


def _around_zero(sums: Array, centre_x: Array, centre_y: Array) -> Array:
    """Moves sums around the groups' centres (groups, [replicates,] 6) to 0, as pairs."""
    shape = (len(centre_x), *(1,) * (sums.ndim - 2))
    cx, cy = (
        np.broadcast_to(precise.pair(centre.reshape(shape)), (*sums.shape[:-1], 2))
        for centre in (centre_x, centre_y)
    )
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

    def around_mean(product: Array, left: Array, right: Array) -> Array:
        squared_mean = precise.divide_pairs(precise.multiply(left, right), w)
        return precise.rounded(precise.subtract(product, squared_mean))

    def spread(product: Array, column: Array) -> Array:
        around = around_mean(product, column, column)
        return np.where(around < _ROUNDING * product[..., 0], 0.0, around)

    weight = precise.rounded(w)
    return CentredMoments(
        weight=weight,
        mean_x=divide(precise.rounded(x), weight),
        mean_y=divide(precise.rounded(y), weight),
        xx=spread(xx, x),
        xy=around_mean(xy, x, y),
        yy=spread(yy, y),
    )
