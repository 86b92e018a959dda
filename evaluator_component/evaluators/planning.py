"""Planning: from an eval config to a `Plan`.

For every metrics spec, the metrics it names are made and put on views: for each model, output,
weighting and sub key. What cannot be made is collected and told at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from evaluator_component.config import CrossSliceSpec, SliceSpec
from evaluator_component.errors import ConfigError, EvaluatorError, Problems
from evaluator_component.evaluators import in_graph
from evaluator_component.evaluators.computations import (
    Accumulation,
    ClassAverage,
    Computation,
    Difference,
    Formula,
    OutputAverage,
)
from evaluator_component.evaluators.plan import Entry, GapEntry, Plan
from evaluator_component.keys import MetricKey, SubKey
from evaluator_component.metrics import registry
from evaluator_component.metrics.base import QUERY, Metric
from evaluator_component.metrics.counts import RowWeight
from evaluator_component.metrics.gaps import SliceGap
from evaluator_component.metrics.view import View

__all__ = ["make_plan"]


@dataclass(frozen=True)
class _Context:
    """One metrics spec being planned, for one model and output."""

    spec: Any
    where: str
    model_name: str
    output_name: str
    example_weighted: bool
    baseline_model: str | None
    class_names: tuple[str, ...]

    def view(self, sub_key: SubKey | None = None, **changes: Any) -> View:
        return View(
            model_name=self.model_name,
            output_name=self.output_name,
            sub_key=sub_key,
            example_weighted=self.example_weighted,
            class_names=self.class_names,
            **changes,
        )


def make_plan(
    eval_config: Any,
    slices: Sequence[SliceSpec] | None = None,
    output_names: Mapping[str, Sequence[str]] | None = None,
    extra_metrics: Mapping[str, Sequence[Metric]] | None = None,
) -> Plan:
    """Plans an evaluation.

    Args:
        eval_config: with defaults filled in.
        slices: overrides the slicing specs of the config.
        output_names: outputs of each model, where it has several; "" stands for the only one.
        extra_metrics: metrics saved in a model, by model name.

    Raises:
        ConfigError: lists every metric that cannot be made.
    """
    from evaluator_component.extractors.slice_keys import slice_specs

    problems = Problems()
    entries: dict[MetricKey, Entry] = {}
    gaps: dict[MetricKey, GapEntry] = {}
    for number, spec in enumerate(eval_config.metrics_specs):
        where = f"metrics_specs[{number}]"
        metrics = _metrics_of(spec, where, problems)
        for found in _plan_spec(eval_config, spec, where, metrics, output_names or {}, problems):
            if isinstance(found, GapEntry):
                _add(gaps, found, problems)
            else:
                _add(entries, found, problems)
    for model_name, saved in (extra_metrics or {}).items():
        for metric in saved:
            key = MetricKey(metric.key_name, model_name, getattr(metric, "output_name", ""))
            view = View(model_name, key.output_name, example_weighted=True)
            entries.setdefault(
                key, Entry(key, Formula(metric, view), metric, "the model's metrics")
            )
    problems.raise_if_any()
    _add_differences(eval_config, entries, gaps)
    specs = tuple(slices) if slices is not None else slice_specs(eval_config)
    if gaps:
        wanted = [SliceSpec(gap.gap.feature_keys) for gap in gaps.values()]
        specs = tuple(dict.fromkeys((*specs, SliceSpec(), *wanted)))
    first = eval_config.model_specs[0] if eval_config.model_specs else None
    has_weights = first is not None and bool(first.example_weight_key or first.example_weight_keys)
    name = first.name if first is not None else ""
    output = next(iter(first.example_weight_keys), "") if first is not None else ""
    weighted = View(name, output, example_weighted=has_weights)
    return Plan(
        entries=tuple(entries.values()),
        gaps=tuple(gaps.values()),
        slices=specs,
        cross_slices=tuple(CrossSliceSpec.from_proto(c) for c in eval_config.cross_slicing_specs),
        counts=(Accumulation(View(), RowWeight()), Accumulation(weighted, RowWeight())),
    )


_Named = TypeVar("_Named", Entry, GapEntry)


def _add(found: dict[MetricKey, _Named], entry: _Named, problems: Problems) -> None:
    """Adds an entry; notes another one of the same key, unless it is of the same values."""
    known = found.setdefault(entry.key, entry)
    if known.computed != entry.computed:
        problems.add(
            entry.where,
            f"two metrics are called {entry.key.name!r}: give one of them a name (the other is "
            f"{known.where})",
        )
    elif known.datasets != entry.datasets:
        both = {*known.datasets, *entry.datasets} if known.datasets and entry.datasets else ()
        found[entry.key] = replace(known, datasets=tuple(sorted(both)))


def _metrics_of(spec: Any, where: str, problems: Problems) -> list[tuple[str, Metric]]:
    """Makes the metrics of a spec; notes those that cannot be made."""
    metrics = []
    for number, config in enumerate(spec.metrics):
        place = f"{where}.metrics[{number}]"
        try:
            made = _make_metric(config)
        except EvaluatorError as error:
            problems.add(place, str(error))
            continue
        metrics += [(place, metric) for metric in made.expand()]
    return metrics


def _make_metric(config: Any) -> Metric:
    """Makes the metric that a config names: one of ours, the user's, or of Keras.

    A Keras metric that we have under the same name is computed by ours, unless it has settings
    that ours does not know.
    """
    ours = config.class_name in registry.registered()
    if in_graph.is_keras(config.module) or (
        not config.module and not ours and config.class_name in in_graph.KERAS_METRICS
    ):
        if ours:
            try:
                return registry.create(config.class_name, "", config.config)
            except ConfigError:
                pass
        settings = registry.parse_arguments(config.config)
        return in_graph.keras_metric(config.class_name, config.module, settings)
    return registry.create(config.class_name, config.module, config.config)


def _plan_spec(
    eval_config: Any,
    spec: Any,
    where: str,
    metrics: Sequence[tuple[str, Metric]],
    output_names: Mapping[str, Sequence[str]],
    problems: Problems,
) -> Iterator[Entry | GapEntry]:
    models = list(eval_config.model_specs)
    baseline = next((model.name for model in models if model.is_baseline), None)
    names = [model.name for model in models] or [""]
    wanted = set(spec.model_names) or set(names)
    for model_name in names:
        if model_name not in wanted and model_name != baseline:
            continue
        model = next((each for each in models if each.name == model_name), None)
        for weighted in _weightings(spec, model):
            per_output: dict[tuple[str, SubKey | None, str | None], list[tuple[str, Entry]]] = {}
            outputs = _outputs(spec, model, output_names)
            joined = [(place, metric) for place, metric in metrics if metric.joins_outputs]
            each = [(place, metric) for place, metric in metrics if not metric.joins_outputs]
            for output, planned in [*((output, each) for output in outputs), ("", joined)]:
                context = _Context(
                    spec=spec,
                    where=where,
                    model_name=model_name,
                    output_name=output,
                    example_weighted=weighted,
                    baseline_model=baseline if baseline != model_name else None,
                    class_names=_class_names(model, output),
                )
                for place, metric in planned:
                    for found in _plan_metric(context, place, metric, problems):
                        yield found
                        averaged = spec.output_weights and not metric.joins_outputs
                        if averaged and isinstance(found, Entry):
                            slot = (found.key.name, found.key.sub_key, found.key.aggregation)
                            per_output.setdefault(slot, []).append((output, found))
            yield from _output_averages(spec, per_output)


def _weightings(spec: Any, model: Any) -> tuple[bool, ...]:
    """Whether to compute weighted values, unweighted ones, or both."""
    if spec.HasField("example_weights"):
        options = spec.example_weights
        both = tuple(
            flag for flag, on in ((True, options.weighted), (False, options.unweighted)) if on
        )
        if both:
            return both
    has_weights = model is not None and bool(model.example_weight_key or model.example_weight_keys)
    return (has_weights,)


def _outputs(spec: Any, model: Any, output_names: Mapping[str, Sequence[str]]) -> list[str]:
    known = list(output_names.get(model.name if model is not None else "", ()))
    if not known and model is not None:
        known = list(dict.fromkeys((*model.label_keys, *model.prediction_keys)))
    named = [*spec.output_names, *spec.output_weights]
    if named:
        return list(dict.fromkeys(named))
    return known or [""]


def _class_names(model: Any, output: str) -> tuple[str, ...]:
    if model is None:
        return ()
    if output in model.output_class_names:
        return tuple(model.output_class_names[output].values)
    return tuple(model.class_names)


def _plan_metric(
    context: _Context, place: str, metric: Metric, problems: Problems
) -> Iterator[Entry | GapEntry]:
    spec = context.spec
    datasets = tuple(spec.dataset_names)
    key = MetricKey(
        metric.key_name,
        model_name=context.model_name,
        output_name=context.output_name,
        example_weighted=context.example_weighted,
    )
    if isinstance(metric, SliceGap):
        inner = tuple(Formula(each, context.view(each.sub_key)) for each in metric.inner())
        yield GapEntry(key, metric, inner, place, datasets)
        return
    if metric.compares_models:
        if context.baseline_model is None:
            return
        key = key.diff()
    forms = {statistic.form for statistic in metric.statistics}
    if QUERY in forms and not spec.query_key:
        problems.add(place, f"{type(metric).__name__} needs query_key in {context.where}")
        return
    changes = {
        "baseline_model": context.baseline_model if metric.compares_models else None,
        "query_key": spec.query_key if QUERY in forms else "",
    }
    binarized = list(_sub_keys(spec))
    aggregated = spec.HasField("aggregate") and metric.binarizes
    if not (binarized and metric.binarizes) and not aggregated:
        sub_key = metric.sub_key
        formula = Formula(metric, context.view(sub_key, **changes))
        yield Entry(replace(key, sub_key=sub_key), formula, metric, place, datasets)
    if metric.binarizes:
        for sub_key in binarized:
            formula = Formula(metric, context.view(sub_key, **changes))
            yield Entry(replace(key, sub_key=sub_key), formula, metric, place, datasets)
    if aggregated:
        for sub_key, aggregation, computation in _aggregates(context, metric, changes):
            named = replace(key, sub_key=sub_key, aggregation=aggregation)
            yield Entry(named, computation, metric, place, datasets)


def _sub_keys(spec: Any) -> Iterator[SubKey]:
    if not spec.HasField("binarize"):
        return
    for class_id in spec.binarize.class_ids.values:
        yield SubKey(class_id=class_id)
    for k in spec.binarize.k_list.values:
        yield SubKey(k=k)
    for top_k in spec.binarize.top_k_list.values:
        yield SubKey(top_k=top_k)


def _aggregates(
    context: _Context, metric: Metric, changes: Mapping[str, Any]
) -> Iterator[tuple[SubKey | None, str, Computation]]:
    options = context.spec.aggregate
    kind = options.WhichOneof("type")
    if kind is None or not getattr(options, kind):
        return
    class_weights = tuple(sorted(options.class_weights.items()))
    top_ks = list(options.top_k_list.values) or [None]
    for top_k in top_ks:
        sub_key = None if top_k is None else SubKey(top_k=top_k)
        if kind == "micro_average":
            view = context.view(
                sub_key, aggregation="micro", class_weights=class_weights, **changes
            )
            yield sub_key, "micro", Formula(metric, view)
            continue
        if top_k is None:
            keys = [SubKey(class_id=class_id) for class_id, _ in class_weights]
            weights = tuple(weight for _, weight in class_weights)
        else:
            keys = [SubKey(k=k) for k in range(1, top_k + 1)]
            weights = (1.0,) * top_k
        views = tuple(context.view(each, **changes) for each in keys)
        parts = tuple(Formula(metric, view) for view in views)
        if kind == "macro_average":
            yield sub_key, "macro", ClassAverage(parts, weights)
        else:
            yield sub_key, "weighted_macro", ClassAverage(parts, weights, by_positives=views)


def _output_averages(
    spec: Any, per_output: Mapping[Any, Sequence[tuple[str, Entry]]]
) -> Iterator[Entry]:
    for found in per_output.values():
        weighted = [(entry, spec.output_weights[output]) for output, entry in found]
        first = weighted[0][0]
        if not first.is_number:
            continue
        average = OutputAverage(
            tuple(entry.computation for entry, _ in weighted), tuple(w for _, w in weighted)
        )
        yield replace(first, key=replace(first.key, output_name=""), computation=average)


def _add_differences(
    eval_config: Any, entries: dict[MetricKey, Entry], gaps: dict[MetricKey, GapEntry]
) -> None:
    """Adds candidate minus baseline for every number that both have."""
    baseline = next((m.name for m in eval_config.model_specs if m.is_baseline), None)
    if baseline is None:
        return
    for key, entry in list(entries.items()):
        if key.model_name == baseline or key.is_diff or not entry.is_number:
            continue
        other = entries.get(replace(key, model_name=baseline))
        if other is not None:
            entries[key.diff()] = replace(
                entry, key=key.diff(), computation=Difference(entry.computation, other.computation)
            )
    for key, gap in list(gaps.items()):
        same = gaps.get(replace(key, model_name=baseline))
        if key.model_name != baseline and same is not None:
            gaps[key.diff()] = replace(gap, key=key.diff(), baseline=same.inner)
