"""Arrow columns -> dense arrays of the shape and type that a model takes.

Vocabulary:
    TensorInfo: name, type and shape of a model's input or output; the first dimension is the batch.
    default: what stands for a missing value. Float inputs get NaN and strings get "", unless told
        otherwise; a missing integer has no harmless stand-in and is an error.

Example:
    >>> import pyarrow as pa
    >>> info = TensorInfo("hour", "float32", (None, 1))
    >>> dense(pa.array([[7], None, []]), info).tolist()
    [[7.0], [nan], [nan]]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.errors import ModelError
from evaluator_component.inputs.arrow_types import is_bytes, is_list, is_text

__all__ = ["TensorInfo", "dense", "serialized"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class TensorInfo:
    """Name, type and shape of a model's input or output.

    Attributes:
        name: the model's name for it.
        dtype: NumPy's name of the type, or "string".
        shape: sizes; None for an unknown one. The shape itself is None where the rank is unknown.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None = None

    def __str__(self) -> str:
        if self.shape is None:
            return f"{self.name}: {self.dtype}"
        sizes = ", ".join("?" if size is None else str(size) for size in self.shape)
        return f"{self.name}: {self.dtype} ({sizes})"

    @property
    def width(self) -> int | None:
        """Values per example; None where it may vary."""
        inner = (self.shape or (None,))[1:]
        return None if None in inner else int(np.prod(inner, dtype=np.int64))


def serialized(records: Any) -> Array:
    """Returns serialized records (an Arrow binary array) as an array of bytes objects."""
    if isinstance(records, np.ndarray):
        return records
    return np.asarray(records.to_numpy(zero_copy_only=False), dtype=object)


def dense(column: Any, info: TensorInfo, default: Any = None) -> Array:
    """Returns a column as the array that an input takes.

    Args:
        column: an Arrow array, flat or of lists, or a NumPy array.
        info: the input.
        default: stands for missing values; None: NaN for floats, "" for strings.

    Returns:
        An array of the input's type and rank.

    Raises:
        ModelError: values are missing that have no default, there are too many of them, or they
            are of a type that does not fit.
    """
    values, lengths = _flat(column)
    values = _typed(values, info)
    rows = len(column)
    width = info.width
    if lengths is None:
        counts_fit = True
    elif width is None:
        width = max(1, int(lengths.max(initial=0)))
        counts_fit = bool((lengths == width).all())
    else:
        counts_fit = bool((lengths == width).all())
    if not counts_fit:
        values = _padded(values, lengths, int(width or 1), info, default)
    values = _filled(values, info, default)
    return _shaped(values, rows, info)


def _flat(column: Any) -> tuple[Any, Any]:
    """Returns the values of a column one after the other, and how many each row has."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(column, np.ndarray):
        return column, None
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    lengths = None
    while is_list(kind):
        inner = np.asarray(pc.list_value_length(column).fill_null(0), dtype=np.int64)
        if lengths is None:
            lengths = inner
        else:  # values of nested lists count for the outermost row
            ends = np.concatenate([[0], np.cumsum(inner)])
            stops = np.cumsum(lengths)
            lengths = ends[stops] - ends[stops - lengths]
        column = column.flatten()
        kind = column.type
    return column, lengths


def _typed(values: Any, info: TensorInfo) -> Any:
    """Returns values as NumPy; missing ones become None (strings) or a mask (numbers)."""
    import pyarrow as pa

    if isinstance(values, np.ndarray):
        if info.dtype == "string" and values.dtype.kind == "U":
            return np.char.encode(values, "utf-8").astype(object)
        return values
    kind = values.type
    textual = is_text(kind)
    binary = textual or is_bytes(kind)
    if pa.types.is_null(kind):
        return np.ma.masked_all(len(values), dtype=object if info.dtype == "string" else np.float64)
    if (info.dtype == "string") != binary:
        raise ModelError(f"input {info.name!r} takes {info.dtype} values, the column has {kind}")
    if binary:
        values = values.cast(pa.large_binary()) if textual else values
        array = np.asarray(values.to_numpy(zero_copy_only=False), dtype=object)
        if not values.null_count:
            return array
        return np.ma.masked_array(array, mask=np.asarray(values.is_null()))
    if not values.null_count:
        return values.to_numpy(zero_copy_only=False)
    zero = False if pa.types.is_boolean(kind) else 0
    filled = values.fill_null(zero).to_numpy(zero_copy_only=False)
    return np.ma.masked_array(filled, mask=np.asarray(values.is_null()))


def _padded(values: Any, lengths: Array, width: int, info: TensorInfo, default: Any) -> Any:
    most = int(lengths.max(initial=0))
    if most > width:
        raise ModelError(
            f"input {info.name!r} takes {width} value{'s' if width > 1 else ''} per example, "
            f"the column has up to {most}"
        )
    shaped = np.ma.masked_all((len(lengths), width), dtype=values.dtype)
    row = np.repeat(np.arange(len(lengths)), lengths)
    place = np.arange(len(values)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    shaped[row, place] = values
    return shaped.reshape(-1)


def _filled(values: Any, info: TensorInfo, default: Any) -> Array:
    wanted = np.dtype(object) if info.dtype == "string" else _numpy_type(info.dtype)
    missing = isinstance(values, np.ma.MaskedArray) and bool(np.ma.getmaskarray(values).any())
    if missing:
        if default is None:
            default = _default(info, int(np.ma.getmaskarray(values).sum()))
        mask = np.ma.getmaskarray(values)
        array = np.asarray(values.data).astype(wanted)
        array[mask] = default.encode() if isinstance(default, str) else default
        return array
    array = np.asarray(values)
    if array.dtype == wanted:
        return array
    if wanted.kind in "iub" and array.dtype.kind == "f" and not (array == np.floor(array)).all():
        raise ModelError(f"input {info.name!r} takes {info.dtype}, the column has fractions")
    return array.astype(wanted)


def _default(info: TensorInfo, count: int) -> Any:
    if info.dtype == "string":
        return b""
    if _numpy_type(info.dtype).kind == "f":
        return np.nan
    raise ModelError(
        f"input {info.name!r} is missing in {count} example{'s' if count > 1 else ''} and has no "
        f"default; give one, such as defaults={{{info.name!r}: 0}}"
    )


def _numpy_type(name: str) -> np.dtype[Any]:
    if name == "bfloat16":
        import ml_dtypes

        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(name)


def _shaped(values: Array, rows: int, info: TensorInfo) -> Array:
    if info.shape is None:
        return values if values.ndim > 1 or len(values) == rows else values.reshape(rows, -1)
    inner = [-1 if size is None else size for size in info.shape[1:]]
    if inner.count(-1) > 1:
        return values.reshape(rows, -1) if values.ndim == 1 else values
    if rows == 0:
        return values.reshape(0, *(1 if size < 0 else size for size in inner))
    return values.reshape(rows, *inner)
