"""Multi-class confusion matrix: weight by true class and predicted class, at thresholds.

The predicted class is the one with the highest score (ties: the lower class id); where that score
is not above the threshold there is no prediction, which counts as class -1. Only pairs of classes
that occur are kept, so that 10,000 classes cost no more than the examples.
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
from evaluator_component.metrics.base import MULTICLASS, Array, Metric, State, Statistic
from evaluator_component.metrics.registry import register
from evaluator_component.metrics.state import Names

__all__ = [
    "ClassNames",
    "ClassPairs",
    "MultiClassConfusionMatrixAtThresholds",
    "MultiClassConfusionMatrixPlot",
    "ascending",
    "evenly_spaced",
    "matrices",
    "name_list",
    "shown",
    "unpack",
]

#: Bits of a cell for each class; the true class -1 is stored as 0.
_BITS = 24
_MASK = (1 << _BITS) - 1
_PAIR = (1 << (2 * _BITS)) - 1

#: How far outside [0, 1] the first and last of evenly spaced thresholds lie.
_EPSILON = 1e-7


def evenly_spaced(count: int) -> tuple[float, ...]:
    """Returns thresholds from 0 to 1, the ends moved outwards so that they take in 0 and 1.

    Example:
        >>> evenly_spaced(3)
        (-1e-07, 0.5, 1.0000001)
    """
    if count < 2:
        raise ValueError(f"num_thresholds must be at least 2, got {count}")
    inner = (step / (count - 1) for step in range(1, count - 1))
    return (-_EPSILON, *inner, 1.0 + _EPSILON)


def shown(threshold: float) -> float:
    """Returns a threshold as it is reported: moved ends of evenly spaced ones as 0 and 1."""
    if threshold == -_EPSILON:
        return 0.0
    return 1.0 if threshold == 1.0 + _EPSILON else threshold


@dataclass(frozen=True)
class ClassNames(Statistic):
    """The names of the classes, where the config gives them."""

    state: ClassVar[Mapping[str, str]] = {"names": "names"}
    form: ClassVar[str] = MULTICLASS

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Returns the names by class id."""
        return {"names": Names(dict(enumerate(batch.class_names)))}


def name_list(names: Names) -> tuple[str, ...]:
    """Returns class names in the order of class ids; empty where they are not known."""
    return tuple(names.names[code] for code in sorted(names.names))


@dataclass(frozen=True)
class ClassPairs(Statistic):
    """Weight by true class, predicted class, and how many thresholds the best score is above.

    Attributes:
        thresholds: ascending; empty: the best class always counts.
    """

    thresholds: tuple[float, ...] = ()

    state: ClassVar[Mapping[str, str]] = {"pairs": "cells"}
    form: ClassVar[str] = MULTICLASS

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Sums weights per (thresholds passed, true class, predicted class)."""
        screen.classes(batch)
        predicted, best = batch.derived("best class", lambda: _best(batch.prediction))
        cell = ((batch.class_label + 1) << _BITS) | predicted
        if self.thresholds:
            passed = np.searchsorted(np.asarray(self.thresholds), best, side="left")
            cell = cell | (passed << (2 * _BITS))
        return {"pairs": groups.cells(cell, batch.weight[:, None])}


def _best(prediction: Array) -> tuple[Array, Array]:
    """Class of the highest score of each row, and that score."""
    predicted = prediction.argmax(axis=1)
    return predicted, prediction[np.arange(len(prediction)), predicted]


def unpack(cell: Array) -> tuple[Array, Array, Array]:
    """Returns thresholds passed, true class and predicted class of each cell."""
    return cell >> (2 * _BITS), ((cell >> _BITS) & _MASK) - 1, cell & _MASK


def matrices(thresholds: tuple[float, ...], pairs: Cells, group: int) -> dict[str, Array]:
    """Returns the columns of one group's matrices, by threshold, true and predicted class."""
    low, high = np.searchsorted(pairs.group, (group, group + 1))
    passed, actual, predicted = unpack(pairs.cell[low:high])
    weight = pairs.sums[low:high, 0]
    classes, of_class = np.unique(actual, return_inverse=True)
    distinct, of_pair = np.unique(pairs.cell[low:high] & _PAIR, return_inverse=True)
    _, pair_actual, pair_predicted = unpack(distinct)
    above = _reached(passed, of_pair, weight, len(thresholds), len(distinct))
    below = _missed(passed, of_class, weight, len(thresholds), len(classes))
    names = ("threshold", "actual", "predicted", "weight")
    columns: list[tuple[Array, ...]] = []
    for number, threshold in enumerate(thresholds):
        rejected, kept = below[number] != 0, above[number] != 0
        actual = np.concatenate([classes[rejected], pair_actual[kept]])
        predicted = np.concatenate([np.full(rejected.sum(), -1), pair_predicted[kept]])
        weight = np.concatenate([below[number][rejected], above[number][kept]])
        order = np.lexsort((predicted, actual))
        at = np.full(len(order), shown(threshold))
        columns.append((at, actual[order], predicted[order], weight[order]))
    stacked = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    return dict(zip(names, stacked, strict=True))


