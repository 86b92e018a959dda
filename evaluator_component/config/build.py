"""Configs written in Python, in few words.

Example:
    >>> written = config(
    ...     label_key="tip",
    ...     metrics=["AUC", ("Precision", {"thresholds": [0.5, 0.9]}), "ExampleCount"],
    ...     slices=["hour", ("hour", "company"), {"company": "Taxi A"}],
    ...     thresholds={"AUC": [at_least(0.8), no_worse(absolute=0.01)]},
    ... )
    >>> [str(SliceSpec.from_proto(spec)) for spec in written.slicing_specs]
    ['Overall', 'each hour', 'each company x hour', 'company=Taxi A']
    >>> written.metrics_specs[0].metrics[0].threshold.value_threshold.lower_bound.value
    0.8
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from evaluator_component.config.parse import parse_config
from evaluator_component.config.specs import SliceSpec
from evaluator_component.config.tree import read_tree
from evaluator_component.errors import ConfigError, Problems, did_you_mean
from evaluator_component.protos import eval_config_pb2

__all__ = [
    "MetricLike",
    "SliceLike",
    "ThresholdLike",
    "at_least",
    "at_most",
    "between",
    "config",
    "metric",
    "no_worse",
    "on_slices",
    "slice_spec",
]

MetricLike: TypeAlias = (
    "str | tuple[str, Mapping[str, Any]] | Mapping[str, Any] | eval_config_pb2.MetricConfig"
)
SliceLike: TypeAlias = (
    "str | Sequence[str] | Mapping[str, object] | SliceSpec | eval_config_pb2.SlicingSpec"
)
ThresholdLike: TypeAlias = (
    "eval_config_pb2.MetricThreshold | eval_config_pb2.PerSliceMetricThreshold"
    " | eval_config_pb2.CrossSliceMetricThreshold"
)


def config(
    *,
    metrics: Iterable[MetricLike] = (),
    label_key: str = "",
    prediction_key: str = "",
    example_weight_key: str = "",
    class_names: Iterable[str] = (),
    signature_name: str = "",
    model_type: str = "",
    slices: Iterable[SliceLike] = (),
    thresholds: Mapping[str, ThresholdLike | Iterable[ThresholdLike]] | None = None,
    confidence_intervals: bool = False,
    class_ids: Iterable[int] = (),
    query_key: str = "",
    options: Mapping[str, Any] | None = None,
    **more: Any,
) -> eval_config_pb2.EvalConfig:
    """Builds the config of one model (and its baseline, if one is given to the run).

    Args:
        metrics: class names, (class name, settings) pairs, or messages.
        label_key: feature that holds the label.
        prediction_key: entry of a dict-valued prediction, or feature with stored predictions.
        example_weight_key: feature that holds the weight of an example.
        class_names: names of the classes in the order of the scores.
        signature_name: signature used to predict.
        model_type: kind of model; found out from its files when empty.
        slices: see `slice_spec`. The overall slice always comes first.
        thresholds: by class name of a metric: one, or several of them for different slices.
        confidence_intervals: compute them.
        class_ids: also look at these classes, one against the rest.
        query_key: feature by which examples are grouped into queries.
        options: more fields of `options`, as a tree.
        **more: more fields of the config, as trees: `decision={"correction": "HOLM"}`.

    Raises:
        ConfigError: for thresholds of metrics that are not asked for, and for unknown fields.
    """
    built = parse_config(more) if more else eval_config_pb2.EvalConfig()
    model = eval_config_pb2.ModelSpec(
        label_key=label_key,
        prediction_key=prediction_key,
        example_weight_key=example_weight_key,
        class_names=list(class_names),
        signature_name=signature_name,
        model_type=model_type,
    )
    if not built.model_specs or model.ByteSize():
        built.model_specs.insert(0, model)
    if not built.slicing_specs:
        built.slicing_specs.add()
    built.slicing_specs.extend(slice_spec(one) for one in slices)
    asked = [metric(one) for one in metrics]
    _attach(asked, thresholds or {})
    if asked:
        spec = built.metrics_specs.add()
        spec.metrics.extend(asked)
        spec.query_key = query_key
        if ids := list(class_ids):
            # One spec for the whole prediction and one for each class by itself.
            by_class = built.metrics_specs.add()
            by_class.CopyFrom(spec)
            by_class.binarize.class_ids.values.extend(ids)
            for one in by_class.metrics:
                one.ClearField("threshold")
                one.ClearField("per_slice_thresholds")
                one.ClearField("cross_slice_thresholds")
    if confidence_intervals:
        built.options.compute_confidence_intervals.value = True
    if options:
        problems = Problems()
        given = eval_config_pb2.Options()
        read_tree(options, given, problems, "options")
        problems.raise_if_any()
        built.options.MergeFrom(given)
    return built


def metric(source: MetricLike) -> eval_config_pb2.MetricConfig:
    """Builds the config of one metric.

    Args:
        source: a class name, a pair (class name, settings), the fields of the message, or a metric
            object: one of ours, or of Keras. A class name with dots is taken for module and class.

    Example:
        >>> metric(("Precision", {"top_k": 3})).config
        '{"top_k": 3}'
        >>> metric("my_package.metrics.Profit").module
        'my_package.metrics'
    """
    if isinstance(source, eval_config_pb2.MetricConfig):
        return source
    built = eval_config_pb2.MetricConfig()
    if isinstance(source, Mapping):
        problems = Problems()
        read_tree(source, built, problems, "metric")
        problems.raise_if_any()
        return built
    if not isinstance(source, (str, tuple, list)):
        return _of_object(source)
    name, settings = (source, {}) if isinstance(source, str) else source
    built.module, _, built.class_name = name.rpartition(".")
    built.config = json.dumps(dict(settings)) if settings else ""
    return built


def _of_object(source: Any) -> eval_config_pb2.MetricConfig:
    """Names the class and the settings of a metric object."""
    kind = type(source)
    module = kind.__module__
    settings = source.get_config() if hasattr(source, "get_config") else source.config()
    if module.split(".")[0] in ("keras", "tf_keras"):
        module = f"{module.split('.')[0]}.metrics"
        settings = {k: v for k, v in settings.items() if k != "dtype" and v is not None}
    elif module.startswith("evaluator_component.metrics."):
        module = ""
    return eval_config_pb2.MetricConfig(
        class_name=kind.__name__,
        module=module,
        config=json.dumps(settings) if settings else "",
    )


def slice_spec(source: SliceLike) -> eval_config_pb2.SlicingSpec:
    """Builds a slicing spec.

    Args:
        source: a feature name (one slice per value), several names (one slice per combination), a
            dict of fixed values (a value of None: each value of that feature), or "" for all
            examples.

    Example:
        >>> str(SliceSpec.from_proto(slice_spec({"company": "Taxi A", "hour": None})))
        'company=Taxi A, each hour'
    """
    if isinstance(source, eval_config_pb2.SlicingSpec):
        return source
    if isinstance(source, SliceSpec):
        return source.to_proto()
    if isinstance(source, str):
        return eval_config_pb2.SlicingSpec(feature_keys=[source] if source else [])
    if isinstance(source, Mapping):
        return eval_config_pb2.SlicingSpec(
            feature_keys=[name for name, value in source.items() if value is None],
            feature_values={k: str(v) for k, v in source.items() if v is not None},
        )
    return eval_config_pb2.SlicingSpec(feature_keys=list(source))


def at_least(bound: float, **settings: Any) -> eval_config_pb2.MetricThreshold:
    """Builds a threshold: value >= bound. `settings` are more fields of `MetricThreshold`."""
    return _threshold({"value_threshold": {"lower_bound": bound}, **settings})


def at_most(bound: float, **settings: Any) -> eval_config_pb2.MetricThreshold:
    """Builds a threshold: value <= bound. `settings` are more fields of `MetricThreshold`."""
    return _threshold({"value_threshold": {"upper_bound": bound}, **settings})


def between(low: float, high: float, **settings: Any) -> eval_config_pb2.MetricThreshold:
    """Builds a threshold: low <= value <= high."""
    return _threshold({"value_threshold": {"lower_bound": low, "upper_bound": high}, **settings})


def no_worse(
    absolute: float | None = None,
    relative: float | None = None,
    *,
    higher_is_better: bool = True,
    **settings: Any,
) -> eval_config_pb2.MetricThreshold:
    """Builds a threshold: the model is not worse than the baseline by more than a margin.

    Args:
        absolute: margin in units of the metric; 0 when neither margin is given.
        relative: margin as a share of the baseline's |value|.
        higher_is_better: which way is worse.
        **settings: more fields of `MetricThreshold`.

    Raises:
        ConfigError: for a negative margin.

    Example:
        >>> no_worse(0.01).change_threshold.absolute.value
        -0.01
    """
    sign = -1.0 if higher_is_better else 1.0
    if absolute is None and relative is None:
        absolute = 0.0
    change: dict[str, Any] = {
        "direction": "HIGHER_IS_BETTER" if higher_is_better else "LOWER_IS_BETTER"
    }
    for name, margin in (("absolute", absolute), ("relative", relative)):
        if margin is not None:
            if not margin >= 0:
                raise ConfigError(f"no_worse: {name} is a margin and not negative, got {margin}")
            change[name] = sign * margin
    return _threshold({"change_threshold": change, **settings})


def on_slices(
    threshold: eval_config_pb2.MetricThreshold, *slices: SliceLike
) -> eval_config_pb2.PerSliceMetricThreshold:
    """Restricts a threshold to slices.

    Example:
        >>> on_slices(at_least(0.7), {"company": "Taxi A"}).slicing_specs[0].feature_values
        {'company': 'Taxi A'}
    """
    return eval_config_pb2.PerSliceMetricThreshold(
        slicing_specs=[slice_spec(one) for one in slices], threshold=threshold
    )


def _threshold(tree: Mapping[str, Any]) -> eval_config_pb2.MetricThreshold:
    problems = Problems()
    built = eval_config_pb2.MetricThreshold()
    read_tree(tree, built, problems, "threshold")
    problems.raise_if_any()
    return built


def _attach(
    asked: Sequence[eval_config_pb2.MetricConfig],
    thresholds: Mapping[str, ThresholdLike | Iterable[ThresholdLike]],
) -> None:
    problems = Problems()
    by_name = {one.class_name: one for one in asked}
    for name, given in thresholds.items():
        one = by_name.get(name)
        if one is None:
            hint = did_you_mean(name, by_name)
            problems.add(f"thresholds[{name!r}]", "no metric of this name is asked for", hint)
            continue
        for threshold in [given] if hasattr(given, "DESCRIPTOR") else given:
            if isinstance(threshold, eval_config_pb2.PerSliceMetricThreshold):
                one.per_slice_thresholds.append(threshold)
            elif isinstance(threshold, eval_config_pb2.CrossSliceMetricThreshold):
                one.cross_slice_thresholds.append(threshold)
            else:
                # A bound and a change may stand side by side in one threshold.
                one.threshold.MergeFrom(threshold)
    problems.raise_if_any()
