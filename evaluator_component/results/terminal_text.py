"""What all printed tables share: the console, safe text, short numbers, colours."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["CELL_WIDTH", "SLICE_WIDTH", "STATUS_COLORS", "new_console", "safe", "shown_number"]

#: Colour by status of a verdict.
STATUS_COLORS = {"BLESSED": "green", "NOT_BLESSED": "red", "INCONCLUSIVE": "yellow"}
#: Characters of the columns that name things, and of those that hold numbers.
SLICE_WIDTH, CELL_WIDTH = 36, 20
#: Characters of a table that is not printed on a screen.
_WIDTH = 200


def new_console() -> Console:
    """Returns a console of the screen's width; a wide one where the output is no screen."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else _WIDTH, highlight=False)


def safe(text: str) -> str:
    r"""Replaces what a terminal could take for a command.

    Example:
        >>> safe("a\x1b[2Jb")
        'a�[2Jb'
    """
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def shown_number(value: Any) -> str:
    """Returns a number as people read it.

    Example:
        >>> [shown_number(x) for x in (0.912345, 1234567.0, 5.0, 1e-9, float("nan"))]
        ['0.9123', '1,234,567', '5', '1e-09', 'undefined']
    """
    if value is None or value != value:
        return "undefined"
    if abs(value) >= 1e15 or not np.isfinite(value):
        return f"{value:.4g}"
    if float(value).is_integer() or abs(value) >= 1e4:
        return f"{value:,.0f}"
    return f"{value:.4g}"
