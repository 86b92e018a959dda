"""Compute: from merged states to a table of metrics, vectorised over slices and resamples."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.confidence.interval import with_intervals
from evaluator_component.confidence.resampling import JACKKNIFE, Resampling, leave_one_out
from evaluator_component.errors import MetricError
from evaluator_component.evaluators.accumulate import Accumulated
from evaluator_component.evaluators.computations import Accumulation, Computation, replicated
from evaluator_component.evaluators.plan import Entry, Plan
from evaluator_component.keys import MetricKey, PlotKey
from evaluator_component.metrics.base import State
from evaluator_component.metrics.state import States
from evaluator_component.metrics_table import Column, MetricsTable

__all__ = ["Computed", "compute"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Computed:
    """The results of some slices.

    Attributes:
        metrics: numbers, vectors and structured values.
        plots: plots and attributions of the same slices; no metric columns.
        gap_inputs: for each gap of the plan, values (slices,) and resamples (slices, replicates)
            of the metrics that it takes.
    """

    metrics: MetricsTable
    plots: MetricsTable
    gap_inputs: tuple[tuple[tuple[Array, Array | None], ...], ...] = ()

    def numbers(self, paired: Collection[MetricKey] | None = None) -> Computed:
        """Returns the numbers alone, which are small.

        Args:
            paired: metrics whose values on resamples are kept, too; None for all.
        """
        empty = MetricsTable((), self.metrics.examples[:0], self.metrics.weights[:0])
        columns = {
            key: column if paired is None or key in paired else replace(column, replicates=None)
            for key, column in self.metrics.columns.items()
        }
        return replace(self, metrics=replace(self.metrics, columns=columns), plots=empty)


class _Values:
    """Looks up merged states by accumulation; caches the jackknife's leave-one-out states."""

    def __init__(
        self,
        states: States,
        ids: Sequence[Accumulation],
        jackknife: bool = False,
        stand_in: bool = False,
    ) -> None:
        self._states = states
        self._ids = {each: number for number, each in enumerate(ids)}
        self._jackknife = jackknife
        self._stand_in = stand_in
        self._cache: dict[Accumulation, State] = {}

    def __call__(self, accumulation: Accumulation) -> State:
        if self._stand_in:
            accumulation = replicated(accumulation)
        if accumulation not in self._cache:
            state = self._states.table(self._ids[accumulation])
            if self._jackknife:
                state = leave_one_out(state, accumulation.statistic.state)
            self._cache[accumulation] = state
        return self._cache[accumulation]


def compute(
    plan: Plan,
    accumulated: Accumulated,
    resampling: Resampling | None = None,
    min_slice_size: int = 1,
    dataset: str = "",
) -> Computed:
    """Computes every metric of every slice, with intervals; columns keep their replicates.

    Args:
        plan: what to compute.
        accumulated: merged states of the slices.
        resampling: how intervals are computed; None for no intervals.
        min_slice_size: slices with fewer examples get no values but a note; the overall slice is
            never left out.
        dataset: name of the dataset.
    """
    states = accumulated.plain
    lookup = _Values(states, plan.accumulations)
    examples = lookup(plan.counts[0])["weight"]
    weights = lookup(plan.counts[1])["weight"]
    resamples = None
    if resampling is not None and accumulated.resampled is not None:
        same_order = _align(accumulated.resampled, states)
        resamples = _Values(
            same_order, plan.resampled, resampling.method == JACKKNIFE, stand_in=True
        )
    columns: dict[MetricKey, Column] = {}
    plots: dict[PlotKey, Array] = {}
    attributions: dict[MetricKey, Array] = {}
    wanted = [each for each in plan.entries if not each.datasets or dataset in each.datasets]
    for entry in wanted:
        value = _evaluate(entry, entry.computation, lookup)
        if entry.metric.kind == "plot":
            key = entry.key
            plots[_plot_key(key)] = value
        elif entry.metric.kind == "attribution":
            attributions[entry.key] = value
        else:
            column = Column(value, direction=entry.metric.direction, labels=entry.metric.labels())
            if resamples is not None and entry.is_number and entry.metric.has_interval:
                replicates = _evaluate(entry, entry.computation, resamples)
                column = replace(column, replicates=replicates)
            columns[entry.key] = column
    gap_inputs = tuple(
        tuple(
            (each.value(lookup), None if resamples is None else each.value(resamples))
            for each in gap.inputs
        )
        for gap in plan.gaps
        if not gap.datasets or dataset in gap.datasets
    )
    slices: Any = tuple(states.keys)
    counts = np.rint(examples).astype(np.int64)
    table = MetricsTable(slices, counts, weights, columns, dataset=dataset)
    plot_table = MetricsTable(
        slices, counts, weights, plots=plots, attributions=attributions, dataset=dataset
    )
    computed = _without_small(Computed(table, plot_table, gap_inputs), min_slice_size)
    if resampling is None:
        return computed
    metrics = with_intervals(computed.metrics, method=resampling.method, level=resampling.level)
    return replace(computed, metrics=metrics)


def _plot_key(key: MetricKey) -> PlotKey:
    return PlotKey(
        key.name,
        key.model_name,
        key.output_name,
        key.sub_key,
        key.aggregation,
        key.example_weighted,
    )


def _evaluate(entry: Entry, computation: Computation, lookup: _Values) -> Array:
    try:
        return computation.value(lookup)
    except MetricError as error:
        where = f" ({entry.where})" if entry.where else ""
        raise MetricError(f"{entry.key}{where}: {error}") from error


def _align(states: States, like: States) -> States:
    """Returns states whose rows are in the order of another table's."""
    if states.keys == like.keys:
        return states
    aligned = States(states.replicates)
    aligned.rows(like.keys)
    aligned.merge(states)
    return aligned


def _without_small(computed: Computed, min_slice_size: int) -> Computed:
    """Replaces the values of small slices by NaN, and says why."""
    table = computed.metrics
    small = np.array(
        [
            key != () and n < min_slice_size
            for key, n in zip(table.slices, table.examples, strict=True)
        ],
        dtype=bool,
    )
    if min_slice_size <= 1 or not small.any():
        return computed
    notes = {
        table.slices[row]: f"{table.examples[row]} examples; min_slice_size is {min_slice_size}"
        for row in np.flatnonzero(small)
    }
    columns = {key: _blank(column, small) for key, column in table.columns.items()}
    plots = {key: np.where(small, None, value) for key, value in computed.plots.plots.items()}
    attributions = {
        key: np.where(small, None, value) for key, value in computed.plots.attributions.items()
    }
    return replace(
        computed,
        metrics=replace(table, columns=columns, notes=notes),
        plots=replace(computed.plots, plots=plots, attributions=attributions, notes=notes),
    )


def _blank(column: Column, rows: Array) -> Column:
    def blank(array: Array | None) -> Array | None:
        if array is None:
            return None
        empty = array.copy()
        empty[rows] = None if array.dtype == object else (0 if array.dtype.kind == "i" else np.nan)
        return empty

    names = ("value", "standard_error", "lower", "upper", "degrees_of_freedom", "replicates")
    return replace(column, **{name: blank(getattr(column, name)) for name in names})
