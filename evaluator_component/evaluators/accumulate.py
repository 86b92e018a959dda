"""Accumulate: from batches of extracts to keyed states, a chunk of rows at a time.

Predicting wants small batches, summing over slices wants large ones. An `Accumulator` therefore
collects batches until a chunk is full, and then adds up every statistic of the plan at once.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.batch import Batch
from evaluator_component.confidence.resampling import BOOTSTRAP, Resampling
from evaluator_component.errors import MetricError
from evaluator_component.evaluators.computations import Accumulation
from evaluator_component.evaluators.plan import Plan
from evaluator_component.evaluators.query_rows import sort_by_query
from evaluator_component.extractors.base import Extracts, row_count
from evaluator_component.groups import Groups, Membership
from evaluator_component.inputs.example_ids import row_ids
from evaluator_component.metrics.base import QUERY
from evaluator_component.metrics.state import States
from evaluator_component.metrics.view import View

__all__ = ["Accumulated", "Accumulator", "concatenate_extracts", "shard_of"]

Array = npt.NDArray[Any]

#: Rows (times classes) that are summed at once.
CHUNK_ROWS = 1 << 17
#: Rows times resamples that are held at once: 64 MB of multiplicities.
_CHUNK_DRAWS = 1 << 23


@dataclass
class Accumulated:
    """What one worker has accumulated: mergeable, and split by slice into shards.

    Attributes:
        plain: states of all rows; ids are positions in `Plan.accumulations`.
        resampled: states per resample; ids are positions in `Plan.resampled`.
    """

    plain: States
    resampled: States | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of all states."""
        return self.plain.nbytes + (self.resampled.nbytes if self.resampled is not None else 0)

    def merge(self, other: Accumulated) -> None:
        """Adds what another worker has accumulated."""
        self.plain.merge(other.plain)
        if self.resampled is not None and other.resampled is not None:
            self.resampled.merge(other.resampled)

    def split(self, shards: int) -> Iterator[tuple[int, Accumulated]]:
        """Yields (shard, its part), by the hash of the slice key."""
        if shards == 1:
            yield 0, self
            return
        plain = self.plain.split(shard_of(self.plain.keys, shards), shards)
        resampled = {}
        if self.resampled is not None:
            resampled = self.resampled.split(shard_of(self.resampled.keys, shards), shards)
        for shard in sorted({*plain, *resampled}):
            empty = States()
            none = None if self.resampled is None else States(self.resampled.replicates)
            yield shard, Accumulated(plain.get(shard, empty), resampled.get(shard, none))


def shard_of(keys: Sequence[Any], shards: int) -> Array:
    """Returns the shard of each slice key: the same on every worker and in every process."""
    hashes = [zlib.crc32(repr(key).encode()) % shards for key in keys]
    return np.array(hashes, dtype=np.int64)


