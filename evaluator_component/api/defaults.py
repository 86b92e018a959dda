"""The default chain of extractors, evaluators and writers, to be used or extended."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from evaluator_component.confidence.resampling import BOOTSTRAP, JACKKNIFE, Resampling
from evaluator_component.config.thresholds import each_threshold
from evaluator_component.evaluators.base import Evaluator
from evaluator_component.evaluators.metrics_and_plots import MetricsAndPlotsEvaluator
from evaluator_component.evaluators.plan import Plan
from evaluator_component.evaluators.planning import make_plan
from evaluator_component.extractors.base import Extractor
from evaluator_component.extractors.inputs import InputExtractor
from evaluator_component.extractors.predict import PredictExtractor
from evaluator_component.extractors.screen import ScreenExtractor
from evaluator_component.extractors.slice_keys import SliceKeyExtractor
from evaluator_component.inputs.derived import Derived
from evaluator_component.keys import MetricKey
from evaluator_component.protos import eval_config_pb2
from evaluator_component.writers import EvalConfigWriter, MetricsAndPlotsWriter, Writer

__all__ = [
    "default_evaluators",
    "default_extractors",
    "default_writers",
    "resampling_of",
    "stages_of",
]


def default_extractors(
    eval_shared_model: Any = None,
    eval_config: Any = None,
    plan: Plan | None = None,
    derived: Mapping[str, Derived] | None = None,
    graph_features: Sequence[str] = (),
    skipped: Collection[str] = (),
) -> list[Extractor]:
    """Returns the default chain: inputs, predictions, slice keys.

    Args:
        eval_shared_model: one model or several; None where predictions are in the data.
        eval_config: with defaults filled in.
        plan: tells which slices there are; the config does where it is None.
        derived: columns to compute from the features, by name.
        graph_features: features that an eval SavedModel makes and the data do not have.
        skipped: names of models that need not predict.
    """
    exclude = eval_config.options.non_finite == eval_config_pb2.Options.EXCLUDE
    return [
        InputExtractor(eval_config, derived),
        PredictExtractor(eval_shared_model, eval_config, graph_features, skipped),
        *([ScreenExtractor()] if exclude else []),
        SliceKeyExtractor(eval_config, slice_spec=plan.slices if plan is not None else None),
    ]


def default_evaluators(
    eval_shared_model: Any = None,
    eval_config: Any = None,
    plan: Plan | None = None,
    dataset: str = "",
    shards: int = 1,
    **options: Any,
) -> list[Evaluator]:
    """Returns the default evaluators: metrics and plots.

    Args:
        eval_shared_model: accepted for symmetry; the plan has what is needed of it.
        eval_config: with defaults filled in.
        plan: what to compute; made from the config where it is None.
        dataset: name of the dataset.
        shards: number of tables that slices are spread over.
        options: more arguments of `MetricsAndPlotsEvaluator`.
    """
    del eval_shared_model
    plan = plan if plan is not None else make_plan(eval_config)
    return [
        MetricsAndPlotsEvaluator(
            plan,
            resampling_of(eval_config),
            min_slice_size=eval_config.options.min_slice_size.value or 1,
            dataset=dataset,
            shards=shards,
            **{"paired": _judged(eval_config, plan), **options},
        )
    ]


def _judged(eval_config: Any, plan: Plan) -> frozenset[MetricKey]:
    """The metrics that thresholds are for, wherever in the config they stand."""
    places = tuple(placed.where for placed in each_threshold(eval_config))
    in_model = any(placed.metric_index is None for placed in each_threshold(eval_config))
    return frozenset(
        each.key
        for each in (*plan.entries, *plan.gaps)
        if any(place.startswith(f"{each.where}.") for place in places)
        or (in_model and not each.where.startswith("metrics_specs"))
    )


def default_writers(
    output_path: str, eval_shared_model: Any = None, eval_config: Any = None, **options: Any
) -> list[Writer]:
    """Returns the default writers: metrics, plots and verdict; and the config.

    Args:
        output_path: the result folder.
        eval_shared_model: tells the locations of the models.
        eval_config: what was evaluated.
        options: more arguments of `MetricsAndPlotsWriter`.
    """
    from evaluator_component.api.models import models_by_name

    locations = {
        name: str(model.model_path) for name, model in models_by_name(eval_shared_model).items()
    }
    return [
        EvalConfigWriter(output_path, eval_config=eval_config, model_locations=locations),
        MetricsAndPlotsWriter(output_path, eval_config=eval_config, **options),
    ]


def resampling_of(eval_config: Any) -> Resampling | None:
    """Returns how a config wants intervals computed; None for no intervals."""
    options = eval_config.options
    if not options.compute_confidence_intervals.value:
        return None
    asked = options.confidence_intervals
    bootstrap = asked.method == eval_config_pb2.ConfidenceIntervalOptions.POISSON_BOOTSTRAP
    return Resampling(
        method=BOOTSTRAP if bootstrap else JACKKNIFE,
        count=asked.num_replicates.value or (100 if bootstrap else 20),
        level=asked.confidence_level.value or 0.95,
        seed=asked.seed,
        unit_key=asked.unit_key,
    )


def stages_of(given: Any, standard: list[Any]) -> list[Any]:
    """Returns the stages a caller wants: a list, or what a function makes of the default ones."""
    if given is None:
        return standard
    return list(given(standard)) if callable(given) else list(given)
