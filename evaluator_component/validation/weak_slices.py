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
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.keys import OVERALL, SliceKey, slice_name
from evaluator_component.validation.decision import jsonable
from evaluator_component.validation.multiplicity import benjamini_hochberg
from evaluator_component.validation.numbers import plural, shown
from evaluator_component.validation.overlaps import Overlaps
from evaluator_component.validation.slice_sums import SliceSums, t_and_p

__all__ = ["BASELINE", "REST", "SliceSums", "WeakSlice", "find_weak_slices"]

Array = npt.NDArray[Any]

REST = "rest"
BASELINE = "baseline"


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
    overlaps = Overlaps(sums, whole, against == BASELINE, alpha, len(rows), min_examples)
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
        return t_and_p(mean, error, n - 1)
    others = sums.of(whole)
    m = others.count - n
    rest, rest_error = _mean_and_error(m, others.total - total, others.squares - squares)
    both = error + rest_error
    with np.errstate(divide="ignore", invalid="ignore"):
        degrees = np.square(both) / (np.square(error) / (n - 1) + np.square(rest_error) / (m - 1))
    return t_and_p(mean - rest, both, degrees)


def _mean_and_error(n: Array, total: Array, squares: Array) -> tuple[Array, Array]:
    variance = np.maximum(squares - np.square(total) / n, 0.0) / (n - 1)
    return total / n, variance / n


def _without_redundant(ranked: Array, overlaps: Overlaps, max_results: int) -> list[int]:
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
