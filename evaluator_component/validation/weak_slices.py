"""Weak slices: a search for slices on which the model does worse than elsewhere.

The search takes sums of a loss per example over candidate slices (every value of some features, and
crosses of them) and reads nothing else, so that it works on a full pass over any amount of data.

Vocabulary:
    loss: a number per example, larger is worse, such as the squared error or 1 for a wrong class.
    rest: all examples that are not in the slice.
    against: "rest": the loss is larger than on the rest (Welch's t test, one-sided);
        "baseline": the loss minus the baseline's is larger than 0 (t test, one-sided).
    redundant: significant only because it overlaps with a weak slice that was found before it. The
        overlap is taken out, and what is left must still be worse; a part of a weak slice must be
        worse than that slice's other part.

P-values of all candidates are corrected together (Benjamini and Hochberg), and again for the slices
that are left without the redundant ones, so that of the slices told a share of `alpha` at most is
expected to be there by chance.

Example:
    >>> sums = SliceSums(((), (("hour", 7),), (("hour", 8),)),
    ...                  count=[2000, 500, 500], total=[250.0, 100.0, 50.0],
    ...                  squares=[250.0, 100.0, 50.0])
    >>> found, = find_weak_slices(sums)
    >>> print(found.sentence)
    hour=7: mean loss 0.2 against 0.1 on the rest (500 of 2,000 examples, p = 3.9e-07).
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from evaluator_component.keys import OVERALL, SliceKey, slice_name, sorted_slice_key
from evaluator_component.validation.decision import jsonable
from evaluator_component.validation.multiplicity import benjamini_hochberg
from evaluator_component.validation.numbers import plural, shown

__all__ = ["BASELINE", "REST", "SliceSums", "WeakSlice", "find_weak_slices"]

Array = npt.NDArray[Any]

REST = "rest"
BASELINE = "baseline"


class SliceSums:
    """Sums of a loss over candidate slices.

    Attributes:
        keys: the slices; one of them is the overall slice.
        count: float64 (slices,), number of examples.
        total: float64 (slices,), sum of the loss (or of candidate's minus baseline's).
        squares: float64 (slices,), sum of its squares.
    """

    def __init__(
        self,
        keys: Sequence[SliceKey],
        count: npt.ArrayLike,
        total: npt.ArrayLike,
        squares: npt.ArrayLike,
    ) -> None:
        self.keys = tuple(keys)
        self.count, self.total, self.squares = (
            np.asarray(array, dtype=np.float64) for array in (count, total, squares)
        )
        self.row_of = {key: row for row, key in enumerate(self.keys)}
        if OVERALL not in self.row_of:
            raise ValueError("the sums of all examples (the overall slice) are missing")

    def of(self, row: int) -> _Sums:
        """Returns the sums of one slice."""
        return _Sums(float(self.count[row]), float(self.total[row]), float(self.squares[row]))


@dataclass(frozen=True)
class _Sums:
    """Count, sum and sum of squares of some examples."""

    count: float = 0.0
    total: float = 0.0
    squares: float = 0.0

    def __add__(self, other: _Sums) -> _Sums:
        return self - other * -1.0

    def __sub__(self, other: _Sums) -> _Sums:
        return _Sums(
            self.count - other.count, self.total - other.total, self.squares - other.squares
        )

    def __mul__(self, share: float) -> _Sums:
        return _Sums(self.count * share, self.total * share, self.squares * share)

    @property
    def mean(self) -> float:
        return self.total / self.count if self.count > 0 else math.nan

    @property
    def variance(self) -> float:
        """Of the loss of one example."""
        if self.count < 2:
            return math.nan
        return max(self.squares - self.total**2 / self.count, 0.0) / (self.count - 1)

    @property
    def error(self) -> float:
        """Squared standard error of the mean."""
        return self.variance / self.count if self.count > 0 else math.nan

    def with_variance(self, variance: float) -> _Sums:
        """Returns sums of the same mean and another variance."""
        squares = self.total**2 / self.count + variance * (self.count - 1)
        return _Sums(self.count, self.total, squares)


@dataclass(frozen=True)
class WeakSlice:
    """A slice on which the model does worse.

    Attributes:
        slice_key: the slice.
        against: "rest" or "baseline".
        num_examples: in the slice.
        num_all: of all examples.
        mean: of the loss (or of candidate's minus baseline's) in the slice.
        reference: what it is compared with: the mean on the rest, or 0.
        standard_error: of mean - reference.
        p_value: one-sided.
        adjusted_p_value: corrected for the number of candidates.
        loss: name of the loss.
        config: lines that pin the slice into the gate, as text proto.
        sentence: in words.
    """

    slice_key: SliceKey
    against: str
    num_examples: int
    num_all: int
    mean: float
    reference: float
    standard_error: float
    p_value: float
    adjusted_p_value: float
    loss: str
    config: str
    sentence: str

    def to_dict(self) -> dict[str, Any]:
        """Returns the slice as JSON values."""
        names = [name for name in self.__dataclass_fields__ if name != "slice_key"]
        return {
            "slice": slice_name(self.slice_key),
            **{name: jsonable(getattr(self, name)) for name in names},
        }


def find_weak_slices(
    sums: SliceSums,
    *,
    against: str = REST,
    alpha: float = 0.05,
    min_examples: int = 100,
    max_results: int = 20,
    loss: str = "loss",
    metric: str = "",
) -> tuple[WeakSlice, ...]:
    """Finds slices on which the loss is larger than it should be.

    Args:
        sums: of candidate slices and of all examples.
        against: "rest" or "baseline"; then the sums are of the candidate's minus the baseline's.
        alpha: false discovery rate.
        min_examples: smaller slices are no candidates, nor those with a smaller rest.
        max_results: slices found at the most, the surest first.
        loss: its name, for sentences.
        metric: class name of the metric that is the mean of the loss, for the config lines.

    Raises:
        ValueError: for another `against`, or an alpha that is not between 0 and 1.
    """
    if against not in (REST, BASELINE):
        raise ValueError(f"against must be {REST!r} or {BASELINE!r}, got {against!r}")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be between 0 and 1, got {alpha}")
    whole = sums.row_of[OVERALL]
    size = sums.count >= max(min_examples, 2)
    if against == REST:
        size &= sums.count[whole] - sums.count >= max(min_examples, 2)
    size[whole] = False
    rows = np.flatnonzero(size)
    t, p = _tests(sums, rows, whole, against)
    adjusted = benjamini_hochberg(p)
    significant = np.flatnonzero(adjusted <= alpha)
    ranked = significant[np.argsort(-t[significant], kind="stable")]
    overlaps = _Overlaps(sums, whole, against, alpha, len(rows), min_examples)
    kept = _without_redundant(rows[ranked], overlaps, max_results)
    position = {int(row): place for place, row in enumerate(rows)}
    return tuple(
        _described(
            sums,
            row,
            whole,
            against,
            (float(p[position[row]]), float(adjusted[position[row]])),
            (loss, metric),
        )
        for row in kept
    )


def _tests(sums: SliceSums, rows: Array, whole: int, against: str) -> tuple[Array, Array]:
    """Returns t and one-sided p of every candidate."""
    n, total, squares = sums.count[rows], sums.total[rows], sums.squares[rows]
    mean, error = _mean_and_error(n, total, squares)
    if against == BASELINE:
        return _t_and_p(mean, error, n - 1)
    others = sums.of(whole)
    m = others.count - n
    rest, rest_error = _mean_and_error(m, others.total - total, others.squares - squares)
    both = error + rest_error
    with np.errstate(divide="ignore", invalid="ignore"):
        degrees = np.square(both) / (np.square(error) / (n - 1) + np.square(rest_error) / (m - 1))
    return _t_and_p(mean - rest, both, degrees)


def _mean_and_error(n: Array, total: Array, squares: Array) -> tuple[Array, Array]:
    variance = np.maximum(squares - np.square(total) / n, 0.0) / (n - 1)
    return total / n, variance / n


def _t_and_p(difference: Array, squared_error: Array, degrees: Array) -> tuple[Array, Array]:
    with np.errstate(divide="ignore", invalid="ignore"):
        t = difference / np.sqrt(squared_error)
    degrees = np.nan_to_num(np.maximum(degrees, 1.0), nan=1.0)
    p = special.stdtr(degrees, -t)
    return np.nan_to_num(t, nan=0.0), np.where(np.isnan(p), 1.0, p)


def _p(part: _Sums, other: _Sums | None) -> float:
    """One-sided p-value of a larger mean than the other's (than 0)."""
    if part.count < 2 or (other is not None and other.count < 2):
        return 1.0
    error = np.array([part.error]) + (0.0 if other is None else other.error)
    difference = np.array([part.mean - (0.0 if other is None else other.mean)])
    degrees = np.array([min(part.count, math.inf if other is None else other.count) - 1])
    return float(_t_and_p(difference, error, degrees)[1][0])


