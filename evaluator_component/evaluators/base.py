"""Evaluator: turns extracts into results; attached to a link of the chain of extractors.

An `Evaluation` is a dict of named PCollections. Evaluations of several evaluators are merged; two
that give one key are an error when the pipeline is put together, not while it runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import apache_beam as beam

from evaluator_component.errors import ConfigError, did_you_mean
from evaluator_component.extractors.base import LAST_EXTRACTOR_STAGE_NAME, Extractor

__all__ = [
    "ANALYSIS_KEY",
    "METRICS_KEY",
    "PLOTS_KEY",
    "STATISTICS_KEY",
    "VALIDATIONS_KEY",
    "Evaluation",
    "Evaluator",
    "check_evaluators",
    "merge_evaluations",
]

Evaluation = dict[str, beam.PCollection]

#: PCollection[MetricsTable]: numbers; one table a dataset.
METRICS_KEY = "metrics"
#: PCollection[MetricsTable]: plots and attributions; tables of some slices of a dataset each.
PLOTS_KEY = "plots"
#: PCollection[Verdict]: one element.
VALIDATIONS_KEY = "validations"
#: PCollection[Extracts]: rows.
ANALYSIS_KEY = "analysis"
#: PCollection[(dataset, shard, Accumulated)]: what metrics and plots were computed from.
STATISTICS_KEY = "statistics"


@dataclass(frozen=True)
class Evaluator:
    """Turns extracts into results.

    Attributes:
        stage_name: names the evaluator in errors and in the pipeline graph.
        run_after: stage name of the extractor whose output it takes.
        ptransform: PCollection[Extracts] -> Evaluation.
    """

    stage_name: str
    run_after: str
    ptransform: beam.PTransform


def check_evaluators(evaluators: Sequence[Evaluator], extractors: Sequence[Extractor]) -> None:
    """Checks that every evaluator is attached to a link that exists.

    Raises:
        ConfigError: names every evaluator that is not.
    """
    stages = [extractor.stage_name for extractor in extractors]
    doubled = {stage for stage in stages if stages.count(stage) > 1}
    if doubled:
        raise ConfigError(f"two extractors are called {sorted(doubled)[0]!r}")
    for evaluator in evaluators:
        if evaluator.run_after not in (*stages, LAST_EXTRACTOR_STAGE_NAME):
            hint = did_you_mean(evaluator.run_after, stages)
            raise ConfigError(
                f"evaluator {evaluator.stage_name!r} runs after {evaluator.run_after!r}, which is "
                f"no extractor {hint}"
            )


def merge_evaluations(
    evaluations: Iterable[tuple[str, Mapping[str, beam.PCollection]]],
) -> Evaluation:
    """Merges the evaluations of several evaluators.

    Args:
        evaluations: (stage name, evaluation) pairs.

    Raises:
        ConfigError: when two evaluators give one key.
    """
    merged: Evaluation = {}
    owner: dict[str, str] = {}
    for stage, evaluation in evaluations:
        for key, collection in evaluation.items():
            if key in owner:
                raise ConfigError(f"evaluators {owner[key]!r} and {stage!r} both give {key!r}")
            owner[key] = stage
            merged[key] = collection
    return merged
