"""Overlaps: is a slice weak by itself, or because it overlaps with other weak slices?"""

from __future__ import annotations

from collections.abc import Sequence

from evaluator_component.keys import sorted_slice_key
from evaluator_component.validation.slice_sums import SliceSums, Sums, p_of_larger_mean

__all__ = ["Overlaps"]


class Overlaps:
    """Takes the overlaps with other weak slices out of a slice.

    What is left of the n-th slice found, of m candidates, must be worse at the level alpha * n / m:
    Benjamini and Hochberg's rule for the slices that are told, not for all their relatives.

    Args:
        sums: of candidate slices and of all examples.
        whole: row of all examples.
        against_zero: slices are compared with 0 and not with the rest of the examples.
        alpha: false discovery rate.
        candidates: number of slices that were tested.
        min_examples: fewer than these left of a slice tell nothing.
    """

    def __init__(
        self,
        sums: SliceSums,
        whole: int,
        against_zero: bool,
        alpha: float,
        candidates: int,
        min_examples: int,
    ) -> None:
        self._sums, self._whole = sums, whole
        self._level, self._min_examples = alpha / max(candidates, 1), min_examples
        # Where the model as a whole is worse than the baseline, slices must be worse than the rest.
        self._alone = against_zero and p_of_larger_mean(sums.of(whole), None) > alpha
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
        return p_of_larger_mean(left, reference) > self._level * (len(others) + 1)

    def _outermost(self, rows: Sequence[int]) -> list[int]:
        conditions = self._conditions
        return [
            row for row in rows if not any(conditions[other] < conditions[row] for other in rows)
        ]

    def _common(self, row: int, other: int, others: Sequence[int]) -> Sums:
        """Sums of the examples in both slices; estimated where the cross is no candidate.

        The estimate takes the conditions that the slices do not share for independent; parts of
        the other slice that are weak slices themselves are looked at one by one.
        """
        mine, its = dict(self._sums.keys[row]), dict(self._sums.keys[other])
        shared = [(feature, value) for feature, value in mine.items() if feature in its]
        if any(its[feature] != value for feature, value in shared):
            return Sums()
        cross = self._sums.row_of.get(sorted_slice_key({**mine, **its}.items()))
        if cross is not None:
            return self._sums.of(cross)
        conditions = self._conditions
        parts = self._outermost([each for each in others if conditions[other] < conditions[each]])
        for each in parts:
            if conditions[each] - conditions[other] <= conditions[row]:
                return self._common(row, each, others)
        remainder = self._sums.of(other)
        found = Sums()
        for each in parts:
            remainder = remainder - self._sums.of(each)
            found = found + self._common(row, each, others)
        common = self._sums.row_of.get(sorted_slice_key(shared), self._whole)
        share = float(self._sums.count[row] / max(self._sums.count[common], 1.0))
        return found + remainder * min(share, 1.0)
