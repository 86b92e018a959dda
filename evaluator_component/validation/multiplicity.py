"""Corrections of p-values when one threshold judges many slices at once.

Among 50 slices on which nothing changed, two or three look worse at the level 0.95 by chance alone.

Vocabulary:
    family: the p-values that are corrected together.
    Holm: the chance of *any* false alarm in the family stays within the level, whatever the
        dependence between slices.
    Benjamini-Hochberg: of the alarms raised, the expected *share* of false ones stays within the
        level; it finds more, and promises less.

Example:
    >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.06, 0.06]
    >>> benjamini_hochberg([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.04, 0.04]
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["BENJAMINI_HOCHBERG", "HOLM", "NONE", "adjust", "benjamini_hochberg", "holm"]

Array = npt.NDArray[Any]

NONE = "NONE"
HOLM = "HOLM"
BENJAMINI_HOCHBERG = "BENJAMINI_HOCHBERG"


def holm(p_values: npt.ArrayLike) -> Array:
    """Returns p-values corrected by Holm's step-down procedure.

    The i-th smallest of m becomes max over j <= i of (m - j + 1) * p_j, at most 1.

    Args:
        p_values: (m,); NaN stays NaN and does not count.
    """
    p, order = _ordered(p_values)
    factors = np.arange(len(order), 0, -1)
    stepped = np.maximum.accumulate(p[order] * factors)
    return _restored(p, order, np.minimum(stepped, 1.0))


def benjamini_hochberg(p_values: npt.ArrayLike) -> Array:
    """Returns p-values corrected for the false discovery rate (Benjamini and Hochberg, step-up).

    The i-th smallest of m becomes min over j >= i of m / j * p_j, at most 1.

    Args:
        p_values: (m,); NaN stays NaN and does not count.
    """
    p, order = _ordered(p_values)
    factors = len(order) / np.arange(1, len(order) + 1)
    stepped = np.minimum.accumulate((p[order] * factors)[::-1])[::-1]
    return _restored(p, order, np.minimum(stepped, 1.0))


def adjust(p_values: npt.ArrayLike, correction: str) -> Array:
    """Returns p-values corrected by "HOLM" or "BENJAMINI_HOCHBERG"; "NONE" returns them as is.

    Raises:
        ValueError: for any other correction.
    """
    if correction == NONE:
        return np.array(p_values, dtype=np.float64)
    if correction == HOLM:
        return holm(p_values)
    if correction == BENJAMINI_HOCHBERG:
        return benjamini_hochberg(p_values)
    raise ValueError(f"unknown correction {correction!r}")


def _ordered(p_values: npt.ArrayLike) -> tuple[Array, Array]:
    p = np.array(p_values, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(p))
    return p, known[np.argsort(p[known], kind="stable")]


def _restored(p: Array, order: Array, stepped: Array) -> Array:
    adjusted = np.full(p.shape, np.nan)
    adjusted[order] = stepped
    return adjusted
