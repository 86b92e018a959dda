"""Set match: precision and recall of predicted classes, where a model lists classes by name.

For vocabularies too large (or unknown) for a score per class: labels are the classes of an example,
predictions the classes that the model found and their scores, each example with as many as it has.
Counts are over (example, class) pairs:

====================  ================================================================
true positive         a predicted class, scored above the threshold, that is a label
false positive        a predicted class, scored above the threshold, that is none
false negative        a label that is not predicted above the threshold
====================  ================================================================

A class that is predicted twice counts once, with its highest score.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, ClassVar

import numpy as np

from evaluator_component.batch import Batch
from evaluator_component.errors import MetricError, did_you_mean
from evaluator_component.groups import Groups
from evaluator_component.metrics import screen
from evaluator_component.metrics.base import (
    HIGHER_IS_BETTER,
    ROWS,
    Array,
    Metric,
    State,
    Statistic,
)
from evaluator_component.metrics.formulas import divide
from evaluator_component.metrics.registry import register
from evaluator_component.metrics.texts import rows_of

__all__ = ["SetCounts", "SetMatchPrecision", "SetMatchRecall"]


@dataclass(frozen=True)
class SetCounts(Statistic):
    """Weight of true and false positives at each threshold, and of all labels.

    Attributes:
        thresholds: a score must be above it.
        top_k: how many predicted classes count, those with the highest scores; None for all.
        class_entry: entry of the prediction that holds the classes.
        score_entry: entry of the prediction that holds their scores.
        class_key: feature that holds the classes that weights belong to; "" for the labels.
        weight_key: feature that holds class weights; "" for none.
    """

    thresholds: tuple[float, ...] = (0.5,)
    top_k: int | None = None
    class_entry: str = "classes"
    score_entry: str = "scores"
    class_key: str = ""
    weight_key: str = ""

    state: ClassVar[Mapping[str, str]] = {
        "true_positives": "sum",
        "false_positives": "sum",
        "labels": "sum",
    }
    form: ClassVar[str] = ROWS

    def features(self) -> tuple[str, ...]:
        """Returns the features of class weights."""
        return tuple(filter(None, (self.class_key, self.weight_key)))

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Sums the weight of pairs."""
        screen.weights(batch)
        vocabulary: dict[Any, int] = {}
        labels = _Pairs.of(rows_of(batch.label, "labels"), vocabulary).distinct()
        predicted = self._predicted(batch, vocabulary)
        weights = self._class_weights(batch, vocabulary)
        size = max(len(vocabulary), 1)
        known = np.isin(predicted.code(size), labels.code(size))
        rows = len(batch)
        weight = batch.row_weight
        of_prediction = weight[predicted.row] * _lookup(weights, predicted, size)
        of_label = weight[labels.row] * _lookup(weights, labels, size)
        above = predicted.value[:, None] > np.asarray(self.thresholds)
        counts = {
            name: np.stack(
                [
                    np.bincount(predicted.row, of_prediction * chosen, minlength=rows)
                    for chosen in (above & side[:, None]).T
                ],
                axis=1,
            )
            for name, side in (("true_positives", known), ("false_positives", ~known))
        }
        return {
            **{name: groups.sum(values) for name, values in counts.items()},
            "labels": groups.sum(np.bincount(labels.row, of_label, minlength=rows)),
        }

    def _predicted(self, batch: Batch, vocabulary: dict[Any, int]) -> _Pairs:
        prediction = batch.prediction
        scores = None
        if isinstance(prediction, Mapping):
            scores = self._entry(prediction, self.score_entry) if self.score_entry else None
            prediction = self._entry(prediction, self.class_entry)
        rows = rows_of(prediction, "predicted classes")
        pairs = _Pairs.of(rows, vocabulary)
        if scores is not None:
            listed = rows_of(scores, "scores")
            lengths = [len(row) for row in listed]
            if lengths != [len(row) for row in rows]:
                wrong = next(i for i, row in enumerate(rows) if len(row) != lengths[i])
                raise MetricError(
                    f"an example has {len(rows[wrong])} predicted classes and {lengths[wrong]} "
                    "scores"
                )
            value = np.fromiter(chain.from_iterable(listed), float, count=len(pairs.row))
            screen.require(~np.isnan(value), value, "scores must be numbers")
            pairs = _Pairs(pairs.row, pairs.id, value)
        if self.top_k is not None:
            pairs = pairs.best(self.top_k)
        return pairs.distinct()

    @staticmethod
    def _entry(prediction: Mapping[str, Any], name: str) -> Any:
        if name not in prediction:
            raise MetricError(f"no {name!r} in predictions {did_you_mean(name, prediction)}")
        return prediction[name]

    def _class_weights(self, batch: Batch, vocabulary: dict[Any, int]) -> _Pairs | None:
        if not self.weight_key:
            return None
        weights = rows_of(batch.feature(self.weight_key), f"weights {self.weight_key}")
        column = batch.feature(self.class_key) if self.class_key else batch.label
        classes = rows_of(column, f"classes {self.class_key or 'of labels'}")
        for one, other in zip(classes, weights, strict=True):
            if len(one) != len(other):
                raise MetricError(
                    f"an example has {len(one)} classes {self.class_key or 'of labels'} and "
                    f"{len(other)} weights {self.weight_key}"
                )
        value = np.array(list(chain.from_iterable(weights)), dtype=np.float64)
        rule = f"weights {self.weight_key} must be finite and not negative"
        screen.require(np.isfinite(value) & (value >= 0), value, rule)
        pairs = _Pairs.of(classes, vocabulary)
        return _Pairs(pairs.row, pairs.id, value).distinct()


