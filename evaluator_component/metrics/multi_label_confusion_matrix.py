"""Multi-label confusion matrix: what is predicted for each class among examples of each class.

An example may be of several classes at once, and each class is predicted where its score is above
the threshold. For every class a that occurs and every class c there is a small matrix over the
examples of class a: how many are of class c too and predicted so (true positives), and so on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from evaluator_component.batch import Batch
from evaluator_component.cells import Cells
from evaluator_component.errors import MetricError
from evaluator_component.groups import Groups
from evaluator_component.metrics import screen
from evaluator_component.metrics.base import MULTICLASS, Array, Metric, State, Statistic
from evaluator_component.metrics.multi_class_confusion_matrix import (
    ClassNames,
    ascending,
    evenly_spaced,
    name_list,
    shown,
)
from evaluator_component.metrics.registry import register

__all__ = ["LabelPairs", "MultiLabelConfusionMatrixPlot"]

_BITS = 24
_MASK = (1 << _BITS) - 1

#: Pairs of (class of an example, class) that are looked at at once: bounds memory.
_BLOCK = 1 << 22

#: With more classes than this, pairs of classes that never meet are left out of plots.
_MANY_CLASSES = 256


@dataclass(frozen=True)
class LabelPairs(Statistic):
    """Weight by class of the example, other class, and thresholds that class's score is above.

    Pairs whose other class is neither true nor predicted are not kept: their weight is that of the
    examples of the first class, less what is kept.

    Attributes:
        thresholds: ascending.
    """

    thresholds: tuple[float, ...]

    state: ClassVar[Mapping[str, str]] = {"pairs": "cells", "actual": "cells", "classes": "max"}
    form: ClassVar[str] = MULTICLASS

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Sums the weight of pairs: where the other class is true, and where it is not."""
        screen.weights(batch)
        scores = screen.scores(batch)
        true = batch.derived("multi-hot", lambda: _multi_hot(batch))
        passed = np.searchsorted(np.asarray(self.thresholds), scores, side="left")
        rows, actual = np.nonzero(true)
        matters = true | (passed > 0)
        parts = [_empty(groups)]
        step = max(1, _BLOCK // max(batch.classes, 1))
        for start in range(0, len(rows), step):
            block = slice(start, start + step)
            entry, other = np.nonzero(matters[rows[block]])
            row = rows[block][entry]
            cell = (passed[row, other] << (2 * _BITS)) | (actual[block][entry] << _BITS) | other
            weight = batch.weight[row]
            also = true[row, other]
            columns = np.stack([weight * also, weight * ~also], axis=1)
            parts.append(groups.take(row).cells(cell, columns))
        return {
            "pairs": Cells.merge(parts),
            "actual": groups.take(rows).cells(actual, batch.weight[rows, None]),
            "classes": groups.max(np.where(batch.weight > 0, float(batch.classes), -np.inf)),
        }


def _empty(groups: Groups) -> Cells:
    none = np.zeros(0, dtype=np.int64)
    return groups.take(none).cells(none, np.zeros((0, 2)))


def _multi_hot(batch: Batch) -> Array:
    """Labels as bool (rows, classes): from columns per class, class ids, or lists of class ids."""
    label = batch.label
    if label is None:
        raise MetricError("no labels: set label_key in the model spec")
    if label.dtype != object:
        if label.ndim == 2 and label.shape[1] == batch.classes:
            screen.require(np.isfinite(label), label, "labels must be finite")
            return np.asarray(label != 0)
        screen.classes(batch)
        return np.asarray(batch.one_hot != 0)
    true = np.zeros((len(batch), batch.classes), dtype=bool)
    lists = [np.atleast_1d(np.asarray([] if row is None else row)) for row in label]
    rows = np.repeat(np.arange(len(lists)), [len(each) for each in lists])
    ids = np.concatenate([np.zeros(0), *lists]).astype(np.int64)
    rule = f"labels must be class ids 0..{batch.classes - 1}"
    screen.require((ids >= 0) & (ids < batch.classes), ids, rule)
    true[rows, ids] = True
    return true


@register
@dataclass(frozen=True)
class MultiLabelConfusionMatrixPlot(Metric):
    """Plot of confusion matrices for each pair (class of the examples, predicted class).

    Attributes:
        thresholds: in any order; 0.5 unless given.
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
        return ascending(self.thresholds, default=0.5)

    @property
    def statistics(self) -> tuple[Statistic, ...]:  # type: ignore[override]
        """Pairs of classes at these thresholds, and the classes' names."""
        return (LabelPairs(self.at), ClassNames())

    def result(self, pairs: State, names: State) -> Array:
        """Returns the matrices, ordered by threshold and classes."""
        plots = np.empty(pairs.shape[0], dtype=object)
        for group in range(len(plots)):
            plots[group] = {
                "kind": "multi_label_confusion_matrix",
                "columns": _matrices(self.at, pairs, group),
                "class_names": name_list(names["names"]),
            }
        return plots


_COLUMNS = (
    "threshold",
    "actual",
    "predicted",
    "false_negatives",
    "true_negatives",
    "false_positives",
    "true_positives",
)


def _matrices(thresholds: tuple[float, ...], state: State, group: int) -> dict[str, Array]:
    """The columns of one group's matrices."""
    pairs, of_class = _of_group(state["pairs"], group), _of_group(state["actual"], group)
    occurs = of_class.sums[:, 0] > 0
    actual, total = of_class.cell[occurs], of_class.sums[occurs, 0]
    passed, code = pairs.cell >> (2 * _BITS), pairs.cell & ((1 << (2 * _BITS)) - 1)
    classes = int(max(state["classes"][group], 0))
    if classes <= _MANY_CLASSES:
        distinct = ((actual[:, None] << _BITS) | np.arange(classes)).ravel()
    else:
        distinct = np.unique(code[(pairs.sums > 0).any(axis=1)])
    place = np.searchsorted(distinct, code)
    kept = np.flatnonzero((pairs.sums > 0).any(axis=1))
    all_of_class = total[np.searchsorted(actual, distinct >> _BITS)]
    columns = []
    for number, threshold in enumerate(thresholds):
        above = passed[kept] > number

        def weigh(column: int, chosen: Array) -> Array:
            at = kept[chosen]
            return np.bincount(place[at], pairs.sums[at, column], minlength=len(distinct))

        hit, miss, false = weigh(0, above), weigh(0, ~above), weigh(1, above)
        rest = all_of_class - hit - miss - false
        rest = np.where(rest > 1e-12 * all_of_class, rest, 0.0)
        at = np.full(len(distinct), shown(threshold))
        columns.append((at, distinct >> _BITS, distinct & _MASK, miss, rest, false, hit))
    stacked = (np.concatenate(parts) for parts in zip(*columns, strict=True))
    return dict(zip(_COLUMNS, stacked, strict=True))


def _of_group(cells: Cells, group: int) -> Cells:
    low, high = np.searchsorted(cells.group, (group, group + 1))
    return Cells(cells.group[low:high], cells.cell[low:high], cells.sums[low:high])
