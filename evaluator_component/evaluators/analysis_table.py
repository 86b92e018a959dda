"""AnalysisTableEvaluator: the rows themselves, for an analysis that metrics do not cover."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apache_beam as beam

from evaluator_component.evaluators.base import ANALYSIS_KEY, Evaluation, Evaluator
from evaluator_component.extractors.base import LAST_EXTRACTOR_STAGE_NAME, Extracts

__all__ = ["ANALYSIS_TABLE_EVALUATOR_STAGE_NAME", "AnalysisTableEvaluator"]

ANALYSIS_TABLE_EVALUATOR_STAGE_NAME = "EvaluateExtracts"


def AnalysisTableEvaluator(
    key: str = ANALYSIS_KEY,
    run_after: str = LAST_EXTRACTOR_STAGE_NAME,
    include: Sequence[str] | None = None,
    exclude: Sequence[str] | None = None,
) -> Evaluator:
    """Makes the evaluator that passes extracts on to a writer.

    Args:
        key: key of the evaluation.
        run_after: extractor whose output it takes.
        include: keys of the extracts to keep; None for all but `exclude`.
        exclude: keys to drop.
    """
    transform = _Select(key, tuple(include) if include is not None else None, tuple(exclude or ()))
    return Evaluator(ANALYSIS_TABLE_EVALUATOR_STAGE_NAME, run_after, transform)


class _Select(beam.PTransform):  # type: ignore[misc]
    def __init__(self, key: str, include: tuple[str, ...] | None, exclude: tuple[str, ...]) -> None:
        super().__init__()
        self._key, self._include, self._exclude = key, include, exclude

    def expand(self, extracts: beam.PCollection) -> Evaluation:
        return {self._key: extracts | beam.Map(_select, self._include, self._exclude)}


def _select(extracts: Extracts, include: Sequence[str] | None, exclude: Sequence[str]) -> Any:
    kept = extracts if include is None else {k: v for k, v in extracts.items() if k in include}
    return {key: value for key, value in kept.items() if key not in exclude}
