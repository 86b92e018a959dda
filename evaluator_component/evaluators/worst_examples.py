"""WorstExamplesEvaluator: the examples with the largest loss of each slice, as an analysis table.

It keeps a few rows per slice and bundle, whatever the number of examples; readers pick the worst
of those. It stores data, so it runs only where a config asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import apache_beam as beam
import numpy as np
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from evaluator_component.evaluators.accumulate import concatenate_extracts
from evaluator_component.evaluators.base import ANALYSIS_KEY, Evaluation, Evaluator
from evaluator_component.extractors.base import Extracts, row_count, take_rows
from evaluator_component.extractors.slice_keys import SLICE_KEY_EXTRACTOR_STAGE_NAME
from evaluator_component.metrics.losses import per_example, usual_loss
from evaluator_component.metrics.view import View

__all__ = ["WORST_EXAMPLES_EVALUATOR_STAGE_NAME", "WorstExamplesEvaluator"]

WORST_EXAMPLES_EVALUATOR_STAGE_NAME = "EvaluateWorstExamples"

#: Rows that wait until the worst are picked again.
_WAITING = 1 << 15


def WorstExamplesEvaluator(
    per_slice: int,
    loss: str = "",
    *,
    features: Sequence[str] = (),
    model_name: str = "",
    output_name: str = "",
    key: str = ANALYSIS_KEY,
    run_after: str = SLICE_KEY_EXTRACTOR_STAGE_NAME,
) -> Evaluator:
    """Makes the evaluator of worst examples.

    Args:
        per_slice: how many examples of each slice.
        loss: one of `metrics.losses.LOSSES`; "" for one that fits the labels.
        features: features that are kept with an example; all when empty.
        model_name: whose loss.
        output_name: the output to look at.
        key: key of the evaluation.
        run_after: extractor whose output it takes; slices must be known there.
    """
    transform = _Worst(per_slice, loss, tuple(features), View(model_name, output_name), key)
    return Evaluator(WORST_EXAMPLES_EVALUATOR_STAGE_NAME, run_after, transform)


class _Worst(beam.PTransform):  # type: ignore[misc]
    def __init__(
        self, per_slice: int, loss: str, features: tuple[str, ...], view: View, key: str
    ) -> None:
        super().__init__()
        self._arguments = (per_slice, loss, features, view)
        self._key = key

    def expand(self, extracts: beam.PCollection) -> Evaluation:
        return {self._key: extracts | beam.ParDo(_KeepWorst(*self._arguments))}


class _KeepWorst(beam.DoFn):  # type: ignore[misc]
    def __init__(self, per_slice: int, loss: str, features: tuple[str, ...], view: View) -> None:
        self._per_slice, self._loss, self._features, self._view = per_slice, loss, features, view

    def start_bundle(self) -> None:
        self._kept: list[Extracts] = []

    def process(self, extracts: Extracts) -> None:
        self._kept.append(self._worst(extracts))
        if sum(map(row_count, self._kept)) > _WAITING:
            self._kept = [self._worst(concatenate_extracts(self._kept))]

    def finish_bundle(self) -> Iterator[WindowedValue]:
        if self._kept:
            worst = self._worst(concatenate_extracts(self._kept))
            window = GlobalWindow()
            yield WindowedValue(worst, window.max_timestamp(), [window])

    def _worst(self, extracts: Extracts) -> Extracts:
        batch = self._view.pick(extracts)
        loss = per_example(self._loss or usual_loss(batch), batch)
        ranked = np.where(np.isfinite(loss), -loss, np.inf)
        rows, _ = extracts["slice_keys"].top(ranked, self._per_slice)
        kept = {key: value for key, value in extracts.items() if key != "input"}
        if self._features:
            features = extracts["features"]
            kept["features"] = {name: features[name] for name in self._features if name in features}
        return take_rows(kept, np.unique(rows))
