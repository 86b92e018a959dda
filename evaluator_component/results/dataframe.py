"""Metrics and plots as data frames with the columns of TensorFlow Model Analysis' `dataframe`.

Columns have two levels: ("slices", feature), ("metric_keys" or "plot_keys", part of the key),
("metric_values" or "plot_data", field). For new code `EvalResult.to_frame` is simpler.

Unlike there, slice values are text and not bytes, pairs of slices are told from the overall slice
(columns "baseline_slice" and "comparison_slice"), intervals stand in columns
("confidence_interval", ...), and no kind of value is refused.

Synopsis::

    frames = metrics_as_dataframes(load_metrics("out/"))
    auto_pivot(frames.double_value)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any

from google.protobuf import wrappers_pb2
from google.protobuf.message import Message

from evaluator_component.errors import ResultError
from evaluator_component.keys import CrossSliceKey, slice_name
from evaluator_component.protos import metrics_for_slice_pb2 as pb
from evaluator_component.writers.key_protos import record_slice_key
from evaluator_component.writers.matrix_protos import decode_table

__all__ = [
    "MetricsDataFrames",
    "PlotsDataFrames",
    "auto_pivot",
    "metrics_as_dataframes",
    "plots_as_dataframes",
]

_WRAPPERS = (
    wrappers_pb2.BoolValue,
    wrappers_pb2.BytesValue,
    wrappers_pb2.DoubleValue,
    wrappers_pb2.FloatValue,
    wrappers_pb2.Int32Value,
    wrappers_pb2.Int64Value,
    wrappers_pb2.StringValue,
)
_SLICES = "slices"
_OVERALL = "Overall"
_STRINGIFIED = "stringified_slices"


@dataclass(frozen=True)
class MetricsDataFrames:
    """One DataFrame per kind of metric value; None where there is none of the kind."""

    double_value: Any = None
    confusion_matrix_at_thresholds: Any = None
    multi_class_confusion_matrix_at_thresholds: Any = None
    bytes_value: Any = None
    array_value: Any = None
    bounded_value: Any = None
    value_at_cutoffs: Any = None
    t_distribution_value: Any = None
    unknown_type: Any = None
    debug_message: Any = None
    table: Any = None


@dataclass(frozen=True)
class PlotsDataFrames:
    """One DataFrame per kind of plot; None where there is none of the kind."""

    calibration_histogram_buckets: Any = None
    confusion_matrix_at_thresholds: Any = None
    multi_class_confusion_matrix_at_thresholds: Any = None
    multi_label_confusion_matrix_at_thresholds: Any = None
    debug_message: Any = None
    table: Any = None


def metrics_as_dataframes(
    metrics: Iterable[pb.MetricsForSlice] | str, *, include_empty_columns: bool = False
) -> MetricsDataFrames:
    """Returns metrics as data frames, one per kind of value.

    Args:
        metrics: protos, from `load_metrics`, or a result folder.
        include_empty_columns: keep columns of parts of keys that are nowhere set.
    """
    if isinstance(metrics, str):
        from evaluator_component.results.records import load_metrics

        metrics = load_metrics(metrics)
    rows = _Rows("metric_keys", "metric_values", include_empty_columns)
    for record in metrics:
        slices = _slices(record)
        for entry in record.metric_keys_and_values:
            kind = entry.value.WhichOneof("type")
            if kind:
                rows.add(kind, slices, entry, _leaves_of(entry.value, kind), _interval(entry, kind))
    return MetricsDataFrames(**rows.frames())


def plots_as_dataframes(
    plots: Iterable[pb.PlotsForSlice] | str, *, include_empty_columns: bool = False
) -> PlotsDataFrames:
    """Returns plots as data frames, one per kind of plot.

    Args:
        plots: protos, from `load_plots`, or a result folder.
        include_empty_columns: keep columns of parts of keys that are nowhere set.
    """
    if isinstance(plots, str):
        from evaluator_component.results.records import load_plots

        plots = load_plots(plots)
    rows = _Rows("plot_keys", "plot_data", include_empty_columns)
    known = {each.name for each in fields(PlotsDataFrames)}
    for record in plots:
        slices = _slices(record)
        for entry in record.plot_keys_and_values:
            for field, _ in entry.value.ListFields():
                if field.name in known:
                    rows.add(field.name, slices, entry, _leaves_of(entry.value, field.name), {})
    return PlotsDataFrames(**rows.frames())


class _Rows:
    """Rows of data frames, by kind of value."""

    def __init__(self, keys: str, values: str, include_empty: bool) -> None:
        self._levels = (_SLICES, keys, values, "confidence_interval")
        self._include_empty = include_empty
        self._found: dict[str, tuple[list[Any], ...]] = {}
        self._keys: dict[bytes, dict[str, Any]] = {}

    def add(
        self,
        kind: str,
        slices: dict[str, Any],
        entry: Any,
        leaves: list[dict[str, Any]],
        interval: dict[str, Any],
    ) -> None:
        """Adds the rows of one metric or plot of one slice."""
        encoded = entry.key.SerializeToString()
        if encoded not in self._keys:
            self._keys[encoded] = dict(_key_parts(entry.key, self._include_empty))
        parts = self._found.setdefault(kind, ([], [], [], []))
        for leaf in leaves:
            for part, cells in zip(
                parts, (slices, self._keys[encoded], leaf, interval), strict=True
            ):
                part.append(cells)

    def frames(self) -> dict[str, Any]:
        """Returns a DataFrame by kind."""
        import pandas as pd

        frames = {}
        for kind, parts in self._found.items():
            named = {
                level: frame
                for level, part in zip(self._levels, parts, strict=True)
                if len((frame := pd.DataFrame(part)).columns)
            }
            frames[kind] = pd.concat(named, axis=1)
        return frames


def _slices(record: Any) -> dict[str, Any]:
    key = record_slice_key(record)
    if isinstance(key, CrossSliceKey):
        return {
            "baseline_slice": slice_name(key.baseline),
            "comparison_slice": slice_name(key.comparison),
        }
    return dict(key) or {_OVERALL: ""}


def _key_parts(key: Message, include_empty: bool) -> Iterator[tuple[str, Any]]:
    for field in key.DESCRIPTOR.fields:
        value = getattr(key, field.name)
        if not isinstance(value, Message):
            yield field.name, value
        elif not key.HasField(field.name):
            if include_empty:
                yield field.name, None
        elif isinstance(value, _WRAPPERS):
            yield field.name, value.value
        else:
            yield from _key_parts(value, include_empty)


def _interval(entry: Any, kind: str) -> dict[str, Any]:
    """Returns the interval of a number."""
    if kind != "double_value" or not entry.HasField("confidence_interval"):
        return {}
    interval = entry.confidence_interval
    found = {
        name: getattr(interval, name).double_value.value
        for name in ("lower_bound", "upper_bound", "standard_error")
        if interval.HasField(name)
    }
    if interval.HasField("degrees_of_freedom"):
        found["degrees_of_freedom"] = interval.degrees_of_freedom.value
    return found


def _leaves_of(value: Any, field: str) -> list[dict[str, Any]]:
    """Returns the rows of one field of a value or plot."""
    held = getattr(value, field)
    if isinstance(held, pb.Table):
        columns = decode_table(held)
        names = list(columns)
        return [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    if isinstance(held, _WRAPPERS):
        return [{field: held.value}]
    return _leaves(held) if isinstance(held, Message) else [{field: held}]


def _leaves(message: Message) -> list[dict[str, Any]]:
    """Returns a message as flat rows: its own fields, repeated for every repeated part."""
    own: dict[str, Any] = {}
    repeated = []
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if isinstance(value, Message):
            if not message.HasField(field.name):
                continue
            if isinstance(value, _WRAPPERS):
                own[field.name] = value.value
            else:
                (own_part,) = _leaves(value)[:1]
                own |= own_part
        elif hasattr(value, "__len__") and not isinstance(value, (str, bytes)):
            if field.name == "shape":
                own[field.name] = tuple(value)
            elif len(value):
                repeated.append((field.name, value))
        else:
            own[field.name] = value
    rows = [own]
    for name, items in repeated:
        parts = [
            part
            for item in items
            for part in (_leaves(item) if isinstance(item, Message) else [{name: item}])
        ]
        rows = [{**row, **part} for row in rows for part in parts]
    return rows


def auto_pivot(
    frame: Any, stringify_slices: bool = True, collapse_column_names: bool = True
) -> Any:
    """Turns a data frame of metrics or plots into one with a row per slice.

    Parts of the keys that differ from metric to metric become columns.

    Args:
        frame: one of those that `metrics_as_dataframes` or `plots_as_dataframes` give.
        stringify_slices: name slices "feature:value; feature:value" in one index.
        collapse_column_names: drop levels of the columns that have one value only.

    Raises:
        ResultError: it is no such data frame.
    """
    import pandas as pd

    levels = list(dict.fromkeys(frame.columns.get_level_values(0)))
    keys = next((name for name in ("metric_keys", "plot_keys") if name in levels), None)
    values = next((name for name in ("metric_values", "plot_data") if name in levels), None)
    if _SLICES not in levels or keys is None or values is None:
        raise ResultError(f"auto_pivot: not a data frame of metrics or plots (columns {levels})")
    flat = frame[[keys, values]].copy()
    if stringify_slices:
        index = [_SLICES]
        flat[_SLICES] = _stringified(frame[_SLICES])
    else:
        index = [(_SLICES, name) for name in frame[_SLICES].columns]
        flat = pd.concat([frame[[_SLICES]], flat], axis=1)
    flat.columns = pd.Index([_flat_name(column) for column in flat.columns], tupleize_cols=False)
    distinct = frame[keys].astype(object).where(frame[keys].notna(), None).nunique(dropna=False)
    varying = sorted(
        (name for name, count in distinct.items() if count > 1),
        key=lambda name: (-distinct[name], name),
    )
    columns = [(keys, name) for name in varying]
    wide = _pivot(flat, index, columns, [(values, name) for name in frame[values].columns])
    if collapse_column_names and isinstance(wide.columns, pd.MultiIndex):
        single = [
            level
            for level in range(wide.columns.nlevels)
            if wide.columns.get_level_values(level).nunique(dropna=False) == 1
        ]
        if len(single) == wide.columns.nlevels:
            single = single[:-1]
        wide.columns = wide.columns.droplevel(single)
    return wide


def _flat_name(column: Any) -> Any:
    return _SLICES if column == (_SLICES, "") else column


def _pivot(flat: Any, index: list[Any], columns: list[Any], values: list[Any]) -> Any:
    """Moves key columns into the columns of the result; points of a plot stay rows."""
    import pandas as pd

    point = flat.groupby([*index, *columns], dropna=False, sort=False).cumcount()
    flat = flat.assign(_point=point)
    several = bool(point.max()) if len(point) else False
    rows = [*index, "_point"]
    parts = {}
    groups = flat.groupby(columns, dropna=False, sort=False) if columns else [((), flat)]
    for key, group in groups:
        indexed = group.set_index(rows)
        for value in values:
            parts[(value[1], *(key if isinstance(key, tuple) else (key,)))] = indexed[value]
    wide = pd.DataFrame(parts)
    wide.columns = pd.MultiIndex.from_tuples(
        list(parts), names=[None, *(name for _, name in columns)]
    )
    wide = wide.sort_index()
    return wide if several else wide.droplevel("_point")


def _stringified(slices: Any) -> list[str]:
    """Returns the names of slices: "feature:value; feature:value"."""
    import pandas as pd

    names = list(slices.columns)
    return [
        "; ".join(
            f"{name}:{value}" for name, value in zip(names, row, strict=True) if pd.notna(value)
        )
        for row in slices.astype(object).itertuples(index=False, name=None)
    ]
