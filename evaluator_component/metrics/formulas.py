"""Arithmetic that keeps undefined values undefined: NaN, never a silent 0 and never a warning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["divide", "objects", "sqrt"]

Array = npt.NDArray[Any]


def divide(numerator: Any, denominator: Any) -> Array:
    """Divides elementwise; NaN where the denominator is 0 or either side is NaN.

    Example:
        >>> divide([1.0, 1.0], [2.0, 0.0])
        array([0.5, nan])
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        quotient = np.true_divide(numerator, denominator)
    return np.where(np.equal(denominator, 0), np.nan, quotient)


def sqrt(value: Any) -> Array:
    """Takes the square root elementwise; NaN for negative numbers.

    Example:
        >>> sqrt([4.0, -1.0])
        array([ 2., nan])
    """
    with np.errstate(invalid="ignore"):
        return np.asarray(np.sqrt(value))


def objects(shape: tuple[int, ...], make: Callable[[tuple[int, ...]], Any]) -> Array:
    """Returns an object array of make(index), for plots and structured values.

    Example:
        >>> objects((2,), lambda index: {"at": index[0]})
        array([{'at': 0}, {'at': 1}], dtype=object)
    """
    filled = np.empty(shape, dtype=object)
    for index in np.ndindex(*shape):
        filled[index] = make(index)
    return filled
