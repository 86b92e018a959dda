"""Turns metrics tables into columns of JSON: one list per column, rounded, without NaN.

A vector metric (one value per threshold) becomes several columns, told apart by their `part`.
Structured values (matrices, texts) are no columns; they are kept as short texts in `others`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from evaluator_component.keys import CrossSliceKey, MetricKey, SliceKey, SubKey, slice_name
from evaluator_component.metrics_table import Column, MetricsTable
from evaluator_component.views.encoding import dumps, jsonable, numbers

__all__ = ["column_identity", "dataset_payload", "slice_pairs"]

#: Vector metrics longer than this show their first entries only.
MAX_PARTS = 24
#: How much text of structured values one dataset may carry, in characters.
MAX_OTHER_TEXT = 200_000


def dataset_payload(table: MetricsTable, omitted: list[str]) -> dict[str, Any]:
    """Returns one dataset as JSON: slices, columns of numbers, structured values.

    Args:
        table: the metrics of every slice.
        omitted: sentences about what was left out are added here.
    """
    return {
        "name": table.dataset,
        "slices": {
            "names": table.names(),
            "pairs": [slice_pairs(key) for key in table.slices],
            "examples": numbers(table.examples),
            "weights": numbers(table.weights),
            "notes": {str(table.row_of[key]): str(note) for key, note in table.notes.items()},
        },
        "columns": list(_number_columns(table, omitted)),
        "others": list(_other_columns(table, omitted)),
        "attributions": _attribution_columns(table),
    }


def slice_pairs(key: SliceKey | CrossSliceKey) -> list[list[str]] | None:
    """Returns the (feature, value) pairs of a slice as texts; None for a comparison of two slices.

    Example:
        >>> slice_pairs((("hour", 7),))
        [['hour', '7']]
    """
    if isinstance(key, CrossSliceKey):
        return None
    return [[feature, str(value)] for feature, value in key]


def column_identity(key: MetricKey) -> dict[str, Any]:
    """Returns what names a column, part by part, as JSON."""
    return {
        "metric": key.name,
        "model": key.model_name,
        "output": key.output_name,
        "sub": _sub_name(key.sub_key, key.aggregation),
        "class_id": key.sub_key.class_id if key.sub_key else None,
        "weighted": key.example_weighted,
        "diff": key.is_diff,
    }


def _sub_name(sub_key: SubKey | None, aggregation: str | None) -> str:
    return " ".join(part for part in (aggregation or "", str(sub_key or "")) if part)


def _number_columns(table: MetricsTable, omitted: list[str]) -> Iterator[dict[str, Any]]:
    for key, column in table.columns.items():
        if column.value.dtype == object or column.value.ndim > 2:
            continue
        if column.is_number:
            yield _number_column(key, column, "", None)
            continue
        count = column.value.shape[1]
        if count > MAX_PARTS:
            omitted.append(f"{key}: {count - MAX_PARTS} of its {count} values per slice")
        for part in range(min(count, MAX_PARTS)):
            label = column.labels[part] if part < len(column.labels) else str(part)
            yield _number_column(key, column, str(label), part)


def _number_column(key: MetricKey, column: Column, label: str, part: int | None) -> dict[str, Any]:
    def pick(array: Any) -> Any:
        return array if part is None else array[:, part]

    payload = {
        **column_identity(key),
        "part": label,
        "direction": column.direction,
        "value": numbers(pick(column.value)),
    }
    if column.lower is not None and column.upper is not None:
        payload["lower"] = numbers(pick(column.lower), digits=5)
        payload["upper"] = numbers(pick(column.upper), digits=5)
        payload["level"] = column.confidence_level
        payload["resampling"] = column.resampling
    return payload


def _other_columns(table: MetricsTable, omitted: list[str]) -> Iterator[dict[str, Any]]:
    budget = MAX_OTHER_TEXT
    for key, column in table.columns.items():
        if column.value.dtype != object and column.value.ndim <= 2:
            continue
        rows: dict[str, str] = {}
        for row, value in enumerate(column.value):
            if value is None:
                continue
            text = value if isinstance(value, str) else dumps(jsonable(value))
            text = text if len(text) <= 600 else text[:599] + "…"
            if budget < len(text):
                omitted.append(f"{key}: structured values of {len(column.value) - row:,} slices")
                break
            budget -= len(text)
            rows[str(row)] = text
        yield {**column_identity(key), "rows": rows}


def _attribution_columns(table: MetricsTable) -> list[dict[str, Any]]:
    columns = []
    for key, values in table.attributions.items():
        rows = {}
        for row, by_feature in enumerate(values):
            if not by_feature:
                continue
            ranked = sorted(by_feature.items(), key=lambda item: -abs(np.nan_to_num(item[1])))[:50]
            rows[str(row)] = {
                "feature": [str(feature) for feature, _ in ranked],
                "value": numbers([float(value) for _, value in ranked]),
            }
        columns.append({**column_identity(key), "rows": rows})
    return columns


def named(key: SliceKey | CrossSliceKey | str) -> str:
    """Returns a slice's readable name, whether given by its key or by its name."""
    return key if isinstance(key, str) else slice_name(key)
