"""Exact match: the share of predictions that equal their label, numbers, texts or JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from evaluator_component.batch import Batch
from evaluator_component.errors import MetricError
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

__all__ = ["ExactMatch", "Matches"]


@dataclass(frozen=True)
class Matches(Statistic):
    """Weight of the examples whose label and prediction are equal, and of all.

    Attributes:
        convert_to: "json" compares what the texts mean as JSON.
    """

    convert_to: str | None = None

    state: ClassVar[Mapping[str, str]] = {"matches": "sum", "weight": "sum"}
    form: ClassVar[str] = ROWS

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Sums w * (label equals prediction) and w."""
        screen.weights(batch)
        weight = batch.row_weight
        equal = batch.derived(("equal", self.convert_to), lambda: self._equal(batch))
        return {"matches": groups.sum(equal * weight), "weight": groups.sum(weight)}

    def _equal(self, batch: Batch) -> Array:
        label, prediction = batch.label, batch.prediction
        if self.convert_to is None and _is_number(label) and _is_number(prediction):
            label, prediction = _matrix(label), _matrix(prediction)
            if label.shape != prediction.shape:
                raise MetricError(
                    f"labels have {label.shape[1]} values per example, predictions have "
                    f"{prediction.shape[1]}: they can never be equal"
                )
            return np.asarray((label == prediction).all(axis=1))
        labels, predictions = rows_of(label, "labels"), rows_of(prediction, "predictions")
        if self.convert_to == "json":
            labels = [_parsed(row, "labels") for row in labels]
            predictions = [_parsed(row, "predictions") for row in predictions]
        pairs = zip(labels, predictions, strict=True)
        return np.array([one == other for one, other in pairs], dtype=bool)


def _is_number(column: Any) -> bool:
    return isinstance(column, np.ndarray) and column.dtype.kind in "biuf"


def _matrix(column: Array) -> Array:
    return column.reshape(len(column), math.prod(column.shape[1:]))


def _parsed(row: list[Any], what: str) -> list[Any]:
    try:
        return [json.loads(value) for value in row]
    except (TypeError, ValueError) as error:
        raise MetricError(f"{what} are not JSON: {error}, for example {row[0]!r}") from error


@register
@dataclass(frozen=True)
class ExactMatch(Metric):
    """Share of examples whose prediction equals the label in every value: w(equal) / w.

    Attributes:
        convert_to: "json" compares what texts mean as JSON, so that spaces and the order of keys
            do not matter; unless given, texts are compared as they are.

    Example:
        >>> batch = Batch(label=np.array(["a", "b"]), prediction=np.array([b"a", b"c"]))
        >>> ExactMatch().result(Matches().accumulate(batch, Groups.everything(2)))
        array([0.5])
    """

    convert_to: str | None = None

    direction = HIGHER_IS_BETTER

    def __post_init__(self) -> None:
        if self.convert_to not in (None, "json"):
            raise ValueError(f"convert_to must be 'json' or nothing, got {self.convert_to!r}")

    @property
    def statistics(self) -> tuple[Statistic, ...]:  # type: ignore[override]
        """The matches."""
        return (Matches(self.convert_to),)

    def result(self, matches: State) -> Array:
        """Returns the share; NaN without weight."""
        return divide(matches["matches"], matches["weight"])
