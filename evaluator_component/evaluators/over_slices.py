"""Over slices: what needs the values of several slices: comparisons of slices, and gaps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.confidence.interval import with_intervals
from evaluator_component.confidence.resampling import Resampling
from evaluator_component.config import SliceSpec
from evaluator_component.evaluators.compute import Computed
from evaluator_component.evaluators.plan import Plan
from evaluator_component.keys import CrossSliceKey, MetricKey, SliceKey, is_cross_slice
from evaluator_component.metrics_table import Column, MetricsTable, concatenate
from evaluator_component.slicing import matches

__all__ = ["assemble", "belongs"]

Array = npt.NDArray[Any]


def assemble(
    plan: Plan, shards: Sequence[Computed], resampling: Resampling | None, dataset: str
) -> MetricsTable:
    """Puts the slices of all shards into one table; adds gaps and comparisons, with intervals."""
    table = concatenate([shard.metrics for shard in shards])
    table = _with_gaps(plan, table, shards, resampling, dataset)
    compared = _cross_slices(plan, table)
    if compared is not None:
        table = concatenate([table, _with_intervals(compared, resampling)])
    return table.sorted()


def _with_intervals(table: MetricsTable, resampling: Resampling | None) -> MetricsTable:
    if resampling is None:
        return table
    return with_intervals(table, method=resampling.method, level=resampling.level)


def belongs(key: SliceKey, spec: SliceSpec) -> bool:
    """Tells whether a slice is one of those that a spec means.

    Example:
        >>> belongs((("a", 1), ("b", 2)), SliceSpec(("a",), (("b", "2"),)))
        True
    """
    if {feature for feature, _ in key} != spec.features:
        return False
    values = dict(key)
    return all(matches(values[feature], text) for feature, text in spec.feature_values)


def _with_gaps(
    plan: Plan,
    table: MetricsTable,
    shards: Sequence[Computed],
    resampling: Resampling | None,
    dataset: str,
) -> MetricsTable:
    overall = table.row_of.get(())
    gaps = [gap for gap in plan.gaps if not gap.datasets or dataset in gap.datasets]
    if overall is None or not gaps:
        return table
    columns: dict[MetricKey, Column] = {}
    for number, gap in enumerate(gaps):
        spec = SliceSpec(gap.gap.feature_keys)
        rows = np.array(
            [
                not is_cross_slice(key) and belongs(key, spec) and count >= gap.gap.min_examples
                for key, count in zip(table.slices, table.examples, strict=True)
            ]
        )
        inputs = [shard.gap_inputs[number] for shard in shards]
        metrics = range(len(gap.inputs))
        values = [np.concatenate([each[m][0] for each in inputs])[rows] for m in metrics]
        value = np.full(len(table), np.nan)
        value[overall] = gap.over(values)
        column = Column(value, direction=gap.gap.direction)
        if resampling is not None and inputs[0][0][1] is not None:
            resampled = [np.concatenate([each[m][1] for each in inputs])[rows] for m in metrics]
            replicates = np.full((len(table), resampling.count), np.nan)
            replicates[overall] = gap.over(resampled)
            column = replace(column, replicates=replicates)
        columns[gap.key] = column
    found = _with_intervals(replace(table, columns=columns, notes={}), resampling)
    notes, note = dict(table.notes), found.notes.get((), "")
    if note and note not in notes.get((), ""):
        notes[()] = f"{notes[()]}; {note}" if () in notes else note
    return replace(table, columns={**table.columns, **found.columns}, notes=notes)


def _cross_slices(plan: Plan, table: MetricsTable) -> MetricsTable | None:
    """Rows for every comparison: value of the baseline slice minus value of the other one."""
    pairs = list(dict.fromkeys(_pairs(plan, table)))
    if not pairs:
        return None
    first = np.array([table.row_of[key.baseline] for key in pairs])
    second = np.array([table.row_of[key.comparison] for key in pairs])
    examples = np.minimum(table.examples[first], table.examples[second])
    columns = {}
    for key, column in table.columns.items():
        if column.value.dtype == object:
            continue
        compared = Column(
            column.value[first] - column.value[second],
            direction=column.direction,
            labels=column.labels,
        )
        if column.replicates is not None:
            replicates = column.replicates[first] - column.replicates[second]
            compared = replace(compared, replicates=replicates)
        columns[key] = compared
    weights = np.minimum(table.weights[first], table.weights[second])
    return MetricsTable(tuple(pairs), examples, weights, columns, dataset=table.dataset)


def _pairs(plan: Plan, table: MetricsTable) -> Iterator[CrossSliceKey]:
    slices: list[Any] = [key for key in table.slices if not is_cross_slice(key)]
    for cross in plan.cross_slices:
        for baseline in slices:
            if not belongs(baseline, cross.baseline):
                continue
            for comparison in slices:
                wanted = not cross.comparisons or any(
                    belongs(comparison, spec) for spec in cross.comparisons
                )
                if wanted and comparison != baseline:
                    yield CrossSliceKey(baseline, comparison)
