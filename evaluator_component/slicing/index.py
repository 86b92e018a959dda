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


@dataclass
class _Codebook:
    """Dense ids for integers, in order of first appearance."""

    known: Array = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    ids: Array = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def lookup(self, codes: Array) -> tuple[Array, Array]:
        """Returns (ids of codes, the codes that were new, in the order of their new ids)."""
        unique, inverse = np.unique(codes, return_inverse=True)
        position = np.searchsorted(self.known, unique)
        found = position < len(self.known)
        found[found] = self.known[position[found]] == unique[found]
        new = unique[~found]
        if len(new):
            new_ids = np.arange(len(self.ids), len(self.ids) + len(new))
            known = np.concatenate([self.known, new])
            ids = np.concatenate([self.ids, new_ids])
            order = np.argsort(known, kind="stable")
            self.known, self.ids = known[order], ids[order]
            position = np.searchsorted(self.known, unique)
        return self.ids[position][inverse], new


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

    def combine(self, encoded: Sequence[tuple[Array | None, Array]], size: int) -> tuple[Any, Any]:
        """Combines the codes of the spec's features into dense combination ids.

        Returns:
            (rows or None, combination ids).
        """
        rows, codes = encoded[0]
        ids, new = self.books[0].lookup(codes)
        self._tuples[0].extend((int(code),) for code in new)
        for step, (more_rows, more_codes) in enumerate(encoded[1:], start=1):
            rows, ids, more = _join(rows, ids, more_rows, more_codes, size)
            ids, new = self.books[step].lookup((ids << 32) | more)
            before = self._tuples[step - 1]
            self._tuples[step].extend(
                (*before[int(pair) >> 32], int(pair) & 0xFFFFFFFF) for pair in new
            )
        self.combinations = self._tuples[-1]
        return rows, ids


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
        return self._grouped(number, [encoded[name] for name in assigner.features], rows)

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
        found = self._grouped(number, encoded, len(row_of_entry))
        entries = found.rows if found.rows is not None else np.arange(len(row_of_entry))
        pairs = np.unique(row_of_entry[entries] * max(len(self.keys), 1) + found.ids)
        return Membership(pairs % max(len(self.keys), 1), pairs // max(len(self.keys), 1))

    def _grouped(self, number: int, encoded: Sequence[Any], rows: int) -> Membership:
        """Turns the codes of the features of a spec into groups."""
        assigner = self._assigners[number]
        entry_rows, ids = assigner.combine(encoded, rows)
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
