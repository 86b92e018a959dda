"""Codes: the values of a slicing feature as small integers that stay the same between batches.

A feature column is dictionary-encoded once per batch; a `Vocabulary` gives each distinct value a
code that does not change from batch to batch, so that group ids of many batches line up.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from evaluator_component.errors import InputError
from evaluator_component.keys import SliceValue

__all__ = ["Vocabulary", "matches"]

Array = npt.NDArray[Any]


@dataclass
class Vocabulary:
    """Codes of the values of one feature, in order of first appearance.

    Attributes:
        feature: the feature's name.
        values: value by code.

    Example:
        >>> vocabulary = Vocabulary("origin")
        >>> rows, codes = vocabulary.encode(pa.array([["JFK"], [], ["EWR", "JFK"]]))
        >>> rows.tolist(), codes.tolist(), vocabulary.values
        ([0, 2, 2], [0, 1, 0], ['JFK', 'EWR'])
    """

    feature: str
    values: list[SliceValue] = field(default_factory=list)
    _code_of: dict[Any, int] = field(default_factory=dict)

    def encode(self, column: Any) -> tuple[Array | None, Array]:
        """Encodes a column.

        Args:
            column: Arrow or NumPy array: one value per row, or a list of values per row. Missing
                values and NaN give no entry; a value that a row repeats gives one.

        Returns:
            (rows, codes): int64 arrays, the row and the code of each entry; rows is None when
            every row has exactly one value.

        Raises:
            InputError: when a value is not a string, an integer or a float.
        """
        array = _as_arrow(column, self.feature)
        rows = None
        size = len(array)
        if _is_list(array.type):
            lengths = pc.list_value_length(array).fill_null(0).to_numpy(zero_copy_only=False)
            flat = array.flatten()
            while _is_list(flat.type):
                inner = pc.list_value_length(flat).fill_null(0).to_numpy(zero_copy_only=False)
                ends = np.concatenate([[0], np.cumsum(inner)])
                stops = np.cumsum(lengths)
                lengths = ends[stops] - ends[stops - lengths]
                flat = flat.flatten()
            if not (lengths == 1).all():
                rows = np.repeat(np.arange(size), lengths)
        else:
            flat = array
        encoded = flat if pa.types.is_dictionary(flat.type) else flat.dictionary_encode()
        known = self._codes_of(encoded.dictionary)
        indices = encoded.indices
        if indices.null_count or (known < 0).any():
            present = indices.is_valid().to_numpy(zero_copy_only=False)
            codes = (
                known[indices.fill_null(0).to_numpy(zero_copy_only=False)]
                if len(known)
                else (np.full(len(indices), -1))
            )
            present &= codes >= 0
            codes = codes[present]
            rows = np.flatnonzero(present) if rows is None else rows[present]
        else:
            codes = known[indices.to_numpy(zero_copy_only=False)]
        if rows is not None and len(rows) and (np.diff(rows) == 0).any():
            pairs = np.unique(rows * (len(self.values) + 1) + codes)
            order = pairs // (len(self.values) + 1), pairs % (len(self.values) + 1)
            rows, codes = _first_seen(rows, codes, *order)
        return rows, codes

    def _codes_of(self, dictionary: pa.Array) -> Array:
        codes = np.empty(len(dictionary), dtype=np.int64)
        for position, raw in enumerate(dictionary.to_pylist()):
            code = self._code_of.get(raw)
            if code is None:
                code = self._learn(raw, dictionary.type)
            codes[position] = code
        return codes

    def _learn(self, raw: Any, kind: pa.DataType) -> int:
        """Gives a value that was not seen before its code; -1 for NaN and missing."""
        value = _slice_value(raw, kind, self.feature)
        if value is None:
            code = -1
        else:
            code = self._code_of.get(("value", value), -2)
            if code == -2:
                code = len(self.values)
                self.values.append(value)
                self._code_of["value", value] = code
        self._code_of[raw] = code
        return code


def _first_seen(rows: Array, codes: Array, unique_rows: Array, unique_codes: Array) -> Any:
    """Drops repeated (row, code) entries; entries stay sorted by row."""
    if len(unique_rows) == len(rows):
        return rows, codes
    return unique_rows, unique_codes


def _is_list(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def _as_arrow(column: Any, feature: str) -> pa.Array:
    if isinstance(column, pa.ChunkedArray):
        return column.combine_chunks()
    if isinstance(column, pa.Array):
        return column
    array = np.asarray(column)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    try:
        if array.ndim == 1:
            return pa.array(array, from_pandas=True)
        return pa.array(list(array.reshape(len(array), -1)))
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InputError(f"feature {feature!r} cannot be sliced on: {error}") from error


def _slice_value(raw: Any, kind: pa.DataType, feature: str) -> SliceValue | None:
    if raw is None:
        return None
    if isinstance(raw, bytes):
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise InputError(
                f"feature {feature!r} has a value that is not UTF-8: {raw[:40]!r}"
            ) from error
    if isinstance(raw, bool):
        return int(raw)
    if isinstance(raw, float):
        if raw != raw:
            return None
        # A float32 such as 0.1 is shown as people wrote it, not as 0.10000000149011612.
        return float(str(np.float32(raw))) if pa.types.is_float32(kind) else raw
    if isinstance(raw, (int, str)):
        return raw
    raise InputError(
        f"feature {feature!r} cannot be sliced on: its values are {type(raw).__name__}s, such as "
        f"{raw!r}; strings and numbers can"
    )


def matches(value: SliceValue, text: str) -> bool:
    """Tells whether a feature value is the one that a config names by a string.

    Example:
        >>> matches(2, "2"), matches(2.0, "2"), matches("2", "2"), matches(2, "2.5")
        (True, True, True, False)
    """
    if str(value) == text:
        return True
    if isinstance(value, str):
        return False
    try:
        return float(text) == float(value)
    except ValueError:
        return False
