"""Rules that a config must keep, known before any model or data is touched.

`check_config` notes every rule that is broken, with the place of the field; nothing is raised
until the caller does so (`problems.raise_if_any()`), so that a user sees all mistakes at once.

Example:
    >>> from evaluator_component.config.parse import parse_config
    >>> from evaluator_component.errors import Problems
    >>> problems = Problems()
    >>> config = parse_config('''
    ...     model_specs { label_key: "tip" }
    ...     metrics_specs { metrics { class_name: "Acu" } }
    ... ''')
    >>> check_config(config, problems, metric_names=["AUC", "Recall"])
    >>> print(problems.found[0])
    metrics_specs[0].metrics[0].class_name: unknown metric 'Acu' (did you mean 'AUC'?)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from evaluator_component.config.check_metrics import check_metrics_specs
from evaluator_component.config.check_options import check_options
from evaluator_component.config.check_slices import check_derived_columns, check_slices
from evaluator_component.config.check_thresholds import check_thresholds
from evaluator_component.config.model_types import MODEL_TYPES
from evaluator_component.errors import Problems, did_you_mean
from evaluator_component.protos import eval_config_pb2

__all__ = ["check_config"]


@dataclass(frozen=True)
class _Once:
    """Notes names that are empty or that are given more than once."""

    problems: Problems
    kind: str

    def check(self, names: Iterable[str], where: str) -> None:
        listed = list(names)
        counts = Counter(listed)
        for i, name in enumerate(listed):
            if not name:
                self.problems.add(f"{where}[{i}].name", f"a {self.kind} needs a name")
            elif counts[name] > 1 and name in listed[:i]:
                first = listed.index(name)
                what = f"{self.kind} {name!r} is given twice, first at {where}[{first}]"
                self.problems.add(f"{where}[{i}].name", what)


def check_config(
    config: eval_config_pb2.EvalConfig,
    problems: Problems,
    metric_names: Collection[str] | None = None,
    *,
    metric_arguments: Mapping[str, Collection[str]] | None = None,
    metric_directions: Mapping[str, int] | None = None,
    has_baseline: bool | None = None,
    rubber_stamp: bool = False,
    split_names: Collection[str] | None = None,
) -> None:
    """Notes every rule that a config breaks.

    Args:
        config: as the user wrote it, or with defaults.
        problems: collects what is wrong.
        metric_names: class names of the metrics that exist; None: names are not checked.
        metric_arguments: names of the settings of a metric, by class name; a metric that is not in
            it is not checked.
        metric_directions: +1 (higher is better), -1 or 0 by class name; a change threshold may
            leave out its direction where the metric has one.
        has_baseline: whether a baseline model was given; None: what the model specs say.
        rubber_stamp: the model is blessed without comparison where there is no baseline.
        split_names: the splits that the data has; None: not known.
    """
    if has_baseline is None:
        has_baseline = any(spec.is_baseline for spec in config.model_specs)
    _check_models(config, problems)
    _check_datasets(config, problems, split_names)
    check_derived_columns(config, problems)
    check_slices(config, problems)
    check_metrics_specs(config, problems, metric_names, metric_arguments or {})
    policy = config.baseline_policy.missing
    excused = rubber_stamp or policy == eval_config_pb2.BaselinePolicy.EVALUATE_WITHOUT
    check_thresholds(
        config,
        problems,
        directions=metric_directions or {},
        may_compare=has_baseline or excused,
    )
    check_options(config, problems)


def _check_models(config: eval_config_pb2.EvalConfig, problems: Problems) -> None:
    specs = config.model_specs
    baselines = [i for i, spec in enumerate(specs) if spec.is_baseline]
    for i in baselines[1:]:
        what = f"only one model can be the baseline, model_specs[{baselines[0]}] is it already"
        problems.add(f"model_specs[{i}].is_baseline", what)
    if len(specs) == 1 and baselines:
        what = "the only model cannot be the baseline: there is no model to compare with it"
        problems.add("model_specs[0].is_baseline", what)
    if len(specs) > 1:
        _Once(problems, "model").check((spec.name for spec in specs), "model_specs")
    for i, spec in enumerate(specs):
        _check_model(spec, f"model_specs[{i}]", problems)


def _check_model(spec: eval_config_pb2.ModelSpec, where: str, problems: Problems) -> None:
    for one, many in (
        ("label_key", "label_keys"),
        ("prediction_key", "prediction_keys"),
        ("example_weight_key", "example_weight_keys"),
        ("class_names", "output_class_names"),
    ):
        if getattr(spec, one) and getattr(spec, many):
            problems.add(f"{where}.{many}", f"excludes {one!r}, which is given, too")
    for many in ("label_keys", "prediction_keys", "example_weight_keys"):
        for output, key in getattr(spec, many).items():
            if not key:
                problems.add(f"{where}.{many}[{output!r}]", "the key is empty")
    if spec.model_type and spec.model_type.lower() not in MODEL_TYPES:
        hint = did_you_mean(spec.model_type, MODEL_TYPES)
        problems.add(f"{where}.model_type", f"unknown model type {spec.model_type!r}", hint)
    if spec.inference_batch_size < 0:
        got = spec.inference_batch_size
        problems.add(f"{where}.inference_batch_size", f"must not be negative, got {got}")
    timeout = spec.request_timeout_seconds
    if spec.HasField("request_timeout_seconds") and not timeout.value > 0:
        problems.add(f"{where}.request_timeout_seconds", f"must be above 0, got {timeout.value}")
    named = [("class_names", list(spec.class_names))]
    for output, values in spec.output_class_names.items():
        named.append((f"output_class_names[{output!r}]", list(values.values)))
    for place, names in named:
        for name, count in Counter(names).items():
            if count > 1:
                problems.add(f"{where}.{place}", f"class {name!r} is given {count} times")


def _check_datasets(
    config: eval_config_pb2.EvalConfig, problems: Problems, split_names: Collection[str] | None
) -> None:
    names = [dataset.name for dataset in config.datasets]
    _Once(problems, "dataset").check(names, "datasets")
    if split_names is not None:
        for i, dataset in enumerate(config.datasets):
            for j, split in enumerate(dataset.splits):
                _check_name(split, split_names, "split", f"datasets[{i}].splits[{j}]", problems)
            if not dataset.splits and dataset.name:
                where = f"datasets[{i}].name"
                _check_name(dataset.name, split_names, "split", where, problems)
    for i, spec in enumerate(config.metrics_specs):
        for j, name in enumerate(spec.dataset_names):
            _check_name(name, names, "dataset", f"metrics_specs[{i}].dataset_names[{j}]", problems)


def _check_name(
    name: str, known: Collection[str], kind: str, where: str, problems: Problems
) -> None:
    if name not in known:
        problems.add(where, f"unknown {kind} {name!r}", did_you_mean(name, known))
