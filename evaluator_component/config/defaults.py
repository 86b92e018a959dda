"""What a config means where it says nothing.

Defaults:
    - no model spec: one that is empty; a single model is called "" everywhere;
    - a baseline was given and the one model has no name: the two are called "candidate" and
      "baseline"; no baseline was given: its model spec goes, and the thresholds that compare with
      it go too if the model is rubber stamped or `baseline_policy.missing` is EVALUATE_WITHOUT;
    - `model_names` of a metrics spec: all models;
    - `example_weights` of a metrics spec: weighted, if its models have any example weight key;
    - no slicing spec: the overall slice;
    - confidence intervals: computed if asked for, if their options are given or if a threshold asks
      for a test; jackknife with 20 buckets or a bootstrap of 100 samples, at level 0.95;
    - `min_slice_size` 1, `include_default_metrics` true, `max_bad_records` 0;
    - `decision.tolerance` 1e-9.

Example:
    >>> from evaluator_component.config.parse import parse_config
    >>> config = parse_config("model_specs { label_key: 'tip' } metrics_specs { }")
    >>> [spec.name for spec in with_defaults(config, has_baseline=True).model_specs]
    ['candidate', 'baseline']
"""

from __future__ import annotations

from collections.abc import Collection

from evaluator_component.config.thresholds import each_threshold, has_change_threshold
from evaluator_component.protos import eval_config_pb2

__all__ = [
    "BASELINE",
    "CANDIDATE",
    "DEFAULT_CONFIDENCE_LEVEL",
    "DEFAULT_TOLERANCE",
    "with_defaults",
]

#: Names that a model and its baseline get where they have none.
CANDIDATE = "candidate"
BASELINE = "baseline"

DEFAULT_CONFIDENCE_LEVEL = 0.95
DEFAULT_TOLERANCE = 1e-9

_Intervals = eval_config_pb2.ConfidenceIntervalOptions
_REPLICATES = {_Intervals.JACKKNIFE: 20, _Intervals.POISSON_BOOTSTRAP: 100}


def with_defaults(
    config: eval_config_pb2.EvalConfig,
    *,
    has_baseline: bool | None = None,
    rubber_stamp: bool = False,
    comparison_metrics: Collection[str] = (),
) -> eval_config_pb2.EvalConfig:
    """Returns a copy of a config in which everything is said.

    Args:
        config: is not changed.
        has_baseline: whether a baseline model was given; None: what the model specs say.
        rubber_stamp: bless without comparison where there is no baseline to compare with.
        comparison_metrics: class names of metrics that need a baseline. A baseline that none of
            them and no threshold needs goes, if `baseline_policy.unused` is SKIP.
    """
    full = eval_config_pb2.EvalConfig()
    full.CopyFrom(config)
    if not full.model_specs:
        full.model_specs.add()
    if has_baseline is None:
        has_baseline = any(spec.is_baseline for spec in full.model_specs)
    skip = full.baseline_policy.unused == eval_config_pb2.BaselinePolicy.SKIP
    if has_baseline and skip and not _needs_baseline(full, comparison_metrics):
        has_baseline = False
    if has_baseline:
        _add_baseline(full)
    else:
        _remove_baseline(full)
        policy = full.baseline_policy.missing
        if rubber_stamp or policy == eval_config_pb2.BaselinePolicy.EVALUATE_WITHOUT:
            _remove_change_thresholds(full)
    _name_models(full)
    _fill_metrics_specs(full)
    if not full.slicing_specs:
        full.slicing_specs.add()
    _fill_options(full)
    _fill_searches(full)
    return full


def _needs_baseline(
    config: eval_config_pb2.EvalConfig, comparison_metrics: Collection[str]
) -> bool:
    names = {metric.class_name for spec in config.metrics_specs for metric in spec.metrics}
    return has_change_threshold(config) or not names.isdisjoint(comparison_metrics)


def _add_baseline(config: eval_config_pb2.EvalConfig) -> None:
    if len(config.model_specs) == 1 and not config.model_specs[0].name:
        candidate = config.model_specs[0]
        candidate.is_baseline = False
        baseline = config.model_specs.add()
        baseline.CopyFrom(candidate)
        candidate.name, baseline.name, baseline.is_baseline = CANDIDATE, BASELINE, True


