"""Which slices a view shows: by a feature, or by a slicing spec.

A slicing spec is anything with `feature_keys` and `feature_values` (the config's own message, or
TFMA's), a mapping with these keys, or a slice key. None means the overall slice only where a view
shows one slice, and every slice where it shows many.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evaluator_component.errors import ResultError, did_you_mean
from evaluator_component.keys import OVERALL, CrossSliceKey, SliceKey, slice_name
from evaluator_component.metrics_table import MetricsTable

__all__ = ["find_slice", "matches", "select_slices"]

AnySlice = SliceKey | CrossSliceKey


def matches(key: AnySlice, slicing_spec: Any) -> bool:
    """Tells whether a slice is one that a slicing spec makes.

    Example:
        >>> matches((("hour", 7),), {"feature_keys": ["hour"]})
        True
        >>> matches((("hour", 7),), {"feature_values": {"hour": "8"}})
        False
    """
    if isinstance(key, CrossSliceKey):
        return False
    if isinstance(slicing_spec, tuple | list):
        return sorted(map(_pair_text, key)) == sorted(map(_pair_text, slicing_spec))
    keys, values = _parts(slicing_spec)
    if {feature for feature, _ in key} != set(keys) | set(values):
        return False
    return all(str(value) == values[feature] for feature, value in key if feature in values)


def _pair_text(pair: Any) -> tuple[str, str]:
    feature, value = pair
    return str(feature), str(value)


def _parts(slicing_spec: Any) -> tuple[list[str], dict[str, str]]:
    def read(name: str) -> Any:
        if isinstance(slicing_spec, Mapping):
            return slicing_spec.get(name)
        return getattr(slicing_spec, name, None)

    keys, values = read("feature_keys"), read("feature_values")
    if keys is None and values is None:
        # TFMA's SingleSliceSpec has its own names for the same things.
        keys, values = (
            getattr(slicing_spec, "_columns", None),
            dict(getattr(slicing_spec, "_features", None) or ()),
        )
    if isinstance(keys, str):
        keys = [keys]
    return list(keys or ()), {str(key): str(value) for key, value in dict(values or {}).items()}


def select_slices(
    table: MetricsTable, slicing_column: str | None, slicing_spec: Any
) -> MetricsTable:
    """Returns the table with the overall slice and the slices that are asked for.

    Raises:
        ResultError: when nothing is sliced so.
    """
    if not slicing_column and slicing_spec is None:
        return table
    spec = {"feature_keys": [slicing_column]} if slicing_column else slicing_spec
    rows = [row for row, key in enumerate(table.slices) if key == OVERALL or matches(key, spec)]
    if not any(table.slices[row] != OVERALL or matches(OVERALL, spec) for row in rows):
        features = {
            feature
            for key in table.slices
            if not isinstance(key, CrossSliceKey)
            for feature, _ in key
        }
        what = f"column {slicing_column!r}" if slicing_column else f"spec {_describe(slicing_spec)}"
        raise ResultError(f"no slices by {what} {did_you_mean(slicing_column or '', features)}")
    return table.take(rows)


def find_slice(table: MetricsTable, slicing_spec: Any) -> int:
    """Returns the row of the one slice that a slicing spec names; the overall one for None.

    Raises:
        ResultError: when it names no slice of the table, or several.
    """
    wanted = OVERALL if slicing_spec is None else slicing_spec
    rows = [row for row, key in enumerate(table.slices) if matches(key, wanted)]
    if len(rows) == 1:
        return rows[0]
    names = [slice_name(table.slices[row]) for row in rows] or table.names()
    problem = "names several slices" if rows else "names no slice"
    raise ResultError(
        f"slicing_spec {_describe(wanted)} {problem} {did_you_mean(_describe(wanted), names)}"
    )


def _describe(slicing_spec: Any) -> str:
    if isinstance(slicing_spec, tuple | list):
        return slice_name(tuple(slicing_spec))
    keys, values = _parts(slicing_spec)
    parts = [*(f"{name}=any" for name in keys), *(f"{k}={v}" for k, v in values.items())]
    return ", ".join(parts) or "Overall"
