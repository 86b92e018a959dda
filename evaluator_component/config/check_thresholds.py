"""Rules of thresholds: bounds that can be met, directions, and slices that exist."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping

from evaluator_component.config.check_metrics import metric_settings
from evaluator_component.config.check_options import check_level
from evaluator_component.config.check_slices import check_slicing_spec
from evaluator_component.config.specs import CrossSliceSpec, SliceSpec
from evaluator_component.config.thresholds import PlacedThreshold, each_threshold
from evaluator_component.errors import Problems, did_you_mean
from evaluator_component.protos import eval_config_pb2

__all__ = ["check_thresholds"]

_INF = math.inf


def check_thresholds(
    config: eval_config_pb2.EvalConfig,
    problems: Problems,
    *,
    directions: Mapping[str, int],
    may_compare: bool,
) -> None:
    """Notes thresholds that nothing can meet, that contradict each other or that judge nothing.

    Args:
        config: the config.
        problems: collects what is wrong.
        directions: +1 (higher is better), -1 or 0 by class name of a metric.
        may_compare: there is a baseline, or an excuse for having none.
    """
    datasets = [dataset.name for dataset in config.datasets]
    every = list(each_threshold(config))
    for placed in every:
        _check_value(placed, problems)
        _check_change(placed, problems, directions, may_compare)
        _check_settings(placed, problems, datasets)
        _check_place(config, placed, problems)
    _check_contradictions(config, every, problems)


def _bounds(placed: PlacedThreshold) -> tuple[float, float]:
    value = placed.threshold.value_threshold
    low = value.lower_bound.value if value.HasField("lower_bound") else -_INF
    high = value.upper_bound.value if value.HasField("upper_bound") else _INF
    return low, high


def _check_value(placed: PlacedThreshold, problems: Problems) -> None:
    threshold, where = placed.threshold, placed.where
    if not (threshold.HasField("value_threshold") or placed.has_change):
        problems.add(where, "needs a value_threshold or a change_threshold")
    if not threshold.HasField("value_threshold"):
        return
    value, at = threshold.value_threshold, f"{where}.value_threshold"
    if not (value.HasField("lower_bound") or value.HasField("upper_bound")):
        problems.add(at, "needs a lower_bound or an upper_bound")
        return
    low, high = _bounds(placed)
    if math.isnan(low) or math.isnan(high):
        problems.add(at, "a bound is not a number (NaN)")
    elif low > high:
        problems.add(at, f"lower_bound {low:g} is above upper_bound {high:g}")


def _check_change(
    placed: PlacedThreshold, problems: Problems, directions: Mapping[str, int], may_compare: bool
) -> None:
    if not placed.has_change:
        return
    change, at = placed.threshold.change_threshold, f"{placed.where}.change_threshold"
    if not (change.HasField("absolute") or change.HasField("relative")):
        problems.add(at, "needs 'absolute' or 'relative'")
    for name in ("absolute", "relative"):
        if math.isnan(getattr(change, name).value):
            problems.add(f"{at}.{name}", "is not a number (NaN)")
    if change.direction == eval_config_pb2.UNKNOWN and not directions.get(placed.metric):
        what = "tell whether HIGHER_IS_BETTER or LOWER_IS_BETTER"
        problems.add(f"{at}.direction", what)
    if not may_compare:
        what = (
            "there is no baseline to compare with: give one, mark a model spec as is_baseline, "
            "rubber stamp the first model, or set baseline_policy.missing to EVALUATE_WITHOUT"
        )
        problems.add(at, what)


def _check_settings(placed: PlacedThreshold, problems: Problems, datasets: list[str]) -> None:
    threshold, where = placed.threshold, placed.where
    if threshold.HasField("confidence_level"):
        check_level(threshold.confidence_level.value, f"{where}.confidence_level", problems)
    if threshold.HasField("tolerance") and not 0 <= threshold.tolerance.value < 1:
        got = threshold.tolerance.value
        problems.add(f"{where}.tolerance", f"must be at least 0 and below 1, got {got:g}")
    if threshold.HasField("min_examples") and threshold.min_examples.value < 0:
        got = threshold.min_examples.value
        problems.add(f"{where}.min_examples", f"must not be negative, got {got}")
    for j, name in enumerate(threshold.dataset_names):
        if name not in datasets:
            hint = did_you_mean(name, datasets)
            problems.add(f"{where}.dataset_names[{j}]", f"unknown dataset {name!r}", hint)


def _check_place(
    config: eval_config_pb2.EvalConfig, placed: PlacedThreshold, problems: Problems
) -> None:
    where = placed.where.removesuffix(".threshold")
    if placed.slices is not None:
        _check_slices(config, placed.slices, f"{where}.slicing_specs", problems)
    if placed.cross_slices is not None:
        _check_cross(config, placed.cross_slices, f"{where}.cross_slicing_specs", problems)


def _check_slices(
    config: eval_config_pb2.EvalConfig,
    specs: tuple[SliceSpec, ...],
    where: str,
    problems: Problems,
) -> None:
    if not specs:
        problems.add(where, "names no slices: the threshold would judge nothing")
    computed = [SliceSpec.from_proto(spec) for spec in config.slicing_specs] or [SliceSpec()]
    for cross in config.cross_slicing_specs:
        both = CrossSliceSpec.from_proto(cross)
        computed.extend((both.baseline, *both.comparisons))
    for j, spec in enumerate(specs):
        check_slicing_spec(spec.to_proto(), f"{where}[{j}]", problems)
        if not any(known.covers(spec) for known in computed):
            listed = "; ".join(str(known) for known in computed)
            what = f"no slicing spec makes the slices '{spec}', only '{listed}'"
            problems.add(f"{where}[{j}]", what)


def _check_cross(
    config: eval_config_pb2.EvalConfig,
    specs: tuple[CrossSliceSpec, ...],
    where: str,
    problems: Problems,
) -> None:
    if not specs:
        problems.add(where, "names no comparisons: the threshold would judge nothing")
    computed = [CrossSliceSpec.from_proto(spec) for spec in config.cross_slicing_specs]
    for j, spec in enumerate(specs):
        if not any(_makes(known, spec) for known in computed):
            listed = "; ".join(str(known) for known in computed) or "none"
            what = f"'{spec}' is not among cross_slicing_specs ({listed})"
            problems.add(f"{where}[{j}]", what)


def _makes(computed: CrossSliceSpec, wanted: CrossSliceSpec) -> bool:
    if not computed.baseline.covers(wanted.baseline):
        return False
    # Without comparisons a spec compares with all slices.
    return not computed.comparisons or all(
        any(known.covers(spec) for known in computed.comparisons) for spec in wanted.comparisons
    )


def _check_contradictions(
    config: eval_config_pb2.EvalConfig, every: list[PlacedThreshold], problems: Problems
) -> None:
    for first, second in _same_metric(config, every):
        if not _meet(first, second):
            continue
        low, high = _bounds(first)
        other_low, other_high = _bounds(second)
        if max(low, other_low) > min(high, other_high) and low <= high and other_low <= other_high:
            what = f"no value of {second.metric} can satisfy both this and {first.where}"
            problems.add(second.where, what)
        directions = {placed.threshold.change_threshold.direction for placed in (first, second)} - {
            eval_config_pb2.UNKNOWN
        }
        if first.has_change and second.has_change and len(directions) > 1:
            what = f"its direction is the opposite of that of {first.where}"
            problems.add(f"{second.where}.change_threshold.direction", what)


def _same_metric(
    config: eval_config_pb2.EvalConfig, every: list[PlacedThreshold]
) -> Iterator[tuple[PlacedThreshold, PlacedThreshold]]:
    """Yields pairs of thresholds of one metric, with the same settings."""
    identities = [_identity(config, placed) for placed in every]
    for i, first in enumerate(every):
        for j in range(i + 1, len(every)):
            if identities[i] == identities[j]:
                yield first, every[j]


def _identity(config: eval_config_pb2.EvalConfig, placed: PlacedThreshold) -> tuple[object, ...]:
    spec = config.metrics_specs[placed.spec_index]
    scope = (
        tuple(sorted(spec.model_names)),
        tuple(sorted(spec.output_names)),
        spec.binarize.SerializeToString(deterministic=True),
        spec.aggregate.SerializeToString(deterministic=True),
        spec.example_weights.SerializeToString(deterministic=True),
        spec.query_key,
    )
    if placed.metric_index is None:
        return (placed.metric, "", None, *scope)
    metric = spec.metrics[placed.metric_index]
    try:
        settings = json.dumps(metric_settings(metric.config), sort_keys=True)
    except ValueError:
        settings = metric.config
    return (metric.class_name, metric.module, settings, *scope)


def _meet(first: PlacedThreshold, second: PlacedThreshold) -> bool:
    """Tells whether two thresholds surely judge some slice of one dataset, both of them."""
    names, other_names = first.threshold.dataset_names, second.threshold.dataset_names
    if names and other_names and not set(names) & set(other_names):
        return False
    if (first.cross_slices is None) != (second.cross_slices is None):
        return False
    if first.cross_slices is not None and second.cross_slices is not None:
        return bool(set(first.cross_slices) & set(second.cross_slices))
    if first.slices is None or second.slices is None:
        return True
    return bool(set(first.slices) & set(second.slices))
