"""Texts: rows of labels or predictions as Python strings, whatever column they come in.

Example:
    >>> texts(np.array([b"a", b"b"]), "labels")
    [['a'], ['b']]
"""

from __future__ import annotations

from typing import Any

import numpy as np

from evaluator_component.errors import MetricError

__all__ = ["one_text", "rows_of", "texts"]


def rows_of(column: Any, what: str) -> list[list[Any]]:
    """Returns the values of each row as a list: Arrow or NumPy column, one value or several.

    Bytes become strings; a missing value is an empty list.

    Raises:
        MetricError: when there is no column, or bytes are no UTF-8.
    """
    if column is None:
        raise MetricError(f"no {what} in the data")
    if isinstance(column, dict):
        raise MetricError(f"{what} have several entries {sorted(column)}: name one in the config")
    listed = column.tolist() if isinstance(column, np.ndarray) else column.to_pylist()
    return [[_decoded(value, what) for value in _flat(row)] for row in listed]


def _flat(row: Any) -> list[Any]:
    if row is None:
        return []
    if isinstance(row, np.ndarray):
        row = row.tolist()
    if not isinstance(row, (list, tuple)):
        return [row]
    return [value for part in row for value in _flat(part)]


def _decoded(value: Any, what: str) -> Any:
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise MetricError(f"{what} are not UTF-8 text, for example {value[:40]!r}") from error


def texts(column: Any, what: str) -> list[list[str]]:
    """Returns the texts of each row.

    Raises:
        MetricError: when a value is no text.
    """
    rows = rows_of(column, what)
    for row in rows:
        for value in row:
            if not isinstance(value, str):
                raise MetricError(f"{what} must be texts, found {value!r}")
    return rows


def one_text(column: Any, what: str) -> list[str]:
    """Returns the text of each row; a missing one is "".

    Raises:
        MetricError: when a row has several texts.
    """
    rows = texts(column, what)
    for row in rows:
        if len(row) > 1:
            raise MetricError(f"{what} must be one text per example, found {row[:3]!r}")
    return [row[0] if row else "" for row in rows]
