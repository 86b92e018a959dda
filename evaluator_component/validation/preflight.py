"""Preflight: thresholds that can never be met or never judge, found before the run.

These rules need to know which metrics and slices there will be; rules that need the config alone
are in `config`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from evaluator_component.errors import Problems, did_you_mean
from evaluator_component.keys import CrossSliceKey, MetricKey, SliceKey
from evaluator_component.validation.metric_sets import MetricSlot, baseline_name
from evaluator_component.validation.sentences import metric_text
from evaluator_component.validation.thresholds import Threshold, read_thresholds

__all__ = ["check_thresholds"]


def check_thresholds(
    eval_config: Any,
    metric_keys: Collection[MetricKey],
    problems: Problems,
    *,
    slice_keys: Collection[SliceKey | CrossSliceKey] | None = None,
    kinds: Mapping[MetricKey, str] | None = None,
    has_baseline: bool = False,
) -> None:
    """Notes thresholds for metrics or slices that there are none of.

    Args:
        eval_config: the EvalConfig message, with defaults filled in.
        metric_keys: what will be computed, differences included.
        problems: collects what is wrong.
        slice_keys: the slices of the data, where all are known (not those of a sample); None where
            they are not.
        kinds: kind of each metric as `Metric.kind` names it; a metric that is not named is a
            number.
        has_baseline: whether there will be a baseline.
    """
    baseline = baseline_name(eval_config)
    for threshold in read_thresholds(eval_config):
        if not threshold.slots or not any(slot.model_names for slot in threshold.slots):
            what = f"judges the baseline {baseline!r}, which is never judged"
            problems.add(threshold.place, what)
            continue
        for slot in (each for one in threshold.slots for each in one.one_per_model()):
            _check_slot(threshold, slot, metric_keys, problems, kinds or {}, has_baseline)
        for slices in threshold.slices:
            if slice_keys is not None and not any(slices.matches(key) for key in slice_keys):
                problems.add(threshold.place, f"no slice of the data is {slices}")


def _check_slot(
    threshold: Threshold,
    slot: MetricSlot,
    metric_keys: Collection[MetricKey],
    problems: Problems,
    kinds: Mapping[MetricKey, str],
    has_baseline: bool,
) -> None:
    place = threshold.place
    keys = [key for key in metric_keys if slot.matches(key) and key.is_diff == slot.compares_models]
    if slot.compares_models and not has_baseline:
        return
    if not keys:
        name = metric_text(slot.example())
        hint = did_you_mean(name, {metric_text(key) for key in metric_keys})
        problems.add(place, f"there will be no metric {name!r}", hint)
        return
    for key in keys:
        kind = kinds.get(key, "number")
        if kind not in ("number", "vector"):
            problems.add(place, f"{metric_text(key)} is no number that could be compared ({kind})")
    if slot.compares_models and threshold.relative is not None:
        what = f"{slot.name} compares two models by itself: it has no relative change"
        problems.add(f"{place}.change_threshold.relative", what)
    if slot.overall_only and threshold.slices:
        if not any(slices.matches(()) for slices in threshold.slices):
            what = f"{slot.name} has one value over all slices: a threshold for some judges nothing"
            problems.add(place, what)
    if threshold.has_change and not (threshold.direction or slot.direction):
        problems.add(
            f"{place}.change_threshold.direction",
            f"tell whether HIGHER_IS_BETTER or LOWER_IS_BETTER, which {slot.name} does not know",
        )
