"""A user's module with every hook, each of which leaves a trace in the result."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import apache_beam as beam
import numpy as np

import evaluator_component as ec
from evaluator_component.metrics.regression import MeanSquaredError


@dataclass(frozen=True)
class SquaredDoubt(MeanSquaredError):
    """A metric under a name of its own."""


def metrics():
    return [SquaredDoubt]


def load_model(path, name, model_spec):
    assert Path(path).name == "Format-Serving", path
    assert model_spec.label_key == "label"
    return _doubtful


def _doubtful(batch):
    """Says a half of everything, which no model of the tests does."""
    return np.full(len(batch["x"]), 0.5)


def extractors(defaults, eval_config, models):
    assert len(models) == len(eval_config.model_specs)
    return [defaults[0], ec.extractors.from_function(_add_side), *defaults[1:]]


def _add_side(extracts):
    x = np.asarray(extracts["features"]["x"].flatten())
    side = np.where(x < 0, "left", "right")
    return {**extracts, "features": {**extracts["features"], "side": side}}


class _Count(beam.PTransform):
    def expand(self, extracts):
        counts = (
            extracts | beam.Map(lambda each: len(each["example_ids"])) | beam.CombineGlobally(sum)
        )
        return {"rows": counts}


class _Save(beam.PTransform):
    def __init__(self, path):
        super().__init__()
        self.path = path

    def expand(self, counts):
        path = self.path
        return counts | beam.Map(lambda count: Path(path).write_text(str(count)))


def evaluators(defaults):
    count = ec.evaluators.Evaluator(
        stage_name="CountRows",
        run_after=ec.extractors.PREDICT_EXTRACTOR_STAGE_NAME,
        ptransform=_Count(),
    )
    return [*defaults, count]


def writers(defaults, output_path):
    save = ec.writers.Write(key="rows", ptransform=_Save(f"{output_path}/rows.txt"))
    return [*defaults, ec.writers.Writer(stage_name="SaveRows", ptransform=save)]
