"""Reads fields of config messages without knowing their class.

Configs come as this package's messages or as TensorFlow Model Analysis' own, which lack the fields
from 1000 up; a field that a message does not have reads as if it were not set.
"""

from __future__ import annotations

from typing import Any

__all__ = ["enum_name", "has", "integer", "number", "text"]


def has(message: Any, field: str) -> bool:
    """Tells whether a message has a field that is set."""
    try:
        return bool(message.HasField(field))
    except ValueError:
        return False


def number(message: Any, field: str) -> float | None:
    """Returns the value of a wrapped number; None where it is not set."""
    return float(getattr(message, field).value) if has(message, field) else None


def integer(message: Any, field: str) -> int | None:
    """Returns the value of a wrapped whole number; None where it is not set."""
    return int(getattr(message, field).value) if has(message, field) else None


def text(message: Any, field: str) -> str:
    """Returns a string; "" where it is not set."""
    return str(getattr(message, field, ""))


def enum_name(message: Any, field: str, names: tuple[str, ...]) -> str:
    """Returns the name of an enum value, given the names by number; the first where not set."""
    value = int(getattr(message, field, 0))
    return names[value] if 0 <= value < len(names) else names[0]
