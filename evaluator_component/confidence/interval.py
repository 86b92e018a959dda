"""Intervals: how far a metric may be off, from its values on resamples of the examples.

Vocabulary:
    replicate: the metric on one resample; shape (slices, replicates) or (slices, replicates, k).
    jackknife: replicate r leaves bucket r out (examples fall into buckets by hash).
    poisson_bootstrap: in replicate r each example counts a Poisson(1) number of times.
    occupied buckets: how many buckets a small slice fills; the others tell nothing.
    degrees of freedom: how well the standard error itself is known; few widen the interval.

Intervals are t intervals centred on the metric of all examples (not on the mean of resamples).
A small slice has fewer degrees of freedom than there are resamples, or no interval at all:

    n examples, B buckets      occupied = B (1 - (1 - 1/B)^n), degrees of freedom = occupied - 1
    n examples, R replicates   degrees of freedom = min(n, R) - 1

Example:
    >>> bucket = np.linspace(1.0, 5.0, 20)                   # means of 20 buckets of 50 examples
    >>> left_out = (bucket.sum() - bucket)[None, :] / 19
    >>> found = interval(np.array([3.0]), left_out, np.array([1000]), method="jackknife")
    >>> bool(np.isclose(found.standard_error[0], bucket.std(ddof=1) / np.sqrt(20)))
    True
    >>> found.degrees_of_freedom
    array([19])
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from evaluator_component.confidence.resampling import BOOTSTRAP, JACKKNIFE
from evaluator_component.metrics_table import Column, MetricsTable

__all__ = [
    "Interval",
    "Moments",
    "interval",
    "moments",
    "occupied_buckets",
    "pseudo_values",
    "t_quantile",
    "with_intervals",
]

Array = npt.NDArray[Any]

#: The share of bootstrap replicates that may be undefined and is left out.
UNDEFINED_SHARE = 0.05
#: Fewer degrees of freedom than these are worth a note, unless nothing better was asked for.
FEW_DEGREES = 19


@dataclass(frozen=True)
class Moments:
    """What resamples tell about the distribution of an estimate around the truth.

    Attributes:
        standard_error: like the estimate; NaN where resamples cannot tell.
        degrees_of_freedom: int64 (slices,), of the standard error; 0 where there is none.
        skewness: like the estimate: third standardised moment of the estimate, as far as it is
            larger than what resampling noise alone makes.
        undefined: int64 like the estimate, the number of replicates that are not finite.
    """

    standard_error: Array
    degrees_of_freedom: Array
    skewness: Array
    undefined: Array


@dataclass(frozen=True)
class Interval:
    """Intervals of one metric on every slice.

    Attributes:
        standard_error: like the estimate; NaN where there is no interval.
        lower: like the estimate.
        upper: like the estimate.
        degrees_of_freedom: int64 (slices,).
        notes: what a reader must know, by row.
    """

    standard_error: Array
    lower: Array
    upper: Array
    degrees_of_freedom: Array
    notes: Mapping[int, str]


def occupied_buckets(examples: npt.ArrayLike, buckets: int) -> Array:
    """Returns how many of the buckets that many examples fill, as expected: int64.

    Example:
        >>> occupied_buckets([1, 2, 10, 20, 1000], 20)
        array([ 1,  2,  8, 13, 20])
    """
    count = np.maximum(np.asarray(examples, dtype=np.float64), 0.0)
    expected = buckets * (1.0 - (1.0 - 1.0 / buckets) ** count)
    return np.minimum(np.round(expected), count).astype(np.int64)


def t_quantile(level: float, degrees_of_freedom: npt.ArrayLike) -> Array:
    """Returns t such that [-t, t] holds the share `level` of the t distribution; NaN for df < 1.

    Example:
        >>> t_quantile(0.95, [1, 19]).round(3)
        array([12.706,  2.093])
    """
    degrees = np.asarray(degrees_of_freedom, dtype=np.float64)
    quantile = special.stdtrit(np.where(degrees >= 1, degrees, 1.0), 0.5 + level / 2)
    return np.where(degrees >= 1, quantile, np.nan)


def pseudo_values(estimate: Array, replicates: Array) -> Array:
    """Returns the jackknife's pseudo-values B * estimate - (B - 1) * replicate.

    For a mean over equally filled buckets they are the means of the buckets.

    Args:
        estimate: (slices,) or (slices, k).
        replicates: (slices, B) or (slices, B, k).
    """
    buckets = replicates.shape[1]
    values: Array = buckets * np.expand_dims(estimate, 1) - (buckets - 1) * replicates
    return values


def moments(replicates: Array, examples: npt.ArrayLike, *, method: str) -> Moments:
    """Computes standard error, degrees of freedom and skewness from replicates.

    Jackknife with A of B buckets occupied: SE^2 = (A - 1) / A * sum((theta_r - mean)^2).
    Bootstrap of n examples: SE^2 = n / (n - 1) * var(theta_r).

    Any undefined jackknife replicate leaves the standard error undefined; of bootstrap replicates
    up to 5 % may be undefined.

    Args:
        replicates: (slices, R) or (slices, R, k).
        examples: (slices,), number of resampling units.
        method: "jackknife" or "poisson_bootstrap".

    Raises:
        ValueError: for another method, or fewer than two replicates.
    """
    if method not in (JACKKNIFE, BOOTSTRAP):
        raise ValueError(f"method must be {JACKKNIFE!r} or {BOOTSTRAP!r}, got {method!r}")
    replicates = np.asarray(replicates, dtype=np.float64)
    total = replicates.shape[1]
    if total < 2:
        raise ValueError(f"an interval needs two replicates at least, got {total}")
    count = np.asarray(examples, dtype=np.int64)
    finite = np.isfinite(replicates)
    known = finite.sum(axis=1)
    mean = np.where(finite, replicates, 0.0).sum(axis=1) / np.maximum(known, 1)
    centred = np.where(finite, replicates - np.expand_dims(mean, 1), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.square(centred).sum(axis=1) / known
        skewness = np.power(centred, 3).sum(axis=1) / known / np.power(variance, 1.5)
    per_slice = (slice(None), *(None,) * (variance.ndim - 1))
    if method == JACKKNIFE:
        units = occupied_buckets(count, total)
        usable = known == total
        factor = (total * (units - 1.0) / np.maximum(units, 1))[per_slice]
        # The mean of B pseudo-values is sqrt(B) times less skewed than one of them, and a replicate
        # without a bucket moves the other way than the bucket itself.
        skewness, noise = -skewness / np.sqrt(total), np.sqrt(6.0) / total
    else:
        units = np.minimum(count, total)
        usable = known >= (1 - UNDEFINED_SHARE) * total
        factor = (count / np.maximum(count - 1.0, 1.0))[per_slice]
        factor = factor * known / np.maximum(known - 1.0, 1.0)
        noise = np.sqrt(6.0 / total)
    degrees = np.maximum(units - 1, 0).astype(np.int64)
    usable = usable & (degrees >= 1)[per_slice]
    with np.errstate(invalid="ignore"):
        standard_error = np.where(usable, np.sqrt(variance * factor), np.nan)
    skewness = np.where(usable & np.isfinite(skewness), skewness, 0.0)
    shrunk = np.sign(skewness) * np.maximum(np.abs(skewness) - noise, 0.0)
    return Moments(standard_error, degrees, shrunk, total - known)


def interval(
    estimate: Array,
    replicates: Array,
    examples: npt.ArrayLike,
    *,
    method: str,
    level: float = 0.95,
) -> Interval:
    """Computes t intervals: estimate -+ t(level, degrees of freedom) * SE.

    Args:
        estimate: (slices,) or (slices, k), the metric of all examples.
        replicates: (slices, R) or (slices, R, k).
        examples: (slices,), number of resampling units.
        method: "jackknife" or "poisson_bootstrap".
        level: between 0 and 1.

    Raises:
        ValueError: for a level out of range, another method, or fewer than two replicates.
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must be between 0 and 1, got {level}")
    count = np.asarray(examples, dtype=np.int64)
    found = moments(replicates, count, method=method)
    quantile = t_quantile(level, found.degrees_of_freedom)
    per_slice = (slice(None), *(None,) * (estimate.ndim - 1))
    with np.errstate(invalid="ignore"):
        half = quantile[per_slice] * found.standard_error
        error = np.where(np.isfinite(estimate), found.standard_error, np.nan)
        lower, upper = estimate - half, estimate + half
    undefined = np.isnan(error) & np.isfinite(estimate)
    notes = {
        int(row): _note(int(count[row]), replicates.shape[1], found, row, method)
        for row in np.flatnonzero(undefined.reshape(len(count), -1).any(axis=1))
    }
    few = np.minimum(replicates.shape[1] - 1, FEW_DEGREES)
    for row in np.flatnonzero(found.degrees_of_freedom < few):
        notes.setdefault(int(row), _few(int(count[row]), found.degrees_of_freedom[row]))
    return Interval(error, lower, upper, found.degrees_of_freedom, notes)


