"""A number for every example that depends on its content only.

The same example has the same id whatever file, batch or worker it is in; resampling draws its
weights from it, so that a run can be repeated on other machines. Records are told apart by the
checksum that their file already holds, rows of tables by a hash of their columns.

Example:
    >>> splitmix64(np.array([0, 1], np.uint64)).tolist()
    [16294208416658607535, 10451216379200822465]
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.inputs.arrow_types import is_list

__all__ = ["column_hash", "placed_ids", "record_ids", "row_ids", "splitmix64"]

Ids = npt.NDArray[np.uint64]

_NULL = np.uint64(0x9E6C63D0876A9A47)
_EXACT = 2**53


def splitmix64(values: Ids) -> Ids:
    """Mixes each 64-bit number into another: a bijection whose output looks random.

    Args:
        values: uint64 (n,).

    Returns:
        uint64 (n,).
    """
    z = values + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def record_ids(checksums: npt.NDArray[np.uint32], lengths: npt.NDArray[Any]) -> Ids:
    """Returns the ids of records from their CRC32C checksums and lengths."""
    return splitmix64(checksums.astype(np.uint64) | (lengths.astype(np.uint64) << np.uint64(32)))


def placed_ids(ids: Ids, file: str, offsets: npt.NDArray[Any]) -> Ids:
    """Returns ids that also depend on the file's name (without its folder) and the row's place.

    Rows of the same content then have different ids.
    """
    salt = np.uint64(zlib.crc32(file.rstrip("/").rpartition("/")[2].encode()))
    return splitmix64(ids ^ splitmix64(offsets.astype(np.uint64) ^ (salt << np.uint64(32))))


def row_ids(columns: Mapping[str, Any], rows: int, names: Iterable[str] | None = None) -> Ids:
    """Returns the ids of a table's rows: a hash over columns, in any order of the columns.

    A null and an absent column count the same; so do 1 and 1.0.

    Args:
        columns: Arrow arrays by name.
        rows: their length.
        names: the columns to look at; None for all.

    Returns:
        uint64 (rows,).
    """
    total = np.zeros(rows, np.uint64)
    for name in columns if names is None else names:
        if name not in columns:
            continue
        salt = np.uint64(zlib.crc32(name.encode()))
        hashed, valid = column_hash(columns[name])
        total += np.where(valid, splitmix64(hashed ^ (salt << np.uint64(17))), np.uint64(0))
    return splitmix64(total)


def column_hash(column: Any) -> tuple[Ids, npt.NDArray[np.bool_]]:
    """Hashes an Arrow array's values.

    Returns:
        uint64 (n,) hashes, and which rows are not null.
    """
    import pyarrow as pa

    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    kind = column.type
    valid = np.asarray(column.is_valid())
    if pa.types.is_null(kind):
        return np.zeros(len(column), np.uint64), valid
    if pa.types.is_dictionary(kind):
        hashed, _ = column_hash(column.dictionary)
        codes = np.asarray(column.indices.fill_null(0), dtype=np.int64)
        return (hashed[codes] if len(hashed) else np.zeros(len(column), np.uint64)), valid
    if is_list(kind):
        return _list_hash(column), valid
    if pa.types.is_struct(kind):
        parts = {kind.field(i).name: column.field(i) for i in range(kind.num_fields)}
        return row_ids(parts, len(column)), valid
    return _flat_hash(column), valid


def _list_hash(column: Any) -> Ids:
    import pyarrow.compute as pc

    lengths = np.asarray(pc.list_value_length(column).fill_null(0), dtype=np.int64)
    hashed, valid = column_hash(column.flatten())
    hashed = np.where(valid, hashed, _NULL)
    ends = np.cumsum(lengths)
    place = np.arange(len(hashed)) - np.repeat(ends - lengths, lengths)
    mixed = splitmix64(hashed + place.astype(np.uint64))
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(mixed, dtype=np.uint64)])
    return sums[ends] - sums[ends - lengths] + lengths.astype(np.uint64)


def _flat_hash(column: Any) -> Ids:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_boolean(kind):
        column = column.cast(pa.int64())
        kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        values = np.asarray(column.fill_null(0))
        exact = values.astype(np.float64) + 0.0  # -0.0 becomes 0.0
        bits = np.where(np.isnan(exact), np.float64("nan"), exact).view(np.uint64)
        if pa.types.is_integer(kind):
            wide = np.abs(exact) >= _EXACT
            bits = np.where(wide, values.astype(np.uint64), bits)
        return bits
    if pa.types.is_temporal(kind) or pa.types.is_decimal(kind):
        column = column.cast(pa.string())
    coded = column.dictionary_encode()
    # Text and bytes of the same content hash alike.
    words = (value.encode() if isinstance(value, str) else value for value in _values(coded))
    hashed = np.fromiter((_bytes_hash(word) for word in words), np.uint64, len(coded.dictionary))
    codes = np.asarray(coded.indices.fill_null(0), dtype=np.int64)
    return hashed[codes] if len(hashed) else np.zeros(len(column), np.uint64)


def _values(coded: Any) -> list[Any]:
    return coded.dictionary.to_pylist()


def _bytes_hash(word: bytes) -> int:
    from google_crc32c import value

    return (len(word) << 32 | value(word)) & 0xFFFFFFFFFFFFFFFF
