"""Numbers in words: with few digits, but enough to tell the compared ones apart.

Example:
    >>> shown(0.8999999, 0.9), shown(0.9, 0.8999999), shown(12004.0)
    ('0.8999999', '0.9', '12,004')
"""

from __future__ import annotations

import math

__all__ = ["percent", "plural", "shown"]


def shown(value: float, *others: float) -> str:
    """Returns a number in 4 digits, or as many as tell it apart from the others.

    Example:
        >>> shown(0.123456), shown(-1e-9), shown(float("nan"))
        ('0.1235', '-1e-09', 'NaN')
    """
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "infinity" if value > 0 else "-infinity"
    differing = [other for other in others if other != value and math.isfinite(other)]
    for digits in range(4, 17):
        text = _formatted(value, digits)
        if all(_formatted(other, digits) != text for other in differing):
            return text
    return repr(value)


def _formatted(value: float, digits: int) -> str:
    text = f"{value:.{digits}g}"
    if "e" in text and 1e4 <= abs(value) < 1e9:
        text = f"{value:.0f}"
    if "e" not in text and "." not in text and abs(value) >= 1000:
        text = f"{int(text):,}"
    return "0" if text == "-0" else text


def percent(value: float, *others: float) -> str:
    """Returns a share as a percentage.

    Example:
        >>> percent(-0.05), percent(0.001234)
        ('-5 %', '0.1234 %')
    """
    return f"{shown(100 * value, *(100 * other for other in others))} %"


def plural(count: int, noun: str) -> str:
    """Returns a count with its noun.

    Example:
        >>> plural(1, "example"), plural(1200, "example")
        ('1 example', '1,200 examples')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
