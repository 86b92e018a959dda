"""MetricsAndPlotsEvaluator: the Beam graph from extracts to tables of metrics and plots.

::

    extracts -> accumulate a bundle -> (shard, states) -> merge per shard -> compute -> assemble
    extracts -> rows by query ------> (shard, states) ---^

A bundle emits a few tables of states, not an element per slice; tables merge by slice key; shards
(the hash of the slice key) bound the size of any one table.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from evaluator_component.coders import LargeCoder, large
from evaluator_component.confidence.resampling import Resampling
from evaluator_component.evaluators.accumulate import Accumulated, Accumulator
from evaluator_component.evaluators.base import (
    METRICS_KEY,
    PLOTS_KEY,
    STATISTICS_KEY,
    Evaluation,
    Evaluator,
)
from evaluator_component.evaluators.compute import Computed, compute
from evaluator_component.evaluators.over_slices import assemble
from evaluator_component.evaluators.plan import Plan
from evaluator_component.evaluators.query import AccumulateQueries
from evaluator_component.extractors.base import Extracts, row_count
from evaluator_component.extractors.slice_keys import SLICE_KEY_EXTRACTOR_STAGE_NAME
from evaluator_component.keys import MetricKey
from evaluator_component.metrics.base import QUERY
from evaluator_component.metrics_table import MetricsTable

__all__ = [
    "METRICS_AND_PLOTS_EVALUATOR_STAGE_NAME",
    "Accumulate",
    "ComputeMetricsAndPlots",
    "MergeStates",
    "MetricsAndPlotsEvaluator",
]

METRICS_AND_PLOTS_EVALUATOR_STAGE_NAME = "EvaluateMetricsAndPlots"

#: States that a worker holds before it sends them on.
MOST_BYTES = 256 << 20


def MetricsAndPlotsEvaluator(
    plan: Plan,
    resampling: Resampling | None = None,
    min_slice_size: int = 1,
    dataset: str = "",
    shards: int = 1,
    run_after: str = SLICE_KEY_EXTRACTOR_STAGE_NAME,
    keep_statistics: bool = False,
    stored: beam.PTransform | None = None,
    paired: Collection[MetricKey] | None = None,
) -> Evaluator:
    """Makes the evaluator of metrics and plots.

    Args:
        plan: what to compute, from `make_plan`.
        resampling: how intervals are computed; None for no intervals.
        min_slice_size: slices with fewer examples get no values but a note.
        dataset: name of the dataset.
        shards: number of tables that slices are spread over.
        run_after: extractor whose output it takes.
        keep_statistics: whether to give the merged states, too.
        stored: gives (shard, Accumulated) of the plan's `stored_models`, of any number of shards.
        paired: metrics whose values on resamples are gathered, for a verdict that compares them;
            None for all. Intervals do not need it: they are computed shard by shard.
    """
    if plan.cross_slices:
        paired = None
    transform = ComputeMetricsAndPlots(
        plan, resampling, min_slice_size, dataset, shards, keep_statistics, stored, paired
    )
    return Evaluator(METRICS_AND_PLOTS_EVALUATOR_STAGE_NAME, run_after, transform)


class ComputeMetricsAndPlots(beam.PTransform):  # type: ignore[misc]
    """PCollection[Extracts] -> {"metrics": ..., "plots": ...}, both PCollection[MetricsTable].

    With `keep_statistics` also {"statistics": PCollection[(dataset, shard, Accumulated)]}.
    """

    def __init__(
        self,
        plan: Plan,
        resampling: Resampling | None = None,
        min_slice_size: int = 1,
        dataset: str = "",
        shards: int = 1,
        keep_statistics: bool = False,
        stored: beam.PTransform | None = None,
        paired: Collection[MetricKey] | None = None,
    ) -> None:
        super().__init__()
        self._plan = plan
        self._resampling = resampling
        self._min_slice_size = min_slice_size
        self._dataset = dataset
        self._shards = shards
        self._keep, self._stored, self._paired = keep_statistics, stored, paired

    def expand(self, extracts: beam.PCollection) -> Evaluation:
        """Builds the graph."""
        accumulate = Accumulate(self._plan, self._resampling, self._shards)
        states = large(extracts | "Accumulate" >> beam.ParDo(accumulate), keyed=True)
        if any(each.statistic.form == QUERY for each in self._plan.accumulations):
            queries = extracts | "Queries" >> AccumulateQueries(
                self._plan, self._resampling, self._shards
            )
            both = (states, large(queries, keyed=True))
            states = large(both | "BothKinds" >> beam.Flatten(), keyed=True)
        if self._stored is not None:
            stored = (
                extracts.pipeline
                | f"Stored[{self._dataset}]" >> self._stored
                | f"SplitStored[{self._dataset}]" >> beam.FlatMap(_split, self._shards)
            )
            both = (states, large(stored, keyed=True))
            states = large(both | "WithStored" >> beam.Flatten(), keyed=True)
        merged = large(states | "Merge" >> beam.CombinePerKey(MergeStates()), keyed=True)
        compute = _Compute(
            self._plan,
            self._resampling,
            self._min_slice_size,
            self._dataset,
            self._keep,
            self._paired,
        )
        computed = merged | "Compute" >> beam.ParDo(compute).with_outputs(
            PLOTS_KEY, STATISTICS_KEY, main=METRICS_KEY
        )
        metrics = (
            extracts.pipeline
            | f"Once[{self._dataset}]" >> beam.Impulse()
            | "Assemble"
            >> beam.FlatMap(
                _assemble,
                beam.pvalue.AsList(large(computed[METRICS_KEY])),
                self._plan,
                self._resampling,
                self._dataset,
            )
        )
        evaluation = {METRICS_KEY: large(metrics), PLOTS_KEY: large(computed[PLOTS_KEY])}
        if self._keep:
            evaluation[STATISTICS_KEY] = large(computed[STATISTICS_KEY])
        return evaluation


class Accumulate(beam.DoFn):  # type: ignore[misc]
    """Holds the states of a bundle, and emits them when it ends, or when they are too many."""

    def __init__(self, plan: Plan, resampling: Resampling | None, shards: int) -> None:
        self._plan, self._resampling, self._shards = plan, resampling, shards
        self._rows = beam.metrics.Metrics.counter("evaluator_component", "rows")

    def start_bundle(self) -> None:
        """Begins with empty states."""
        self._accumulator = Accumulator(self._plan, self._resampling)

    def process(self, extracts: Extracts) -> Iterator[tuple[int, Accumulated]]:
        """Takes a batch; where slices are spread over shards, emits what takes much memory."""
        self._accumulator.add(extracts)
        self._rows.inc(row_count(extracts))
        if self._shards > 1 and self._accumulator.nbytes > MOST_BYTES:
            yield from self._accumulator.finish().split(self._shards)

    def finish_bundle(self) -> Iterator[WindowedValue]:
        """Emits (shard, states)."""
        done = self._accumulator.finish()
        if len(done.plain):
            for shard, part in done.split(self._shards):
                window = GlobalWindow()
                yield WindowedValue((shard, part), window.max_timestamp(), [window])


class MergeStates(beam.CombineFn):  # type: ignore[misc]
    """Merges the states of one shard."""

    def create_accumulator(self) -> Accumulated | None:
        """Returns nothing: the first states are taken as they are."""
        return None

    def add_input(self, merged: Accumulated | None, part: Accumulated) -> Accumulated:
        """Merges the states of one bundle."""
        if merged is None:
            return part
        merged.merge(part)
        return merged

    def merge_accumulators(self, parts: Iterable[Accumulated | None]) -> Accumulated | None:
        """Merges what was merged elsewhere."""
        merged = None
        for part in parts:
            if part is not None:
                merged = self.add_input(merged, part)
        return merged

    def get_accumulator_coder(self) -> LargeCoder:
        """Returns the coder of merged states."""
        return LargeCoder()

    def extract_output(self, merged: Accumulated | None) -> Accumulated | None:
        """Returns the merged states."""
        return merged


class _Compute(beam.DoFn):  # type: ignore[misc]
    """States of a shard -> what was computed of them, the plots apart from the numbers."""

    def __init__(
        self,
        plan: Plan,
        resampling: Resampling | None,
        min_slice_size: int,
        dataset: str,
        keep_statistics: bool,
        paired: Collection[MetricKey] | None,
    ) -> None:
        self._arguments = (resampling, min_slice_size, dataset)
        self._paired = paired
        self._plan, self._dataset, self._keep = plan, dataset, keep_statistics

    def process(self, shard: tuple[int, Accumulated]) -> Iterator[Any]:
        if self._keep:
            yield beam.pvalue.TaggedOutput(STATISTICS_KEY, (self._dataset, *shard))
        computed = compute(self._plan, shard[1], *self._arguments)
        yield beam.pvalue.TaggedOutput(PLOTS_KEY, computed.plots)
        yield computed.numbers(self._paired)


def _split(shard: tuple[int, Accumulated], shards: int) -> Iterator[tuple[int, Accumulated]]:
    return shard[1].split(shards)


def _assemble(
    _: bytes,
    shards: Sequence[Computed],
    plan: Plan,
    resampling: Resampling | None,
    dataset: str,
) -> list[MetricsTable]:
    return [assemble(plan, shards, resampling, dataset)] if shards else []
