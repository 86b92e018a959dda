"""InputExtractor: decodes records, and picks labels and example weights out of the features."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa

from evaluator_component.errors import InputError
from evaluator_component.extractors.base import Extractor, Extracts, row_count
from evaluator_component.extractors.columns import (
    ModelColumns,
    column_of,
    model_columns,
    to_ids,
    to_numpy,
)
from evaluator_component.inputs.derived import Derived, derive

__all__ = ["INPUT_EXTRACTOR_STAGE_NAME", "InputExtractor"]

INPUT_EXTRACTOR_STAGE_NAME = "ExtractInputs"


def InputExtractor(eval_config: Any, derived: Mapping[str, Derived] | None = None) -> Extractor:
    """Makes the extractor of features, labels and example weights.

    It takes what `inputs.Read` yields, or Arrow record batches.

    Args:
        eval_config: its model specs name the features that hold labels and weights.
        derived: columns to compute from the features, by name.
    """
    columns = model_columns(eval_config.model_specs)
    transform = beam.ParDo(_ExtractInputs(columns, dict(derived or {})))
    return Extractor(INPUT_EXTRACTOR_STAGE_NAME, transform)


class _ExtractInputs(beam.DoFn):  # type: ignore[misc]
    def __init__(
        self, models: tuple[ModelColumns, ...], derived: Mapping[str, Derived] | None = None
    ) -> None:
        self._models = models
        self._derived = derived or {}

    def process(self, element: Any) -> Iterable[Extracts]:
        extracts = _as_extracts(element)
        if self._derived:
            extracts["features"] = derive(extracts["features"], self._derived, row_count(extracts))
        features = extracts["features"]
        labels = self._per_model(features, "label_keys", "label")
        weights = self._per_model(features, "example_weight_keys", "example weight")
        if labels is not None:
            extracts["labels"] = labels
        if weights is not None:
            extracts["example_weights"] = weights
        yield extracts

    def _per_model(self, features: Mapping[str, Any], keys: str, role: str) -> Any:
        found = {}
        for model in self._models:
            by_output = getattr(model, keys)
            columns = {}
            for output, key in by_output.items():
                array = to_numpy(column_of(features, key, role))
                if role == "label":
                    names = model.class_names.get(output, model.class_names.get("", ()))
                    array = to_ids(array, names, f"{role} {key!r}")
                else:
                    array = _weights(array, key)
                columns[output] = array
            if columns:
                found[model.name] = columns[""] if set(columns) == {""} else columns
        if not found:
            return None
        return next(iter(found.values())) if len(self._models) == 1 else found


def _weights(array: np.ndarray, key: str) -> np.ndarray:
    if array.dtype == object:
        raise InputError(f"example weight {key!r} is not a number, for example {array[0]!r}")
    return array.astype(np.float64)


def _as_extracts(element: Any) -> Extracts:
    """Takes any of the accepted elements as extracts with features and example ids."""
    if isinstance(element, Mapping) and "features" in element:
        return dict(element)
    if isinstance(element, pa.RecordBatch):
        from evaluator_component.inputs import from_table

        return next(from_table(element, batch_rows=max(len(element), 1)))
    raise InputError(
        f"cannot take a {type(element).__name__} as input: extracts with features or a "
        f"pyarrow.RecordBatch can be; inputs.RecordsToExtracts takes serialized tf.Examples"
    )
