"""Queries: brings all rows of a query together, and accumulates the statistics over queries.

Rows travel in column tables, one per (bundle, partition of query ids), not one element per query.
A query belongs to every slice that any of its rows belongs to; slices then count queries.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from evaluator_component.confidence.resampling import Resampling
from evaluator_component.evaluators.accumulate import Accumulator
from evaluator_component.evaluators.plan import Plan
from evaluator_component.extractors.base import Extracts, row_count, take_rows
from evaluator_component.inputs.example_ids import row_ids
from evaluator_component.metrics.base import QUERY

__all__ = ["AccumulateQueries", "query_keys"]

#: Rows of one partition must fit into memory; a partition holds about 1/64 of the rows.
PARTITIONS = 64
_ROWS_PER_TABLE = 1 << 16


def query_keys(plan: Plan) -> tuple[str, ...]:
    """Returns the features by which a plan groups rows into queries."""
    views = [each.view for each in plan.accumulations if each.statistic.form == QUERY]
    return tuple(dict.fromkeys(view.query_key for view in views))


class AccumulateQueries(beam.PTransform):  # type: ignore[misc]
    """PCollection[Extracts] -> PCollection[(shard, Accumulated)], of statistics over queries."""

    def __init__(self, plan: Plan, resampling: Resampling | None, shards: int) -> None:
        super().__init__()
        self._plan, self._resampling, self._shards = plan, resampling, shards

    def expand(self, extracts: beam.PCollection) -> beam.PCollection:
        """Builds the graph: partition rows by query, group, accumulate."""
        states = [
            extracts
            | f"Partition[{key}]" >> beam.ParDo(_Partition(self._plan, self._resampling, key))
            | f"Group[{key}]" >> beam.GroupByKey()
            | f"Accumulate[{key}]"
            >> beam.ParDo(_AccumulateQueries(self._plan, self._resampling, self._shards, key))
            for key in query_keys(self._plan)
        ]
        return states[0] if len(states) == 1 else states | beam.Flatten()


class _Partition(beam.DoFn):  # type: ignore[misc]
    """Splits rows by the hash of their query."""

    def __init__(self, plan: Plan, resampling: Resampling | None, key: str) -> None:
        self._arguments = (plan, resampling, key)
        self._key = key

    def start_bundle(self) -> None:
        self._keep = Accumulator(*self._arguments[:2], queries=self._key).keep
        self._waiting: dict[int, list[Extracts]] = {}
        self._rows = 0

    def process(self, extracts: Extracts) -> Iterator[tuple[int, list[Extracts]]]:
        rows = row_count(extracts)
        kept = self._keep(extracts)
        queries = row_ids({self._key: kept["features"][self._key]}, rows)
        partition = (queries % np.uint64(PARTITIONS)).astype(np.int64)
        order = np.argsort(partition, kind="stable")
        present, starts = np.unique(partition[order], return_index=True)
        for number, index in zip(present, np.split(order, starts[1:]), strict=True):
            part = take_rows(kept, index)
            part["slice_keys"], _ = part["slice_keys"].used()  # the table is about to travel
            self._waiting.setdefault(int(number), []).append(part)
        self._rows += rows
        if self._rows >= _ROWS_PER_TABLE:
            yield from self._waiting.items()
            self._waiting, self._rows = {}, 0

    def finish_bundle(self) -> Iterator[WindowedValue]:
        window = GlobalWindow()
        for item in self._waiting.items():
            yield WindowedValue(item, window.max_timestamp(), [window])


class _AccumulateQueries(beam.DoFn):  # type: ignore[misc]
    def __init__(self, plan: Plan, resampling: Resampling | None, shards: int, key: str) -> None:
        self._arguments = (plan, resampling)
        self._shards, self._key = shards, key

    def process(self, partition: tuple[int, Iterable[list[Extracts]]]) -> Iterator[Any]:
        accumulator = Accumulator(*self._arguments, chunk_rows=1 << 62, queries=self._key)
        for tables in partition[1]:
            for extracts in tables:
                accumulator.add(extracts)
        yield from accumulator.finish().split(self._shards)