def _note(examples: int, total: int, found: Moments, row: Any, method: str) -> str:
    if found.degrees_of_freedom[row] < 1:
        return f"no interval: {examples} example{'' if examples == 1 else 's'}"
    undefined = int(np.max(found.undefined[row]))
    return f"no interval: undefined on {undefined} of {total} resamples"


def _few(examples: int, degrees: Any) -> str:
    return f"interval from {examples} examples: {degrees} degrees of freedom"


def with_intervals(
    table: MetricsTable, *, method: str, level: float = 0.95, examples: Array | None = None
) -> MetricsTable:
    """Returns a table whose columns with replicates have intervals, and notes on small slices.

    Args:
        table: columns with `replicates` get the rest; others stay.
        method: "jackknife" or "poisson_bootstrap".
        level: of the intervals.
        examples: (slices,), number of resampling units where that is not the example.
    """
    count = table.examples if examples is None else examples
    columns = dict(table.columns)
    notes: dict[Any, str] = {}
    for key, column in table.columns.items():
        if column.replicates is None or column.value.dtype == object:
            continue
        found = interval(column.value, column.replicates, count, method=method, level=level)
        columns[key] = _filled(column, found, method, level)
        for row, note in found.notes.items():
            # What holds for the slice is said once; what holds for one metric names it.
            text = f"{key}: {note}" if "undefined" in note else note
            said = notes.get(table.slices[row], "")
            if text not in said:
                notes[table.slices[row]] = f"{said}; {text}" if said else text
    for slice_key, note in table.notes.items():
        notes[slice_key] = f"{note}; {notes[slice_key]}" if slice_key in notes else note
    return replace(table, columns=columns, notes=notes)


def _filled(column: Column, found: Interval, method: str, level: float) -> Column:
    return replace(
        column,
        standard_error=found.standard_error,
        lower=found.lower,
        upper=found.upper,
        degrees_of_freedom=found.degrees_of_freedom,
        confidence_level=level,
        resampling=method,
    )
