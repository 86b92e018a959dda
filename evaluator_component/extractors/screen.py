"""ScreenExtractor: leaves out examples whose labels, predictions or weights are not finite.

It is in the chain only where the config says so (`options.non_finite: EXCLUDE`); otherwise such an
example ends the run with an error that names the metric. What is left out is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.metrics import Metrics

from evaluator_component.extractors.base import Extractor, Extracts, row_count, take_rows

__all__ = ["EXCLUDED", "SCREEN_EXTRACTOR_STAGE_NAME", "ScreenExtractor"]

SCREEN_EXTRACTOR_STAGE_NAME = "ExcludeNonFinite"
#: Name of the counter of examples that were left out.
EXCLUDED = "excluded"


def ScreenExtractor() -> Extractor:
    """Makes the extractor."""
    return Extractor(SCREEN_EXTRACTOR_STAGE_NAME, beam.ParDo(_Screen()))


class _Screen(beam.DoFn):  # type: ignore[misc]
    def __init__(self) -> None:
        self._excluded = Metrics.counter("evaluator_component/inputs", EXCLUDED)

    def process(self, extracts: Extracts) -> Iterable[Extracts]:
        rows = row_count(extracts)
        finite = np.ones(rows, dtype=bool)
        for key in ("labels", "predictions", "example_weights"):
            for column in _leaves(extracts.get(key)):
                finite &= np.isfinite(column).reshape(rows, -1).all(axis=1)
        if finite.all():
            yield extracts
            return
        self._excluded.inc(int(rows - finite.sum()))
        yield take_rows(extracts, finite)


def _leaves(column: Any) -> Iterator[np.ndarray]:
    """Yields the float arrays of all models and outputs."""
    if isinstance(column, Mapping):
        for child in column.values():
            yield from _leaves(child)
    elif isinstance(column, np.ndarray) and column.dtype.kind == "f":
        yield column
