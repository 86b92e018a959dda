"""Batch: the columns of one chunk of examples, as a statistic sees them.

A statistic never sees which model, output or class it works on: a view (`metrics.view`) has picked
the columns. What several statistics derive from the same columns (scores by rank, one-hot labels,
histogram cells) is computed once per batch and shared through `Batch.derived`.

Vocabulary:
    elementwise: label, prediction and weight are (rows,) float64, one pair per row. Flattened
        multi-class and multi-label predictions have one row per (example, class).
    multi-class: prediction is (rows, classes); `class_label` (rows,) and `one_hot` are derived.
    query: rows of one query stand together; `queries` tells where each query starts.

Example:
    >>> batch = Batch(label=np.array([1.0, 0.0]), prediction=np.array([0.9, 0.2]))
    >>> batch.weight
    array([1., 1.])
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from evaluator_component.errors import MetricError, did_you_mean

__all__ = ["Batch", "PickedColumns"]

Array = npt.NDArray[Any]
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Batch:
    """Columns of one chunk of examples.

    Attributes:
        label: float64 (rows,) or (rows, classes); integer ids (rows,) where labels are sparse;
            object for strings and structures; None where there are no labels.
        prediction: float64 (rows,) or (rows, classes); object for structures; None without model.
        weight: float64 (rows,), never negative. Defaults to ones.
        example_weight: the weights in the data, also where the view does not apply them.
        baseline_prediction: like `prediction`, of the baseline model; None without one.
        features: other columns by name, as Arrow arrays or NumPy arrays.
        example_ids: uint64 (rows,), the same for the same example wherever it stands.
        query_starts: int64 (queries + 1,), the first row of each query and the number of rows;
            None where rows are not grouped by query. Groups then hold queries in place of rows.
        top_k: how many of the best-ranked rows of a query count; where rows are classes of an
            example: of its classes, and the others may have score -inf. None for all.
        attributions: per feature, float64 (rows,) or (rows, classes), or object where ragged.
        class_names: names of the classes, where known.
    """

    label: Any = None
    prediction: Any = None
    weight: Any = None
    baseline_prediction: Any = None
    example_weight: Any = None
    features: Mapping[str, Any] = field(default_factory=dict)
    example_ids: Any = None
    query_starts: Any = None
    top_k: int | None = None
    attributions: Mapping[str, Any] | None = None
    class_names: tuple[str, ...] = ()
    _derived: dict[Any, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.weight is None:
            object.__setattr__(self, "weight", np.ones(self._rows()))

    def _rows(self) -> int:
        for column in (self.prediction, self.label, self.example_ids, self.features):
            while isinstance(column, Mapping):
                column = next(iter(column.values()), None)
            if column is not None:
                return len(column)
        return 0

    def __len__(self) -> int:
        return len(self.weight)

    def derived(self, key: Any, compute: Callable[[], T]) -> T:
        """Returns `compute()`, computed once per batch for each key."""
        if key not in self._derived:
            self._derived[key] = compute()
        return self._derived[key]  # type: ignore[no-any-return]

    def feature(self, name: str) -> Any:
        """Returns a feature column.

        Raises:
            MetricError: when the data have no such feature.
        """
        if name not in self.features:
            raise MetricError(
                f"no feature {name!r} in the data {did_you_mean(name, self.features)}"
            )
        return self.features[name]

    def entry(self, column: Any, name: str, what: str, optional: bool = False) -> Any:
        """Returns an entry of labels or predictions that are several, or else a feature.

        Args:
            column: labels or predictions, a dict where there are several outputs.
            name: of the entry, or of the feature.
            what: it is, for messages.
            optional: return None where there is none.

        Raises:
            MetricError: when there is neither.
        """
        for columns in (column if isinstance(column, Mapping) else {}, self.features):
            if name in columns:
                return columns[name]
        if optional:
            return None
        known = {*(column if isinstance(column, Mapping) else ()), *self.features}
        raise MetricError(f"no {what} {name!r} {did_you_mean(name, known)}")

    def number(self, name: str) -> Array:
        """Returns a feature column with one number per row as float64 (rows,).

        A row without value is NaN.

        Raises:
            MetricError: when there is no such feature, or when it is not one number per row.
        """
        return self.derived(("number", name), lambda: _numbers(name, self.feature(name)))

    def take(self, rows: Array) -> Batch:
        """Returns the batch restricted to some rows (indices or a mask); derived columns go."""
        columns = (
            "label",
            "prediction",
            "weight",
            "baseline_prediction",
            "example_weight",
            "example_ids",
        )
        index = np.flatnonzero(rows) if np.asarray(rows).dtype == bool else np.asarray(rows)
        taken = {name: _take(getattr(self, name), index) for name in (*columns, "attributions")}
        return replace(self, **taken, features=PickedColumns(self.features, index), _derived={})

    @cached_property
    def classes(self) -> int:
        """Number of classes of a multi-class prediction."""
        prediction = self.prediction
        return 1 if prediction is None or prediction.ndim < 2 else prediction.shape[1]

    @property
    def row_weight(self) -> Array:
        """One weight per row, float64 (rows,): several weights of a row count with their mean."""
        weight: Array = self.weight
        return weight if weight.ndim == 1 else weight.mean(axis=1)

    @cached_property
    def class_label(self) -> Array:
        """The class of each row, int64 (rows,): sparse labels as they are, dense labels' argmax.

        A dense label without any positive entry is class -1 (no class).
        """
        label = self._label()
        if label.ndim == 1 or label.shape[1] == 1 < self.classes:
            return label.reshape(len(label)).astype(np.int64)
        return np.where(label.any(axis=1), label.argmax(axis=1), -1)

    @cached_property
    def one_hot(self) -> Array:
        """Labels as float64 (rows, classes); class -1 is a row of zeros."""
        label = self._label()
        if label.ndim == 2 and label.shape[1] == self.classes:
            return label.astype(np.float64)
        ids = self.class_label
        dense = np.zeros((len(ids), self.classes))
        known = np.flatnonzero(ids >= 0)
        dense[known, ids[known]] = 1.0
        return dense

    @cached_property
    def by_score(self) -> Array:
        """Class ids of each row from highest to lowest score, int64 (rows, classes).

        Ties: the lower class id comes first.
        """
        return np.argsort(-self._prediction(), axis=1, kind="stable")

    @cached_property
    def query_of_row(self) -> Array:
        """Index of each row's query, int64 (rows,)."""
        starts = self.query_starts
        if starts is None:
            return np.arange(len(self))
        return np.repeat(np.arange(len(starts) - 1), np.diff(starts))

    @property
    def queries(self) -> int:
        """Number of queries."""
        return len(self.query_starts) - 1

    def _label(self) -> Array:
        if self.label is None:
            raise MetricError("no labels: set label_key in the model spec")
        return self.label

    def _prediction(self) -> Array:
        if self.prediction is None:
            raise MetricError("no predictions: give a model or a prediction_key")
        return self.prediction


