"""Rules of metrics specs: what is computed, and for which models, outputs and classes."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from typing import Any

from evaluator_component.errors import Problems, did_you_mean
from evaluator_component.protos import eval_config_pb2

__all__ = ["check_metrics_specs", "metric_settings"]


def metric_settings(text: str) -> dict[str, Any]:
    """Reads the settings of a metric: JSON whose outer braces may be left out.

    Raises:
        ValueError: when the text is not the JSON of an object.

    Example:
        >>> metric_settings('"thresholds": [0.5]')
        {'thresholds': [0.5]}
    """
    stripped = text.strip()
    if not stripped:
        return {}
    if not stripped.startswith("{"):
        stripped = f"{{{stripped}}}"
    settings = json.loads(stripped)
    if not isinstance(settings, dict):
        raise ValueError(f"expected an object, got {text!r}")
    return settings


def check_metrics_specs(
    config: eval_config_pb2.EvalConfig,
    problems: Problems,
    metric_names: Collection[str] | None,
    metric_arguments: Mapping[str, Collection[str]],
) -> None:
    """Notes metrics that do not exist, and specs that refer to what does not exist.

    Args:
        config: the config.
        problems: collects what is wrong.
        metric_names: class names of the metrics that exist; None: not checked.
        metric_arguments: names of the settings of a metric, by class name.
    """
    options = config.options
    no_default = (
        options.HasField("include_default_metrics") and not options.include_default_metrics.value
    )
    if not config.metrics_specs and no_default:
        what = "there is nothing to compute: no metrics, and default metrics are switched off"
        problems.add("metrics_specs", what)
    for i, spec in enumerate(config.metrics_specs):
        where = f"metrics_specs[{i}]"
        in_model = spec.thresholds or spec.per_slice_thresholds or spec.cross_slice_thresholds
        if not spec.metrics and not in_model:
            problems.add(where, "has neither metrics nor thresholds")
        for j, metric in enumerate(spec.metrics):
            at = f"{where}.metrics[{j}]"
            _check_metric(metric, at, problems, metric_names, metric_arguments)
        _check_models_and_outputs(config, spec, where, problems)
        _check_binarize(config, spec, where, problems)
        if spec.HasField("aggregate"):
            _check_aggregate(spec.aggregate, f"{where}.aggregate", problems)
        _check_weights(config, spec, where, problems)


def _check_metric(
    metric: eval_config_pb2.MetricConfig,
    where: str,
    problems: Problems,
    metric_names: Collection[str] | None,
    metric_arguments: Mapping[str, Collection[str]],
) -> None:
    name = metric.class_name
    if not name:
        problems.add(f"{where}.class_name", "a metric needs a class name")
    elif not metric.module and metric_names is not None and name not in metric_names:
        hint = did_you_mean(name, metric_names)
        problems.add(f"{where}.class_name", f"unknown metric {name!r}", hint)
    try:
        settings = metric_settings(metric.config)
    except ValueError as error:
        problems.add(f"{where}.config", f"not the JSON of settings: {error}")
        return
    known = metric_arguments.get(name)
    if known is not None and not metric.module:
        for setting in settings:
            if setting not in known:
                hint = did_you_mean(setting, known)
                problems.add(f"{where}.config", f"{name} has no setting {setting!r}", hint)


def _outputs(config: eval_config_pb2.EvalConfig) -> set[str] | None:
    """Returns the names of outputs as far as the model specs tell; None where they do not."""
    names: set[str] = set()
    for spec in config.model_specs:
        for many in ("label_keys", "prediction_keys", "example_weight_keys", "output_class_names"):
            names.update(getattr(spec, many))
    return names or None


def _check_models_and_outputs(
    config: eval_config_pb2.EvalConfig,
    spec: eval_config_pb2.MetricsSpec,
    where: str,
    problems: Problems,
) -> None:
    models = [model.name for model in config.model_specs]
    # A single model is called "" as well as by its name.
    known = {"", *models} if len(models) <= 1 else set(models)
    for j, name in enumerate(spec.model_names):
        if name not in known:
            hint = did_you_mean(name, known - {""})
            problems.add(f"{where}.model_names[{j}]", f"unknown model {name!r}", hint)
    outputs = _outputs(config)
    if outputs is not None:
        for j, name in enumerate(spec.output_names):
            if name not in outputs:
                hint = did_you_mean(name, outputs)
                problems.add(f"{where}.output_names[{j}]", f"unknown output {name!r}", hint)
    allowed = set(spec.output_names) or outputs
    for name, weight in spec.output_weights.items():
        at = f"{where}.output_weights[{name!r}]"
        if allowed is not None and name not in allowed:
            problems.add(at, f"unknown output {name!r}", did_you_mean(name, allowed))
        if not (weight >= 0 and math.isfinite(weight)):
            problems.add(at, f"must be finite and not negative, got {weight:g}")
    if spec.output_weights and not any(spec.output_weights.values()):
        problems.add(f"{where}.output_weights", "the weights of all outputs are 0")


def _check_binarize(
    config: eval_config_pb2.EvalConfig,
    spec: eval_config_pb2.MetricsSpec,
    where: str,
    problems: Problems,
) -> None:
    if not spec.HasField("binarize"):
        return
    lists = ("class_ids", "k_list", "top_k_list")
    if not any(getattr(spec.binarize, name).values for name in lists):
        what = "names nothing: give class_ids, k_list or top_k_list"
        problems.add(f"{where}.binarize", what)
    sizes = [len(model.class_names) for model in config.model_specs if model.class_names]
    for name in lists:
        values = list(getattr(spec.binarize, name).values)
        at = f"{where}.binarize.{name}"
        _check_ids(values, 0 if name == "class_ids" else 1, at, problems)
        if sizes and any(value >= min(sizes) for value in values) and name == "class_ids":
            what = f"there are {min(sizes)} classes, ids 0 to {min(sizes) - 1}, got {values}"
            problems.add(at, what)


def _check_ids(values: list[int], least: int, where: str, problems: Problems) -> None:
    if any(value < least for value in values):
        problems.add(where, f"must be at least {least}, got {values}")
    if len(set(values)) < len(values):
        problems.add(where, f"names a value twice: {values}")


def _check_aggregate(
    aggregate: eval_config_pb2.AggregationOptions, where: str, problems: Problems
) -> None:
    kind = aggregate.WhichOneof("type")
    top_k = list(aggregate.top_k_list.values)
    if kind is None or not getattr(aggregate, kind):
        what = "needs one of micro_average, macro_average and weighted_macro_average to be true"
        problems.add(where, what)
    elif kind != "micro_average" and not (aggregate.class_weights or top_k):
        what = f"{kind} needs class_weights (classes that are not named do not count) or top_k_list"
        problems.add(where, what)
    if aggregate.class_weights and top_k:
        problems.add(f"{where}.top_k_list", "excludes 'class_weights', which is given, too")
    _check_ids(top_k, 1, f"{where}.top_k_list", problems)
    for class_id, weight in sorted(aggregate.class_weights.items()):
        at = f"{where}.class_weights[{class_id}]"
        if class_id < 0:
            problems.add(at, f"a class id must not be negative, got {class_id}")
        if not (weight >= 0 and math.isfinite(weight)):
            problems.add(at, f"must be finite and not negative, got {weight:g}")
    if aggregate.class_weights and not any(aggregate.class_weights.values()):
        problems.add(f"{where}.class_weights", "the weights of all classes are 0")


def _check_weights(
    config: eval_config_pb2.EvalConfig,
    spec: eval_config_pb2.MetricsSpec,
    where: str,
    problems: Problems,
) -> None:
    if not spec.example_weights.weighted:
        return
    single = len(config.model_specs) <= 1
    models = [
        model
        for model in config.model_specs
        if single or not spec.model_names or model.name in spec.model_names
    ]
    if not any(model.example_weight_key or model.example_weight_keys for model in models):
        what = "no model of the spec has an example_weight_key"
        problems.add(f"{where}.example_weights.weighted", what)
