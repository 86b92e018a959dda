"""Precise sums: numbers kept as an unevaluated sum of two float64, about 32 digits.

A variance is a small difference of large sums; with 16 digits it depends on the order in which the
sums were merged. With 32 it does not, as far as anyone can see. The state reduction "precise"
keeps such sums.

Vocabulary:
    pair: float64 array (..., 2); the number is pair[..., 0] + pair[..., 1], and the second part is
        what the first one cannot hold.

The algorithms are Knuth's two-sum and Dekker's product, on whole arrays.

Example:
    >>> third = add(pair(1e16), pair(1.0))
    >>> float(rounded(subtract(third, pair(1e16))))
    1.0
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["add", "divide_pairs", "multiply", "negate", "pair", "rounded", "subtract"]

Array = npt.NDArray[Any]

_SPLITTER = 134217729.0  # 2**27 + 1: cuts 53 bits into two halves


def pair(value: Any) -> Array:
    """Returns ordinary numbers as pairs."""
    value = np.asarray(value, dtype=np.float64)
    return np.stack([value, np.zeros_like(value)], axis=-1)


def rounded(number: Array) -> Array:
    """Returns pairs as ordinary numbers."""
    return np.asarray(number[..., 0] + number[..., 1])


def negate(number: Array) -> Array:
    """Returns the pairs with the other sign."""
    return -number


def _join(high: Array, low: Array) -> Array:
    """Pairs whose second part is below the last digit of the first."""
    total = high + low
    return np.stack([total, low - (total - high)], axis=-1)


def _two_sum(left: Array, right: Array) -> tuple[Array, Array]:
    """The rounded sum, and exactly what rounding took away."""
    total = left + right
    part = total - left
    return total, (left - (total - part)) + (right - part)


def _two_product(left: Array, right: Array) -> tuple[Array, Array]:
    """The rounded product, and exactly what rounding took away."""
    product = left * right
    left_high = _SPLITTER * left
    left_high = left_high - (left_high - left)
    right_high = _SPLITTER * right
    right_high = right_high - (right_high - right)
    left_low, right_low = left - left_high, right - right_high
    missing = ((left_high * right_high - product) + left_high * right_low) + left_low * right_high
    return product, missing + left_low * right_low


def add(left: Array, right: Array) -> Array:
    """Adds pairs elementwise."""
    high, missing = _two_sum(left[..., 0], right[..., 0])
    low, lost = _two_sum(left[..., 1], right[..., 1])
    high_low = _join(high, missing + low)
    return _join(high_low[..., 0], high_low[..., 1] + lost)


def subtract(left: Array, right: Array) -> Array:
    """Subtracts pairs elementwise."""
    return add(left, -right)


def multiply(left: Array, right: Array) -> Array:
    """Multiplies pairs elementwise."""
    product, missing = _two_product(left[..., 0], right[..., 0])
    return _join(product, missing + (left[..., 0] * right[..., 1] + left[..., 1] * right[..., 0]))


def divide_pairs(left: Array, right: Array) -> Array:
    """Divides pairs elementwise; NaN where the divisor is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        first = np.where(right[..., 0] == 0, np.nan, left[..., 0] / right[..., 0])
        rest = subtract(left, multiply(pair(first), right))
        return _join(first, rest[..., 0] / right[..., 0])
