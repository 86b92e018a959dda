"""Counts of confusion matrices at thresholds.

An example counts as predicted positive when `prediction > threshold`; its weight counts as positive
to the part that its label says. Counts are exact at the thresholds, whatever they are.

Vocabulary:
    ConfusionCounts: the statistic; weights between successive thresholds.
    Counts: the four counts at some thresholds: tp, fp, tn, fn.
    ThresholdMetric: base of metrics with a `thresholds` argument.
    ConfusionMetric: base of formulas of the four counts; see `confusion_matrix`.

Example:
    >>> from evaluator_component.groups import Groups
    >>> batch = Batch(label=np.array([1.0, 0.0, 1.0]), prediction=np.array([0.9, 0.8, 0.3]))
    >>> state = State(ConfusionCounts((0.5,)).accumulate(batch, Groups.everything(3)), (1,))
    >>> counts_at(state).tp, counts_at(state).fn
    (array([[1.]]), array([[1.]]))
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from evaluator_component.batch import Batch
from evaluator_component.groups import Groups
from evaluator_component.metrics import screen
from evaluator_component.metrics.base import Array, Metric, State, Statistic
from evaluator_component.metrics.formulas import divide

__all__ = [
    "ConfusionCounts",
    "ConfusionMetric",
    "Counts",
    "ThresholdMetric",
    "counts_at",
    "suffix_sums",
]


@dataclass(frozen=True)
class ConfusionCounts(Statistic):
    """Positive and negative weight between successive thresholds.

    Attributes:
        thresholds: ascending, all different. Empty: 0.5, or -inf where only the top k classes of an
            example have a score.
    """

    thresholds: tuple[float, ...] = ()

    state: ClassVar[Mapping[str, str]] = {"counts": "sum"}

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Sums weights (groups, thresholds + 1, 2) by the number of thresholds below the score."""
        pairs = screen.pairs(batch)
        thresholds = self.thresholds or ((0.5,) if batch.top_k is None else (-np.inf,))

        def below() -> Array:
            if len(thresholds) == 1:
                return np.asarray(pairs.score > thresholds[0], dtype=np.int64)
            return np.searchsorted(np.array(thresholds), pairs.score, side="left")

        cell = batch.derived(("thresholds below", thresholds), below)
        return {"counts": groups.table(cell, len(thresholds) + 1, pairs.weights)}


@dataclass(frozen=True)
class Counts:
    """The four counts at some thresholds; arrays of one shape.

    Attributes:
        tp: weight of positives above the threshold.
        fp: weight of negatives above.
        tn: weight of negatives not above.
        fn: weight of positives not above.
    """

    tp: Array
    fp: Array
    tn: Array
    fn: Array

    @property
    def total(self) -> Array:
        """All weight."""
        return np.asarray((self.tp + self.fn) + (self.tn + self.fp))

    @property
    def tpr(self) -> Array:
        """Share of positives that are predicted positive."""
        return divide(self.tp, self.tp + self.fn)

    @property
    def tnr(self) -> Array:
        """Share of negatives that are predicted negative."""
        return divide(self.tn, self.tn + self.fp)

    @property
    def ppv(self) -> Array:
        """Share of predicted positives that are positive."""
        return divide(self.tp, self.tp + self.fp)

    @property
    def npv(self) -> Array:
        """Share of predicted negatives that are negative."""
        return divide(self.tn, self.tn + self.fn)


def suffix_sums(values: Array) -> Array:
    """Sums over the last axis from each entry to the end, and a 0 at the end: one entry more.

    Example:
        >>> suffix_sums(np.array([1.0, 2.0, 3.0]))
        array([6., 5., 3., 0.])
    """
    total = np.zeros((*values.shape[:-1], values.shape[-1] + 1))
    np.cumsum(values[..., ::-1], axis=-1, out=total[..., -2::-1])
    return total


def counts_at(state: State) -> Counts:
    """Returns the counts at the statistic's thresholds, (groups, [replicates,] thresholds)."""
    between = state["counts"]
    above = suffix_sums(np.moveaxis(between, -1, 0))
    below = np.cumsum(np.moveaxis(between, -1, 0), axis=-1)
    (tp, fp), (fn, tn) = above[..., 1:-1], below[..., :-1]
    return Counts(tp, fp, tn, fn)


@dataclass(frozen=True)
class ThresholdMetric(Metric):
    """A metric of the confusion matrices at thresholds.

    Attributes:
        thresholds: a number, or a list of numbers in any order. None: 0.5, or -inf with top_k.
        top_k: looks at the k classes of highest score of each example; others count as predicted
            negative.
        class_id: looks at one class against the rest.
    """

    thresholds: float | tuple[float, ...] | None = None
    top_k: int | None = None
    class_id: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.thresholds, list):
            object.__setattr__(self, "thresholds", tuple(self.thresholds))
        for threshold in self._thresholds:
            if isinstance(threshold, str) or np.isnan(threshold):
                raise ValueError(f"thresholds must be numbers, got {threshold!r}")

    @property
    def _thresholds(self) -> tuple[float, ...]:
        thresholds = self.thresholds
        if thresholds is None:
            return ()
        return thresholds if isinstance(thresholds, tuple) else (thresholds,)

    @property
    def statistics(self) -> tuple[Statistic, ...]:  # type: ignore[override]
        """The counts at this metric's thresholds; equal for all metrics of equal thresholds."""
        return (ConfusionCounts(tuple(sorted({float(value) for value in self._thresholds}))),)

    @property
    def kind(self) -> str:  # type: ignore[override]
        """A number at one threshold, a vector at several."""
        return "vector" if len(self._thresholds) > 1 else "number"

    def labels(self) -> tuple[str, ...]:
        """Returns the thresholds as text."""
        return tuple(f"threshold={value:g}" for value in self._thresholds)

    def counts(self, state: State) -> Counts:
        """Returns the counts in the order of this metric's thresholds, on the last axis."""
        found = counts_at(state)
        wanted = [float(value) for value in self._thresholds]
        if len(wanted) < 2:
            return found
        at = np.searchsorted(sorted(set(wanted)), wanted)
        return Counts(found.tp[..., at], found.fp[..., at], found.tn[..., at], found.fn[..., at])


class ConfusionMetric(ThresholdMetric):
    """A formula of the four counts. Subclasses give `_formula`."""

    def _formula(self, counts: Counts) -> Array:
        """Computes the metric from the four counts, elementwise."""
        raise NotImplementedError

    def result(self, counts: State) -> Array:
        """Returns the formula of the counts at each threshold."""
        value = np.asarray(self._formula(self.counts(counts)))
        return value if self.is_vector else value[..., 0]