@dataclass(frozen=True)
class _Pairs:
    """Pairs of (row, class) with a value: a score or a weight."""

    row: Array
    id: Array
    value: Array

    @classmethod
    def of(cls, rows: list[list[Any]], vocabulary: dict[Any, int]) -> _Pairs:
        """Numbers the classes of each row; new ones join the vocabulary."""
        lengths = [len(row) for row in rows]
        ids = [vocabulary.setdefault(name, len(vocabulary)) for row in rows for name in row]
        row = np.repeat(np.arange(len(rows)), lengths)
        return cls(row, np.array(ids, dtype=np.int64), np.ones(len(ids)))

    def code(self, size: int) -> Array:
        """One number per pair."""
        return np.asarray(self.row * size + self.id)

    def best(self, k: int) -> _Pairs:
        """The k pairs of highest value of each row; ties: the one listed first."""
        order = np.lexsort((-self.value, self.row))
        starts = np.flatnonzero(np.diff(self.row[order], prepend=-1))
        lengths = np.diff(starts, append=len(order))
        rank = np.arange(len(order)) - np.repeat(starts, lengths)
        kept = order[rank < k]
        return _Pairs(self.row[kept], self.id[kept], self.value[kept])

    def distinct(self) -> _Pairs:
        """Each pair once, with its highest value; sorted."""
        order = np.lexsort((-self.value, self.id, self.row))
        row, id_, value = self.row[order], self.id[order], self.value[order]
        first = (np.diff(row, prepend=-1) != 0) | (np.diff(id_, prepend=-1) != 0)
        return _Pairs(row[first], id_[first], value[first])


def _lookup(weights: _Pairs | None, pairs: _Pairs, size: int) -> Array:
    """The class weight of each pair; 1 where none is given."""
    if weights is None or not len(weights.row):
        return np.ones(len(pairs.row))
    known, wanted = weights.code(size), pairs.code(size)
    place = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[place] == wanted, weights.value[place], 1.0)


@dataclass(frozen=True)
class _SetMatch(Metric):
    """A ratio of the counts at each threshold.

    Attributes:
        thresholds: one number or several; 0.5 unless given, or any score with top_k.
        top_k: how many predicted classes count, those with the highest scores.
        prediction_class_key: entry of the prediction that holds the classes.
        prediction_score_key: entry of the prediction that holds their scores; "" without scores.
        class_key: feature that holds the classes that class weights belong to; unless given, they
            belong to the labels.
        weight_key: feature that holds class weights; they multiply example weights, and classes
            that are not listed have weight 1.
    """

    thresholds: float | tuple[float, ...] | None = None
    top_k: int | None = None
    prediction_class_key: str = "classes"
    prediction_score_key: str = "scores"
    class_key: str | None = None
    weight_key: str | None = None

    direction = HIGHER_IS_BETTER

    def __post_init__(self) -> None:
        if self.top_k is not None and self.top_k < 1:
            raise ValueError(f"top_k must be at least 1, got {self.top_k!r}")
        if self.class_key and not self.weight_key:
            raise ValueError("class_key needs weight_key")

    @property
    def at(self) -> tuple[float, ...]:
        """The thresholds."""
        if self.thresholds is None or self.thresholds == ():
            return (0.5,) if self.top_k is None else (-np.inf,)
        if isinstance(self.thresholds, (int, float)):
            return (float(self.thresholds),)
        return self.thresholds

    @property
    def kind(self) -> str:  # type: ignore[override]
        """A number for one threshold, else a vector."""
        return "number" if len(self.at) == 1 else "vector"

    @property
    def statistics(self) -> tuple[Statistic, ...]:  # type: ignore[override]
        """The counts."""
        return (
            SetCounts(
                self.at,
                self.top_k,
                self.prediction_class_key,
                self.prediction_score_key,
                self.class_key or "",
                self.weight_key or "",
            ),
        )

    def labels(self) -> tuple[str, ...]:
        """Returns the thresholds as text."""
        return () if self.kind == "number" else tuple(f"{each:g}" for each in self.at)

    def _shaped(self, values: Array) -> Array:
        return np.asarray(values[..., 0] if self.kind == "number" else values)


@register
@dataclass(frozen=True)
class SetMatchPrecision(_SetMatch):
    """Precision of predicted classes: tp / (tp + fp) over (example, class) pairs.

    Attributes:
        thresholds: one number or several; 0.5 unless given, or any score with top_k.
        top_k: how many predicted classes count, those with the highest scores.
        prediction_class_key: entry of the prediction that holds the classes.
        prediction_score_key: entry of the prediction that holds their scores; "" without scores.
        class_key: feature with the classes that class weights belong to; else, to the labels.
        weight_key: feature with class weights; classes that are not listed have weight 1.
    """

    def result(self, counts: State) -> Array:
        """Returns the precision; NaN where nothing is predicted."""
        hits = counts["true_positives"]
        return self._shaped(divide(hits, hits + counts["false_positives"]))


@register
@dataclass(frozen=True)
class SetMatchRecall(_SetMatch):
    """Recall of predicted classes: tp / (tp + fn) over (example, class) pairs.

    Attributes:
        thresholds: one number or several; 0.5 unless given, or any score with top_k.
        top_k: how many predicted classes count, those with the highest scores.
        prediction_class_key: entry of the prediction that holds the classes.
        prediction_score_key: entry of the prediction that holds their scores; "" without scores.
        class_key: feature with the classes that class weights belong to; else, to the labels.
        weight_key: feature with class weights; classes that are not listed have weight 1.
    """

    def result(self, counts: State) -> Array:
        """Returns the recall; NaN where there are no labels."""
        return self._shaped(divide(counts["true_positives"], counts["labels"][..., None]))
