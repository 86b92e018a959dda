"""Groups: which groups each row of a batch belongs to, and sums over groups.

A *group* is whatever rows are put together: a slice, a cross of slices, a resample of a slice. A
statistic never knows which; it asks for sums per group and gets one row per group back.

Vocabulary:
    Membership: one way of putting rows into groups (for instance: by carrier). Every row is in at
        most one group of a membership, unless row indices repeat (a multi-valued feature).
    Groups: several memberships over the same rows; group ids run through all of them.
    Replicates: resamples of the rows. With replicates every sum has shape
        (groups, replicates, ...) in place of (groups, ...).
    Cells: sparse sums, one entry per (group, cell) that occurs, such as a histogram of scores.

Example:
    >>> groups = Groups.single(np.array([0, 1, 0]), count=2)
    >>> groups.sum(np.array([1.0, 10.0, 2.0]))
    array([ 3., 10.])
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.cells import Cells, changes, factorize, reduce_runs, sorting_order
from evaluator_component.resamples import BLOCK, Partition, Poisson

__all__ = ["Groups", "Membership"]

Array = npt.NDArray[Any]

#: Rows of a group that the extremes of its resamples are looked for among.
_MOST_EXTREME = 64

#: Replicates from which on it pays to drop zeros before they are multiplied.
_MANY_REPLICATES = 64

#: Sparse sums are taken from a dense table of at most so many entries per row.
_DENSE = 4


@dataclass(frozen=True)
class Membership:
    """One group id per row, or per entry of `rows` where rows repeat or are left out.

    Attributes:
        ids: int64 (entries,), the group of each entry.
        rows: int64 (entries,), the row of each entry; None: entry i is row i.
    """

    ids: Array
    rows: Array | None = None

    def pick(self, values: Array) -> Array:
        """Returns per-row values as per-entry values."""
        return values if self.rows is None else values[self.rows]


@dataclass(frozen=True)
class Groups:
    """The groups of the rows of one batch.

    Attributes:
        memberships: ways of grouping the rows.
        count: number of groups over all memberships.
        size: number of rows.
        replicates: resamples; None: every row once.
        keys: what the groups stand for (slice keys), for those who need to know; may be empty.
    """

    memberships: tuple[Membership, ...]
    count: int
    size: int
    replicates: Partition | Poisson | None = None
    keys: tuple[Any, ...] = field(default=(), compare=False)

    @classmethod
    def single(cls, ids: Array, count: int) -> Groups:
        """Groups rows in one way: row i is in group ids[i]; -1 is no group."""
        ids = np.asarray(ids, dtype=np.int64)
        if len(ids) and ids.min() < 0:
            rows = np.flatnonzero(ids >= 0)
            return cls((Membership(ids[rows], rows),), count, len(ids))
        return cls((Membership(ids),), count, len(ids))

    @classmethod
    def everything(cls, size: int) -> Groups:
        """Puts all rows into one group."""
        return cls((Membership(np.zeros(size, dtype=np.int64)),), 1, size)

    def used(self) -> tuple[Groups, Array]:
        """Returns the groups that have rows, numbered anew, and their numbers here."""
        used = np.unique(np.concatenate([each.ids for each in self.memberships]))
        new = np.zeros(self.count, dtype=np.int64)
        new[used] = np.arange(len(used))
        memberships = tuple(Membership(new[each.ids], each.rows) for each in self.memberships)
        keys = tuple(self.keys[number] for number in used) if self.keys else ()
        return replace(self, memberships=memberships, count=len(used), keys=keys), used

    @property
    def shape(self) -> tuple[int, ...]:
        """Leading shape of every sum: (groups,) or (groups, replicates)."""
        return (self.count,) if self.replicates is None else (self.count, self.replicates.count)

    def __len__(self) -> int:
        return self.size

    def sum(self, values: Array) -> Array:
        """Sums per-row values over each group.

        Args:
            values: (rows,) or (rows, columns...), any number or boolean type.

        Returns:
            float64 (groups, [replicates,] columns...).
        """
        values = np.asarray(values)
        if values.ndim == 1:
            return self._sum_columns(values[:, None])[..., 0]
        flat = self._sum_columns(values.reshape(len(values), math.prod(values.shape[1:])))
        return flat.reshape(*self.shape, *values.shape[1:])

    def counts(self) -> Array:
        """Counts the rows of each group: float64 (groups, [replicates])."""
        return self.sum(np.ones(self.size))

    def min(self, values: Array) -> Array:
        """Returns the smallest value of each group; +inf where a group has no row."""
        return self._extreme(np.minimum, values, np.inf)

    def max(self, values: Array) -> Array:
        """Returns the largest value of each group; -inf where a group has no row."""
        return self._extreme(np.maximum, values, -np.inf)

    def cells(self, cell: Array, values: Array) -> Cells:
        """Sums per-row values over each (group, cell).

        Args:
            cell: int64 (rows,), any integers.
            values: (rows, columns).

        Returns:
            One entry per (group, cell) that occurs.
        """
        values = np.asarray(values, dtype=np.float64)
        distinct, rank = factorize(np.asarray(cell, dtype=np.int64))
        by_rank = sorting_order(rank, len(distinct))
        parts = [
            self._cells(membership, distinct, rank, by_rank, values)
            for membership in self.memberships
            if len(membership.ids)
        ]
        if not parts:
            empty = np.zeros(0, dtype=np.int64)
            return Cells(empty, empty, np.zeros((0, *self.shape[1:], values.shape[1])))
        return Cells.merge(parts)

    def _cells(
        self, membership: Membership, distinct: Array, rank: Array, by_rank: Array, values: Array
    ) -> Cells:
        """Sums values over each (group, cell) of one membership; cell = distinct[rank]."""
        ids, rank = membership.ids, membership.pick(rank)
        low = int(ids.min())
        count = int(ids.max()) - low + 1
        if self.replicates is None and count * len(distinct) <= _DENSE * len(ids):
            code = (ids - low) * len(distinct) + rank
            occupied = np.flatnonzero(np.bincount(code, minlength=count * len(distinct)))
            code = Membership(code, membership.rows)
            sums = self._scatter(code, count * len(distinct), values)[occupied]
            group, rank = np.divmod(occupied, len(distinct))
            return Cells(group + low, distinct[rank], sums)
        order = by_rank if membership.rows is None else sorting_order(rank, len(distinct))
        order = order[sorting_order(ids[order] - low, count)]
        group, rank = ids[order], rank[order]
        first = changes(group, rank)
        starts = np.flatnonzero(first)
        if self.replicates is None:
            sums = reduce_runs(membership.pick(values).T, starts, order)
        else:
            index = np.empty(len(ids), dtype=np.int64)
            index[order] = np.cumsum(first) - 1
            sums = self._scatter(Membership(index, membership.rows), len(starts), values)
        return Cells(group[starts], distinct[rank[starts]], sums)

    def table(self, cell: Array, size: int, values: Array) -> Array:
        """Sums per-row values over each (group, cell), as a dense array.

        Args:
            cell: int64 (rows,), in [0, size). For few cells: use `cells` where most are empty.
            size: number of cells.
            values: (rows, columns).

        Returns:
            float64 (groups, [replicates,] size, columns).
        """
        values = np.asarray(values, dtype=np.float64)
        total = np.zeros((self.count * size, *self.shape[1:], values.shape[1]))
        for membership in self.memberships:
            if len(membership.ids):
                code = membership.ids * size + membership.pick(cell)
                total += self._scatter(Membership(code, membership.rows), len(total), values)
        return np.moveaxis(total.reshape(self.count, size, *total.shape[1:]), 1, -2)

    def top(self, priority: Array, size: int) -> tuple[Array, Array]:
        """Finds the `size` rows of smallest priority in each group (ties: first row).

        Replicates are ignored.

        Returns:
            (rows, groups): int64 arrays of the rows found and the groups they are in, ordered by
            group, then priority.
        """
        found_rows, found_groups = [], []
        for membership in self.memberships:
            entry_priority = membership.pick(priority)
            order = np.lexsort((entry_priority, membership.ids))
            ids = membership.ids[order]
            starts = np.flatnonzero(np.diff(ids, prepend=-1))
            rank = np.arange(len(ids)) - np.repeat(starts, np.diff(starts, append=len(ids)))
            kept = order[rank < size]
            found_groups.append(membership.ids[kept])
            found_rows.append(kept if membership.rows is None else membership.rows[kept])
        if not found_rows:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        rows, groups = np.concatenate(found_rows), np.concatenate(found_groups)
        order = np.argsort(groups, kind="stable")
        return rows[order], groups[order]

    def take(self, rows: Array) -> Groups:
        """Returns the groups of the given rows (a mask, or indices which may repeat)."""
        rows = np.asarray(rows)
        if rows.dtype == bool:
            rows = np.flatnonzero(rows)
        memberships = []
        for membership in self.memberships:
            if membership.rows is None:
                memberships.append(Membership(membership.ids[rows]))
                continue
            order = np.argsort(membership.rows, kind="stable")
            sorted_rows = membership.rows[order]
            first = np.searchsorted(sorted_rows, rows, side="left")
            lengths = np.searchsorted(sorted_rows, rows, side="right") - first
            new_rows = np.repeat(np.arange(len(rows)), lengths)
            offset = np.arange(len(new_rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
            entries = order[np.repeat(first, lengths) + offset]
            memberships.append(Membership(membership.ids[entries], new_rows))
        replicates = self.replicates.take(rows) if self.replicates is not None else None
        return replace(self, memberships=tuple(memberships), size=len(rows), replicates=replicates)

    def parts(self) -> Iterator[tuple[Groups, Array | None]]:
        """Yields each membership alone, as groups of its entries, and the row of each entry.

        For values that depend on the group: entry i of a part is in one group only,
        `part.memberships[0].ids[i]`. Rows are None where entry i is row i.
        """
        for membership in self.memberships:
            if membership.rows is None:
                yield replace(self, memberships=(membership,)), None
                continue
            replicates = self.replicates
            yield (
                replace(
                    self,
                    memberships=(Membership(membership.ids),),
                    size=len(membership.ids),
                    replicates=None if replicates is None else replicates.take(membership.rows),
                ),
                membership.rows,
            )

    def repeat(self, times: int) -> Groups:
        """Returns the groups of a batch in which every row stands `times` times in a row."""
        return self if times == 1 else self.take(np.repeat(np.arange(self.size), times))

    def _sum_columns(self, values: Array) -> Array:
        total = np.zeros((*self.shape, values.shape[1]))
        for membership in self.memberships:
            if len(membership.ids):
                total += self._scatter(membership, self.count, values)
        return total

    def _scatter(self, membership: Membership, count: int, values: Array) -> Array:
        """Sums values (rows, columns) into `count` bins: (count, [replicates,] columns)."""
        if isinstance(self.replicates, Poisson):
            return self._scatter_resampled(membership, count, values, self.replicates)
        ids = membership.ids
        if self.replicates is not None:
            ids = ids * self.replicates.count + membership.pick(self.replicates.part)
            count *= self.replicates.count
        sums = np.empty((count, values.shape[1]))
        for column in range(values.shape[1]):
            weights = membership.pick(values[:, column])
            sums[:, column] = np.bincount(ids, weights=weights, minlength=count)
        if self.replicates is None:
            return sums
        return sums.reshape(-1, self.replicates.count, values.shape[1])

    def _scatter_resampled(
        self, membership: Membership, count: int, values: Array, draws: Poisson
    ) -> Array:
        """Sums with Poisson multiplicities, a block of rows at a time, as a sparse product."""
        from scipy.sparse import csc_matrix

        sums = np.zeros((values.shape[1], count, draws.count))
        block = max(1, BLOCK // draws.count)
        all_ids, entry_rows = membership.ids.astype(np.int32), membership.rows
        if entry_rows is not None:
            order = np.argsort(entry_rows, kind="stable")
            entry_rows, all_ids = entry_rows[order], all_ids[order]
        for start in range(0, self.size, block):
            stop = min(start + block, self.size)
            if entry_rows is None:
                ids, rows = all_ids[start:stop], slice(start, stop)
                ends = np.arange(stop - start + 1, dtype=np.int32)
            else:
                low, high = np.searchsorted(entry_rows, (start, stop))
                ids, rows = all_ids[low:high], entry_rows[low:high]
                ends = np.searchsorted(rows, np.arange(start, stop + 1)).astype(np.int32)
            touched: Any = slice(None)
            size = count
            if count > len(ids):
                touched, ids = factorize(ids)
                size = len(touched)
            weights = draws.drawn(start, stop)
            for column in range(values.shape[1]):
                data = values[rows, column].astype(np.float64)
                entries = (data, ids, ends)
                if draws.count >= _MANY_REPLICATES:
                    entries = _without_zeros(*entries)
                product = csc_matrix(entries, shape=(size, stop - start)) @ weights
                sums[column, touched] += product
        return np.moveaxis(sums, 0, -1)

    def _extreme(self, ufunc: np.ufunc, values: Array, empty: float) -> Array:
        values = np.asarray(values, dtype=np.float64)
        if isinstance(self.replicates, Poisson) and values.ndim == 1:
            found = self._drawn_extreme(ufunc, values, empty, self.replicates)
            if found is not None:
                return found
        out = np.full((*self.shape, *values.shape[1:]), empty)
        for membership in self.memberships:
            picked = membership.pick(values)
            if self.replicates is None:
                ufunc.at(out, membership.ids, picked)
            elif isinstance(self.replicates, Partition):
                ufunc.at(out, (membership.ids, membership.pick(self.replicates.part)), picked)
            else:
                for start in range(0, self.size, max(1, BLOCK // self.replicates.count)):
                    stop = min(start + max(1, BLOCK // self.replicates.count), self.size)
                    rows = membership.pick(np.arange(self.size))
                    inside = np.flatnonzero((rows >= start) & (rows < stop))
                    drawn = self.replicates.drawn(start, stop)[rows[inside] - start] > 0
                    entry, sample = np.nonzero(drawn)
                    ufunc.at(out, (membership.ids[inside[entry]], sample), picked[inside[entry]])
        return out

    def _drawn_extreme(
        self, ufunc: np.ufunc, values: Array, empty: float, draws: Poisson
    ) -> Array | None:
        """Extremes of resamples from the most extreme rows only; None if those do not decide.

        A resample leaves each row out with probability 1/e, so that it hardly ever leaves out the
        64 most extreme rows of a group.
        """
        rows, ids = self.top(values if ufunc is np.minimum else -values, _MOST_EXTREME)
        drawn = draws.take(rows).weights(0, len(rows)) > 0
        out = np.full(self.shape, empty)
        ufunc.at(out, ids, np.where(drawn, values[rows, None], empty))
        sizes = sum(np.bincount(each.ids, minlength=self.count) for each in self.memberships)
        undecided = (out == empty).any(axis=1) & (sizes > _MOST_EXTREME)
        return None if undecided.any() else out


def _without_zeros(data: Array, ids: Array, ends: Array) -> tuple[Array, Array, Array]:
    """Drops the zeros of a sparse matrix: worth it where each entry costs many products."""
    kept = np.flatnonzero(data)
    if len(kept) == len(data):
        return data, ids, ends
    return data[kept], ids[kept], np.searchsorted(kept, ends).astype(np.int32)