def _remove_baseline(config: eval_config_pb2.EvalConfig) -> None:
    gone = {spec.name for spec in config.model_specs if spec.is_baseline}
    kept = [spec for spec in config.model_specs if not spec.is_baseline]
    if not gone or not kept:
        return
    del config.model_specs[:]
    config.model_specs.extend(kept)
    specs = list(config.metrics_specs)
    del config.metrics_specs[:]
    for spec in specs:
        names = [name for name in spec.model_names if name not in gone]
        # A spec that is about the baseline alone has nothing left to be about.
        if names or not spec.model_names:
            del spec.model_names[:]
            spec.model_names.extend(names)
            config.metrics_specs.append(spec)


def _remove_change_thresholds(config: eval_config_pb2.EvalConfig) -> None:
    for placed in each_threshold(config):
        placed.threshold.ClearField("change_threshold")
    for spec in config.metrics_specs:
        for metric in spec.metrics:
            if metric.HasField("threshold") and not metric.threshold.HasField("value_threshold"):
                metric.ClearField("threshold")
            _keep_judging(metric.per_slice_thresholds)
            _keep_judging(metric.cross_slice_thresholds)
        for name in list(spec.thresholds):
            if not spec.thresholds[name].HasField("value_threshold"):
                del spec.thresholds[name]
        for many in (spec.per_slice_thresholds, spec.cross_slice_thresholds):
            for name in list(many):
                _keep_judging(many[name].thresholds)
                if not many[name].thresholds:
                    del many[name]


def _keep_judging(many: object) -> None:
    """Keeps, of a list of thresholds for slices, those that still have something to judge."""
    kept = [one for one in many if one.threshold.HasField("value_threshold")]  # type: ignore[attr-defined]
    del many[:]  # type: ignore[attr-defined]
    many.extend(kept)  # type: ignore[attr-defined]


def _name_models(config: eval_config_pb2.EvalConfig) -> None:
    if len(config.model_specs) == 1:
        config.model_specs[0].name = ""
    names = [spec.name for spec in config.model_specs]
    for spec in config.metrics_specs:
        if len(names) == 1 or not spec.model_names:
            del spec.model_names[:]
            spec.model_names.extend(names)


def _fill_metrics_specs(config: eval_config_pb2.EvalConfig) -> None:
    weighted = {
        spec.name: bool(spec.example_weight_key or spec.example_weight_keys)
        for spec in config.model_specs
    }
    for spec in config.metrics_specs:
        options = spec.example_weights
        if not (options.weighted or options.unweighted):
            uses_weights = any(weighted.get(name, False) for name in spec.model_names)
            options.weighted, options.unweighted = uses_weights, not uses_weights


def _fill_options(config: eval_config_pb2.EvalConfig) -> None:
    options = config.options
    if not options.HasField("include_default_metrics"):
        options.include_default_metrics.value = True
    if not options.HasField("min_slice_size"):
        options.min_slice_size.value = 1
    if not options.HasField("max_bad_records"):
        options.max_bad_records.value = 0
    if not options.HasField("compute_confidence_intervals"):
        wanted = options.HasField("confidence_intervals") or _asks_for_tests(config)
        options.compute_confidence_intervals.value = wanted
    if options.compute_confidence_intervals.value:
        intervals = options.confidence_intervals
        if intervals.method == _Intervals.UNKNOWN_CONFIDENCE_INTERVAL_METHOD:
            intervals.method = _Intervals.JACKKNIFE
        if not intervals.HasField("num_replicates"):
            intervals.num_replicates.value = _REPLICATES.get(intervals.method, 20)
        if not intervals.HasField("confidence_level"):
            intervals.confidence_level.value = DEFAULT_CONFIDENCE_LEVEL
    if not config.decision.HasField("tolerance"):
        config.decision.tolerance.value = DEFAULT_TOLERANCE


def _asks_for_tests(config: eval_config_pb2.EvalConfig) -> bool:
    every = list(each_threshold(config))
    if config.decision.HasField("confidence_level"):
        return bool(every)
    return any(placed.threshold.HasField("confidence_level") for placed in every)


def _fill_searches(config: eval_config_pb2.EvalConfig) -> None:
    if config.HasField("weak_slices"):
        search = config.weak_slices
        search.max_depth = search.max_depth or 2
        search.min_examples = search.min_examples or 100
        search.alpha = search.alpha or 0.05
        search.max_results = search.max_results or 20
        search.num_bins = search.num_bins or 8
