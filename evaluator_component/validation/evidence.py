"""Evidence: how strongly the resamples speak for a value being on the good side of its bound.

Vocabulary:
    lead: distance of a value from its bound, positive on the good side. With a bound on the change
        against the baseline the bound is the margin: a lead above 0 then means "not worse than the
        baseline by more than the margin" (non-inferiority; superiority where the margin is a gain).
    evidence: the lead, its interval and the p-value of the lead being 0, per slice.

The test is a t test with the standard error of the resamples, corrected for skewness (Hall 1992),
because rare events make estimates skewed and a plain t test then passes too easily:

    T = lead / SE,   T' = T + a T^2 / 3 + a^2 T^3 / 27 + a / 6,   a = skewness of the estimate,

where a inside the powers is kept to |a T| <= 1.5: the expansion is one for small skewness, and
beyond that it would flatten even overwhelming evidence.

The interval is the inverse of the test: it holds 0 exactly where p > 1 - level.

Where no resample moves the value (SE = 0), t says nothing. Then n examples without any variation
leave room for a share 1 - ((1 - level) / 2)^(1 / n) of examples that would vary; the interval is
that wide, as if each of them could move the metric by 1 (true of rates, such as accuracy).

Example:
    >>> found = weigh(np.array([0.03, 0.03]), np.array([0.01, 0.02]), np.array([19, 19]),
    ...               np.zeros(2), examples=np.array([900, 900]), level=0.95)
    >>> found.p_value.round(3), (found.lower > 0).tolist()
    (array([0.007, 0.15 ]), [True, False])
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

__all__ = ["Evidence", "examples_needed", "weigh"]

Array = npt.NDArray[Any]

#: A standard error below this share of the numbers compared is rounding, not variation.
NO_VARIATION = 1e-12
#: Chance that `examples_needed` examples decide it, if the lead is what it now seems to be.
POWER = 0.8
#: Largest |skewness * T| up to which the correction for skewness grows faster than T.
REACH = 1.5


@dataclass(frozen=True)
class Evidence:
    """What is known about leads; one row per slice.

    Attributes:
        lead: float64 (slices,).
        standard_error: of the lead; NaN where it is unknown.
        lower: of the lead, at the level of the test.
        upper: of the lead.
        p_value: two-sided, of the lead being 0; NaN where it is unknown.
        harm: two-sided p-value where the lead is negative, larger where it is not: what a
            correction for many slices is applied to.
        no_variation: whether no resample moves the value.
    """

    lead: Array
    standard_error: Array
    lower: Array
    upper: Array
    p_value: Array
    harm: Array
    no_variation: Array


def weigh(
    lead: Array,
    standard_error: Array,
    degrees_of_freedom: Array,
    skewness: Array,
    *,
    examples: Array,
    level: float,
    scale: npt.ArrayLike = 1.0,
) -> Evidence:
    """Tests leads against 0.

    Args:
        lead: (slices,).
        standard_error: (slices,); NaN where it is unknown.
        degrees_of_freedom: (slices,), of the standard error.
        skewness: (slices,), of the estimate in the direction of the lead.
        examples: (slices,), number of resampling units.
        level: of the two-sided interval, such as 0.95.
        scale: (slices,), size of the numbers that were compared.
    """
    scale = np.maximum(np.abs(np.asarray(scale, dtype=np.float64)), 1e-300)
    degrees = np.maximum(np.asarray(degrees_of_freedom, dtype=np.float64), 1.0)
    still = standard_error <= NO_VARIATION * scale
    error = np.where(still, np.nan, standard_error)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        below = special.stdtr(degrees, _corrected(lead / error, skewness))
        quantile = special.stdtrit(degrees, 0.5 + level / 2)
        lower = lead - error * _uncorrected(quantile, skewness)
        upper = lead - error * _uncorrected(-quantile, skewness)
        # No variation in n examples: what share of varying examples would still look like that?
        unit = np.maximum(scale, 1.0)
        count = np.maximum(np.asarray(examples, dtype=np.float64), 1.0)
        unseen = np.power(1.0 - np.minimum(np.abs(lead) / unit, 1.0), count)
        room = unit * -np.expm1(np.log((1.0 - level) / 2) / count)
    one_sided = np.where(still, np.where(lead < 0, unseen, 1.0), below)
    other = np.where(still, np.where(lead > 0, unseen, 1.0), 1.0 - below)
    return Evidence(
        lead=lead,
        standard_error=np.where(still, 0.0, standard_error),
        lower=np.where(still, lead - room, lower),
        upper=np.where(still, lead + room, upper),
        p_value=np.minimum(2 * np.minimum(one_sided, other), 1.0),
        harm=np.minimum(2 * one_sided, 1.0),
        no_variation=still,
    )


def _corrected(t: Array, skewness: Array) -> Array:
    """Returns T' of the module's docstring; it grows with T, so that it can be inverted."""
    size = np.maximum(np.abs(t), 1e-300)
    a = np.clip(skewness, -REACH / size, REACH / size)
    corrected: Array = t + a * t**2 / 3 + a**2 * t**3 / 27 + skewness / 6
    return corrected


def _uncorrected(corrected: Array, skewness: Array) -> Array:
    """Returns T from T'."""
    y = corrected - skewness / 6
    small = np.abs(skewness) < 1e-6
    a = np.where(small, 1.0, skewness)
    cubic = np.where(small, y, 3 / a * (np.cbrt(1 + a * y) - 1))
    # Beyond the reach T' is proportional to T.
    grown = 1 + np.sign(a * y) * REACH / 3 + REACH**2 / 27
    beyond = np.abs(a * y) > REACH * grown
    return np.where(beyond & ~small, y / grown, cubic)


def examples_needed(
    lead: Array, standard_error: Array, *, examples: Array, level: float, tests: int = 1
) -> Array:
    """Returns how many examples would decide with 80 % chance, if the lead is what it seems.

    n' = n ((z + z_0.8) SE / lead)^2, where z is the normal quantile of the level, corrected for
    the number of tests where the lead is negative (a pass needs no correction).

    Returns:
        float64 (slices,); NaN where no number of examples would, or it is unknown.

    Example:
        >>> found = examples_needed(np.array([0.01, 0.0]), np.array([0.01, 0.01]),
        ...                         examples=np.array([100, 100]), level=0.95)
        >>> found.tolist()
        [785.0, nan]
    """
    alpha = np.where(lead < 0, (1.0 - level) / max(tests, 1), 1.0 - level)
    z = special.ndtri(1.0 - alpha / 2) + special.ndtri(POWER)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        varied = examples * np.square(z * standard_error / lead)
        still = np.log(alpha / 2) / np.log1p(-np.minimum(np.abs(lead), 1 - 1e-9))
    needed = np.ceil(np.where(standard_error > 0, varied, still))
    return np.where(np.isfinite(needed) & (lead != 0) & (needed < 1e15), needed, np.nan)