def _without_redundant(ranked: Array, overlaps: _Overlaps, max_results: int) -> list[int]:
    """Keeps, of significant slices from the surest on, those that the others do not explain."""
    kept: list[int] = []
    for row in (int(each) for each in ranked):
        if len(kept) == max_results:
            break
        if not overlaps.explained(row, kept):
            kept.append(row)
    # A slice may owe its place to a part of it that was found later.
    while True:
        gone = [row for row in kept if overlaps.explained(row, [k for k in kept if k != row])]
        if not gone:
            return kept
        kept.remove(gone[0])


class _Overlaps:
    """Takes the overlaps with other weak slices out of a slice.

    What is left of the n-th slice found, of m candidates, must be worse at the level alpha * n / m:
    Benjamini and Hochberg's rule for the slices that are told, not for all their relatives.
    """

    def __init__(
        self,
        sums: SliceSums,
        whole: int,
        against: str,
        alpha: float,
        candidates: int,
        min_examples: int,
    ) -> None:
        self._sums, self._whole = sums, whole
        self._level, self._min_examples = alpha / max(candidates, 1), min_examples
        # Where the model as a whole is worse than the baseline, slices must be worse than the rest.
        self._alone = against == BASELINE and _p(sums.of(whole), None) > alpha
        self._conditions = [frozenset(key) for key in sums.keys]

    def explained(self, row: int, others: Sequence[int]) -> bool:
        """Tells whether a slice would not be worse without its overlaps with the others."""
        mine = self._conditions[row]
        parents = [other for other in others if self._conditions[other] < mine]
        inside = max(parents, key=lambda other: len(self._conditions[other]), default=self._whole)
        apart = self._outermost([other for other in others if other not in parents])
        part = left = self._sums.of(row)
        rest = self._sums.of(inside) - part
        for other in apart:
            common = self._common(row, other, others)
            left = left - common
            if self._conditions[inside] < self._conditions[other]:
                rest = rest - (self._sums.of(other) - common)
        if left.count < max(min(self._min_examples, part.count / 2), 2):
            return True
        # Where the overlap is an estimate, what is left varies as much as the slice itself.
        left = left.with_variance(max(left.variance, part.variance))
        reference = None if self._alone and not parents else rest
        return _p(left, reference) > self._level * (len(others) + 1)

    def _outermost(self, rows: Sequence[int]) -> list[int]:
        conditions = self._conditions
        return [
            row for row in rows if not any(conditions[other] < conditions[row] for other in rows)
        ]

    def _common(self, row: int, other: int, others: Sequence[int]) -> _Sums:
        """Sums of the examples in both slices; estimated where the cross is no candidate.

        The estimate takes the conditions that the slices do not share for independent; parts of
        the other slice that are weak slices themselves are looked at one by one.
        """
        mine, its = dict(self._sums.keys[row]), dict(self._sums.keys[other])
        shared = [(feature, value) for feature, value in mine.items() if feature in its]
        if any(its[feature] != value for feature, value in shared):
            return _Sums()
        cross = self._sums.row_of.get(sorted_slice_key({**mine, **its}.items()))
        if cross is not None:
            return self._sums.of(cross)
        conditions = self._conditions
        parts = self._outermost([each for each in others if conditions[other] < conditions[each]])
        for each in parts:
            if conditions[each] - conditions[other] <= conditions[row]:
                return self._common(row, each, others)
        remainder = self._sums.of(other)
        found = _Sums()
        for each in parts:
            remainder = remainder - self._sums.of(each)
            found = found + self._common(row, each, others)
        common = self._sums.row_of.get(sorted_slice_key(shared), self._whole)
        share = float(self._sums.count[row] / max(self._sums.count[common], 1.0))
        return found + remainder * min(share, 1.0)


