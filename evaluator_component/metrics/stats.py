"""Statistics of the data themselves: the mean of any column."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from evaluator_component.batch import Batch
from evaluator_component.errors import MetricError, did_you_mean
from evaluator_component.groups import Groups
from evaluator_component.metrics import screen
from evaluator_component.metrics.base import ROWS, Array, Metric, State, Statistic
from evaluator_component.metrics.formulas import divide
from evaluator_component.metrics.registry import register

__all__ = ["ColumnSum", "Mean"]

#: First parts of a path that name features; the next part is the feature.
_FEATURES = ("features", "transformed_features")

_COLUMNS = {"labels": "label", "predictions": "prediction", "example_weights": "example_weight"}


@dataclass(frozen=True)
class ColumnSum(Statistic):
    """Weighted sum of a column, and the weight of the examples that have a value.

    Attributes:
        path: of the column, such as ("features", "age") or ("predictions", "score").
        weight_path: of the weights; empty for the example weights.
    """

    path: tuple[str, ...]
    weight_path: tuple[str, ...] = ()

    state: ClassVar[Mapping[str, str]] = {"total": "sum", "weight": "sum"}
    form: ClassVar[str] = ROWS

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Sums w * value and w; examples without a value (or with NaN) do not count."""
        values = _column(batch, self.path)
        screen.weights(batch)
        weight = _column(batch, self.weight_path) if self.weight_path else batch.row_weight
        rule = f"weights {'.'.join(self.weight_path)} must be finite and not negative"
        screen.require(np.isfinite(weight) & (weight >= 0), weight, rule)
        known = ~np.isnan(values)
        rule = f"values of {'.'.join(self.path)} must be finite"
        screen.require(~known | np.isfinite(values), values, rule)
        weight = np.where(known, weight, 0.0)
        values = np.where(known, values, 0.0)
        return {"total": groups.sum(values * weight), "weight": groups.sum(weight)}

    def features(self) -> tuple[str, ...]:
        """Returns the features on the paths."""
        paths = (path for path in (self.path, self.weight_path) if path)
        return tuple(_feature(path) for path in paths if _feature(path))


def _feature(path: tuple[str, ...]) -> str:
    """The feature that a path names; "" where it names labels, predictions or weights."""
    if path[0] in _FEATURES:
        return path[1] if len(path) > 1 else ""
    return "" if path[0] in _COLUMNS else path[0]


def _column(batch: Batch, path: tuple[str, ...]) -> Array:
    """The column of a path as float64 (rows,)."""
    if _feature(path):
        return batch.number(_feature(path))
    column: Any = getattr(batch, _COLUMNS[path[0]])
    if column is None and path[0] == "example_weights":
        column = batch.row_weight
    where = ".".join(path)
    for name in path[1:]:
        if not isinstance(column, Mapping):
            break
        if name not in column:
            raise MetricError(f"no {where} in the data {did_you_mean(name, column)}")
        column = column[name]
    if column is None:
        raise MetricError(f"no {where} in the data")
    try:
        values = np.asarray(column, dtype=np.float64)
        values = values.reshape(len(values), math.prod(values.shape[1:]))
    except (TypeError, ValueError) as error:
        raise MetricError(f"{where} is not one number per example") from error
    if values.shape[1] != 1:
        raise MetricError(f"{where} must be one number per example, got {values.shape[1]}")
    return np.asarray(values[:, 0])


@register
@dataclass(frozen=True)
class Mean(Metric):
    """Weighted mean of a column: sum(w * x) / sum(w), over examples that have a value.

    Attributes:
        feature_key_path: path of the column: ("features", <name>), ("labels",), ("predictions",
            <entry>), ("example_weights",); one other name alone is a feature.
        example_weights_key_path: path of the weights; ("example_weights",) are those of the model
            spec. Unless given, example weights apply as the metrics spec says.
    """

    feature_key_path: tuple[str, ...] = ()
    example_weights_key_path: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for argument in ("feature_key_path", "example_weights_key_path"):
            if isinstance(getattr(self, argument), str):
                object.__setattr__(self, argument, (getattr(self, argument),))
        if not self.feature_key_path:
            raise ValueError("feature_key_path must name a column, such as ['features', 'age']")
        if self.feature_key_path[0] in _FEATURES and len(self.feature_key_path) != 2:
            raise ValueError(
                f"feature_key_path must be [{self.feature_key_path[0]!r}, <name>], got "
                f"{list(self.feature_key_path)}"
            )

    @property
    def key_name(self) -> str:
        """The name in metric keys, such as "mean_features.age"."""
        return self.name or f"mean_{'.'.join(self.feature_key_path)}"

    @property
    def statistics(self) -> tuple[Statistic, ...]:  # type: ignore[override]
        """The sum of the column."""
        return (ColumnSum(self.feature_key_path, self.example_weights_key_path or ()),)

    def result(self, column: State) -> Array:
        """Returns the mean; NaN where no example has a value."""
        return divide(column["total"], column["weight"])
