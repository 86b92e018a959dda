"""The pipeline in one sentence: read, extract, evaluate, validate, write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import apache_beam as beam

from evaluator_component.coders import large
from evaluator_component.errors import EvaluatorError
from evaluator_component.evaluators.base import (
    METRICS_KEY,
    VALIDATIONS_KEY,
    Evaluation,
    Evaluator,
    check_evaluators,
    merge_evaluations,
)
from evaluator_component.evaluators.weak_slices import WEAK_SLICES_KEY, LossTable
from evaluator_component.extractors.base import LAST_EXTRACTOR_STAGE_NAME, Extractor
from evaluator_component.metrics.losses import METRIC_OF_LOSS
from evaluator_component.metrics_table import MetricsTable
from evaluator_component.validation import Verdict, validate
from evaluator_component.validation.weak_slices import (
    BASELINE,
    REST,
    SliceSums,
    WeakSlice,
    find_weak_slices,
)
from evaluator_component.writers import Writer

__all__ = [
    "Circumstances",
    "ExtractAndEvaluate",
    "Validate",
    "WriteResults",
    "merge_datasets",
    "with_verdict",
]


class ExtractAndEvaluate(beam.PTransform):  # type: ignore[misc]
    """PCollection of batches -> Evaluation: the chain of extractors, and evaluators attached to it.

    Args:
        extractors: the chain.
        evaluators: each names the link of the chain whose output it takes.

    Raises:
        ConfigError: when an evaluator is attached to a link that does not exist.
    """

    def __init__(self, extractors: Sequence[Extractor], evaluators: Sequence[Evaluator]) -> None:
        super().__init__()
        check_evaluators(evaluators, extractors)
        self._extractors, self._evaluators = tuple(extractors), tuple(evaluators)

    def expand(self, batches: beam.PCollection) -> Evaluation:
        """Builds the graph."""
        evaluations = []
        last = self._extractors[-1].stage_name if self._extractors else None
        for extractor in self._extractors:
            batches = large(batches | extractor.stage_name >> extractor.ptransform)
            for evaluator in self._evaluators:
                run_after = evaluator.run_after
                if run_after == LAST_EXTRACTOR_STAGE_NAME:
                    run_after = last or ""
                if run_after == extractor.stage_name:
                    evaluation = batches | evaluator.stage_name >> evaluator.ptransform
                    evaluations.append((evaluator.stage_name, evaluation))
        return merge_evaluations(evaluations)


def merge_datasets(evaluations: Mapping[str, Evaluation]) -> Evaluation:
    """Puts the evaluations of several datasets together, key by key."""
    if len(evaluations) == 1:
        return next(iter(evaluations.values()))
    keys = dict.fromkeys(key for evaluation in evaluations.values() for key in evaluation)
    return {
        key: tuple(each[key] for each in evaluations.values() if key in each)
        | f"AllDatasets[{key}]" >> beam.Flatten()
        for key in keys
    }


@dataclass(frozen=True)
class Circumstances:
    """What the verdict depends on besides metrics and thresholds.

    Attributes:
        rubber_stamp: whether a first model may be blessed without a baseline to compare with.
        has_baseline: whether there is a baseline.
        baseline_problem: why a baseline that was given could not be used.
        notes: what the reader should know.
    """

    rubber_stamp: bool = False
    has_baseline: bool = False
    baseline_problem: str = ""
    notes: tuple[str, ...] = ()


class Validate(beam.PTransform):  # type: ignore[misc]
    """Evaluation -> PCollection of one Verdict.

    Args:
        eval_config: has the thresholds.
        circumstances: what else the verdict depends on.
    """

    def __init__(self, eval_config: Any, circumstances: Circumstances) -> None:
        super().__init__()
        self._config = eval_config.SerializeToString(deterministic=True)
        self._circumstances = circumstances

    def expand(self, evaluation: Evaluation) -> beam.PCollection:
        """Builds the graph."""
        losses = evaluation.get(WEAK_SLICES_KEY)
        tables = evaluation[METRICS_KEY]
        return (
            tables.pipeline
            | "Once" >> beam.Impulse()
            | "Judge"
            >> beam.Map(
                _judge,
                beam.pvalue.AsList(tables),
                self._config,
                self._circumstances,
                [] if losses is None else beam.pvalue.AsList(losses),
            )
        )


def _judge(
    _: bytes,
    tables: Sequence[MetricsTable],
    config: bytes,
    circumstances: Circumstances,
    losses: Sequence[LossTable],
) -> Verdict:
    from evaluator_component.protos import eval_config_pb2

    eval_config = eval_config_pb2.EvalConfig.FromString(config)
    return validate(
        sorted(tables, key=lambda table: table.dataset),
        eval_config,
        rubber_stamp=circumstances.rubber_stamp,
        has_baseline=circumstances.has_baseline,
        baseline_problem=circumstances.baseline_problem,
        weak_slices=_weak_slices(losses, eval_config),
        notes=circumstances.notes,
    )


def _weak_slices(losses: Sequence[LossTable], eval_config: Any) -> list[WeakSlice]:
    options = eval_config.weak_slices
    found: list[WeakSlice] = []
    for table in sorted(losses, key=lambda each: (each.dataset, each.against_baseline)):
        sums = SliceSums(table.keys, table.count, table.total, table.squares)
        found += find_weak_slices(
            sums,
            against=BASELINE if table.against_baseline else REST,
            alpha=options.alpha or 0.05,
            min_examples=options.min_examples or 100,
            max_results=options.max_results or 20,
            loss=table.loss,
            metric=METRIC_OF_LOSS.get(table.loss, ""),
        )
    return [_with_bins(weak, eval_config) for weak in found]


def _with_bins(weak: WeakSlice, eval_config: Any) -> WeakSlice:
    """Adds the derived columns that a slice is made of to the lines that pin it."""
    from google.protobuf import text_format

    features = {feature for feature, _ in weak.slice_key}
    lines = [
        f"derived_columns {{ {text_format.MessageToString(message, as_one_line=True)} }}\n"
        for message in eval_config.derived_columns
        if message.name in features
    ]
    return replace(weak, config="".join([*lines, weak.config]))


class WriteResults(beam.PTransform):  # type: ignore[misc]
    """Evaluation -> PDone: hands the evaluation to every writer."""

    def __init__(self, writers: Sequence[Writer]) -> None:
        super().__init__()
        self._writers = tuple(writers)
        names = [writer.stage_name for writer in self._writers]
        for name in names:
            if names.count(name) > 1:
                raise EvaluatorError(f"two writers are called {name!r}")

    def expand(self, evaluation: Evaluation) -> Any:
        """Builds the graph."""
        for writer in self._writers:
            evaluation | writer.stage_name >> writer.ptransform
        any_collection = next(iter(evaluation.values()))
        return beam.pvalue.PDone(any_collection.pipeline)


def with_verdict(
    evaluation: Evaluation, eval_config: Any, circumstances: Circumstances
) -> Evaluation:
    """Adds the verdict to an evaluation that has metrics, unless an evaluator gave one."""
    if METRICS_KEY not in evaluation or VALIDATIONS_KEY in evaluation:
        return evaluation
    verdict = evaluation | "Validate" >> Validate(eval_config, circumstances)
    return {**evaluation, VALIDATIONS_KEY: verdict}
