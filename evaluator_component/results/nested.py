"""Results in the nested dicts that `EvalResult` of TensorFlow Model Analysis has.

::

    slicing_metrics  [(slice, {output: {sub key: {metric: {"doubleValue": 0.9}}}}), ...]
    plots            [(slice, {output: {sub key: {"confusionMatrixAtThresholds": {...}}}}), ...]
    attributions     [(slice, {output: {sub key: {metric: {feature: {"doubleValue": 1.5}}}}}), ...]

Sub keys are "", "classId:3", "k:1", "topK:2", "classId:3 topK:2". Where TensorFlow Model Analysis
gives two things one name and keeps the last, the others get names of their own here: of a metric
both weighted and not, the unweighted one ends in "_unweighted"; a plot of a kind that is taken
stands under its own name.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

from google.protobuf import json_format

from evaluator_component.keys import CrossSliceKey, MetricKey, SliceKey, SubKey
from evaluator_component.metrics_table import Column, MetricsTable
from evaluator_component.protos import metrics_for_slice_pb2 as pb
from evaluator_component.writers.key_protos import plot_key_of, record_slice_key
from evaluator_component.writers.plot_protos import plots_records
from evaluator_component.writers.value_protos import fill_array, fill_value

__all__ = [
    "SlicedAttributions",
    "SlicedMetrics",
    "SlicedPlots",
    "nested_attributions",
    "nested_metrics",
    "nested_plots",
    "sub_key_text",
    "text_names",
]

#: A slice as TensorFlow Model Analysis has it: a tuple, or a tuple of two for a pair of slices.
PlainSlice = Any
_WEIGHTED_SUFFIX = {True: "_weighted", None: "_default", False: "_unweighted"}


class SlicedMetrics(NamedTuple):
    """The metrics of one slice."""

    slice: PlainSlice
    metrics: dict[str, dict[str, dict[str, Any]]]


class SlicedPlots(NamedTuple):
    """The plots of one slice."""

    slice: PlainSlice
    plot: dict[str, dict[str, Any]]


class SlicedAttributions(NamedTuple):
    """The attributions of one slice."""

    slice: PlainSlice
    attributions: dict[str, dict[str, dict[str, Any]]]


def sub_key_text(sub_key: SubKey | None) -> str:
    """Returns a sub key as text.

    Example:
        >>> sub_key_text(SubKey(class_id=3, top_k=2)), sub_key_text(None)
        ('classId:3 topK:2', '')
    """
    if not sub_key:
        return ""
    parts = (("classId", sub_key.class_id), ("k", sub_key.k), ("topK", sub_key.top_k))
    return " ".join(f"{name}:{value}" for name, value in parts if value is not None)


def text_names(keys: Iterable[MetricKey]) -> dict[MetricKey, str]:
    """Returns the name of each metric among those of one model, output and sub key.

    Example:
        >>> keys = [MetricKey("auc", aggregation="macro"), MetricKey("auc", is_diff=True)]
        >>> list(text_names(keys).values())
        ['macro_average_auc', 'auc_diff']
    """
    keys = list(keys)
    kinds: dict[tuple[Any, ...], set[bool | None]] = {}
    for key in keys:
        kinds.setdefault(_without_weighting(key), set()).add(key.example_weighted)
    names = {}
    for key in keys:
        name = f"{key.aggregation}_average_{key.name}" if key.aggregation else key.name
        found = kinds[_without_weighting(key)]
        plain = next(kind for kind in (True, None, False) if kind in found)
        if key.example_weighted is not plain:
            name += _WEIGHTED_SUFFIX[key.example_weighted]
        names[key] = f"{name}_diff" if key.is_diff else name
    return names


def _without_weighting(key: MetricKey) -> tuple[Any, ...]:
    return (
        key.name,
        key.model_name,
        key.output_name,
        key.sub_key,
        key.aggregation,
        key.is_diff,
    )


def _plain_slice(key: SliceKey | CrossSliceKey) -> PlainSlice:
    return (key.baseline, key.comparison) if isinstance(key, CrossSliceKey) else key


def _of_model(key: MetricKey, model_name: str) -> bool:
    """Tells whether a result is of a model, or of none in particular."""
    return key.model_name in (model_name, "")


def nested_metrics(table: MetricsTable, model_name: str) -> list[SlicedMetrics]:
    """Returns the metrics of one model (and those of no model in particular), slice by slice."""
    keys = [key for key in table.columns if _of_model(key, model_name)]
    names = text_names(keys)
    places = [
        (key.output_name, sub_key_text(key.sub_key), names[key], table.columns[key]) for key in keys
    ]
    found = []
    for row, slice_key in enumerate(table.slices):
        metrics: dict[str, dict[str, dict[str, Any]]] = {}
        for output, sub_key, name, column in places:
            value = _value(column, row)
            if value is not None:
                metrics.setdefault(output, {}).setdefault(sub_key, {})[name] = value
        if slice_key in table.notes:
            error = {"debugMessage": table.notes[slice_key]}
            metrics.setdefault("", {}).setdefault("", {}).setdefault("__ERROR__", error)
        found.append(SlicedMetrics(_plain_slice(slice_key), metrics))
    return found


def _value(column: Column, row: int) -> dict[str, Any] | None:
    """Returns a value as the JSON of its proto; None where there is none."""
    if column.is_number:
        number = float(column.value[row])
        if column.lower is None or column.upper is None:
            return {"doubleValue": _json_number(number)}
        return {
            "boundedValue": {
                "lowerBound": _json_number(float(column.lower[row])),
                "upperBound": _json_number(float(column.upper[row])),
                "value": _json_number(number),
            }
        }
    value = column.value[row]
    if value is None:
        return None
    proto = pb.MetricValue()
    if column.value.dtype == object:
        fill_value(value, proto)
    else:
        fill_array(value, proto.array_value)
    converted: dict[str, Any] = json_format.MessageToDict(proto)
    return converted


def _json_number(number: float) -> float | str:
    """Returns a number as the JSON of protos has it: what is not finite becomes text."""
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else ("Infinity" if number > 0 else "-Infinity")


def nested_plots(table: MetricsTable, model_name: str) -> list[SlicedPlots]:
    """Returns the plots of one model (and those of no model in particular), slice by slice."""
    nested = []
    for record in plots_records(table):
        plots: dict[str, dict[str, Any]] = {}
        for entry in record.plot_keys_and_values:
            if entry.key.model_name not in (model_name, ""):
                continue
            sub_key = sub_key_text(plot_key_of(entry.key).sub_key)
            place = plots.setdefault(entry.key.output_name, {}).setdefault(sub_key, {})
            data = json_format.MessageToDict(entry.value)
            if len(data) > 1:
                data.pop("details", None)  # ours; the plot can do without
            if place.keys() & data.keys():
                place[entry.key.name or "default"] = data
            else:
                place.update(data)
        if plots:
            nested.append(SlicedPlots(_plain_slice(record_slice_key(record)), plots))
    return nested


def nested_attributions(table: MetricsTable, model_name: str) -> list[SlicedAttributions]:
    """Returns the attributions of one model, slice by slice."""
    keys = [key for key in table.attributions if _of_model(key, model_name)]
    names = text_names(keys)
    found = []
    for row, slice_key in enumerate(table.slices):
        nested: dict[str, dict[str, dict[str, Any]]] = {}
        for key in keys:
            values = table.attributions[key][row]
            if values is not None:
                place = nested.setdefault(key.output_name, {})
                place.setdefault(sub_key_text(key.sub_key), {})[names[key]] = {
                    feature: _attribution(value) for feature, value in values.items()
                }
        if nested:
            found.append(SlicedAttributions(_plain_slice(slice_key), nested))
    return found


def _attribution(value: Any) -> dict[str, Any]:
    if isinstance(value, float):
        return {"doubleValue": _json_number(value)}
    proto = pb.MetricValue()
    fill_value(value, proto)
    converted: dict[str, Any] = json_format.MessageToDict(proto)
    return converted
