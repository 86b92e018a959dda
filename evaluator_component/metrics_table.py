"""The in-memory result of an evaluation: one row per slice, one column per metric.

A `MetricsTable` holds one dataset (or split). Evaluators produce it shard by shard, validation
judges it, writers store it, `results` loads it back and views show it.

Example:
    >>> import numpy as np
    >>> from evaluator_component.keys import MetricKey
    >>> table = MetricsTable(
    ...     slices=((), (("origin", "JFK"),)),
    ...     examples=np.array([10, 4]),
    ...     weights=np.array([10.0, 4.0]),
    ...     columns={MetricKey("auc"): Column(np.array([0.9, 0.8]))},
    ... )
    >>> table.value(MetricKey("auc"), (("origin", "JFK"),))
    0.8
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.keys import (
    CrossSliceKey,
    MetricKey,
    PlotKey,
    SliceKey,
    slice_name,
    slice_sort_key,
)

__all__ = ["Column", "MetricsTable", "concatenate"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Column:
    """The values of one metric, one row per slice.

    Attributes:
        value: float64 (slices,) for numbers, (slices, k) for vectors (such as one value per
            threshold), or object (slices,) for structured values (matrices, strings, samples).
        standard_error: like `value`; NaN where it could not be computed. None without intervals.
        lower: lower bound of the interval, like `value`.
        upper: upper bound of the interval, like `value`.
        degrees_of_freedom: int64 (slices,), of the t distribution of the interval.
        replicates: float64 (slices, replicates) or (slices, replicates, k): the metric on every
            resample, kept for paired tests; not stored on disk.
        confidence_level: of the interval, such as 0.95.
        labels: names of the k entries of a vector value, such as thresholds.
        direction: +1 higher is better, -1 lower is better, 0 neither.
        resampling: "jackknife" or "poisson_bootstrap"; "" without intervals.
    """

    value: Array
    standard_error: Array | None = None
    lower: Array | None = None
    upper: Array | None = None
    degrees_of_freedom: Array | None = None
    replicates: Array | None = None
    confidence_level: float | None = None
    labels: tuple[str, ...] = ()
    direction: int = 0
    resampling: str = ""

    @property
    def is_number(self) -> bool:
        """Whether each row holds one number."""
        return self.value.ndim == 1 and self.value.dtype != object

    def take(self, rows: Array) -> Column:
        """Returns the column restricted to some rows, in the given order."""
        arrays = ("value", "standard_error", "lower", "upper", "degrees_of_freedom", "replicates")
        taken = {name: getattr(self, name) for name in arrays}
        return replace(self, **{k: v[rows] for k, v in taken.items() if v is not None})


@dataclass(frozen=True)
class MetricsTable:
    """Metrics of every slice of one dataset.

    Attributes:
        slices: the row keys (`SliceKey`, or `CrossSliceKey` for comparisons of two slices).
        examples: int64 (slices,), number of examples (or queries), unweighted.
        weights: float64 (slices,), sum of example weights.
        columns: metric values by key.
        plots: object (slices,) arrays of plot data by key; None where a slice has none.
        attributions: per key, object (slices,) arrays of {feature: number}.
        dataset: the dataset's name; "" where there is one only.
        notes: what a reader must know about a slice (too small, too few replicates), by slice.
    """

    slices: tuple[SliceKey | CrossSliceKey, ...]
    examples: Array
    weights: Array
    columns: Mapping[MetricKey, Column] = field(default_factory=dict)
    plots: Mapping[PlotKey, Array] = field(default_factory=dict)
    attributions: Mapping[MetricKey, Array] = field(default_factory=dict)
    dataset: str = ""
    notes: Mapping[SliceKey | CrossSliceKey, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.slices)

    @cached_property
    def row_of(self) -> dict[SliceKey | CrossSliceKey, int]:
        """Row number by slice key."""
        return {key: row for row, key in enumerate(self.slices)}

    def value(self, key: MetricKey, slice_key: SliceKey | CrossSliceKey = ()) -> Any:
        """Returns one metric of one slice.

        Raises:
            KeyError: when the table has no such metric or slice.
        """
        value = self.columns[key].value[self.row_of[slice_key]]
        return float(value) if self.columns[key].is_number else value

    def take(self, rows: Sequence[int] | Array) -> MetricsTable:
        """Returns the table restricted to some rows, in the given order."""
        index = np.asarray(rows, dtype=np.int64)
        slices = tuple(self.slices[row] for row in index)
        kept = set(slices)
        return replace(
            self,
            slices=slices,
            examples=self.examples[index],
            weights=self.weights[index],
            columns={key: column.take(index) for key, column in self.columns.items()},
            plots={key: values[index] for key, values in self.plots.items()},
            attributions={key: values[index] for key, values in self.attributions.items()},
            notes={key: note for key, note in self.notes.items() if key in kept},
        )

    def sorted(self) -> MetricsTable:
        """Returns the table with rows in canonical order: overall first."""
        order = sorted(range(len(self)), key=lambda row: slice_sort_key(self.slices[row]))
        return self.take(order)

    def names(self) -> list[str]:
        """Returns the readable names of the slices, row by row."""
        return [slice_name(key) for key in self.slices]


def concatenate(tables: Sequence[MetricsTable]) -> MetricsTable:
    """Stacks tables of one dataset with different slices; a metric absent from one is NaN there."""
    if len(tables) == 1:
        return tables[0]
    sizes = [len(table) for table in tables]
    first = tables[0]

    def stack(per_table: Sequence[Array | None]) -> Array | None:
        known = [array for array in per_table if array is not None]
        if not known:
            return None
        like = known[0]
        fill: Any = None if like.dtype == object else (0 if like.dtype.kind == "i" else np.nan)
        parts = [
            np.full((size, *like.shape[1:]), fill, dtype=like.dtype) if array is None else array
            for size, array in zip(sizes, per_table, strict=True)
        ]
        return np.concatenate(parts)

    columns: dict[MetricKey, Column] = {}
    for key in {key: None for table in tables for key in table.columns}:
        parts = [table.columns.get(key) for table in tables]
        like = next(part for part in parts if part is not None)
        arrays = {
            name: stack([getattr(part, name) if part is not None else None for part in parts])
            for name in (
                "value",
                "standard_error",
                "lower",
                "upper",
                "degrees_of_freedom",
                "replicates",
            )
        }
        columns[key] = replace(like, **arrays)

    def stack_objects(field_name: str) -> dict[Any, Array]:
        keys = {key: None for table in tables for key in getattr(table, field_name)}
        stacked = {key: stack([getattr(t, field_name).get(key) for t in tables]) for key in keys}
        return {key: array for key, array in stacked.items() if array is not None}

    return replace(
        first,
        slices=tuple(key for table in tables for key in table.slices),
        examples=np.concatenate([table.examples for table in tables]),
        weights=np.concatenate([table.weights for table in tables]),
        columns=columns,
        plots=stack_objects("plots"),
        attributions=stack_objects("attributions"),
        notes={key: note for table in tables for key, note in table.notes.items()},
    )
