"""Quantities: what a threshold compares with its bound, on every slice at once.

Vocabulary:
    check: one bound of a threshold: LOWER_BOUND or UPPER_BOUND of the value, ABSOLUTE_CHANGE or
        RELATIVE_CHANGE against the baseline, PRESENCE of a number at all.
    compared: the number that is set against the bound: the value, the change, or the change
        divided by |baseline|.
    lead: distance from the bound, positive on the good side. For relative changes it is
        change - bound * |baseline|, so that it needs no division: a baseline of 0 is no special
        case, and the sign of the baseline does not turn worse into better.

Example:
    >>> column = Column(np.array([0.7, 0.9]))
    >>> value_quantity(column, LOWER_BOUND, 0.8).lead.round(3)
    array([-0.1,  0.1])
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.confidence.interval import Moments, moments
from evaluator_component.metrics_table import Column

__all__ = [
    "ABSOLUTE_CHANGE",
    "LOWER_BOUND",
    "PRESENCE",
    "RELATIVE_CHANGE",
    "UPPER_BOUND",
    "Quantity",
    "change_quantity",
    "difference",
    "parts",
    "value_quantity",
]

Array = npt.NDArray[Any]

LOWER_BOUND = "LOWER_BOUND"
UPPER_BOUND = "UPPER_BOUND"
ABSOLUTE_CHANGE = "ABSOLUTE_CHANGE"
RELATIVE_CHANGE = "RELATIVE_CHANGE"
PRESENCE = "PRESENCE"


@dataclass(frozen=True)
class Quantity:
    """What is compared with a bound; arrays are float64 (slices,).

    Attributes:
        check: which bound it is.
        bound: in units of `compared`.
        side: +1 where values above the bound are good, -1 where those below are.
        value: the candidate's metric; NaN where there is none.
        baseline: the baseline's metric; NaN where there is none.
        compared: what is set against the bound.
        lead: in units of the metric.
        unit: lead / unit is in units of `compared`; 1, or |baseline| for relative changes.
        scale: the largest number that was compared, for tolerances.
        replicates: (slices, R), the lead on every resample; None without.
        column: has the interval of `compared` (relative changes: of the change).
        agrees: the models have one value on every slice and every resample.
    """

    check: str
    bound: float
    side: int
    value: Array
    baseline: Array
    compared: Array
    lead: Array
    unit: Array
    scale: Array
    replicates: Array | None
    column: Column
    agrees: bool = False

    def moments(self, examples: Array) -> Moments | None:
        """Returns what resamples tell about the lead; None where there are no resamples."""
        if self.replicates is not None:
            return moments(self.replicates, examples, method=self.column.resampling)
        error = self.column.standard_error
        if error is None:
            return None
        degrees = self.column.degrees_of_freedom
        if degrees is None:
            degrees = np.full(len(error), 1_000_000)
        return Moments(error, degrees, np.zeros(len(error)), np.zeros(len(error), dtype=np.int64))

    def shown_interval(self) -> tuple[Array, Array, Array]:
        """Returns (standard error, lower, upper) of `compared` as the results table has them."""
        none = np.full(len(self.value), np.nan)
        column = self.column
        if column.standard_error is None or column.lower is None or column.upper is None:
            return none, none, none
        with np.errstate(divide="ignore", invalid="ignore"):
            error, lower, upper = (
                array / self.unit for array in (column.standard_error, column.lower, column.upper)
            )
        return error, lower, upper


def parts(column: Column) -> list[Column]:
    """Splits a column of vectors into one column per entry; a column of numbers is returned alone.

    Raises:
        ValueError: for a column of anything but numbers.
    """
    if column.is_number:
        return [column]
    if column.value.dtype == object or column.value.ndim != 2:
        raise ValueError("the metric has no number to compare")
    arrays = ("standard_error", "lower", "upper", "replicates")
    split = []
    for index in range(column.value.shape[1]):
        picked = {name: getattr(column, name) for name in arrays}
        split.append(
            Column(
                column.value[:, index],
                **{name: None if a is None else a[..., index] for name, a in picked.items()},
                degrees_of_freedom=column.degrees_of_freedom,
                confidence_level=column.confidence_level,
                direction=column.direction,
                resampling=column.resampling,
                labels=(column.labels[index],) if index < len(column.labels) else (str(index),),
            )
        )
    return split


def difference(candidate: Column, baseline: Column) -> Column:
    """Returns candidate minus baseline, paired resample by resample."""
    replicates = None
    if candidate.replicates is not None and baseline.replicates is not None:
        replicates = candidate.replicates - baseline.replicates
    return Column(
        candidate.value - baseline.value,
        replicates=replicates,
        direction=candidate.direction,
        labels=candidate.labels,
        resampling=candidate.resampling,
        confidence_level=candidate.confidence_level,
    )


def value_quantity(column: Column, check: str, bound: float) -> Quantity:
    """Returns a metric's value against its lower or upper bound."""
    side = -1 if check == UPPER_BOUND else 1
    size = len(column.value)
    value = np.asarray(column.value, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        lead = np.where(value == bound, 0.0, side * (value - bound))
    return Quantity(
        check=check,
        bound=bound,
        side=side,
        value=value,
        baseline=np.full(size, np.nan),
        compared=value,
        lead=lead,
        unit=np.ones(size),
        scale=np.maximum(np.abs(value), _finite(bound)),
        replicates=_leads(column, lambda drawn: side * (drawn - bound)),
        column=column,
    )


def change_quantity(
    change: Column,
    check: str,
    bound: float,
    side: int,
    *,
    candidate: Column | None = None,
    baseline: Column | None = None,
) -> Quantity:
    """Returns a change (candidate minus baseline) against its bound.

    Args:
        change: the difference.
        check: ABSOLUTE_CHANGE or RELATIVE_CHANGE.
        bound: of the change, or of the change divided by |baseline|.
        side: +1 higher is better, -1 lower is better.
        candidate: the candidate's values; None for a metric that is a difference by itself.
        baseline: the baseline's values; needed for relative changes.
    """
    value = np.asarray(change.value, dtype=np.float64)
    none = np.full(len(value), np.nan)
    before = none if baseline is None else np.asarray(baseline.value, dtype=np.float64)
    after = none if candidate is None else np.asarray(candidate.value, dtype=np.float64)
    largest = np.fmax(np.fmax(np.abs(before), np.abs(after)), np.abs(value))
    if check == ABSOLUTE_CHANGE:
        lead, unit, compared = side * (value - bound), np.ones(len(value)), value
        replicates = _leads(change, lambda drawn: side * (drawn - bound))
        scale = np.fmax(largest, _finite(bound))
    else:
        unit = np.abs(before)
        with np.errstate(divide="ignore", invalid="ignore"):
            lead, compared = side * (value - bound * unit), value / unit
        replicates = None
        if baseline is not None and baseline.replicates is not None:
            size = np.abs(baseline.replicates)
            replicates = _leads(change, lambda drawn: side * (drawn - bound * size))
        scale = np.fmax(largest, np.abs(bound * unit))
    return Quantity(
        check=check,
        bound=bound,
        side=side,
        value=after,
        baseline=before,
        compared=compared,
        lead=lead,
        unit=unit,
        scale=scale,
        replicates=replicates,
        column=change,
        agrees=_never_differs(change, largest),
    )


def _finite(bound: float) -> float:
    return abs(bound) if np.isfinite(bound) else 0.0


def _leads(column: Column, lead: Any) -> Array | None:
    if column.replicates is None or not column.resampling:
        return None
    with np.errstate(invalid="ignore"):
        return np.asarray(lead(column.replicates), dtype=np.float64)


def _never_differs(change: Column, scale: Array) -> bool:
    """Whether two models have the same value on all slices and resamples, but for rounding."""
    rounding = 1e-12 * np.nan_to_num(scale, posinf=0.0)
    same = np.nan_to_num(np.abs(change.value)) <= rounding
    if change.replicates is not None:
        same &= (np.nan_to_num(np.abs(change.replicates)) <= rounding[:, None]).all(axis=1)
    return bool(len(same) and same.all())
