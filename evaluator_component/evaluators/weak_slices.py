"""WeakSliceEvaluator: sums of a loss over crosses of features, for the search for weak slices.

It is one more pass of sums over the same batches: every value of some features, and every cross of
them up to a depth, is a slice; `validation.find_weak_slices` reads the sums.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy.typing as npt

from evaluator_component.config import SliceSpec
from evaluator_component.evaluators.accumulate import Accumulated
from evaluator_component.evaluators.base import Evaluation, Evaluator
from evaluator_component.evaluators.computations import Accumulation
from evaluator_component.evaluators.metrics_and_plots import Accumulate, MergeStates
from evaluator_component.evaluators.plan import Plan
from evaluator_component.extractors.predict import PREDICT_EXTRACTOR_STAGE_NAME
from evaluator_component.extractors.slice_keys import SliceKeyExtractor
from evaluator_component.metrics.losses import LossSums
from evaluator_component.metrics.view import View

__all__ = ["WEAK_SLICES_KEY", "LossTable", "WeakSliceEvaluator", "crosses"]

WEAK_SLICES_KEY = "weak_slices"


@dataclass(frozen=True)
class LossTable:
    """Sums of a loss over slices; the arrays that `validation.SliceSums` takes.

    Attributes:
        dataset: name of the dataset.
        model_name: the candidate.
        loss: name of the loss.
        against_baseline: whether the sums are of the loss minus the baseline's.
        keys: the slices.
        count: float64 (slices,), number of examples.
        total: float64 (slices,), sum of the loss.
        squares: float64 (slices,), sum of its squares.
    """

    dataset: str
    model_name: str
    loss: str
    against_baseline: bool
    keys: tuple[Any, ...]
    count: npt.NDArray[Any]
    total: npt.NDArray[Any]
    squares: npt.NDArray[Any]


def crosses(features: Sequence[str], depth: int) -> tuple[SliceSpec, ...]:
    """Returns the specs of all crosses of features up to a depth, the overall slice among them.

    Example:
        >>> [str(spec) for spec in crosses(["a", "b"], 2)]
        ['Overall', 'each a', 'each b', 'each a x b']
    """
    return tuple(
        SliceSpec(names)
        for size in range(depth + 1)
        for names in itertools.combinations(features, size)
    )


def WeakSliceEvaluator(
    features: Sequence[str],
    loss: str,
    *,
    depth: int = 2,
    model_name: str = "",
    output_name: str = "",
    baseline_model: str | None = None,
    dataset: str = "",
    run_after: str = PREDICT_EXTRACTOR_STAGE_NAME,
) -> Evaluator:
    """Makes the evaluator of losses over crosses of features.

    Args:
        features: to combine.
        loss: one of `metrics.losses.LOSSES`.
        depth: most features in one slice.
        model_name: the candidate.
        output_name: the output to look at.
        baseline_model: also sums the loss minus this model's; None for none.
        dataset: name of the dataset.
        run_after: extractor whose output it takes.
    """
    view = View(model_name, output_name, baseline_model=baseline_model)
    against = (False,) if baseline_model is None else (False, True)
    plan = Plan(
        entries=(),
        slices=crosses(features, depth),
        extra=tuple(Accumulation(view, LossSums(loss, each)) for each in against),
    )
    return Evaluator("EvaluateWeakSlices", run_after, _SumLosses(plan, dataset))


class _SumLosses(beam.PTransform):  # type: ignore[misc]
    def __init__(self, plan: Plan, dataset: str) -> None:
        super().__init__()
        self._plan, self._dataset = plan, dataset

    def expand(self, extracts: beam.PCollection) -> Evaluation:
        tables = (
            extracts
            | "Crosses" >> SliceKeyExtractor(slice_spec=self._plan.slices).ptransform
            | "Accumulate" >> beam.ParDo(Accumulate(self._plan, None, 1))
            | "Merge" >> beam.CombinePerKey(MergeStates())
            | "Tables" >> beam.FlatMap(_tables, self._plan, self._dataset)
        )
        return {WEAK_SLICES_KEY: tables}


def _tables(shard: tuple[int, Accumulated], plan: Plan, dataset: str) -> Iterator[LossTable]:
    states = shard[1].plain
    for number, each in enumerate(plan.accumulations):
        if isinstance(each.statistic, LossSums):
            sums = states.table(number)
            yield LossTable(
                dataset,
                each.view.model_name,
                each.statistic.loss,
                each.statistic.against_baseline,
                tuple(states.keys),
                sums["count"],
                sums["total"],
                sums["squares"],
            )