class PickedColumns(Mapping[str, Any]):
    """Columns by name, restricted to some rows; a column is picked when it is asked for.

    Args:
        columns: all rows of the columns.
        rows: int64, which rows; they may repeat.
    """

    def __init__(self, columns: Mapping[str, Any], rows: Array) -> None:
        if isinstance(columns, PickedColumns):
            columns, rows = columns._columns, columns._rows[rows]
        self._columns = columns
        self._rows = rows

    def __getitem__(self, name: str) -> Any:
        """Picks the rows of one column."""
        return _take(self._columns[name], self._rows)

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)


def _take(column: Any, rows: Array) -> Any:
    """Rows of a column: an array, an Arrow array, or a dict of columns."""
    if column is None:
        return None
    if isinstance(column, Mapping):
        return {name: _take(part, rows) for name, part in column.items()}
    return column[rows] if isinstance(column, np.ndarray) else column.take(rows)


def _numbers(name: str, column: Any) -> Array:
    """A feature column as float64 (rows,)."""
    if not isinstance(column, np.ndarray):
        lengths = None
        if hasattr(column, "flatten") and hasattr(column, "value_lengths"):
            lengths = column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
            values = column.flatten()
        else:
            values = column
        try:
            flat = values.to_numpy(zero_copy_only=False).astype(np.float64)
        except (TypeError, ValueError) as error:
            raise MetricError(f"feature {name!r} holds no numbers but {values.type}") from error
        if lengths is None:
            return np.asarray(flat)
        if lengths.max(initial=0) > 1:
            raise MetricError(
                f"feature {name!r} must have one value per example, got {lengths.max()}"
            )
        numbers = np.full(len(lengths), np.nan)
        numbers[lengths > 0] = flat
        return numbers
    try:
        flat = column.reshape(len(column), math.prod(column.shape[1:]))
        array = np.asarray(flat, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise MetricError(
            f"feature {name!r} is not one number per example, for example {column[0]!r}"
        ) from error
    if array.shape[1] != 1:
        raise MetricError(f"feature {name!r} must have one value per example, got {array.shape[1]}")
    return array[:, 0]
