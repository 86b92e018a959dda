"""Keyed states: the accumulated statistics of many slices, which merge by slice key.

Group ids are local to a batch; a `States` table carries the slice keys, so that tables made
anywhere merge in any order to the same result.

Vocabulary:
    States: slice keys, and for each statistic (by an id that the plan gives) its arrays, row i
        belonging to `keys[i]`.
    Sample: a bounded sample of rows per group, those of smallest priority.
    Names: what the integers of a state stand for, such as class names.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.metrics import precise
from evaluator_component.metrics.base import State

__all__ = ["DENSE", "Names", "Sample", "States", "take_away"]

Array = npt.NDArray[Any]

_IDENTITY = {"sum": 0.0, "precise": 0.0, "min": np.inf, "max": -np.inf}
_MERGE: dict[str, Callable[..., Array]] = {
    "sum": np.add,
    "precise": precise.add,
    "min": np.minimum,
    "max": np.maximum,
}

#: Reductions whose arrays have one row per group; the others are sparse.
DENSE = frozenset(_MERGE)


def take_away(reduction: str, total: Array, part: Array) -> Array:
    """Returns what is left of a sum without one of its parts (the jackknife's step).

    Raises:
        ValueError: for a reduction that cannot be undone, such as "max".
    """
    if reduction == "sum":
        return np.asarray(total - part)
    if reduction == "precise":
        return precise.subtract(*np.broadcast_arrays(total, part))
    raise ValueError(f"{reduction!r} cannot be undone; merge the other parts instead")


@dataclass(frozen=True)
class Sample:
    """A bounded sample of rows per group: the `size` rows of smallest priority.

    Attributes:
        group: int64 (entries,), sorted.
        priority: float64 or uint64 (entries,), ascending within a group.
        values: object (entries,): what is kept of each row.
        size: rows kept per group at the most.
    """

    group: Array
    priority: Array
    values: Array
    size: int

    def __len__(self) -> int:
        return len(self.group)

    @staticmethod
    def merge(parts: Sequence[Sample]) -> Sample:
        """Keeps the rows of smallest priority of each group."""
        group = np.concatenate([part.group for part in parts])
        priority = np.concatenate([part.priority for part in parts])
        values = np.concatenate([part.values for part in parts])
        order = np.lexsort((priority, group))
        group, priority, values = group[order], priority[order], values[order]
        starts = np.flatnonzero(np.diff(group, prepend=-1))
        rank = np.arange(len(group)) - np.repeat(starts, np.diff(starts, append=len(group)))
        kept = rank < parts[0].size
        return Sample(group[kept], priority[kept], values[kept], parts[0].size)

    def regroup(self, new_group: Array) -> Sample:
        """Renames group g to new_group[g]; -1 drops it."""
        group = new_group[self.group]
        rows = np.flatnonzero(group >= 0)
        order = rows[np.argsort(group[rows], kind="stable")]
        return Sample(group[order], self.priority[order], self.values[order], self.size)

    def cut(self, low: int, high: int) -> Sample:
        """Returns the rows of groups low..high, which become groups 0..high - low."""
        start, stop = np.searchsorted(self.group, (low, high))
        kept = slice(start, stop)
        return Sample(self.group[kept] - low, self.priority[kept], self.values[kept], self.size)

    def of(self, group: int) -> list[Any]:
        """Returns the values kept for one group, smallest priority first."""
        low, high = np.searchsorted(self.group, (group, group + 1))
        return list(self.values[low:high])


@dataclass(frozen=True)
class Names:
    """Names of the integers that cells or columns stand for; the same for all groups.

    Attributes:
        names: text by integer.
    """

    names: Mapping[int, str]

    def __len__(self) -> int:
        return len(self.names)

    @staticmethod
    def merge(parts: Sequence[Names]) -> Names:
        """Returns all names; they do not contradict each other."""
        first = parts[0]
        if all(part.names is first.names or part.names == first.names for part in parts[1:]):
            return first
        return Names({code: name for part in parts for code, name in part.names.items()})

    def regroup(self, new_group: Array) -> Names:
        """Returns the names: they belong to no group."""
        return self

    def cut(self, low: int, high: int) -> Names:
        """Returns the names: they belong to no group."""
        return self

    def get(self, code: int) -> str:
        """Returns the name of an integer; its digits where it has none."""
        return self.names.get(int(code), str(code))


class States:
    """Accumulated statistics of many slices.

    Attributes:
        keys: the slice of each row.
        replicates: number of resamples, the second axis of every array; None: no such axis.

    Example:
        >>> states = States()
        >>> states.add([("a",), ("b",)], {"s": {"n": np.array([1.0, 2.0])}}, {"s": {"n": "sum"}})
        >>> states.add([("b",)], {"s": {"n": np.array([5.0])}}, {"s": {"n": "sum"}})
        >>> states.table("s")["n"]
        array([1., 7.])
    """

    def __init__(self, replicates: int | None = None) -> None:
        self.replicates = replicates
        self.keys: list[Hashable] = []
        self._row_of: dict[Hashable, int] = {}
        self._reductions: dict[Hashable, Mapping[str, str]] = {}
        self._dense: dict[tuple[Hashable, str], Array] = {}
        self._sparse: dict[tuple[Hashable, str], list[Any]] = {}

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        sparse = (part for parts in self._sparse.values() for part in parts)
        arrays = (
            *self._dense.values(),
            *(array for part in sparse for array in vars(part).values()),
        )
        return sum(getattr(array, "nbytes", 0) for array in arrays)

    def rows(self, keys: Iterable[Hashable]) -> Array:
        """Returns the row of each key, int64; unknown keys get new rows."""
        found = []
        for key in keys:
            row = self._row_of.get(key)
            if row is None:
                row = self._row_of[key] = len(self.keys)
                self.keys.append(key)
            found.append(row)
        return np.array(found, dtype=np.int64)

    def add(
        self,
        keys: Iterable[Hashable],
        states: Mapping[Hashable, Mapping[str, Any]],
        reductions: Mapping[Hashable, Mapping[str, str]],
    ) -> None:
        """Merges the states of some slices into the table.

        Args:
            keys: slice keys, all different, one per row of the given arrays.
            states: arrays by name, by statistic id.
            reductions: for each statistic id, how each array merges.
        """
        self.add_rows(self.rows(keys), states, reductions)

    def add_rows(
        self,
        rows: Array,
        states: Mapping[Hashable, Mapping[str, Any]],
        reductions: Mapping[Hashable, Mapping[str, str]],
    ) -> None:
        """Like `add`, for rows that `rows(keys)` returned."""
        for statistic, arrays in states.items():
            self._reductions[statistic] = reductions[statistic]
            for name, reduction in reductions[statistic].items():
                value = arrays[name]
                if reduction in _MERGE:
                    self._add_dense((statistic, name), rows, value, reduction)
                else:
                    self._add_sparse((statistic, name), value.regroup(rows))

    def _add_dense(self, slot: tuple[Hashable, str], rows: Array, new: Array, how: str) -> None:
        have = self._dense.get(slot)
        if have is None:
            have = np.full((max(len(self.keys), 1), *new.shape[1:]), _IDENTITY[how])
        elif len(have) < len(self.keys):
            room = max(len(self.keys), 2 * len(have)) - len(have)
            more = np.full((room, *have.shape[1:]), _IDENTITY[how])
            have = np.concatenate([have, more])
        have[rows] = _MERGE[how](have[rows], new)
        self._dense[slot] = have

    def _add_sparse(self, slot: tuple[Hashable, str], new: Any) -> None:
        """Keeps parts whose sizes fall by half at least, so that merging costs n log n in all."""
        parts = self._sparse.setdefault(slot, [])
        parts.append(new)
        while len(parts) > 1 and len(parts[-1]) * 2 > len(parts[-2]):
            last = parts.pop()
            parts[-1] = type(last).merge([parts[-1], last])

    def merge(self, other: States) -> None:
        """Merges another table into this one."""
        rows = self.rows(other.keys)
        for statistic, reductions in other._reductions.items():
            self.add_rows(rows, {statistic: other._arrays(statistic)}, {statistic: reductions})

    def _arrays(self, statistic: Hashable) -> dict[str, Any]:
        arrays: dict[str, Any] = {}
        for name, reduction in self._reductions[statistic].items():
            slot = (statistic, name)
            if reduction in _MERGE:
                if len(self._dense[slot]) < len(self.keys):
                    shape = (0, *self._dense[slot].shape[1:])
                    none = np.zeros(0, dtype=np.int64)
                    self._add_dense(slot, none, np.zeros(shape), reduction)
                arrays[name] = self._dense[slot][: len(self.keys)]
            else:
                parts = self._sparse[slot]
                if len(parts) > 1:
                    parts[:] = [type(parts[0]).merge(parts)]
                arrays[name] = parts[0]
        return arrays

    def table(self, statistic: Hashable) -> State:
        """Returns the merged arrays of one statistic, row i belonging to `keys[i]`."""
        arrays = self._arrays(statistic)
        rows = len(self.keys)
        return State(arrays, (rows,) if self.replicates is None else (rows, self.replicates))

    def __contains__(self, statistic: Hashable) -> bool:
        return statistic in self._reductions

    def split(self, shard_of: Array, count: int) -> dict[int, States]:
        """Splits the table by slice: row i goes to the table of shard_of[i]."""
        order = np.argsort(shard_of, kind="stable")
        bounds = np.searchsorted(shard_of[order], np.arange(count + 1)).tolist()
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        spans = {shard: span for shard, span in enumerate(pairwise(bounds)) if span[0] < span[1]}
        shards = {shard: States(self.replicates) for shard in spans}
        for shard, (low, high) in spans.items():
            shards[shard].rows(self.keys[row] for row in order[low:high])
        for statistic, reductions in self._reductions.items():
            for name, value in self._arrays(statistic).items():
                slot, dense = (statistic, name), reductions[name] in _MERGE
                ordered = value[order] if dense else value.regroup(place)
                for shard, (low, high) in spans.items():
                    part = shards[shard]
                    part._reductions[statistic] = reductions
                    if dense:
                        part._dense[slot] = ordered[low:high]
                    else:
                        part._sparse[slot] = [ordered.cut(low, high)]
        return shards

    def __getstate__(self) -> dict[str, Any]:
        """What travels between workers: no room to grow, and no more parts than needed."""
        for statistic in self._reductions:
            for name, value in self._arrays(statistic).items():
                if (statistic, name) in self._dense:
                    self._dense[statistic, name] = value
        return {name: value for name, value in self.__dict__.items() if name != "_row_of"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._row_of = {key: row for row, key in enumerate(self.keys)}