def _reached(passed: Array, index: Array, weight: Array, count: int, size: int) -> Array:
    """Weight per index whose score is above each threshold, (thresholds, size)."""
    table = np.bincount(passed * size + index, weight, minlength=(count + 1) * size)
    return np.asarray(table.reshape(count + 1, size)[:0:-1].cumsum(axis=0)[::-1])


def _missed(passed: Array, index: Array, weight: Array, count: int, size: int) -> Array:
    """Weight per index whose score is not above each threshold, (thresholds, size)."""
    table = np.bincount(passed * size + index, weight, minlength=(count + 1) * size)
    return np.asarray(table.reshape(count + 1, size)[:count].cumsum(axis=0))


@dataclass(frozen=True)
class _Matrices(Metric):
    """Matrices at thresholds, one dict of columns per group."""

    @property
    def at(self) -> tuple[float, ...]:
        """The thresholds, ascending."""
        raise NotImplementedError

    @property
    def statistics(self) -> tuple[Statistic, ...]:  # type: ignore[override]
        """Pairs of classes at these thresholds, and the classes' names."""
        return (ClassPairs(self.at), ClassNames())

    def result(self, pairs: State, names: State) -> Array:
        """Returns the matrices: only pairs of classes that occur, ordered, -1 for no prediction."""
        tables = np.empty(pairs.shape[0], dtype=object)
        for group in range(len(tables)):
            tables[group] = {
                "kind": "multi_class_confusion_matrix",
                "columns": matrices(self.at, pairs["pairs"], group),
                "class_names": name_list(names["names"]),
            }
        return tables


@register
@dataclass(frozen=True)
class MultiClassConfusionMatrixAtThresholds(_Matrices):
    """Weight by true and predicted class; best scores not above the threshold predict no class.

    Attributes:
        thresholds: one number or several, in any order; 0.5 unless given.
    """

    thresholds: float | tuple[float, ...] | None = None

    kind = "structured"

    @property
    def at(self) -> tuple[float, ...]:
        """The thresholds, ascending."""
        return ascending(self.thresholds, default=0.5)


def ascending(thresholds: float | tuple[float, ...] | None, default: float) -> tuple[float, ...]:
    """Returns thresholds in ascending order, each once.

    Example:
        >>> ascending((0.5, 0.1, 0.5), default=0.0)
        (0.1, 0.5)
    """
    if thresholds is None or thresholds == ():
        return (default,)
    if isinstance(thresholds, (int, float)):
        return (float(thresholds),)
    return tuple(sorted({float(threshold) for threshold in thresholds}))


@register
@dataclass(frozen=True)
class MultiClassConfusionMatrixPlot(_Matrices):
    """Plot of the weight by true and predicted class, at thresholds.

    Attributes:
        thresholds: in any order; 0 unless given.
        num_thresholds: instead, so many thresholds evenly spaced from 0 to 1.
    """

    thresholds: float | tuple[float, ...] | None = None
    num_thresholds: int | None = None

    kind = "plot"

    def __post_init__(self) -> None:
        if self.thresholds is not None and self.num_thresholds is not None:
            raise ValueError("give thresholds or num_thresholds, not both")
        if self.num_thresholds is not None:
            evenly_spaced(self.num_thresholds)

    @property
    def at(self) -> tuple[float, ...]:
        """The thresholds, ascending."""
        if self.num_thresholds is not None:
            return evenly_spaced(self.num_thresholds)
        return ascending(self.thresholds, default=0.0)
