"""Metrics tables as `MetricsForSlice` protos, and back, without loss.

TensorFlow Model Analysis reads what is written here; what it has no field for (dataset, counts,
notes, labels of vectors, ...) stands in fields of ours that it passes over. A slice without any
value and with a note (too few examples) gets TensorFlow Model Analysis' `__ERROR__` entry.

What is not kept: replicates; and a table without slices, which has no record to stand in.

Example:
    >>> table = MetricsTable(((),), np.array([3]), np.array([3.0]),
    ...                      {MetricKey("auc"): Column(np.array([0.5]))})
    >>> (record,) = metrics_records(table)
    >>> (again,) = metrics_tables([record])
    >>> again.value(MetricKey("auc"))
    0.5
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.keys import CrossSliceKey, MetricKey, SliceKey
from evaluator_component.metrics_table import Column, MetricsTable
from evaluator_component.protos import eval_config_pb2
from evaluator_component.protos import metrics_for_slice_pb2 as pb
from evaluator_component.writers.key_protos import (
    fill_any_slice_key,
    metric_key_of,
    metric_key_proto,
    record_slice_key,
)
from evaluator_component.writers.value_protos import (
    bound_of,
    fill_array,
    fill_bound,
    fill_value,
    number_of,
    value_of,
)

__all__ = ["ERROR", "UNKNOWN_COUNT", "metrics_records", "metrics_tables"]

Array = npt.NDArray[Any]
Entry = pb.MetricsForSlice.MetricKeyAndValue

#: Name under which a slice without metrics tells why.
ERROR = "__ERROR__"
#: Number of examples of a slice in a file that does not tell.
UNKNOWN_COUNT = -1

_BOUNDS = {"standard_error": "standard_error", "lower": "lower_bound", "upper": "upper_bound"}
_DIRECTIONS = {
    1: eval_config_pb2.HIGHER_IS_BETTER,
    -1: eval_config_pb2.LOWER_IS_BETTER,
    0: eval_config_pb2.UNKNOWN,
}
_DIRECTION_OF = {proto: direction for direction, proto in _DIRECTIONS.items()}


# -------------------------------------------------------------------------------------------------
# To protos


def metrics_records(table: MetricsTable) -> Iterator[pb.MetricsForSlice]:
    """Yields one record per slice."""
    undefined, bare = _rows_without_values(table)
    first = int(np.argmin(bare)) if len(bare) else 0
    writers = [
        _entry_writer(key, column, named_in=None if _has_values(column) else first)
        for key, column in table.columns.items()
    ]
    examples, weights = table.examples.tolist(), table.weights.tolist()
    for row, key in enumerate(table.slices):
        record = pb.MetricsForSlice()
        fill_any_slice_key(key, record)
        record.dataset = table.dataset
        record.example_count.value = examples[row]
        record.example_weight.value = weights[row]
        note = table.notes.get(key, "")
        record.note = note
        if note and undefined[row]:
            record.metrics[ERROR].debug_message = note
        if not (note and bare[row]):
            for write in writers:
                write(row, record.metric_keys_and_values)
        yield record


def _has_values(column: Column) -> bool:
    return column.value.dtype != object or any(value is not None for value in column.value)


def _rows_without_values(table: MetricsTable) -> tuple[Array, Array]:
    """Returns which rows have no value at all, and which of them have no interval either."""
    undefined = np.ones(len(table), dtype=bool)
    bare = np.ones(len(table), dtype=bool)
    for column in table.columns.values():
        undefined &= _is_missing(column.value)
        for name in _BOUNDS:
            bound = getattr(column, name)
            if bound is not None:
                bare &= _is_missing(bound)
        if column.degrees_of_freedom is not None:
            bare &= column.degrees_of_freedom == 0
    bare &= undefined
    if bare.all() and len(bare):
        bare[0] = False  # some record has to name the metrics
    return undefined, bare


def _is_missing(values: Array) -> Array:
    if values.dtype == object:
        return np.array([value is None for value in values], dtype=bool)
    undefined = np.isnan(values.astype(np.float64)).reshape(len(values), -1)
    return np.asarray(undefined.all(axis=1))


def _entry_writer(
    key: MetricKey, column: Column, named_in: int | None
) -> Callable[[int, Any], None]:
    """Returns a function that appends the entry of one row to a record's list.

    Args:
        key: the metric's name.
        column: its values.
        named_in: a row that gets an entry although it has no value.
    """
    template = Entry(key=metric_key_proto(key), direction=_DIRECTIONS[column.direction])
    template.labels.extend(column.labels)
    interval = template.confidence_interval
    if column.confidence_level is not None:
        interval.confidence_level = column.confidence_level
    if column.resampling:
        interval.method = column.resampling
    if column.replicates is not None:
        interval.num_replicates = column.replicates.shape[1]
    freedom = column.degrees_of_freedom
    degrees = None if freedom is None else freedom.tolist()
    if column.value.dtype == object:
        return _object_writer(column, template, degrees, named_in)
    return _number_writer(column, template, degrees)


def _number_writer(
    column: Column, template: Entry, degrees: list[int] | None
) -> Callable[[int, Any], None]:
    """Writes rows of a number column, or of a vector column."""
    arrays = {proto: getattr(column, name) for name, proto in _BOUNDS.items()}
    present = {proto: array for proto, array in arrays.items() if array is not None}
    if column.is_number:
        numbers = column.value.astype(np.float64).tolist()
        bounds = [(name, array.astype(np.float64).tolist()) for name, array in present.items()]

        def write_number(row: int, entries: Any) -> None:
            entry = entries.add()
            entry.CopyFrom(template)
            entry.value.double_value.value = numbers[row]
            for name, values in bounds:
                getattr(entry.confidence_interval, name).double_value.value = values[row]
            if degrees is not None:
                entry.confidence_interval.degrees_of_freedom.value = degrees[row]

        return write_number
    vectors = column.value.astype(np.float64)

    def write_vector(row: int, entries: Any) -> None:
        entry = entries.add()
        entry.CopyFrom(template)
        fill_array(vectors[row], entry.value.array_value)
        for name, array in present.items():
            bound = getattr(entry.confidence_interval, name)
            fill_array(array[row].astype(np.float64), bound.array_value)
        if degrees is not None:
            entry.confidence_interval.degrees_of_freedom.value = degrees[row]

    return write_vector


def _object_writer(
    column: Column, template: Entry, degrees: list[int] | None, named_in: int | None
) -> Callable[[int, Any], None]:
    """Writes rows of structured values; an empty one is left out."""

    def write(row: int, entries: Any) -> None:
        value = column.value[row]
        if value is None and row != named_in and degrees is None:
            return
        entry = entries.add()
        entry.CopyFrom(template)
        if value is not None:
            entry.kind, entry.details = fill_value(value, entry.value)
        for name, proto in _BOUNDS.items():
            bounds = getattr(column, name)
            if bounds is not None and bounds[row] is not None:
                part = getattr(entry.confidence_interval, proto)
                fill_bound(bounds[row], part, entry.kind, entry.details)
        if degrees is not None:
            entry.confidence_interval.degrees_of_freedom.value = degrees[row]

    return write


# -------------------------------------------------------------------------------------------------
# From protos


@dataclass
class _Entries:
    """What was read of one metric, row by row."""

    rows: list[int] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    bounds: dict[str, list[tuple[int, Any]]] = field(default_factory=dict)
    degrees: list[tuple[int, int]] = field(default_factory=list)
    confidence_level: float | None = None
    resampling: str = ""
    labels: tuple[str, ...] = ()
    direction: int = 0
    #: Whether every value so far is a number / a vector.
    numbers: bool = True
    vectors: bool = True

    def describe(self, entry: Entry) -> None:
        """Takes over what is the same in every row."""
        self.labels = tuple(entry.labels)
        self.direction = _DIRECTION_OF.get(entry.direction, 0)

    def add(self, row: int, entry: Entry) -> None:
        """Takes over one row."""
        proto = entry.value
        number = number_of(proto)
        is_vector = False
        if number is not None:
            value: Any = number
        else:
            value = value_of(proto, entry.kind, entry.details)
            is_vector = not entry.kind and isinstance(value, np.ndarray) and value.dtype != object
        if value is not None:
            self.numbers &= number is not None
            self.vectors &= is_vector
            self.rows.append(row)
            self.values.append(value)
        if proto.HasField("bounded_value"):
            for name, bound in (("lower", "lower_bound"), ("upper", "upper_bound")):
                if proto.bounded_value.HasField(bound):
                    found = getattr(proto.bounded_value, bound).value
                    self.bounds.setdefault(name, []).append((row, found))
        if entry.HasField("confidence_interval"):
            self._add_interval(row, entry)

    def _add_interval(self, row: int, entry: Entry) -> None:
        interval = entry.confidence_interval
        for name, proto_name in _BOUNDS.items():
            if interval.HasField(proto_name):
                part = getattr(interval, proto_name)
                bound = number_of(part)
                if bound is None:
                    bound = bound_of(part, entry.kind, entry.details)
                self.bounds.setdefault(name, []).append((row, bound))
        if interval.HasField("degrees_of_freedom"):
            self.degrees.append((row, interval.degrees_of_freedom.value))
        if interval.confidence_level:
            self.confidence_level = interval.confidence_level
        if interval.method:
            self.resampling = interval.method

    def column(self, size: int) -> Column:
        """Returns all rows as a column; rows that were not read are NaN, or None."""
        shape: tuple[int, ...] | None = None
        if self.values and self.numbers:
            shape = ()
        elif self.values and self.vectors and len({array.shape for array in self.values}) == 1:
            shape = self.values[0].shape
        bounds = {
            name: _spread([row for row, _ in pairs], [bound for _, bound in pairs], size, shape)
            for name, pairs in self.bounds.items()
        }
        degrees = None
        if self.degrees:
            degrees = np.zeros(size, dtype=np.int64)
            degrees[[row for row, _ in self.degrees]] = [number for _, number in self.degrees]
        return Column(
            value=_spread(self.rows, self.values, size, shape),
            degrees_of_freedom=degrees,
            confidence_level=self.confidence_level,
            labels=self.labels,
            direction=self.direction,
            resampling=self.resampling,
            **bounds,
        )


def _spread(rows: list[int], values: list[Any], size: int, shape: tuple[int, ...] | None) -> Array:
    """Returns values at their rows: float64 (size, *shape), or object (size,) without a shape."""
    if shape is None:
        objects = np.empty(size, dtype=object)
        for row, value in zip(rows, values, strict=True):
            objects[row] = value
        return objects
    out = np.full((size, *shape), np.nan)
    if rows:
        out[rows] = values
    return out


@dataclass
class _Rows:
    """What was read of one dataset."""

    slices: list[SliceKey | CrossSliceKey] = field(default_factory=list)
    examples: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    notes: dict[SliceKey | CrossSliceKey, str] = field(default_factory=dict)
    entries: dict[MetricKey, _Entries] = field(default_factory=dict)
    by_proto: dict[bytes, _Entries] = field(default_factory=dict)

    def add(self, record: pb.MetricsForSlice) -> None:
        """Takes over one record."""
        row, key = len(self.slices), record_slice_key(record)
        self.slices.append(key)
        for entry in record.metric_keys_and_values:
            name = entry.key.SerializeToString()
            entries = self.by_proto.get(name)
            if entries is None:
                entries = self.entries.setdefault(metric_key_of(entry.key), _Entries())
                entries.describe(entry)
                self.by_proto[name] = entries
            entries.add(row, entry)
        count, weight = _counts(record)
        self.examples.append(count)
        self.weights.append(weight)
        note = record.note
        if not note and ERROR in record.metrics:
            note = record.metrics[ERROR].debug_message
        if note:
            self.notes[key] = note

    def table(self, dataset: str) -> MetricsTable:
        """Returns the dataset's table."""
        return MetricsTable(
            slices=tuple(self.slices),
            examples=np.array(self.examples, dtype=np.int64),
            weights=np.array(self.weights, dtype=np.float64),
            columns={
                key: entries.column(len(self.slices)) for key, entries in self.entries.items()
            },
            dataset=dataset,
            notes=self.notes,
        )


def _counts(record: pb.MetricsForSlice) -> tuple[int, float]:
    """Returns number and weight of a slice's examples.

    A file of another program tells them only where they were asked for as metrics.
    """
    if record.HasField("example_count"):
        return record.example_count.value, record.example_weight.value
    told: dict[tuple[str, bool], float] = {}
    for entry in record.metric_keys_and_values:
        number = number_of(entry.value)
        if number is not None and not entry.key.is_diff:
            told[entry.key.name, entry.key.example_weighted.value] = number
    count = told.get(("example_count", False), float(UNKNOWN_COUNT))
    weighted = [("weighted_example_count", True), ("example_count", True)]
    weights = [told[key] for key in (*weighted, ("weighted_example_count", False)) if key in told]
    return int(count), weights[0] if weights else np.nan


def metrics_tables(records: Iterable[pb.MetricsForSlice]) -> list[MetricsTable]:
    """Returns one table per dataset, without plots and attributions, in order of appearance."""
    datasets: dict[str, _Rows] = {}
    for record in records:
        datasets.setdefault(record.dataset, _Rows()).add(record)
    return [rows.table(dataset) for dataset, rows in datasets.items()]
