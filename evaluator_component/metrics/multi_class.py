"""Multi-class quality in one number: accuracy, top-k accuracy, F1, kappa and correlation.

Labels are class ids or rows of 0 and 1; the predicted class is the one with the highest score
(ties: the lower class id). Examples of no class (a row of zeros, or -1) are always wrong.

Keras' names stand for the same numbers: `SparseCategoricalAccuracy` and `CategoricalAccuracy`
differ only in the labels they expect there; here both take both.
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
from evaluator_component.metrics.base import (
    HIGHER_IS_BETTER,
    MULTICLASS,
    Array,
    Metric,
    State,
    Statistic,
)
from evaluator_component.metrics.formulas import divide, sqrt
from evaluator_component.metrics.multi_class_confusion_matrix import ClassPairs, unpack
from evaluator_component.metrics.registry import register

__all__ = [
    "CategoricalAccuracy",
    "ClassMargins",
    "CohenKappa",
    "MultiClassBalancedAccuracy",
    "MultiClassF1Score",
    "MultiClassMatthewsCorrelationCoefficient",
    "SparseCategoricalAccuracy",
    "SparseTopKCategoricalAccuracy",
    "TopHits",
    "TopKCategoricalAccuracy",
    "TopKHits",
]


@dataclass(frozen=True)
class TopHits(Statistic):
    """Weight of the examples whose class has the highest score, and of all."""

    state: ClassVar[Mapping[str, str]] = {"hits": "sum", "weight": "sum"}
    form: ClassVar[str] = MULTICLASS

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Sums the weight of hits, and of all."""
        screen.classes(batch)
        hits = np.where(_top(batch) == batch.class_label, batch.weight, 0.0)
        return {"hits": groups.sum(hits), "weight": groups.sum(batch.weight)}


def _top(batch: Batch) -> Array:
    """Class with the highest score."""
    return batch.derived("top class", lambda: batch.prediction.argmax(axis=1))


@dataclass(frozen=True)
class TopKHits(Statistic):
    """Weight of the examples whose class is among the k with the highest scores.

    Attributes:
        k: how many classes; classes tied with the k-th count as among them.
    """

    k: int = 1

    state: ClassVar[Mapping[str, str]] = {"hits": "sum", "weight": "sum"}
    form: ClassVar[str] = MULTICLASS

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Sums the weight of hits, and of all."""
        screen.classes(batch)
        better = batch.derived("better classes", lambda: _better(batch))
        hits = batch.weight * (better < self.k)
        return {"hits": groups.sum(hits), "weight": groups.sum(batch.weight)}


def _better(batch: Batch) -> Array:
    """Number of classes with a higher score than the true one; endless without a class."""
    ids = batch.class_label
    own = batch.prediction[np.arange(len(ids)), np.maximum(ids, 0)]
    better = (batch.prediction > own[:, None]).sum(axis=1)
    return np.where(ids >= 0, better, np.iinfo(np.int64).max)


@dataclass(frozen=True)
class ClassMargins(Statistic):
    """Per class: weight of being true, of being predicted, and of both at once."""

    state: ClassVar[Mapping[str, str]] = {"classes": "cells", "weight": "sum"}
    form: ClassVar[str] = MULTICLASS

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Sums weights per class; examples of no class are class -1."""
        screen.classes(batch)
        actual = batch.class_label
        predicted = _top(batch)
        nothing = np.zeros(len(batch))
        right = np.where(actual == predicted, batch.weight, 0.0)
        as_actual = groups.cells(actual, np.stack([batch.weight, nothing, right], axis=1))
        as_predicted = groups.cells(predicted, np.stack([nothing, batch.weight, nothing], axis=1))
        return {
            "classes": Cells.merge([as_actual, as_predicted]),
            "weight": groups.sum(batch.weight),
        }


@dataclass(frozen=True)
class Margins:
    """Per cell (a class of a group): weight of being true, predicted, and both."""

    cells: Cells
    count: int
    actual: Array
    predicted: Array
    right: Array

    def total(self, values: Array) -> Array:
        """Sums over the classes of each group."""
        return self.cells.per_group(values, self.count)


def _margins(state: State) -> Margins:
    cells: Cells = state["classes"]
    columns = (cells.sums[..., column] for column in range(3))
    return Margins(cells, state.shape[0], *columns)


@register
@dataclass(frozen=True)
class CategoricalAccuracy(Metric):
    """Share of examples whose class has the highest score: w(right) / w.

    Like Keras' metric of this name; takes class ids as well as rows of 0 and 1.
    """

    direction = HIGHER_IS_BETTER
    statistics = (TopHits(),)

    def result(self, top: State) -> Array:
        """Returns the share; NaN without weight."""
        return divide(top["hits"], top["weight"])


@register
@dataclass(frozen=True)
class SparseCategoricalAccuracy(CategoricalAccuracy):
    """Share of examples whose class has the highest score; see CategoricalAccuracy."""


@register
@dataclass(frozen=True)
class TopKCategoricalAccuracy(Metric):
    """Share of examples whose class is among the k with the highest scores.

    Classes that are tied with the k-th count as among them, as in Keras.

    Attributes:
        k: how many classes.
    """

    k: int = 5

    direction = HIGHER_IS_BETTER

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ValueError(f"k must be at least 1, got {self.k!r}")

    @property
    def statistics(self) -> tuple[Statistic, ...]:  # type: ignore[override]
        """The hits among the first k."""
        return (TopKHits(self.k),)

    def result(self, top: State) -> Array:
        """Returns the share; NaN without weight."""
        return divide(top["hits"], top["weight"])


@register
@dataclass(frozen=True)
class SparseTopKCategoricalAccuracy(TopKCategoricalAccuracy):
    """Share of examples whose class is among the k best; see TopKCategoricalAccuracy."""