@dataclass
class Accumulator:
    """Accumulates batches of extracts.

    Attributes:
        plan: what to accumulate.
        resampling: how intervals are computed; None for no intervals.
        chunk_rows: rows that are summed at once.
        queries: feature whose queries to accumulate statistics over, and only those (a chunk must
            then hold all rows of its queries); "" for the statistics over rows.
    """

    plan: Plan
    resampling: Resampling | None = None
    chunk_rows: int = CHUNK_ROWS
    queries: str = ""
    _waiting: list[Extracts] = field(default_factory=list)
    _waiting_rows: int = 0

    def __post_init__(self) -> None:
        self._plain = self._by_view(self.plan.accumulations)
        self._resampled = self._by_view(self.plan.resampled) if self.resampling else {}
        self._features = {
            name
            for each in self.plan.accumulations
            for name in (*each.statistic.features(), each.view.query_key)
        } | {*self.plan.searched}
        if self.resampling is not None and self.resampling.unit_key:
            self._features.add(self.resampling.unit_key)
        bootstrap = self.resampling is not None and self.resampling.method == BOOTSTRAP
        if self.resampling is not None and bootstrap and not self.queries:
            self.chunk_rows = min(self.chunk_rows, _CHUNK_DRAWS // self.resampling.count)
        self._clear()

    def _clear(self) -> None:
        count = self.resampling.count if self.resampling else None
        self._done = Accumulated(States(), States(count) if count else None)
        self._rows: tuple[Any, list[Array]] = (None, [])

    def _by_view(
        self, accumulations: Iterable[Accumulation]
    ) -> dict[tuple[View, str], list[tuple[int, Accumulation]]]:
        """Groups statistics that take the same batch; keeps their ids."""
        found: dict[tuple[View, str], list[tuple[int, Accumulation]]] = {}
        for number, each in enumerate(accumulations):
            if each.view.model_name in self.plan.stored_models:
                continue
            query_key = each.view.query_key if each.statistic.form == QUERY else ""
            if query_key == self.queries:
                found.setdefault((each.view, each.statistic.form), []).append((number, each))
        return found

    def add(self, extracts: Extracts) -> None:
        """Takes one batch."""
        rows = row_count(extracts)
        if not rows:
            return
        self._waiting.append(self.keep(extracts))
        self._waiting_rows += rows * _width(extracts.get("predictions"))
        if self._waiting_rows >= self.chunk_rows:
            self._flush()

    @property
    def nbytes(self) -> int:
        """Bytes of the states so far."""
        return self._done.nbytes

    def finish(self) -> Accumulated:
        """Returns what was accumulated so far, and starts again."""
        self._flush()
        done = self._done
        self._clear()
        return done

    def keep(self, extracts: Extracts) -> Extracts:
        """Drops the columns that no statistic reads."""
        names = ("labels", "predictions", "example_weights", "example_ids", "slice_keys")
        kept = {name: extracts[name] for name in names if extracts.get(name) is not None}
        if extracts.get("attributions") is not None:
            kept["attributions"] = extracts["attributions"]
        features = extracts.get("features", {})
        kept["features"] = {name: c for name, c in features.items() if name in self._features}
        return kept

    def _flush(self) -> None:
        if not self._waiting:
            return
        chunk = concatenate_extracts(self._waiting)
        self._waiting, self._waiting_rows = [], 0
        starts = None
        if self.queries:
            chunk, starts, unit_ids = sort_by_query(chunk, self.queries)
        elif self.resampling is not None:
            unit_ids = self._unit_ids(chunk)
        groups: Groups = chunk["slice_keys"]
        keys, used = groups.keys, np.arange(groups.count)
        if groups.count > groups.size:
            # Most slices of the bundle do not occur in this chunk; sums need not be that long.
            groups, used = groups.used()
        if self.resampling is not None:
            groups = replace(groups, replicates=self.resampling.replicates(unit_ids))
        plain_rows, *resampled_rows = self._state_rows(keys, used)
        for view_form in dict.fromkeys((*self._plain, *self._resampled)):
            view, form = view_form
            try:
                picked = replace(view.pick(chunk), query_starts=starts)
                batch, shaped = view.shape(picked, groups, form)
            except MetricError as error:
                each = (self._plain.get(view_form) or self._resampled[view_form])[0][1]
                raise MetricError(f"{', '.join(self.plan.users(each))}: {error}") from error
            if view_form in self._plain:
                self._accumulate(
                    self._plain[view_form],
                    batch,
                    replace(shaped, replicates=None),
                    self._done.plain,
                    plain_rows,
                )
            if view_form in self._resampled and self._done.resampled is not None:
                self._accumulate(
                    self._resampled[view_form],
                    batch,
                    shaped,
                    self._done.resampled,
                    resampled_rows[0],
                )

    def _accumulate(
        self,
        accumulations: Sequence[tuple[int, Accumulation]],
        batch: Batch,
        groups: Groups,
        states: States,
        rows: Array,
    ) -> None:
        for number, each in accumulations:
            try:
                arrays = each.statistic.accumulate(batch, groups)
            except MetricError as error:
                raise MetricError(f"{', '.join(self.plan.users(each))}: {error}") from error
            states.add_rows(rows, {number: arrays}, {number: each.statistic.state})

    def _unit_ids(self, chunk: Extracts) -> Array:
        assert self.resampling is not None
        if self.resampling.unit_key:
            key = self.resampling.unit_key
            return row_ids({key: chunk["features"][key]}, row_count(chunk))
        return np.asarray(chunk["example_ids"])

    def _state_rows(self, keys: Sequence[Any], used: Array) -> list[Array]:
        """Returns the rows of some groups in the states; looks up those not seen before."""
        tables = [each for each in (self._done.plain, self._done.resampled) if each is not None]
        known_keys, known = self._rows
        if known_keys is not keys:
            known = [np.zeros(0, dtype=np.int64) for _ in tables]
        grown = []
        for states, rows in zip(tables, known, strict=True):
            unseen = np.full(len(keys) - len(rows), -1, dtype=np.int64)
            rows = np.concatenate([rows, unseen])
            new = used[rows[used] < 0]
            rows[new] = states.rows(keys[number] for number in new)
            grown.append(rows)
        self._rows = (keys, grown)
        return [rows[used] for rows in grown]


def _width(predictions: Any) -> int:
    """Classes per row of the widest prediction: flattened batches are that much longer."""
    if isinstance(predictions, Mapping):
        return max((_width(each) for each in predictions.values()), default=1)
    if predictions is None or predictions.ndim < 2:
        return 1
    return int(np.prod(predictions.shape[1:]))


def concatenate_extracts(batches: Sequence[Extracts]) -> Extracts:
    """Stacks batches of extracts into one."""
    if len(batches) == 1:
        return batches[0]
    return {name: _stack([batch[name] for batch in batches], name) for name in batches[0]}


def _stack(columns: Sequence[Any], name: str) -> Any:
    import pyarrow as pa

    first = columns[0]
    if isinstance(first, Groups):
        return _stack_groups(columns)
    if isinstance(first, Mapping):
        return {key: _stack([column[key] for column in columns], key) for key in first}
    if isinstance(first, (pa.Array, pa.ChunkedArray)):
        if any(column.type != first.type for column in columns):
            return pa.concat_arrays([column.cast(first.type) for column in columns])
        return pa.concat_arrays(columns)
    if any(column.shape[1:] != first.shape[1:] for column in columns):
        rows = np.empty(sum(map(len, columns)), dtype=object)
        rows[:] = [row for column in columns for row in column]
        return rows
    return np.concatenate(columns)


def _stack_groups(parts: Sequence[Groups]) -> Groups:
    """Stacks groups; where they come from different indexes, renumbers them by slice key."""
    keys: Any = parts[0].keys
    if any(part.keys is not keys for part in parts):
        keys, id_of = [], {}
        renumbered = []
        for part in parts:
            new = np.empty(part.count, dtype=np.int64)
            for number in range(part.count):
                key = part.keys[number]
                if key not in id_of:
                    id_of[key] = len(keys)
                    keys.append(key)
                new[number] = id_of[key]
            memberships = tuple(Membership(new[m.ids], m.rows) for m in part.memberships)
            renumbered.append(replace(part, memberships=memberships))
        parts = renumbered
    starts = np.concatenate([[0], np.cumsum([part.size for part in parts])])
    memberships = []
    for same in zip(*(part.memberships for part in parts), strict=True):
        ids = np.concatenate([membership.ids for membership in same])
        if all(membership.rows is None for membership in same):
            memberships.append(Membership(ids))
            continue
        rows = [
            start + (np.arange(part.size) if membership.rows is None else membership.rows)
            for membership, part, start in zip(same, parts, starts, strict=False)
        ]
        memberships.append(Membership(ids, np.concatenate(rows)))
    count = len(keys) if keys is not parts[0].keys else max(part.count for part in parts)
    return Groups(tuple(memberships), count, int(starts[-1]), keys=keys)
