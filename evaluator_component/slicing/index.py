"""Slice index: from the feature columns of a batch to groups of rows, one group per slice.

Nothing is copied per slice: a slicing spec maps the rows of a batch to group ids. Ids stay the
same from batch to batch, and `keys[id]` names the slice.

Example:
    >>> from types import SimpleNamespace as Spec
    >>> index = SliceIndex([
    ...     Spec(feature_keys=(), feature_values=(), sql=""),
    ...     Spec(feature_keys=("origin",), feature_values=(), sql=""),
    ... ])
    >>> groups = index.assign({"origin": np.array(["JFK", "EWR", "JFK"])}, rows=3)
    >>> dict(zip(index.keys, groups.counts().tolist()))
    {(): 3.0, (('origin', 'JFK'),): 2.0, (('origin', 'EWR'),): 1.0}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from evaluator_component.errors import InputError, did_you_mean
from evaluator_component.groups import Groups, Membership
from evaluator_component.keys import SliceKey, sorted_slice_key
from evaluator_component.slicing.codes import Vocabulary, matches

__all__ = ["SliceIndex", "SlicingSpec"]

Array = npt.NDArray[Any]


class SlicingSpec(Protocol):
    """What slicing reads of a spec; `config.SliceSpec` is one."""

    @property
    def feature_keys(self) -> tuple[str, ...]:
        """Features whose every combination of values is a slice."""

    @property
    def feature_values(self) -> tuple[tuple[str, str], ...]:
        """Features with the value that all examples of the slices have."""

    @property
    def sql(self) -> str:
        """A query that gives the slices of an example; "" for none."""


#: Pairs of codes are looked up in a table while it has no more cells than this.
_TABLE_CELLS = 1 << 20


@dataclass
class _Codebook:
    """Dense ids for pairs of small integers, numbered as they are first seen.

    Most pairs are looked up in a table with a cell for each (fast); where it would grow too large,
    among the sorted pairs seen so far.
    """

    size: int = 0
    table: Array = field(default_factory=lambda: np.zeros((0, 0), dtype=np.int64))
    known: Array = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    ids: Array = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def lookup(self, left: Array, right: Array, shape: tuple[int, int]) -> tuple[Array, Array]:
        """Looks up pairs, and numbers new ones.

        Args:
            left: codes.
            right: codes.
            shape: no code on either side reaches these.

        Returns:
            (ids of the pairs, the new pairs in the order of their ids, as (pairs, 2)).
        """
        if shape[0] * shape[1] > _TABLE_CELLS:
            return self._lookup_sorted(left, right)
        self._make_room(shape)
        cells = left * self.table.shape[1] + right
        found = self.table.ravel()[cells]
        unseen = np.unique(cells[found < 0])
        if len(unseen):
            self.table.ravel()[unseen] = self._numbers(len(unseen))
            found = self.table.ravel()[cells]
        return found, np.stack(np.divmod(unseen, max(self.table.shape[1], 1)), axis=1)

    def _make_room(self, shape: tuple[int, int]) -> None:
        have: tuple[int, ...] = self.table.shape
        if all(wanted <= size for wanted, size in zip(shape, have, strict=True)):
            return
        # Twice what there was, so that slices which appear one by one do not cost a copy each.
        sizes = [
            max(wanted, 2 * size) if wanted > size else size
            for wanted, size in zip(shape, have, strict=True)
        ]
        grown = np.full(sizes, -1, dtype=np.int64)
        grown[: have[0], : have[1]] = self.table
        self.table = grown

    def _lookup_sorted(self, left: Array, right: Array) -> tuple[Array, Array]:
        if self.table.size:  # the table has become too small: what it knows is kept sorted
            pairs = np.argwhere(self.table >= 0)
            self.known = (pairs[:, 0] << 32) | pairs[:, 1]
            self.ids = self.table[self.table >= 0]
            self.table = np.zeros((0, 0), dtype=np.int64)
        unique: Array
        unique, inverse = np.unique((left << 32) | right, return_inverse=True)
        position: Array
        position = np.searchsorted(self.known, unique)
        inside = np.flatnonzero(position < len(self.known))
        found = np.zeros(len(unique), dtype=bool)
        found[inside] = self.known[position[inside]] == unique[inside]
        new = unique[~found]
        if len(new):
            known = np.concatenate([self.known, new])
            ids = np.concatenate([self.ids, self._numbers(len(new))])
            order = np.argsort(known, kind="stable")
            self.known, self.ids = known[order], ids[order]
            position = np.searchsorted(self.known, unique)
        return self.ids[position][inverse], np.stack([new >> 32, new & 0xFFFFFFFF], axis=1)

    def _numbers(self, count: int) -> Array:
        self.size += count
        return np.arange(self.size - count, self.size)


@dataclass
class _Assigner:
    """Gives the rows of a batch the group ids of one spec."""

    spec: SlicingSpec
    features: tuple[str, ...] = ()
    books: list[_Codebook] = field(default_factory=list)
    combinations: list[tuple[int, ...]] = field(default_factory=list)
    group_of: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        fixed = tuple(feature for feature, _ in self.spec.feature_values)
        self.name_features(sorted({*self.spec.feature_keys, *fixed}))

    def name_features(self, features: Sequence[str]) -> None:
        """Says which features the keys consist of; of a query that is known with its results."""
        self.features = tuple(features)
        self._tuples: list[list[tuple[int, ...]]] = [[] for _ in self.features]
        self.books = [_Codebook() for _ in self.features]

    def combine(
        self, encoded: Sequence[tuple[Array | None, Array]], sizes: Sequence[int], rows: int
    ) -> tuple[Any, Any]:
        """Combines the codes of the spec's features into dense combination ids.

        Args:
            encoded: (rows or None, codes) of each feature.
            sizes: how many codes each feature has.
            rows: rows of the batch.

        Returns:
            (rows or None, combination ids).
        """
        at: Array | None = None
        ids = np.zeros(rows, dtype=np.int64)
        combinations: list[tuple[int, ...]] = [()]
        for step, (more_at, more) in enumerate(encoded):
            at, ids, more = _join(at, ids, more_at, more, rows)
            shape = (len(combinations), sizes[step])
            ids, new = self.books[step].lookup(ids, more, shape)
            self._tuples[step].extend(
                (*combinations[before], code) for before, code in new.tolist()
            )
            combinations = self._tuples[step]
        self.combinations = combinations
        return at, ids


def _join(
    rows: Array | None, ids: Array, more_rows: Array | None, more: Array, size: int
) -> tuple[Array | None, Array, Array]:
    """Pairs up the entries of the same row: every combination of its values."""
    if rows is None and more_rows is None:
        return None, ids, more
    left = np.arange(size) if rows is None else rows
    right = np.arange(size) if more_rows is None else more_rows
    low = np.searchsorted(right, left, side="left")
    counts = np.searchsorted(right, left, side="right") - low
    taken = np.repeat(np.arange(len(left)), counts)
    offset = np.arange(len(taken)) - np.repeat(np.cumsum(counts) - counts, counts)
    return left[taken], ids[taken], more[np.repeat(low, counts) + offset]


class SliceIndex:
    """Assigns the rows of batches to slices.

    Attributes:
        keys: the slice of each group id; grows as new slices are seen.
    """

    def __init__(self, specs: Sequence[SlicingSpec]) -> None:
        self.keys: list[SliceKey] = []
        self._id_of: dict[SliceKey, tuple[int, int]] = {}
        plain = list(dict.fromkeys(_plain(spec) for spec in specs))
        # Queries come last: of a slice that both give, another spec has all rows.
        plain.sort(key=lambda spec: bool(spec.sql))
        self._assigners = [_Assigner(spec) for spec in plain]
        self._vocabularies = {
            name: Vocabulary(name) for each in self._assigners for name in each.features
        }
        self._query_vocabularies: dict[tuple[int, str], Vocabulary] = {}

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features that the slices depend on, but for those of queries."""
        return tuple(sorted(self._vocabularies))

    def assign(self, features: Mapping[str, Any], rows: int) -> Groups:
        """Returns the groups of the rows of one batch.

        Args:
            features: feature columns by name.
            rows: number of rows.

        Raises:
            InputError: when a feature that the slices need is not in the data.
        """
        for name in self._vocabularies:
            if name not in features:
                hint = did_you_mean(name, features)
                raise InputError(f"slicing feature {name!r} is not in the data {hint}")
        encoded = {
            name: vocabulary.encode(features[name])
            for name, vocabulary in self._vocabularies.items()
        }
        memberships = [
            self._query_member(number, features, rows)
            if assigner.spec.sql
            else self._member(number, encoded, rows)
            for number, assigner in enumerate(self._assigners)
        ]
        return Groups(tuple(memberships), len(self.keys), rows, keys=self.keys)  # type: ignore[arg-type]

    def _member(self, number: int, encoded: Mapping[str, Any], rows: int) -> Membership:
        assigner = self._assigners[number]
        if not assigner.features:
            group = self._group((), number)
            if group < 0:
                none = np.zeros(0, dtype=np.int64)
                return Membership(none, none)
            return Membership(np.full(rows, group, dtype=np.int64))
        sizes = [len(self._vocabularies[name].values) for name in assigner.features]
        return self._grouped(number, [encoded[name] for name in assigner.features], sizes, rows)

    def _query_member(self, number: int, features: Mapping[str, Any], rows: int) -> Membership:
        """Groups the rows as a query says: it gives rows, and the columns of their slice keys."""
        from evaluator_component.inputs.sql import SqlSlices

        assigner = self._assigners[number]
        row_of_entry, columns = SqlSlices(assigner.spec.sql).apply(features, rows)
        if not assigner.features:
            assigner.name_features(sorted(columns))
        encoded = [
            self._query_vocabularies.setdefault((number, name), Vocabulary(name)).encode(
                columns[name]
            )
            for name in assigner.features
        ]
        sizes = [len(self._query_vocabularies[number, name].values) for name in assigner.features]
        found = self._grouped(number, encoded, sizes, len(row_of_entry))
        entries = found.rows if found.rows is not None else np.arange(len(row_of_entry))
        pairs = np.unique(row_of_entry[entries] * max(len(self.keys), 1) + found.ids)
        return Membership(pairs % max(len(self.keys), 1), pairs // max(len(self.keys), 1))

    def _grouped(
        self, number: int, encoded: Sequence[Any], sizes: Sequence[int], rows: int
    ) -> Membership:
        """Turns the codes of the features of a spec into groups."""
        assigner = self._assigners[number]
        entry_rows, ids = assigner.combine(encoded, sizes, rows)
        for combination in assigner.combinations[len(assigner.group_of) :]:
            assigner.group_of.append(self._group_of(assigner, combination, number))
        groups = np.asarray(assigner.group_of, dtype=np.int64)[ids]
        if len(groups) and groups.min() < 0:
            kept = np.flatnonzero(groups >= 0)
            entry_rows = kept if entry_rows is None else entry_rows[kept]
            groups = groups[kept]
        return Membership(groups, entry_rows)

    def _group_of(self, assigner: _Assigner, combination: tuple[int, ...], number: int) -> int:
        pairs = [
            (name, self._vocabulary(assigner, number, name).values[code])
            for name, code in zip(assigner.features, combination, strict=True)
        ]
        value_of = dict(pairs)
        for feature, text in assigner.spec.feature_values:
            if not matches(value_of[feature], text):
                return -1
        return self._group(sorted_slice_key(pairs), number)

    def _vocabulary(self, assigner: _Assigner, number: int, name: str) -> Vocabulary:
        if assigner.spec.sql:
            return self._query_vocabularies[number, name]
        return self._vocabularies[name]

    def _group(self, key: SliceKey, number: int) -> int:
        """Returns the group of a slice; -1 when another spec puts the same rows there already."""
        known = self._id_of.get(key)
        if known is None:
            known = self._id_of[key] = (len(self.keys), number)
            self.keys.append(key)
        group, owner = known
        return group if owner == number else -1


@dataclass(frozen=True)
class _PlainSpec:
    feature_keys: tuple[str, ...]
    feature_values: tuple[tuple[str, str], ...]
    sql: str = ""


def _plain(spec: SlicingSpec) -> _PlainSpec:
    return _PlainSpec(tuple(spec.feature_keys), tuple(spec.feature_values), spec.sql)
