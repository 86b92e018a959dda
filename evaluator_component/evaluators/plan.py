"""Plan: what an eval config asks to be accumulated, and what is computed from it.

Vocabulary:
    Entry: a computation with the key under which its values are reported.

A plan is a value: it is pickled to workers, and `describe` prints it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy.typing as npt

from evaluator_component.config import CrossSliceSpec, SliceSpec
from evaluator_component.evaluators.computations import Accumulation, Computation, replicated
from evaluator_component.inputs.sql import SqlSlices
from evaluator_component.keys import MetricKey
from evaluator_component.metrics.base import QUERY, Metric
from evaluator_component.metrics.counts import RowWeight
from evaluator_component.metrics.gaps import SliceGap
from evaluator_component.metrics.view import View

__all__ = ["Entry", "GapEntry", "Plan", "replace_entries"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Entry:
    """A computation with the key under which its values are reported.

    Attributes:
        key: the name of the values.
        computation: how they come about.
        metric: the metric, for its kind, direction and labels.
        where: path of the metric in the config, for messages.
        datasets: names of the datasets it is computed for; empty: all.
    """

    key: MetricKey
    computation: Computation
    metric: Metric
    where: str = ""
    datasets: tuple[str, ...] = ()

    @property
    def computed(self) -> Any:
        """Equal for entries of the same values."""
        return self.computation

    @property
    def is_number(self) -> bool:
        """Whether values are numbers or arrays of numbers, which have differences."""
        return self.metric.kind in ("number", "vector")


@dataclass(frozen=True)
class GapEntry:
    """A number over all slices of some features, such as the largest gap; reported as overall.

    Attributes:
        key: the name of the value.
        gap: the formula over slices.
        inner: the computations whose values per slice it takes, in the order of `gap.inner()`.
        baseline: the same of the baseline, where the value is candidate minus baseline.
        where: path in the config.
        datasets: names of the datasets it is computed for; empty: all.
    """

    key: MetricKey
    gap: SliceGap
    inner: tuple[Computation, ...]
    where: str = ""
    datasets: tuple[str, ...] = ()
    baseline: tuple[Computation, ...] = ()

    @property
    def computed(self) -> Any:
        """Equal for entries of the same values."""
        return self.gap, self.inner

    @property
    def inputs(self) -> tuple[Computation, ...]:
        """All computations whose values per slice are needed."""
        return (*self.inner, *self.baseline)

    def over(self, values: Sequence[Array]) -> Array:
        """Computes the number from the values of `inputs`."""
        candidate = self.gap.over(*values[: len(self.inner)])
        if not self.baseline:
            return candidate
        return candidate - self.gap.over(*values[len(self.inner) :])


@dataclass(frozen=True)
class Plan:
    """All that one evaluation accumulates and computes.

    Attributes:
        entries: what is reported per slice.
        gaps: what is reported over slices.
        slices: the slicing specs.
        cross_slices: comparisons of slices.
        counts: tell the number of examples of a slice, and their weight.
        extra: accumulated besides, for evaluators that read states themselves.
        stored_models: models whose states are known from an earlier run: their predictions are
            not there, and nothing is accumulated for them.
    """

    entries: tuple[Entry, ...]
    gaps: tuple[GapEntry, ...] = ()
    slices: tuple[SliceSpec, ...] = (SliceSpec(),)
    cross_slices: tuple[CrossSliceSpec, ...] = ()
    counts: tuple[Accumulation, Accumulation] = field(
        default=(Accumulation(View(), RowWeight()), Accumulation(View(), RowWeight()))
    )
    extra: tuple[Accumulation, ...] = ()
    stored_models: tuple[str, ...] = ()

    @cached_property
    def accumulations(self) -> tuple[Accumulation, ...]:
        """Every distinct accumulation, in order; its position is its id in states."""
        found = dict.fromkeys((*self.counts, *self.extra))
        for entry in self.entries:
            found.update(dict.fromkeys(entry.computation.accumulations()))
        for gap in self.gaps:
            for computation in gap.inputs:
                found.update(dict.fromkeys(computation.accumulations()))
        return tuple(found)

    @cached_property
    def resampled(self) -> tuple[Accumulation, ...]:
        """Every distinct accumulation that intervals need, in the form for resamples."""
        found: dict[Accumulation, None] = {}
        for entry in self.entries:
            if entry.is_number and entry.metric.has_interval:
                for each in entry.computation.accumulations():
                    found[replicated(each)] = None
        for gap in self.gaps:
            for computation in gap.inputs:
                for each in computation.accumulations():
                    found[replicated(each)] = None
        return tuple(found)

    @cached_property
    def features(self) -> tuple[str, ...]:
        """Features that slices, queries and statistics read."""
        names: dict[str, None] = {}
        for spec in self.slices:
            names.update(dict.fromkeys(sorted(spec.features)))
            if spec.sql:
                names.update(dict.fromkeys(SqlSlices(spec.sql).needs))
        for each in self.accumulations:
            names.update(dict.fromkeys(each.statistic.features()))
            if each.view.query_key and each.statistic.form == QUERY:
                names[each.view.query_key] = None
        return tuple(names)

    @cached_property
    def searched(self) -> tuple[str, ...]:
        """Columns that statistics look for among labels, predictions and then features."""
        return tuple(
            dict.fromkeys(n for each in self.accumulations for n in each.statistic.searched())
        )

    def users(self, accumulation: Accumulation) -> list[str]:
        """Names the metrics that an accumulation serves, for messages."""
        users = []
        for entry in self.entries:
            each = list(entry.computation.accumulations())
            if accumulation in each or accumulation in map(replicated, each):
                users.append(f"{entry.key} ({entry.where})" if entry.where else str(entry.key))
        return users[:4] or ["example counts"]

    def describe(self) -> str:
        """Returns the plan as text: what is accumulated, and what is computed from it."""
        lines = [f"{len(self.slices)} slicing specs: " + "; ".join(map(str, self.slices))]
        lines.append(f"{len(self.accumulations)} statistics:")
        lines += [f"  {each.statistic} of {each.view}" for each in self.accumulations]
        lines.append(f"{len(self.entries) + len(self.gaps)} metrics and plots:")
        lines += [f"  {entry.key}" for entry in (*self.entries, *self.gaps)]
        lines.append("features: " + (", ".join(self.features) or "none"))
        return "\n".join(lines)


def replace_entries(plan: Plan, entries: tuple[Entry, ...]) -> Plan:
    """Returns a plan of some entries of another."""
    return replace(plan, entries=entries, gaps=())