@register
@dataclass(frozen=True)
class MultiClassBalancedAccuracy(Metric):
    """Mean recall over the classes that occur: mean over classes of w(right) / w(true)."""

    direction = HIGHER_IS_BETTER
    statistics = (ClassMargins(),)

    def result(self, classes: State) -> Array:
        """Returns the mean; NaN without weight."""
        margins = _margins(classes)
        occurs = margins.actual > 0
        recall = np.where(occurs, divide(margins.right, margins.actual), 0.0)
        return divide(margins.total(recall), margins.total(occurs.astype(float)))


@register
@dataclass(frozen=True)
class MultiClassF1Score(Metric):
    """F1 score over classes, 2 w(right) / (w(true) + w(predicted)) for each class.

    Attributes:
        average: "macro" (mean over the classes that occur, true or predicted), "weighted" (by the
            weight of being true) or "micro" (which is the accuracy).
    """

    average: str = "macro"

    direction = HIGHER_IS_BETTER
    statistics = (ClassMargins(),)

    def __post_init__(self) -> None:
        if self.average not in ("macro", "weighted", "micro"):
            raise ValueError(
                f"average must be 'macro', 'weighted' or 'micro', got {self.average!r}"
            )

    def result(self, classes: State) -> Array:
        """Returns the average; NaN without weight."""
        margins = _margins(classes)
        size = margins.actual + margins.predicted
        if self.average == "micro":
            return divide(2 * margins.total(margins.right), margins.total(size))
        occurs = size > 0
        f1 = np.where(occurs, divide(2 * margins.right, size), 0.0)
        weight = margins.actual if self.average == "weighted" else occurs.astype(float)
        return divide(margins.total(f1 * weight), margins.total(weight))


@register
@dataclass(frozen=True)
class MultiClassMatthewsCorrelationCoefficient(Metric):
    """Correlation of true and predicted classes (Gorodkin's R_K), in [-1, 1].

    (w(right) w - sum(t p)) / sqrt((w^2 - sum(t^2)) (w^2 - sum(p^2))) with t, p the weight of a
    class being true and predicted.
    """

    direction = HIGHER_IS_BETTER
    statistics = (ClassMargins(),)

    def result(self, classes: State) -> Array:
        """Returns the correlation; NaN where all are of one class, or predicted to be."""
        margins, weight = _margins(classes), classes["weight"]
        shared = margins.total(margins.right) * weight
        shared = shared - margins.total(margins.actual * margins.predicted)
        actual = np.square(weight) - margins.total(np.square(margins.actual))
        predicted = np.square(weight) - margins.total(np.square(margins.predicted))
        smallest = 1e-14 * np.square(weight)
        spread = np.where(np.minimum(actual, predicted) <= smallest, 0.0, sqrt(actual * predicted))
        return divide(shared, spread)


@register
@dataclass(frozen=True)
class CohenKappa(Metric):
    """Cohen's kappa: agreement of true and predicted class beyond chance, at most 1.

    1 - sum(d o) / sum(d e): o is the weight of each pair of classes, e what it would be if both
    were independent, and d how far the classes are apart.

    Attributes:
        weights: how far classes i and j are apart: "linear" (|i - j|) or "quadratic" ((i - j)^2);
            unless given, 1 if they differ.
    """

    weights: str | None = None

    direction = HIGHER_IS_BETTER

    def __post_init__(self) -> None:
        if self.weights not in (None, "linear", "quadratic"):
            raise ValueError(f"weights must be 'linear' or 'quadratic', got {self.weights!r}")

    @property
    def statistics(self) -> tuple[Statistic, ...]:  # type: ignore[override]
        """Margins of the classes; pairs of classes where the distance matters."""
        return (ClassMargins(),) if self.weights is None else (ClassMargins(), ClassPairs())

    def result(self, classes: State, pairs: State | None = None) -> Array:
        """Returns kappa; NaN where all are of one class and predicted to be."""
        margins, weight = _margins(classes), classes["weight"]
        if pairs is None:
            apart = 1.0 - divide(margins.total(margins.right), weight)
            chance = 1.0 - divide(
                margins.total(margins.actual * margins.predicted), np.square(weight)
            )
        else:
            cells: Cells = pairs["pairs"]
            _, actual, predicted = unpack(cells.cell)
            distance = np.abs(actual - predicted).astype(float)
            if self.weights == "quadratic":
                distance = np.square(distance)
            distance = distance.reshape(-1, *(1,) * (cells.sums.ndim - 2))
            observed = cells.per_group(cells.sums[..., 0] * distance, classes.shape[0])
            apart = divide(observed, weight)
            chance = self._by_chance(margins, weight)
        return 1.0 - divide(apart, np.where(chance <= 1e-14, 0.0, chance))

    def _by_chance(self, margins: Margins, weight: Array) -> Array:
        """Expected distance of a true class and a predicted class drawn independently."""
        index = margins.cells.cell.reshape(-1, *(1,) * (margins.actual.ndim - 1)).astype(float)
        if self.weights == "quadratic":
            means = [
                divide(margins.total(w * index), weight)
                for w in (margins.actual, margins.predicted)
            ]
            squares = margins.total((margins.actual + margins.predicted) * np.square(index))
            return np.asarray(divide(squares, weight) - 2 * means[0] * means[1])
        expected = np.zeros_like(weight)
        for group, span in margins.cells.spans():
            below = [
                np.cumsum(divide(w[span], weight[group]), axis=0)[:-1]
                for w in (margins.actual, margins.predicted)
            ]
            step = np.diff(index[span], axis=0)
            expected[group] = (step * (below[0] + below[1] - 2 * below[0] * below[1])).sum(axis=0)
        return np.asarray(expected)
