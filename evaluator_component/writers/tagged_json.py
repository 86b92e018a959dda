"""JSON that gives back what it was given: arrays, tuples, bytes and numbers that are not finite.

Plain values are plain JSON; others become an object with one key that starts with "$". NaN and
the infinities are written as Python writes them. The text is ASCII, so that any string fits.

Example:
    >>> text = dumps({"size": (2, 3), "cells": np.array([1.5, 2.5])})
    >>> text
    '{"size": {"$tuple": [2, 3]}, "cells": {"$array": [1.5, 2.5], "dtype": "float64"}}'
    >>> loads(text)["cells"]
    array([1.5, 2.5])
"""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["dumps", "loads"]


Types = Mapping[str, type]


def dumps(value: Any, types: Types | None = None) -> str:
    """Returns a value as JSON.

    What is none of None, bool, number, str, bytes, list, tuple, dict or array is written as its
    fields where it is a dataclass, else as its text.

    Args:
        value: the value.
        types: dataclasses to be given back as such, by name.
    """
    names = {kind: name for name, kind in (types or {}).items()}
    return json.dumps(_encode(value, names))


def loads(text: str | bytes, types: Types | None = None) -> Any:
    """Returns the value that `dumps` was given.

    Args:
        text: the JSON.
        types: as `dumps` was given them; fields that they do not have are left out.

    Raises:
        ValueError: the text is not JSON.
    """
    return _decode(json.loads(text), types or {})


def _encode(value: Any, names: Mapping[type, str]) -> Any:
    if value is None:
        return None
    for plain in (bool, int, float, str):
        if isinstance(value, plain):  # or of a subclass, such as NumPy's float64 or an enum
            return plain(value)
    if isinstance(value, np.generic):
        return _encode(value.item(), names)
    if isinstance(value, np.ndarray):
        kind = str(value.dtype) if value.dtype.kind in "biuf" else "object"
        encoded = {
            "$array": [_encode(item, names) for item in value.ravel().tolist()],
            "dtype": kind,
        }
        return encoded if value.ndim == 1 else {**encoded, "shape": list(value.shape)}
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode("ascii")}
    if isinstance(value, tuple):
        return {"$tuple": [_encode(item, names) for item in value]}
    if isinstance(value, list):
        return [_encode(item, names) for item in value]
    if isinstance(value, dict):
        if all(isinstance(key, str) and not key.startswith("$") for key in value):
            return {key: _encode(item, names) for key, item in value.items()}
        return {
            "$dict": [[_encode(key, names), _encode(item, names)] for key, item in value.items()]
        }
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {
            field.name: _encode(getattr(value, field.name), names)
            for field in dataclasses.fields(value)
        }
        known = names.get(type(value))
        return {"$type": known, "fields": fields} if known else fields
    return str(value)


def _decode(value: Any, types: Types) -> Any:
    if isinstance(value, list):
        return [_decode(item, types) for item in value]
    if not isinstance(value, dict):
        return value
    if "$array" in value:
        return _array([_decode(item, types) for item in value["$array"]], value)
    if "$bytes" in value:
        return base64.b64decode(value["$bytes"])
    if "$tuple" in value:
        return tuple(_decode(item, types) for item in value["$tuple"])
    if "$dict" in value:
        return {_decode(key, types): _decode(item, types) for key, item in value["$dict"]}
    if "$type" in value:
        kind = types[value["$type"]]
        has = {field.name for field in dataclasses.fields(kind)}
        fields = {name: _decode(item, types) for name, item in value["fields"].items()}
        return kind(**{name: item for name, item in fields.items() if name in has})
    return {key: _decode(item, types) for key, item in value.items()}


def _array(items: list[Any], encoded: dict[str, Any]) -> Any:
    array: np.ndarray[Any, Any]
    if encoded["dtype"] == "object":
        array = np.empty(len(items), dtype=object)
        array[:] = items
    else:
        array = np.array(items, dtype=encoded["dtype"])
    return array.reshape(encoded.get("shape", -1))
