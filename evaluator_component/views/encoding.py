"""Turns Python and NumPy values into JSON that a browser reads, and packs it small.

JSON has no NaN and no infinity: an undefined number becomes null, an infinite one the string
"Infinity" or "-Infinity" (JavaScript's `Number(...)` reads both). Numbers are rounded to a few
significant digits, whole numbers are kept exactly, and big texts travel as gzip in base64.

Example:
    >>> numbers([0.123456789, float("nan"), float("-inf")], digits=4)
    [0.1235, None, '-Infinity']
"""

from __future__ import annotations

import base64
import datetime
import gzip
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["dumps", "jsonable", "numbers", "pack", "unpack"]

#: The largest whole number that a JavaScript number holds exactly.
MAX_EXACT = 2**53


def numbers(values: npt.ArrayLike, digits: int = 7) -> list[Any]:
    """Returns numbers as a JSON list, rounded to `digits` significant digits.

    A column of whole numbers stays exact. NaN becomes None; infinities become strings.

    Args:
        values: one-dimensional, of any numeric or boolean type.
        digits: how many significant digits to keep of each number.

    Example:
        >>> numbers([1234567890.0, 2.0])
        [1234567890, 2]
        >>> numbers([1234567890.5, 0.1], digits=3)
        [1230000000.0, 0.1]
    """
    array = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(array)
    known = array[finite]
    if not known.size:
        rounded: list[Any] = [None] * len(array)
    elif np.all(known == np.floor(known)) and np.all(np.abs(known) < MAX_EXACT):
        rounded = np.where(finite, array, 0).astype(np.int64).tolist()
    else:
        rounded = _significant(np.where(finite, array, 0.0), digits).tolist()
    for index in np.flatnonzero(~finite):
        number = array[index]
        rounded[index] = None if np.isnan(number) else "Infinity" if number > 0 else "-Infinity"
    return rounded


def _significant(array: npt.NDArray[np.float64], digits: int) -> npt.NDArray[np.float64]:
    magnitude = np.zeros(array.shape)
    np.log10(np.abs(array), out=magnitude, where=array != 0)
    places = np.clip(digits - 1 - np.floor(magnitude), -300, 300)
    # Only powers of ten with a positive exponent are exact: divide by one, never multiply by 0.1.
    up, down = 10.0 ** np.maximum(places, 0), 10.0 ** np.maximum(-places, 0)
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = np.round(array * up / down) * down / up
    # Near the ends of the range a power of ten overflows; such numbers stay as they are.
    lost = ~np.isfinite(rounded) | ((rounded == 0) & (array != 0))
    return np.where(lost, array, rounded)


def jsonable(value: Any, text_limit: int = 20_000) -> Any:
    """Returns a value made of dicts, lists, strings, numbers, booleans and None only.

    Objects without a JSON form become their text; texts longer than `text_limit` are cut.

    Example:
        >>> jsonable({"a": (1, float("nan")), 2: b"x"})
        {'a': [1, None], '2': 'x'}
    """
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return value if len(value) <= text_limit else value[: text_limit - 1] + "…"
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        return None if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, bytes):
        return jsonable(value.decode("utf-8", "replace"), text_limit)
    if isinstance(value, np.ndarray):
        return [jsonable(part, text_limit) for part in value.tolist()]
    if isinstance(value, np.generic):
        return jsonable(value.item(), text_limit)
    if isinstance(value, datetime.date | datetime.datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): jsonable(part, text_limit) for key, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [jsonable(part, text_limit) for part in value]
    return jsonable(str(value), text_limit)


def dumps(value: Any) -> str:
    """Returns compact JSON text; lone surrogates are replaced, so that it is valid UTF-8."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "replace").decode("utf-8")


def pack(text: str) -> str:
    """Returns a text as base64 of its gzip; the same text always gives the same result.

    Example:
        >>> unpack(pack("<script>")) == "<script>"
        True
    """
    return base64.b64encode(gzip.compress(text.encode("utf-8"), 6, mtime=0)).decode("ascii")


def unpack(packed: str) -> str:
    """Returns the text that `pack` was given."""
    return gzip.decompress(base64.b64decode(packed)).decode("utf-8")
