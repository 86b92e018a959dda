"""Plots and attributions as protos, and back.

TensorFlow Model Analysis keeps calibration and confusion matrices of one model and output together
in one `PlotData` without a name; so do we, under the names that both programs give them.

A curve of a thousand points takes a while to decode, so plots that were read are decoded when
somebody asks for them.

Example:
    >>> from evaluator_component.writers.matrix_protos import CONFUSION_COLUMNS
    >>> plot = {"kind": "confusion_matrices",
    ...         "columns": {name: np.array([1.0]) for name in CONFUSION_COLUMNS}}
    >>> rows = np.array([plot], dtype=object)
    >>> key = PlotKey("confusion_matrix_plot")
    >>> table = MetricsTable(((),), np.array([1]), np.array([1.0]), plots={key: rows})
    >>> LazyPlots(list(plots_records(table)), table.row_of)[key][0]["columns"]["threshold"]
    array([1.])
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.keys import CrossSliceKey, MetricKey, PlotKey, SliceKey
from evaluator_component.metrics_table import MetricsTable
from evaluator_component.protos import metrics_for_slice_pb2 as pb
from evaluator_component.writers import tagged_json
from evaluator_component.writers.key_protos import (
    attributions_key_proto,
    fill_any_slice_key,
    metric_key_of,
    plot_key_of,
    plot_key_proto,
    record_slice_key,
)
from evaluator_component.writers.matrix_protos import (
    CODECS,
    decode_table,
    fill_table,
    is_structured,
    plain_column,
)
from evaluator_component.writers.value_protos import fill_value, value_of

__all__ = ["LazyPlots", "attributions_of", "attributions_records", "plots_records"]

Array = npt.NDArray[Any]
RowOf = Mapping[SliceKey | CrossSliceKey, int]

#: Plots that share one nameless `PlotData`: name by kind.
_SHARED = {"confusion_matrices": "confusion_matrix_plot", "calibration": "calibration_plot"}
#: Name of a plot that another program wrote without one.
_DEFAULT_NAMES = {
    **_SHARED,
    "multi_class_confusion_matrix": "multi_class_confusion_matrix_plot",
    "multi_label_confusion_matrix": "multi_label_confusion_matrix_plot",
}
#: Kind of a plot that is neither a dict of columns nor a table.
_JSON = "json"


def plots_records(table: MetricsTable) -> Iterator[pb.PlotsForSlice]:
    """Yields one record per slice that has plots."""
    plots = dict(table.plots)
    for row, key in enumerate(table.slices):
        found = {name: rows[row] for name, rows in plots.items() if rows[row] is not None}
        if not found:
            continue
        record = pb.PlotsForSlice(dataset=table.dataset)
        fill_any_slice_key(key, record)
        shared: dict[bytes, pb.PlotData] = {}
        for plot_key, plot in found.items():
            kind = plot["kind"] if is_structured(plot) else _JSON
            if _SHARED.get(kind) == plot_key.name:
                proto = plot_key_proto(plot_key, named=False)
                name = proto.SerializeToString()
                if name not in shared:
                    shared[name] = record.plot_keys_and_values.add(key=proto).value
                _fill_plot(plot_key.name, plot, shared[name])
            else:
                entry = record.plot_keys_and_values.add(key=plot_key_proto(plot_key))
                _fill_plot(plot_key.name, plot, entry.value)
        yield record


def _fill_plot(name: str, plot: Any, proto: pb.PlotData) -> None:
    """Writes a plot into a proto, which may already hold another one of another kind."""
    if not is_structured(plot):
        proto.kind = _JSON
        proto.details = tagged_json.dumps(plot)
        return
    columns = {column: plain_column(values) for column, values in plot["columns"].items()}
    plain = {column: values for column, values in columns.items() if values is not None}
    rest = {entry: value for entry, value in plot.items() if entry not in ("kind", "columns")}
    codec = CODECS.get(plot["kind"])
    if codec and codec.fits(plain):
        message = getattr(proto, codec.plot_field)
        message.SetInParent()
        message.MergeFromString(codec.encode(plain))
        more = {column: plain[column] for column in plain if column not in codec.columns}
    else:
        fill_table(plain, proto.table)
        proto.kind = plot["kind"]
        more = {}
    if rest or more:
        details = json.loads(proto.details or "{}")
        details[name] = {
            "rest": tagged_json.dumps(rest),
            "columns": {column: tagged_json.dumps(values) for column, values in more.items()},
        }
        proto.details = json.dumps(details)


def _plots_of(entry: Any) -> Iterator[tuple[PlotKey, Callable[[], Any]]]:
    """Yields the plots of an entry: key, and a function that decodes it."""
    proto = entry.value
    if proto.kind == _JSON and not proto.HasField("table"):
        yield plot_key_of(entry.key), lambda: tagged_json.loads(proto.details)
        return
    if proto.HasField("table"):
        yield plot_key_of(entry.key), _table_decoder(proto, entry.key.name)
    for kind, codec in CODECS.items():
        if proto.HasField(codec.plot_field):
            key = plot_key_of(entry.key, entry.key.name or _DEFAULT_NAMES[kind])
            yield key, _decoder(kind, proto, key.name)


def _table_decoder(proto: pb.PlotData, name: str) -> Callable[[], Any]:
    kind = proto.kind or "table"
    return lambda: _structured(kind, decode_table(proto.table), proto, name)


def _decoder(kind: str, proto: pb.PlotData, name: str) -> Callable[[], Any]:
    codec = CODECS[kind]
    return lambda: _structured(kind, codec.decode(getattr(proto, codec.plot_field)), proto, name)


def _structured(
    kind: str, columns: dict[str, Array], proto: pb.PlotData, name: str
) -> dict[str, Any]:
    details = json.loads(proto.details).get(name) if proto.details else None
    if details is None:
        return {"kind": kind, "columns": columns}
    more = {column: tagged_json.loads(values) for column, values in details["columns"].items()}
    return {"kind": kind, "columns": {**columns, **more}, **tagged_json.loads(details["rest"])}


class LazyPlots(Mapping[PlotKey, Array]):
    """Plots by key, as a metrics table has them, decoded when they are asked for.

    Example: see the module.
    """

    def __init__(
        self,
        records: Iterable[pb.PlotsForSlice] | Callable[[], Iterable[pb.PlotsForSlice]],
        row_of: RowOf,
    ) -> None:
        """Takes the records of one dataset.

        Args:
            records: the records, or a function that reads them when they are needed.
            row_of: rows of the table by slice; a record of another slice is left out.
        """
        self._records = records
        self._row_of = row_of
        self._decoders: dict[PlotKey, dict[int, Callable[[], Any]]] | None = None
        self._decoded: dict[PlotKey, Array] = {}

    def _index(self) -> dict[PlotKey, dict[int, Callable[[], Any]]]:
        if self._decoders is None:
            self._decoders = {}
            records = self._records() if callable(self._records) else self._records
            for record in records:
                row = self._row_of.get(record_slice_key(record))
                if row is None:
                    continue
                for entry in record.plot_keys_and_values:
                    for key, decode in _plots_of(entry):
                        self._decoders.setdefault(key, {})[row] = decode
            self._records = ()
        return self._decoders

    def __getitem__(self, key: PlotKey) -> Array:
        decoders = self._index()[key]
        if key not in self._decoded:
            rows = np.empty(len(self._row_of), dtype=object)
            for row, decode in decoders.items():
                rows[row] = decode()
            self._decoded[key] = rows
        return self._decoded[key]

    def at(self, key: PlotKey, slice_key: SliceKey | CrossSliceKey) -> Any:
        """Returns the plot of one slice and decodes no other; None if it has none."""
        row = self._row_of[slice_key]
        if key in self._decoded:
            return self._decoded[key][row]
        decode = self._index()[key].get(row)
        return decode() if decode else None

    def __iter__(self) -> Iterator[PlotKey]:
        return iter(self._index())

    def __len__(self) -> int:
        return len(self._index())

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self.items()),)

    def __repr__(self) -> str:
        return f"LazyPlots({[str(key) for key in self]})"


# -------------------------------------------------------------------------------------------------
# Attributions


def attributions_records(table: MetricsTable) -> Iterator[pb.AttributionsForSlice]:
    """Yields one record per slice that has attributions."""
    for row, key in enumerate(table.slices):
        found = {name: rows[row] for name, rows in table.attributions.items()}
        if all(values is None for values in found.values()):
            continue
        record = pb.AttributionsForSlice(dataset=table.dataset)
        fill_any_slice_key(key, record)
        for name, values in found.items():
            if values is None:
                continue
            entry = record.attributions_keys_and_values.add(key=attributions_key_proto(name))
            for feature, value in values.items():
                if isinstance(value, (int, float, np.number)):
                    entry.values[feature].double_value.value = value
                else:
                    fill_value(value, entry.values[feature])
        yield record


def attributions_of(
    records: Iterable[pb.AttributionsForSlice], row_of: RowOf
) -> dict[MetricKey, Array]:
    """Returns the attributions of one dataset by key; records of other slices are left out."""
    found: dict[MetricKey, Array] = {}
    for record in records:
        row = row_of.get(record_slice_key(record))
        if row is None:
            continue
        for entry in record.attributions_keys_and_values:
            key = metric_key_of(entry.key)
            if key not in found:
                found[key] = np.empty(len(row_of), dtype=object)
            values = {feature: value_of(entry.values[feature]) for feature in sorted(entry.values)}
            found[key][row] = values
    return found
