"""Rules of the options of a run, of decisions and of the searches."""

from __future__ import annotations

from evaluator_component.config.thresholds import each_threshold
from evaluator_component.errors import Problems, did_you_mean
from evaluator_component.protos import eval_config_pb2

__all__ = ["DISABLEABLE_OUTPUTS", "check_level", "check_options"]

#: What `options.disabled_outputs` may name.
DISABLEABLE_OUTPUTS = (
    "analysis",
    "attributions",
    "eval_config",
    "eval_config.json",
    "metrics",
    "plots",
    "report",
    "statistics",
    "validations",
    "weak_slices",
    "worst_examples",
)


def check_options(config: eval_config_pb2.EvalConfig, problems: Problems) -> None:
    """Notes options out of range, and options that have no effect."""
    _check_run_options(config, problems)
    _check_decision(config, problems)
    if config.HasField("weak_slices"):
        _check_weak_slices(config.weak_slices, problems)
    if config.HasField("worst_examples") and config.worst_examples.num_examples < 1:
        got = config.worst_examples.num_examples
        problems.add("worst_examples.num_examples", f"must be at least 1, got {got}")
    if config.HasField("force_bless") and not config.force_bless.reason.strip():
        problems.add("force_bless.reason", "blessing a model by force needs a reason")


def check_level(level: float, where: str, problems: Problems) -> None:
    """Notes a confidence level that is none."""
    if not 0.5 <= level < 1:
        hint = f" (did you mean {level / 100:g}?)" if 50 <= level < 100 else ""
        problems.add(where, f"must be at least 0.5 and below 1, got {level:g}{hint}")


def _check_run_options(config: eval_config_pb2.EvalConfig, problems: Problems) -> None:
    options = config.options
    if options.HasField("min_slice_size") and options.min_slice_size.value < 1:
        got = options.min_slice_size.value
        problems.add("options.min_slice_size", f"must be at least 1, got {got}")
    if options.HasField("max_bad_records") and options.max_bad_records.value < -1:
        got = options.max_bad_records.value
        problems.add("options.max_bad_records", f"must be at least 0, or -1 for any, got {got}")
    for i, name in enumerate(options.disabled_outputs.values):
        if name not in DISABLEABLE_OUTPUTS:
            hint = did_you_mean(name, DISABLEABLE_OUTPUTS)
            where = f"options.disabled_outputs.values[{i}]"
            problems.add(where, f"unknown output {name!r}", hint)
    intervals, where = options.confidence_intervals, "options.confidence_intervals"
    if intervals.HasField("num_replicates") and intervals.num_replicates.value < 2:
        got = intervals.num_replicates.value
        problems.add(f"{where}.num_replicates", f"must be at least 2, got {got}")
    if intervals.HasField("confidence_level"):
        check_level(intervals.confidence_level.value, f"{where}.confidence_level", problems)


def _check_decision(config: eval_config_pb2.EvalConfig, problems: Problems) -> None:
    decision = config.decision
    if decision.HasField("tolerance") and not 0 <= decision.tolerance.value < 1:
        got = decision.tolerance.value
        problems.add("decision.tolerance", f"must be at least 0 and below 1, got {got:g}")
    tests = decision.HasField("confidence_level")
    if tests:
        check_level(decision.confidence_level.value, "decision.confidence_level", problems)
    tests_at = [
        placed.where
        for placed in each_threshold(config)
        if placed.threshold.HasField("confidence_level")
    ]
    tests = tests or bool(tests_at)
    if not tests:
        for name in ("correction", "inconclusive"):
            if getattr(decision, name):
                what = "has no effect: neither a threshold nor decision gives a confidence_level"
                problems.add(f"decision.{name}", what)
    options = config.options
    refused = options.HasField("compute_confidence_intervals")
    if tests and refused and not options.compute_confidence_intervals.value:
        at = tests_at[0] if tests_at else "decision"
        what = f"is false, but {at} asks for a test, which needs confidence intervals"
        problems.add("options.compute_confidence_intervals", what)


def _check_weak_slices(search: eval_config_pb2.WeakSliceOptions, problems: Problems) -> None:
    if not 0 <= search.alpha < 1:
        problems.add("weak_slices.alpha", f"must be above 0 and below 1, got {search.alpha:g}")
    for name in ("max_depth", "min_examples", "max_results", "num_bins"):
        if getattr(search, name) < 0:
            got = getattr(search, name)
            problems.add(f"weak_slices.{name}", f"must not be negative, got {got}")
    if search.num_bins == 1:
        problems.add("weak_slices.num_bins", "must be at least 2, got 1")
    if len(set(search.feature_keys)) < len(search.feature_keys):
        got = list(search.feature_keys)
        problems.add("weak_slices.feature_keys", f"names a feature twice: {got}")
