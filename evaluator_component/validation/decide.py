"""Decides: applies thresholds to tables of metrics, slice by slice.

What a threshold needs and does not find is a decision of its own, with the check PRESENCE: a metric
that is not there, a slice that the data do not have, a baseline that is missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.errors import did_you_mean
from evaluator_component.keys import CrossSliceKey, MetricKey, is_cross_slice
from evaluator_component.metrics_table import Column, MetricsTable
from evaluator_component.validation.decision import Decision
from evaluator_component.validation.drafts import Draft, decisions_of, presence
from evaluator_component.validation.judgement import (
    FAILED,
    INCONCLUSIVE,
    SKIPPED,
    Judgement,
    Why,
    judge,
    settle,
    worst,
)
from evaluator_component.validation.metric_sets import MetricSlot
from evaluator_component.validation.multiplicity import NONE
from evaluator_component.validation.numbers import plural
from evaluator_component.validation.policy import Policy
from evaluator_component.validation.quantities import (
    ABSOLUTE_CHANGE,
    LOWER_BOUND,
    RELATIVE_CHANGE,
    UPPER_BOUND,
    Quantity,
    change_quantity,
    difference,
    parts,
    value_quantity,
)
from evaluator_component.validation.sentences import metric_text
from evaluator_component.validation.slice_sets import CrossSliceSet, SliceSet
from evaluator_component.validation.thresholds import Threshold

__all__ = ["Comparison", "SliceCount", "decide"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Comparison:
    """What the candidates are compared with.

    Attributes:
        baseline: name of the baseline model; None where there is none.
        excuse: why it is no failure that there is none ("" if it is one).
        reason: why there is none.
    """

    baseline: str | None = None
    excuse: str = ""
    reason: str = "no baseline was given"


@dataclass(frozen=True)
class SliceCount:
    """How many slices of a dataset belong to one of a threshold's slice sets."""

    slices: SliceSet | CrossSliceSet
    dataset: str
    count: int


class _Missing(Exception):
    """Something a threshold needs is not there; the text says what."""


def decide(
    threshold: Threshold,
    tables: Sequence[MetricsTable],
    comparison: Comparison,
    policy: Policy,
) -> tuple[list[Decision], list[SliceCount]]:
    """Applies one threshold to all datasets.

    The p-values of all its slices, metrics and datasets are corrected together.

    Returns:
        The decisions, and how many slices each of its slice sets matched.
    """
    found: list[Decision] = []
    counts: list[SliceCount] = []
    drafts: list[Draft] = []
    judged = [table for table in tables if threshold.applies_to(table.dataset)]
    for name in threshold.datasets:
        if all(table.dataset != name for table in tables):
            hint = did_you_mean(name, [table.dataset for table in tables])
            found.append(presence(threshold, None, name, f"there is no dataset {name!r} {hint}"))
    for table in judged:
        rows, matched = _rows(threshold, table)
        counts += matched
        found += _missing_slices(threshold, matched, policy)
        if not len(rows) and threshold.slices:
            continue
        found += _judge_table(threshold, table, rows, comparison, policy, drafts)
    settled = settle([draft.judgement for draft in drafts], threshold.confidence_level, policy)
    tests = sum(int(np.count_nonzero(~np.isnan(each.harm))) for each in settled)
    tests = tests if policy.correction != NONE else 1
    for draft, judgement in zip(drafts, settled, strict=True):
        found += decisions_of(threshold, replace(draft, judgement=judgement), tests)
    found += _nothing_judged(threshold, settled)
    return found, counts


def _rows(threshold: Threshold, table: MetricsTable) -> tuple[Array, list[SliceCount]]:
    if not threshold.slices:
        plain = [row for row, key in enumerate(table.slices) if not is_cross_slice(key)]
        return np.array(plain, dtype=np.int64), []
    chosen = np.zeros(len(table), dtype=bool)
    counts = []
    for slices in threshold.slices:
        matched = np.array([slices.matches(key) for key in table.slices], dtype=bool)
        counts.append(SliceCount(slices, table.dataset, int(matched.sum())))
        chosen |= matched if len(matched) else False
    return np.flatnonzero(chosen), counts


def _missing_slices(
    threshold: Threshold, counts: Sequence[SliceCount], policy: Policy
) -> Iterator[Decision]:
    for found in counts:
        if not found.count:
            said = f"no slice of the data is {found.slices}"
            outcome = SKIPPED if policy.ignores_missing_slices else FAILED
            yield presence(threshold, None, found.dataset, said, outcome)


