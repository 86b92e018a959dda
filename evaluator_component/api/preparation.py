"""Preparing an evaluation: everything is checked against model and data before anything runs.

::

    config -> defaults -> models loaded -> plan -> columns -> trial on the first rows -> Job
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evaluator_component.api.datasets import Dataset, datasets_of
from evaluator_component.api.defaults import default_extractors, resampling_of, stages_of
from evaluator_component.api.derived import derived_columns
from evaluator_component.api.inference import fill_from_models
from evaluator_component.api.job import Job
from evaluator_component.api.models import (
    has_a_baseline,
    is_baseline,
    models_by_name,
    named_as_in,
)
from evaluator_component.api.pipeline import Circumstances
from evaluator_component.api.preflight import check_columns, dry_run, load_models
from evaluator_component.api.weak import bin_features, pin_bins, plan_search
from evaluator_component.config import BaselinePolicy, check_config, parse_config, with_defaults
from evaluator_component.errors import EvaluatorError, Problems
from evaluator_component.evaluators.in_graph import KERAS_METRICS, saved_metrics
from evaluator_component.evaluators.plan import Plan
from evaluator_component.evaluators.planning import make_plan
from evaluator_component.extractors.columns import model_columns
from evaluator_component.inputs.derived import Derived, needed
from evaluator_component.metrics import registry
from evaluator_component.validation import check_thresholds

__all__ = ["prepare"]


def prepare(
    eval_config: Any,
    data: Any,
    models: Any = None,
    *,
    schema: bytes | None = None,
    rubber_stamp: bool | None = None,
    extractors: Any = None,
    evaluators: Any = None,
    writers: Any = None,
    name: str = "",
    baseline_problem: str = "",
    reuse: str | None = None,
) -> Job:
    """Checks everything, and plans the evaluation; see `evaluate` for the arguments.

    Raises:
        EvaluatorError: lists everything that is wrong.
    """
    given = parse_config(eval_config)
    by_name = named_as_in(given, models_by_name(models))
    has_baseline = has_a_baseline(given, by_name)
    if rubber_stamp is None:
        rubber_stamp = any(model.rubber_stamp for model in by_name.values())
    problems = Problems()
    classes = registry.registered()
    check_config(
        given,
        problems,
        (*classes, *KERAS_METRICS),
        has_baseline=has_baseline,
        rubber_stamp=rubber_stamp,
    )
    problems.raise_if_any()
    comparisons = [name for name, metric in classes.items() if metric.compares_models]

    def complete(config: Any) -> Any:
        return with_defaults(
            config,
            has_baseline=has_baseline,
            rubber_stamp=rubber_stamp,
            comparison_metrics=comparisons,
        )

    config = complete(given)
    by_name = named_as_in(config, by_name)
    datasets = datasets_of(data, schema)
    loaded, failed = load_models(by_name, config)
    unloadable = [name for name in failed if is_baseline(config, name)]
    without = config.baseline_policy.unloadable == BaselinePolicy.EVALUATE_WITHOUT
    if unloadable and without:
        given.baseline_policy.missing = BaselinePolicy.EVALUATE_WITHOUT
        return prepare(
            given,
            data,
            {name: model for name, model in by_name.items() if name not in unloadable},
            schema=schema,
            rubber_stamp=rubber_stamp,
            extractors=extractors,
            evaluators=evaluators,
            writers=writers,
            name=name,
            baseline_problem=failed[unloadable[0]],
            reuse=reuse,
        )
    for model_name, problem in failed.items():
        problems.add(f"model {model_name!r}" if model_name else "model", problem)
    notes = fill_from_models(config, loaded)
    if notes:
        # Some defaults, such as whether metrics are weighted, follow from what was filled in.
        del given.model_specs[:]
        given.model_specs.extend(config.model_specs)
        config = complete(given)
    extra = {}
    if config.options.include_default_metrics.value:
        extra = {
            model_name: saved_metrics(model, by_name[model_name].model_path)
            for model_name, model in loaded.items()
            if by_name[model_name].include_default_metrics
        }
    plan = make_plan(config, extra_metrics=extra)
    check_thresholds(
        config,
        [each.key for each in (*plan.entries, *plan.gaps)],
        problems,
        kinds={entry.key: entry.metric.kind for entry in plan.entries},
        has_baseline=has_baseline,
    )
    searched: tuple[str, ...] = ()
    if config.HasField("weak_slices"):
        searched = bin_features(config, datasets[0], problems)
    derived = derived_columns(config, datasets, problems)
    pin_bins(config, searched, derived)
    graph_features = dict.fromkeys(_graph_features(loaded))
    looked_up: dict[str, None] = {}
    for dataset in datasets:
        have = _names_of(dataset, problems)
        looked_up.update((name, None) for name in plan.searched if have is None or name in have)
        if have is None:
            continue
        if not extractors:
            check_columns(config, plan, have, (*derived, *graph_features), problems)
        for feature in have:
            graph_features.pop(feature, None)
    read = (*plan.features, *plan.searched)
    wanted = tuple(name for name in read if name in graph_features)
    standard = default_extractors(by_name, config, plan, derived, wanted)
    chain = stages_of(extractors, standard)
    all_features = config.worst_examples.num_examples and not config.worst_examples.feature_keys
    custom = bool(extractors or evaluators or all_features)
    made = (*derived, *graph_features)
    columns = None
    if not custom and all(model.needs is not None for model in loaded.values()):
        every = _columns(config, plan, loaded, derived, (*searched, *looked_up))
        columns = tuple(name for name in every if name not in made)
    problems.raise_if_any(of="with the evaluation")
    tolerant = config.options.max_bad_records.value != 0
    tried = [dry_run(dataset, chain, plan, columns, problems, tolerant) for dataset in datasets]
    search = None
    if config.HasField("weak_slices") and tried[0] is not None:
        search = plan_search(config, searched, tried[0], problems)
    problems.raise_if_any(of="with the evaluation")
    obstacle = ""
    if extractors or evaluators:
        obstacle = "extractors or evaluators are not the default ones"
    elif wanted:
        obstacle = f"{', '.join(wanted)}: features that a model makes"
    job = Job(
        eval_config=config,
        datasets=datasets,
        models=by_name,
        plan=plan,
        columns=columns,
        extractors=tuple(chain),
        evaluators=evaluators,
        writers=writers,
        circumstances=Circumstances(rubber_stamp, has_baseline, baseline_problem, tuple(notes)),
        search=search,
        name=name,
        obstacle=obstacle,
        sample=tried[0],
    )
    return job if reuse is None else job.reusing(reuse)


def _names_of(dataset: Dataset, problems: Problems) -> list[str] | None:
    """Names of the columns of a dataset; None where they cannot be known beforehand."""
    if dataset.table is not None:
        table = dataset.table
        return list(getattr(table, "column_names", None) or table)
    names: dict[str, None] = {}
    try:
        for plan in dataset.plans():
            if not plan.types:
                return None
            names.update(dict.fromkeys(plan.types))
    except EvaluatorError as error:
        problems.add(f"dataset {dataset.name!r}" if dataset.name else "data", str(error))
        return None
    return list(names)


def _columns(
    config: Any,
    plan: Plan,
    models: Mapping[str, Any],
    derived: Mapping[str, Derived],
    searched: tuple[str, ...],
) -> tuple[str, ...]:
    """Features that must be read."""
    names = dict.fromkeys((*plan.features, *searched, *config.worst_examples.feature_keys))
    resampling = resampling_of(config)
    if resampling is not None and resampling.unit_key:
        names[resampling.unit_key] = None
    for columns in model_columns(config.model_specs):
        names.update(dict.fromkeys(columns.features))
        if not models:
            names.update(dict.fromkeys(columns.prediction_keys.values()))
    for model in models.values():
        if not isinstance(model.needs, str):
            names.update(dict.fromkeys(model.needs))
    names.update(dict.fromkeys(needed(derived)))
    return tuple(names)


def _graph_features(models: Mapping[str, Any]) -> Iterator[str]:
    """Yields the features that eval SavedModels make."""
    for model in models.values():
        if hasattr(model, "extract") and getattr(model, "metadata", None) is not None:
            yield from (feature.name for feature in model.metadata.features)
