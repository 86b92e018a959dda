"""Writer: stores what evaluators give.

A writer is a stage name and a transform that takes an `Evaluation`, a dict of named PCollections,
and gives a PCollection of the paths it has written, so that others can wait for it.

Synopsis::

    writers = [
        *default_writers(output_path, eval_config),
        Writer("WriteRows", Write(key="analysis", ptransform=WriteToBigQuery(...))),
    ]
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import apache_beam as beam

from evaluator_component.errors import ConfigError, did_you_mean
from evaluator_component.evaluators.base import (
    ANALYSIS_KEY,
    METRICS_KEY,
    PLOTS_KEY,
    VALIDATIONS_KEY,
)
from evaluator_component.writers.folder import ATTRIBUTIONS

__all__ = ["Write", "Writer", "pipeline_of"]

#: Keys that an evaluation may lack because they were switched off.
_OPTIONAL = (ANALYSIS_KEY, ATTRIBUTIONS, METRICS_KEY, PLOTS_KEY, VALIDATIONS_KEY)


@dataclass(frozen=True)
class Writer:
    """Stores what evaluators give.

    Attributes:
        stage_name: names the writer in the pipeline graph.
        ptransform: Evaluation -> PCollection of paths, or anything that a sink gives.
    """

    stage_name: str
    ptransform: beam.PTransform

    def __post_init__(self) -> None:
        if not self.stage_name:
            raise ConfigError("a writer needs a stage_name")


class Write(beam.PTransform):  # type: ignore[misc]
    """Applies a sink to one PCollection of an evaluation.

    One of our own keys ("metrics", "plots", ...) may be absent: then nothing is written.
    """

    def __init__(self, key: str, ptransform: beam.PTransform) -> None:
        """Makes the transform.

        Args:
            key: key of the evaluation.
            ptransform: sink for its PCollection.
        """
        super().__init__()
        self._key = key
        self._sink = ptransform

    def expand(self, evaluation: Mapping[str, beam.PCollection]) -> Any:
        """Builds the graph.

        Raises:
            ConfigError: the evaluation has no such key, nor do we know it.
        """
        if self._key in evaluation:
            return evaluation[self._key] | self._sink
        if self._key in _OPTIONAL and evaluation:
            return pipeline_of(evaluation) | beam.Create([], reshuffle=False)
        hint = did_you_mean(self._key, evaluation)
        raise ConfigError(f"writers.Write: the evaluation has no {self._key!r} {hint}")


def pipeline_of(evaluation: Mapping[str, beam.PCollection]) -> beam.Pipeline:
    """Returns the pipeline that an evaluation belongs to."""
    return next(iter(evaluation.values())).pipeline
