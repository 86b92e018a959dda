"""Extractor: one link of the chain that adds columns to batches of extracts.

Extracts are one batch: a dict whose leaves have the batch as first dimension. An extractor is a
stage name and a transform PCollection[Extracts] -> PCollection[Extracts]; it must not change the
dict it is given, nor the arrays in it.

Synopsis::

    def add_is_night(extracts):
        hour = extracts["features"]["hour"].flatten().to_numpy()
        night = np.where((hour < 6) | (hour > 21), "night", "day")
        return {**extracts, "features": {**extracts["features"], "night": night}}

    extractors = [
        InputExtractor(eval_config),
        from_function(add_is_night, stage_name="ExtractNight"),
        PredictExtractor(eval_shared_model, eval_config),
        SliceKeyExtractor(eval_config),
    ]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa

from evaluator_component.errors import ConfigError

__all__ = [
    "EXAMPLE_WEIGHTS_KEY",
    "FEATURES_KEY",
    "INPUT_KEY",
    "LABELS_KEY",
    "LAST_EXTRACTOR_STAGE_NAME",
    "PREDICTIONS_KEY",
    "SLICE_KEYS_KEY",
    "Extractor",
    "Extracts",
    "from_example_function",
    "from_function",
    "row_count",
    "take_rows",
]

Extracts = dict[str, Any]

# Reserved keys of extracts.
INPUT_KEY = "input"
FEATURES_KEY = "features"
LABELS_KEY = "labels"
EXAMPLE_WEIGHTS_KEY = "example_weights"
PREDICTIONS_KEY = "predictions"
SLICE_KEYS_KEY = "slice_keys"

#: In `Evaluator.run_after`: after the last extractor, whatever its name.
LAST_EXTRACTOR_STAGE_NAME = "<last-extractor>"


@dataclass(frozen=True)
class Extractor:
    """One link of the chain of extractors.

    Attributes:
        stage_name: names the link; evaluators are attached to links by this name.
        ptransform: PCollection[Extracts] -> PCollection[Extracts].
    """

    stage_name: str
    ptransform: beam.PTransform

    def __post_init__(self) -> None:
        if not self.stage_name:
            raise ConfigError("an extractor needs a stage_name")


def from_function(
    function: Callable[[Extracts], Extracts], stage_name: str | None = None
) -> Extractor:
    """Makes an extractor of a function over one batch.

    Args:
        function: takes extracts and returns extracts; importable, so that workers find it.
        stage_name: defaults to the function's name.
    """
    return Extractor(stage_name or function.__name__, beam.ParDo(_PerBatch(function)))


def from_example_function(
    function: Callable[[dict[str, Any]], Mapping[str, Any]], stage_name: str | None = None
) -> Extractor:
    """Makes an extractor of a function over one example: convenient, and slow.

    Args:
        function: takes the features of one example ({name: value, or list of values}) and returns
            the features to add.
        stage_name: defaults to the function's name.
    """
    return Extractor(stage_name or function.__name__, beam.ParDo(_PerExample(function)))


class _PerBatch(beam.DoFn):  # type: ignore[misc]
    def __init__(self, function: Callable[[Extracts], Extracts]) -> None:
        self._function = function

    def process(self, extracts: Extracts) -> Iterable[Extracts]:
        yield self._function(extracts)


class _PerExample(beam.DoFn):  # type: ignore[misc]
    def __init__(self, function: Callable[[dict[str, Any]], Mapping[str, Any]]) -> None:
        self._function = function

    def process(self, extracts: Extracts) -> Iterable[Extracts]:
        features = extracts["features"]
        columns = {name: _rows(column) for name, column in features.items()}
        added = [
            self._function({name: column[row] for name, column in columns.items()})
            for row in range(row_count(extracts))
        ]
        names = dict.fromkeys(name for row in added for name in row)
        new = {name: pa.array([row.get(name) for row in added]) for name in names}
        yield {**extracts, "features": {**features, **new}}


def _rows(column: Any) -> list[Any]:
    """Column values as Python objects; lists of one value as the value, empty lists as None."""
    values = column.to_pylist() if hasattr(column, "to_pylist") else column.tolist()
    return [
        (value[0] if len(value) == 1 else value or None) if isinstance(value, list) else value
        for value in values
    ]


def row_count(extracts: Mapping[str, Any]) -> int:
    """Returns the number of examples of a batch."""
    for column in extracts.values():
        while isinstance(column, Mapping) and column:
            column = next(iter(column.values()))
        if column is not None and not isinstance(column, Mapping):
            return len(column)
    return 0


def take_rows(extracts: Mapping[str, Any], rows: np.ndarray) -> Extracts:
    """Returns the extracts of some examples.

    Args:
        extracts: a batch.
        rows: a mask, or indices, which may repeat.
    """
    index = np.flatnonzero(rows) if rows.dtype == bool else rows

    def take(leaf: Any) -> Any:
        if isinstance(leaf, Mapping):
            return {name: take(child) for name, child in leaf.items()}
        if leaf is None:
            return None
        return leaf[index] if isinstance(leaf, np.ndarray) else leaf.take(index)

    return {name: take(leaf) for name, leaf in extracts.items()}
