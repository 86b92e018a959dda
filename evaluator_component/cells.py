"""Cells: sparse sums, one entry per (group, cell) that occurs, such as a histogram of scores.

Example:
    >>> one = Cells(np.array([0, 0]), np.array([3, 7]), np.array([[1.0], [2.0]]))
    >>> merged = Cells.merge([one, Cells(np.array([0]), np.array([7]), np.array([[5.0]]))])
    >>> merged.cell.tolist(), merged.sums[:, 0].tolist()
    ([3, 7], [1.0, 7.0])
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Cells", "changes", "factorize", "reduce_runs", "sorting_order"]

Array = npt.NDArray[Any]

#: Entries that are sorted at once: bounds the memory of merging.
_AT_ONCE = 1 << 18


@dataclass(frozen=True)
class Cells:
    """Sparse sums: entry i holds the sums of the rows of `group[i]` that fall into `cell[i]`.

    Entries are unique and sorted by group, then cell.

    Attributes:
        group: int64 (entries,).
        cell: int64 (entries,).
        sums: float64 (entries, [replicates,] columns).
    """

    group: Array
    cell: Array
    sums: Array

    def __len__(self) -> int:
        return len(self.group)

    def __reduce__(self) -> tuple[Any, ...]:
        """Travels in types as narrow as its numbers allow, which is less than half the bytes."""
        return _widened, (_narrow(self.group), _narrow(self.cell), _narrow(self.sums))

    @cached_property
    def starts(self) -> Array:
        """First entry of each group that has entries, int64."""
        return np.flatnonzero(np.diff(self.group, prepend=-1))

    def spans(self) -> Iterator[tuple[int, slice]]:
        """Yields each group that has entries, and where they are."""
        bounds = [*self.starts.tolist(), len(self)]
        for start, stop in pairwise(bounds):
            yield int(self.group[start]), slice(start, stop)

    def per_group(self, values: Array, count: int) -> Array:
        """Sums values (entries, ...) over the entries of each group: (count, ...)."""
        total = np.zeros((count, *values.shape[1:]))
        if len(values):
            total[self.group[self.starts]] = np.add.reduceat(values, self.starts, axis=0)
        return total

    def dense(self, count: int, size: int) -> Array:
        """Returns the sums as a dense array (count, [replicates,] size, columns)."""
        entries, columns = len(self), self.sums.shape[-1]
        middle = self.sums.shape[1:-1]
        out = np.zeros((count, *middle, size, columns))
        out[(self.group, *(slice(None),) * len(middle), self.cell)] = self.sums
        assert entries == 0 or self.cell.max() < size
        return out

    @staticmethod
    def merge(parts: Sequence[Cells]) -> Cells:
        """Adds up sparse sums, whatever order their entries come in."""
        parts = [part for part in parts if len(part)] or list(parts[:1])
        if len(parts) == 1:
            return parts[0]
        if sum(map(len, parts)) > _AT_ONCE:
            return _merge_in_turns(parts)
        return Cells._merge_at_once(parts)

    @staticmethod
    def _merge_at_once(parts: Sequence[Cells]) -> Cells:
        group = np.concatenate([part.group for part in parts])
        cell = np.concatenate([part.cell for part in parts])
        columns = range(parts[0].sums.shape[-1])
        sums = [np.concatenate([part.sums[..., column] for part in parts]) for column in columns]
        if all(one.group[-1] < two.group[0] for one, two in pairwise(parts)):
            return Cells(group, cell, _as_columns(sums))
        order = _pairs_order(group, cell)
        group, cell = group[order], cell[order]
        starts = np.flatnonzero(changes(group, cell))
        return Cells(group[starts], cell[starts], reduce_runs(sums, starts, order))

    def compact(self) -> Cells:
        """Adds up neighbours of the same group and cell."""
        starts = np.flatnonzero(changes(self.group, self.cell))
        if len(starts) == len(self):
            return self
        sums = np.moveaxis(self.sums, -1, 0)
        return Cells(self.group[starts], self.cell[starts], reduce_runs(sums, starts))

    def regroup(self, new_group: Array) -> Cells:
        """Renames group g to new_group[g] (all different; -1 drops the group's entries)."""
        group = new_group[self.group]
        if (group >= 0).all():
            kept: Any = slice(None)
        else:
            kept = group >= 0
        renamed = Cells(group[kept], self.cell[kept], self.sums[kept])
        if len(renamed) and (np.diff(renamed.group) < 0).any():
            order = sorting_order(renamed.group, int(renamed.group.max()) + 1)
            return Cells(renamed.group[order], renamed.cell[order], renamed.sums[order])
        return renamed

    def cut(self, low: int, high: int) -> Cells:
        """Returns the entries of groups low..high, which become groups 0..high - low."""
        start, stop = np.searchsorted(self.group, (low, high))
        return Cells(self.group[start:stop] - low, self.cell[start:stop], self.sums[start:stop])


def _narrow(array: Array) -> Array:
    """Returns numbers in the narrowest type that holds them without loss."""
    if array.dtype.kind == "f":
        single = array.astype(np.float32)
        return single if np.array_equal(single, array, equal_nan=True) else array
    if not len(array):
        return array
    low, high = array.min(), array.max()
    kinds = (np.int8, np.int16, np.int32, np.int64)
    return array.astype(
        next(k for k in kinds if np.iinfo(k).min <= low and high <= np.iinfo(k).max)
    )


def _widened(group: Array, cell: Array, sums: Array) -> Cells:
    return Cells(group.astype(np.int64), cell.astype(np.int64), sums.astype(np.float64))


def _merge_in_turns(parts: Sequence[Cells]) -> Cells:
    """Merges some groups after the other, so that what sorting needs stays small.

    The result is written into arrays as long as all parts together; what is not needed at their
    ends is never touched, and so takes no memory.
    """
    count = sum(map(len, parts))
    columns, middle = parts[0].sums.shape[-1], parts[0].sums.shape[1:-1]
    group, cell = np.empty(count, dtype=np.int64), np.empty(count, dtype=np.int64)
    sums = np.empty((columns, count, *middle))
    longest = max(parts, key=len)
    borders = np.unique(longest.group[:: _AT_ONCE // len(parts)])[1:]
    places = [[0, *np.searchsorted(part.group, borders).tolist(), len(part)] for part in parts]
    size = 0
    for turn in range(len(borders) + 1):
        pieces = []
        for part, place in zip(parts, places, strict=True):
            span = slice(place[turn], place[turn + 1])
            if span.start < span.stop:
                pieces.append(Cells(part.group[span], part.cell[span], part.sums[span]))
        if pieces:
            merged = Cells._merge_at_once(pieces)
            span = slice(size, size + len(merged))
            group[span], cell[span] = merged.group, merged.cell
            sums[:, span] = np.moveaxis(merged.sums, -1, 0)
            size += len(merged)
    return Cells(group[:size], cell[:size], np.moveaxis(sums[:, :size], 0, -1))


def factorize(code: Array) -> tuple[Array, Array]:
    """Returns (sorted distinct codes, index of each code among them)."""
    low, high = (int(code.min()), int(code.max())) if len(code) else (0, 0)
    span = high - low + 1
    if span > 16 * len(code) + (1 << 20):
        unique, index = np.unique(code, return_inverse=True)
        return unique, index
    shifted = code - low
    present = np.zeros(span, dtype=bool)
    present[shifted] = True
    unique = np.flatnonzero(present)
    position = np.empty(span, dtype=np.int32)
    position[unique] = np.arange(len(unique), dtype=np.int32)
    return unique + low, position[shifted]


def sorting_order(code: Array, size: int) -> Array:
    """Returns the stable sorting order of codes in [0, size); 16 bits sort several times faster."""
    return np.argsort(code.astype(np.uint16) if size <= 1 << 16 else code, kind="stable")


def _pairs_order(group: Array, cell: Array) -> Array:
    """Returns the order by group, then cell; fast where long runs are in order already."""
    low = int(cell.min())
    span = int(cell.max()) - low + 1
    if span * (int(group.max()) + 1) < 2**63:
        return np.argsort(group * span + (cell - low), kind="stable")
    return np.lexsort((cell, group))


def changes(group: Array, cell: Array) -> Array:
    """Tells at which entries of a sorted list a new (group, cell) begins."""
    first = np.empty(len(group), dtype=bool)
    first[:1] = True
    np.not_equal(group[1:], group[:-1], out=first[1:])
    first[1:] |= cell[1:] != cell[:-1]
    return first


def _as_columns(columns: Sequence[Array]) -> Array:
    """Stacks columns (entries, ...) along a new last axis, each column staying in one piece."""
    return np.moveaxis(np.stack(columns), 0, -1)


def reduce_runs(columns: Any, starts: Array, order: Any = slice(None)) -> Array:
    """Sums columns (entries, ...), put in order, over the runs that begin at starts."""
    sums = np.empty((len(columns), len(starts), *columns[0].shape[1:]))
    for column, out in zip(columns, sums, strict=True):
        np.add.reduceat(column[order], starts, axis=0, out=out)
    return np.moveaxis(sums, 0, -1)