def _described(
    sums: SliceSums,
    row: int,
    whole: int,
    against: str,
    p: tuple[float, float],
    names: tuple[str, str],
) -> WeakSlice:
    part, rest = sums.of(row), sums.of(whole) - sums.of(row)
    reference = 0.0 if against == BASELINE else rest.mean
    error = math.sqrt(part.error + (0.0 if against == BASELINE else rest.error))
    key, count = sums.keys[row], int(part.count)
    of = f"({count:,} of {plural(int(sums.count[whole]), 'example')}, p = {p[1]:.2g})"
    loss, metric = names
    if against == BASELINE:
        said = f"mean {loss} is {shown(part.mean)} above the baseline's"
    else:
        values = f"{shown(part.mean, reference)} against {shown(reference, part.mean)}"
        said = f"mean {loss} {values} on the rest"
    return WeakSlice(
        key,
        against,
        count,
        int(sums.count[whole]),
        part.mean,
        reference,
        error,
        *p,
        loss,
        _config(key, against, part.mean, metric),
        f"{slice_name(key)}: {said} {of}.",
    )


def _config(key: SliceKey, against: str, mean: float, metric: str) -> str:
    """Lines of text proto that compute the slice and keep its loss from growing."""
    values = " ".join(
        f"feature_values {{ key: {json.dumps(feature)} value: {json.dumps(str(value))} }}"
        for feature, value in key
    )
    if against == BASELINE:
        bound = "change_threshold { direction: LOWER_IS_BETTER absolute { value: 0 } }"
    else:
        bound = f"value_threshold {{ upper_bound {{ value: {_rounded_up(mean)!r} }} }}"
    name = json.dumps(f"weak slice {slice_name(key)}")
    return (
        f"slicing_specs {{ {values} }}\n"
        f"metrics_specs {{ metrics {{ class_name: {json.dumps(metric)}\n"
        f"  per_slice_thresholds {{ slicing_specs {{ {values} }}\n"
        f"    threshold {{ name: {name} {bound} }} }} }} }}"
    )


def _rounded_up(value: float) -> float:
    if value == 0:
        return 0.0
    digits = 3 - math.floor(math.log10(abs(value)))
    return round(value + 0.5 * 10.0**-digits, digits)
