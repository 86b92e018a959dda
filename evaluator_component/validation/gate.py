"""The gate: from tables of metrics and a config to a verdict.

Example:
    >>> import numpy as np
    >>> from evaluator_component.config import at_least, config
    >>> from evaluator_component.metrics_table import Column
    >>> table = MetricsTable(
    ...     slices=((), (("hour", 7),)),
    ...     examples=np.array([900, 30]),
    ...     weights=np.array([900.0, 30.0]),
    ...     columns={MetricKey("mean_label"): Column(np.array([0.91, 0.62]))},
    ... )
    >>> asked = config(metrics=["MeanLabel"], thresholds={"MeanLabel": at_least(0.8)})
    >>> verdict = validate([table], asked, rubber_stamp=False, has_baseline=False)
    >>> for part in verdict.summary.split("; "):
    ...     print(part)
    NOT BLESSED: 1 of 2 checks failed. mean_label on hour=7 is 0.62
    at least 0.8 is asked for: missed by 0.18 (30 examples).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from evaluator_component.errors import ConfigError
from evaluator_component.keys import MetricKey
from evaluator_component.metrics_table import MetricsTable
from evaluator_component.validation.attribution import Attribution, attribute
from evaluator_component.validation.decide import Comparison, SliceCount, decide
from evaluator_component.validation.decision import Decision
from evaluator_component.validation.metric_sets import baseline_name
from evaluator_component.validation.policy import Policy
from evaluator_component.validation.thresholds import Threshold, read_thresholds
from evaluator_component.validation.verdict import Circumstances, Verdict, conclude
from evaluator_component.validation.weak_slices import WeakSlice

__all__ = ["validate"]

#: Changes that are attributed at the most, per dataset.
MAX_ATTRIBUTIONS = 12


def validate(
    tables: Sequence[MetricsTable],
    eval_config: Any,
    *,
    rubber_stamp: bool,
    has_baseline: bool,
    force_bless: str | None = None,
    forced_by: str = "",
    baseline_problem: str = "",
    weak_slices: Sequence[WeakSlice] = (),
    notes: Sequence[str] = (),
) -> Verdict:
    """Judges an evaluation.

    Args:
        tables: one per dataset.
        eval_config: the EvalConfig message, with defaults filled in.
        rubber_stamp: whether the model may be blessed without comparison with a baseline.
        has_baseline: whether the baseline was evaluated, too.
        force_bless: why the model is to be blessed whatever the thresholds say; None: what the
            config says.
        forced_by: who asked for that.
        baseline_problem: why a baseline that was given could not be used.
        weak_slices: slices found by the search, to be told in the verdict.
        notes: what the reader should know besides.

    Raises:
        ConfigError: when a model is to be blessed by force without a reason.
    """
    policy = Policy.read(eval_config)
    reason, by = _order_to_bless(eval_config, policy, force_bless, forced_by)
    comparison = _comparison(eval_config, policy, rubber_stamp, has_baseline, baseline_problem)
    thresholds = read_thresholds(eval_config)
    if comparison.baseline is None and comparison.excuse and not rubber_stamp:
        # As if change thresholds were not there: a config of nothing else has no thresholds then.
        applicable = [each for each in thresholds if each.has_value]
    else:
        applicable = list(thresholds)
    decisions: list[Decision] = []
    counts: list[SliceCount] = []
    for threshold in thresholds:
        found, matched = decide(threshold, tables, comparison, policy)
        decisions += found
        counts += matched
    told = list(notes)
    if baseline_problem:
        told.append(f"the baseline could not be used: {baseline_problem}")
    if any(not threshold.slots for threshold in thresholds):
        names = ", ".join(each.name for each in thresholds if not each.slots)
        told.append(f"thresholds that are for the baseline alone judge nothing: {names}")
    verdict = conclude(
        decisions,
        Circumstances(
            policy=policy,
            has_thresholds=any(threshold.slots for threshold in applicable),
            has_examples=any(len(table) and table.examples.max() > 0 for table in tables),
            rubber_stamp=rubber_stamp,
            forced_reason=reason,
            forced_by=by,
        ),
        slice_counts=counts,
        notes=told,
    )
    attributions = _attributions(tables, thresholds, comparison)
    return replace(verdict, attribution=attributions, weak_slices=tuple(weak_slices))


def _order_to_bless(
    eval_config: Any, policy: Policy, force_bless: str | None, forced_by: str
) -> tuple[str, str]:
    in_config = getattr(eval_config, "force_bless", None)
    ordered = in_config is not None and eval_config.HasField("force_bless")
    if force_bless is None and not ordered:
        return "", ""
    reason = policy.forced_reason if force_bless is None else force_bless
    if not reason.strip():
        where = "force_bless.reason" if force_bless is None else "force_bless"
        raise ConfigError(f"{where}: blessing a model by force needs a reason, which is recorded")
    return reason.strip(), forced_by or policy.forced_by


def _comparison(
    eval_config: Any, policy: Policy, rubber_stamp: bool, has_baseline: bool, problem: str
) -> Comparison:
    if has_baseline and not problem:
        return Comparison(baseline_name(eval_config) or "baseline")
    if problem:
        reason = f"the baseline could not be used ({problem})"
        excuse = "baseline_policy.unloadable says EVALUATE_WITHOUT"
        return Comparison(None, excuse if policy.judges_with_bad_baseline else "", reason)
    if rubber_stamp:
        return Comparison(None, "there is no baseline, and the model is rubber stamped")
    if policy.judges_without_baseline:
        return Comparison(None, "there is no baseline, and baseline_policy.missing excuses it")
    return Comparison(None)


def _attributions(
    tables: Sequence[MetricsTable], thresholds: Sequence[Threshold], comparison: Comparison
) -> tuple[Attribution, ...]:
    """Splits the changes that thresholds look at over the slices of this run."""
    if comparison.baseline is None:
        return ()
    slots = [slot for each in thresholds if each.has_change for slot in each.slots]
    found: list[Attribution] = []
    for table in tables:
        pairs: list[tuple[MetricKey, MetricKey]] = [
            (replace(key, model_name=comparison.baseline), key)
            for key in sorted(table.columns)
            if not key.is_diff and any(slot.matches(key) for slot in slots)
        ]
        found += list(attribute(table, table, pairs))[:MAX_ATTRIBUTIONS]
    return tuple(found)
