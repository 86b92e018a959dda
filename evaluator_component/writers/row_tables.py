"""Batches of extracts as tables, one column per leaf; and joining such tables.

A leaf inside dicts is called by its path: `features.origin`, `predictions.candidate`. Slice keys
become lists of slice names.

Example:
    >>> flat_table({"features": {"hour": pa.array([7, 8])}, "labels": np.array([0.0, 1.0])})
    pyarrow.Table
    features.hour: int64
    labels: double
    ----
    features.hour: [[7,8]]
    labels: [[0,1]]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from evaluator_component.groups import Groups
from evaluator_component.keys import slice_name

__all__ = ["flat_table", "join_tables"]


def join_tables(tables: Sequence[pa.Table]) -> pa.Table:
    """Stacks tables that may differ in columns, and in the type of columns without values."""
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except TypeError:  # pyarrow before 14
        return pa.concat_tables(tables, promote=True)


def flat_table(extracts: Mapping[str, Any]) -> pa.Table:
    """Returns a batch of extracts as a table with a column for each leaf; None is left out."""
    columns = dict(_leaves("", extracts))
    return pa.table(columns)


def _leaves(path: str, value: Any) -> Iterator[tuple[str, pa.Array]]:
    if isinstance(value, Mapping):
        for name, child in value.items():
            yield from _leaves(f"{path}.{name}" if path else str(name), child)
    elif isinstance(value, Groups):
        yield path, _slice_names(value)
    elif value is not None:
        yield path, _arrow(value)


def _arrow(column: Any) -> pa.Array:
    if isinstance(column, pa.ChunkedArray):
        return column.combine_chunks()
    if isinstance(column, pa.Array):
        return column
    array = np.asarray(column)
    if array.ndim <= 1:
        return pa.array(array.tolist() if array.dtype == object else array)
    inner = _arrow(array.reshape(array.shape[0] * array.shape[1], *array.shape[2:]))
    return pa.FixedSizeListArray.from_arrays(inner, array.shape[1])


def _slice_names(groups: Groups) -> pa.Array:
    """Returns the names of the slices that each row is in."""
    names = [slice_name(key) for key in groups.keys] or [str(i) for i in range(groups.count)]
    rows = [np.zeros(0, dtype=np.int64)]
    ids = [np.zeros(0, dtype=np.int64)]
    for membership in groups.memberships:
        ids.append(membership.ids)
        own = np.arange(len(membership.ids)) if membership.rows is None else membership.rows
        rows.append(own)
    row, group = np.concatenate(rows), np.concatenate(ids)
    order = np.argsort(row, kind="stable")
    offsets = np.searchsorted(row[order], np.arange(groups.size + 1))
    values = pa.array(names, pa.string()).take(pa.array(group[order]))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)