def _judge_table(
    threshold: Threshold,
    table: MetricsTable,
    rows: Array,
    comparison: Comparison,
    policy: Policy,
    drafts: list[Draft],
) -> Iterator[Decision]:
    """Adds the judgements of one dataset to `drafts`; yields what is missing."""
    wants_change = threshold.has_change and comparison.baseline is not None
    if threshold.has_change and comparison.baseline is None and threshold.slots:
        why = f"the change cannot be judged: {comparison.reason}"
        if comparison.excuse:
            why = f"the change is not judged: {comparison.excuse}"
        outcome = SKIPPED if comparison.excuse else FAILED
        yield presence(threshold, threshold.slots[0].example(), table.dataset, why, outcome)
    if not (wants_change or threshold.has_value):
        return
    for slot in (each for one in threshold.slots for each in one.one_per_model()):
        keys = [
            key
            for key in sorted(table.columns)
            if slot.matches(key) and key.is_diff == slot.compares_models
        ]
        if not keys:
            yield presence(threshold, slot.example(), table.dataset, _no_metric(slot, table))
        for key in keys:
            chosen = rows
            if slot.overall_only:
                chosen = np.array([row for row in rows if _is_overall(table, row)], dtype=np.int64)
                if not len(chosen):
                    said = "it has one value over all slices, and none on the slices asked for"
                    yield presence(threshold, key, table.dataset, said)
            try:
                quantities = _quantities(threshold, slot, table, key, comparison, wants_change)
            except _Missing as missing:
                yield presence(threshold, key, table.dataset, str(missing))
                continue
            for each in quantities:
                judgements = [
                    judge(
                        quantity,
                        chosen,
                        np.asarray(table.examples),
                        tolerance=threshold.tolerance,
                        level=threshold.confidence_level,
                        min_examples=threshold.min_examples,
                        policy=policy,
                    )
                    for quantity in each
                ]
                labels = tuple(q.column.labels[0] if q.column.labels else "" for q in each)
                shown_key = key
                if each[0].check in (ABSOLUTE_CHANGE, RELATIVE_CHANGE):
                    shown_key = key.diff()
                drafts.append(Draft(table, shown_key, worst(judgements), labels))


def _is_overall(table: MetricsTable, row: int) -> bool:
    key = table.slices[row]
    if isinstance(key, CrossSliceKey):
        return key.baseline == () or key.comparison == ()
    return key == ()


def _quantities(
    threshold: Threshold,
    slot: MetricSlot,
    table: MetricsTable,
    key: MetricKey,
    comparison: Comparison,
    wants_change: bool,
) -> list[list[Quantity]]:
    """What is compared: one list per check, with one quantity per entry of a vector metric."""
    column = table.columns[key]
    values = _entries(column)
    checks: list[list[Quantity]] = []
    if threshold.has_value:
        if threshold.lower_bound is not None or threshold.upper_bound is None:
            low = -np.inf if threshold.lower_bound is None else threshold.lower_bound
            checks.append([value_quantity(each, LOWER_BOUND, low) for each in values])
        if threshold.upper_bound is not None:
            high = threshold.upper_bound
            checks.append([value_quantity(each, UPPER_BOUND, high) for each in values])
    if not wants_change:
        return checks
    side = threshold.direction or column.direction or slot.direction
    if not side:
        raise _Missing("the change cannot be judged: its direction is neither given nor known")
    baselines: list[Column] | None = None
    if slot.compares_models:
        changes, candidates = values, None
        if threshold.relative is not None:
            raise _Missing("a metric that compares two models has no relative change")
    else:
        other = table.columns.get(replace(key, model_name=str(comparison.baseline)))
        change = table.columns.get(key.diff())
        if other is None and (change is None or threshold.relative is not None):
            raise _Missing(f"the baseline {comparison.baseline!r} has no such metric")
        baselines = None if other is None else _entries(other)
        candidates = values
        if change is not None:
            changes = _entries(change)
        else:
            assert baselines is not None
            changes = [difference(a, b) for a, b in zip(values, baselines, strict=True)]
    bounds = ((ABSOLUTE_CHANGE, threshold.absolute), (RELATIVE_CHANGE, threshold.relative))
    for check, bound in bounds:
        if bound is not None:
            checks.append(
                [
                    change_quantity(
                        each,
                        check,
                        bound,
                        side,
                        candidate=None if candidates is None else candidates[part],
                        baseline=None if baselines is None else baselines[part],
                    )
                    for part, each in enumerate(changes)
                ]
            )
    return checks


def _entries(column: Column) -> list[Column]:
    try:
        return parts(column)
    except ValueError as error:
        raise _Missing(str(error)) from error


def _no_metric(slot: MetricSlot, table: MetricsTable) -> str:
    key = slot.example()
    have = {metric_text(each) for each in table.columns}
    return f"there is no metric {metric_text(key)!r} {did_you_mean(metric_text(key), have)}"


def _nothing_judged(threshold: Threshold, settled: Sequence[Judgement]) -> Iterator[Decision]:
    """A threshold all of whose slices are too small said nothing: that is no pass."""
    whys = np.concatenate([each.why for each in settled]) if settled else np.zeros(0)
    if not len(whys) or not np.isin(whys, (Why.FEW, Why.SMALL)).all():
        return
    largest = max(int(each.examples.max()) for each in settled)
    said = (
        f"nothing could be judged: no slice is large enough (the largest has "
        f"{plural(largest, 'example')}, {max(threshold.min_examples, 1):,} are asked for)"
    )
    yield presence(threshold, None, "", said, INCONCLUSIVE)
