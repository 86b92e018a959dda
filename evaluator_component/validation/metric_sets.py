"""Metric sets: which metric keys a threshold is for.

A threshold stands at a metric of a metrics spec, which may be computed for several models, outputs
and classes, weighted or not. Each of these keys must satisfy it.

Vocabulary:
    slot: a name, model, class and aggregation of which at least one key must exist.
    candidate: any model that is not the baseline. The baseline itself is never judged.

Example:
    >>> slot = MetricSlot("auc", ("candidate",), sub_key=SubKey(class_id=1))
    >>> slot.matches(MetricKey("auc", "candidate", sub_key=SubKey(class_id=1)))
    True
    >>> slot.matches(MetricKey("auc", "baseline", sub_key=SubKey(class_id=1)))
    False
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from evaluator_component.errors import ConfigError
from evaluator_component.keys import MetricKey, SubKey
from evaluator_component.metrics import registry
from evaluator_component.metrics.base import snake_case
from evaluator_component.metrics.gaps import SliceGap
from evaluator_component.validation.reading import has

__all__ = ["MetricSlot", "baseline_name", "candidate_names", "metric_slots", "model_metric_slots"]

#: Packages whose metrics are named without importing them, which takes long.
_FOREIGN = ("keras", "tensorflow", "tf_keras")


@dataclass(frozen=True)
class MetricSlot:
    """Keys that differ at most in output and weighting.

    Attributes:
        name: of the metric.
        model_names: candidates.
        output_names: any output when empty.
        sub_key: class, k or top_k; None for the whole prediction.
        aggregation: "micro", "macro", "weighted_macro" or None.
        weighted: allowed values of `example_weighted`; any when empty.
        compares_models: the metric is a difference by itself.
        overall_only: the metric has one value over all slices, reported at the overall slice.
        direction: +1 higher is better, -1 lower is better, 0 unknown.
    """

    name: str
    model_names: tuple[str, ...] = ("",)
    output_names: tuple[str, ...] = ()
    sub_key: SubKey | None = None
    aggregation: str | None = None
    weighted: tuple[bool, ...] = ()
    compares_models: bool = False
    overall_only: bool = False
    direction: int = 0

    def matches(self, key: MetricKey) -> bool:
        """Tells whether a key (of a value or of a difference) belongs to the slot."""
        return (
            key.name == self.name
            and key.model_name in self.model_names
            and (not self.output_names or key.output_name in self.output_names)
            and (key.sub_key or None) == (self.sub_key or None)
            and key.aggregation == self.aggregation
            and (
                not self.weighted
                or key.example_weighted is None
                or key.example_weighted in self.weighted
            )
        )

    def example(self) -> MetricKey:
        """Returns a key of the slot, to name it by."""
        return MetricKey(
            self.name,
            self.model_names[0] if self.model_names else "",
            self.output_names[0] if len(self.output_names) == 1 else "",
            self.sub_key,
            self.aggregation,
            is_diff=self.compares_models,
        )

    def one_per_model(self) -> tuple[MetricSlot, ...]:
        """Returns one slot per model, each of which must exist."""
        return tuple(replace(self, model_names=(name,)) for name in self.model_names)


def baseline_name(eval_config: Any) -> str | None:
    """Returns the name of the baseline model; None where the config has none."""
    return next((str(spec.name) for spec in eval_config.model_specs if spec.is_baseline), None)


def candidate_names(eval_config: Any, spec: Any) -> tuple[str, ...]:
    """Returns the models of a metrics spec that are judged."""
    models = [str(model.name) for model in eval_config.model_specs] or [""]
    baseline = baseline_name(eval_config)
    if len(models) == 1:
        return ("",) if baseline is None else ()
    named = [str(name) for name in spec.model_names] or models
    return tuple(name for name in dict.fromkeys(named) if name != baseline)


def metric_slots(eval_config: Any, spec: Any, metric_config: Any) -> tuple[MetricSlot, ...]:
    """Returns the slots of a metric of a metrics spec."""
    return tuple(
        slot
        for name, metric in _metrics(metric_config)
        for slot in _slots(eval_config, spec, name, metric)
    )


def model_metric_slots(eval_config: Any, spec: Any, name: str) -> tuple[MetricSlot, ...]:
    """Returns the slots of a metric that is part of the model."""
    return tuple(_slots(eval_config, spec, name, None))


def _metrics(metric_config: Any) -> list[tuple[str, Any]]:
    """Names of a configured metric (a family has several), with the metric where it is ours."""
    class_name, module = str(metric_config.class_name), str(metric_config.module)
    try:
        if module.partition(".")[0] in _FOREIGN:
            raise ConfigError("not to be imported for its name")
        made = registry.create(class_name, module, str(metric_config.config))
    except ConfigError:
        # A Keras metric, or one of another kind that only the evaluation knows how to make.
        try:
            arguments = registry.parse_arguments(str(metric_config.config))
        except ConfigError:
            arguments = {}
        return [(str(arguments.get("name") or snake_case(class_name)), None)]
    return [(metric.key_name, metric) for metric in made.expand()]


def _slots(eval_config: Any, spec: Any, name: str, metric: Any) -> Iterator[MetricSlot]:
    gap = isinstance(metric, SliceGap)
    for sub_key, aggregation in _sub_keys(spec, metric):
        yield MetricSlot(
            name,
            candidate_names(eval_config, spec),
            tuple(str(output) for output in spec.output_names),
            sub_key,
            aggregation,
            () if metric is None else _weightings(spec),
            bool(getattr(metric, "compares_models", False)),
            gap,
            int(getattr(metric, "direction", 0)),
        )


def _weightings(spec: Any) -> tuple[bool, ...]:
    if not has(spec, "example_weights"):
        return ()
    options = spec.example_weights
    return tuple(flag for flag, on in ((True, options.weighted), (False, options.unweighted)) if on)


def _sub_keys(spec: Any, metric: Any) -> Sequence[tuple[SubKey | None, str | None]]:
    own = (None if metric is None else metric.sub_key, None)
    if isinstance(metric, SliceGap) or not getattr(metric, "binarizes", True):
        return [own]
    found: list[tuple[SubKey | None, str | None]] = []
    if has(spec, "binarize"):
        options = spec.binarize
        found += [(SubKey(class_id=value), None) for value in options.class_ids.values]
        found += [(SubKey(k=value), None) for value in options.k_list.values]
        found += [(SubKey(top_k=value), None) for value in options.top_k_list.values]
    if has(spec, "aggregate"):
        kind = spec.aggregate.WhichOneof("type")
        if kind is not None and getattr(spec.aggregate, kind):
            aggregation = str(kind).removesuffix("_average")
            top_ks = [SubKey(top_k=value) for value in spec.aggregate.top_k_list.values]
            found += [(top_k, aggregation) for top_k in top_ks] or [(None, aggregation)]
    return found or [own]
