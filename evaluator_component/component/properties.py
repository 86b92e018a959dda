"""Puts values on artifacts in the forms that every metadata store takes.

MLMD on SQLite fails on a number that is not finite, Kubeflow on those and on booleans. A number
that is not finite is left out; its name goes into `undefined`, so that a reader can tell a metric
that has no value from one that was never computed.

Example:
    >>> safe_properties({"auc": 0.5, "lift": float("nan"), "ok": True, "k": {"a": float("inf")}})
    {'auc': 0.5, 'ok': 1, 'k': {'a': None}, 'undefined': 'lift'}
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["UNDEFINED", "read_properties", "safe_properties", "set_properties"]

#: The property that lists what has no finite value.
UNDEFINED = "undefined"


def safe_properties(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the values as int, float, str or JSON (dict, list), all finite."""
    safe: dict[str, Any] = {}
    undefined: list[str] = []
    for name, value in values.items():
        plain = _plain(value)
        if plain is None:
            undefined.append(name)
        else:
            safe[name] = plain
    if undefined:
        safe[UNDEFINED] = ", ".join(undefined)
    return safe


def _plain(value: Any) -> Any:
    """Returns a value as JSON has it; None for what is not finite or not there."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return value


def set_properties(artifact: Any, values: Mapping[str, Any]) -> None:
    """Sets custom properties of a TFX artifact, after `safe_properties`."""
    for name, value in safe_properties(values).items():
        if isinstance(value, int):
            artifact.set_int_custom_property(name, value)
        elif isinstance(value, float):
            artifact.set_float_custom_property(name, value)
        elif isinstance(value, str):
            artifact.set_string_custom_property(name, value)
        else:
            artifact.set_json_value_custom_property(name, value)


def read_properties(message: Any) -> dict[str, Any]:
    """Returns properties and custom properties of an MLMD artifact or execution as Python values.

    Structs become dicts; lists and dicts that Kubeflow's launcher wrapped are unwrapped.
    """
    from google.protobuf import json_format

    values: dict[str, Any] = {}
    for properties in (message.properties, message.custom_properties):
        for name, value in properties.items():
            kind = value.WhichOneof("value")
            if kind == "struct_value":
                values[name] = _unwrapped(json_format.MessageToDict(value.struct_value))
            elif kind is not None:
                values[name] = getattr(value, kind)
    return values


def _unwrapped(value: dict[str, Any]) -> Any:
    if len(value) == 1:
        ((name, inner),) = value.items()
        if name in ("__value__", "list", "struct"):
            return inner
    return value
