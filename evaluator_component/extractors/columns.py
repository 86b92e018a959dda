"""Columns: from Arrow feature columns to the NumPy arrays of labels, weights and predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from evaluator_component.errors import InputError, did_you_mean

__all__ = ["ModelColumns", "column_of", "model_columns", "to_ids", "to_numpy"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class ModelColumns:
    """Where the columns of one model are found.

    Attributes:
        name: the model's name; "" where there is one only.
        label_keys: feature by output name; output "" where the model has one only.
        example_weight_keys: likewise.
        prediction_keys: entry of the prediction (or feature, where there is no model) by output.
        class_names: names of the classes by output name.
    """

    name: str = ""
    label_keys: Mapping[str, str] = field(default_factory=dict)
    example_weight_keys: Mapping[str, str] = field(default_factory=dict)
    prediction_keys: Mapping[str, str] = field(default_factory=dict)
    class_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def features(self) -> tuple[str, ...]:
        """Features that labels and weights are taken from."""
        return tuple(dict.fromkeys((*self.label_keys.values(), *self.example_weight_keys.values())))


def model_columns(model_specs: Sequence[Any]) -> tuple[ModelColumns, ...]:
    """Reads the model specs of an eval config."""

    def keys(one: str, many: Mapping[str, str]) -> dict[str, str]:
        return dict(many) or ({"": one} if one else {})

    columns = []
    for spec in model_specs:
        names = {output: tuple(v.values) for output, v in spec.output_class_names.items()}
        if spec.class_names:
            names.setdefault("", tuple(spec.class_names))
        columns.append(
            ModelColumns(
                name=spec.name,
                label_keys=keys(spec.label_key, spec.label_keys),
                example_weight_keys=keys(spec.example_weight_key, spec.example_weight_keys),
                prediction_keys=keys(spec.prediction_key, spec.prediction_keys),
                class_names=names,
            )
        )
    return tuple(columns)


def column_of(features: Mapping[str, Any], name: str, role: str) -> Any:
    """Returns a feature column.

    Raises:
        InputError: when the data have no such feature.
    """
    if name not in features:
        hint = did_you_mean(name, features)
        raise InputError(f"{role} {name!r} is not in the data {hint}")
    return features[name]


def to_numpy(column: Any) -> Array:
    """Returns a feature column as an array.

    Numbers become float64 or int64 arrays: (rows,) where every row has one value, (rows, k) where
    every row has k. A missing number is NaN. Strings become an object array of str. Rows of
    different lengths become an object array of arrays.

    Example:
        >>> to_numpy(pa.array([[1.0], [], [3.0]]))
        array([ 1., nan,  3.])
    """
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if not isinstance(column, pa.Array):
        return np.asarray(column)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        if pa.types.is_fixed_size_list(kind):
            return _flat(column.flatten()).reshape(len(column), kind.list_size)
        return _flat(column)
    lengths = pc.list_value_length(column).fill_null(0).to_numpy(zero_copy_only=False)
    flat = column.flatten()
    longest = int(lengths.max()) if len(lengths) else 1
    if (lengths == longest).all() and not pa.types.is_nested(flat.type):
        values = _flat(flat)
        return values if longest == 1 else values.reshape(len(column), longest)
    if longest <= 1 and not pa.types.is_nested(flat.type):
        present = lengths == 1
        values = _flat(flat)
        if values.dtype == object:
            out = np.full(len(column), None, dtype=object)
        else:
            out = np.full(len(column), np.nan)
        out[present] = values
        return out
    out = np.empty(len(column), dtype=object)
    for row, value in enumerate(column.to_pylist()):
        out[row] = np.asarray(value if value is not None else [])
    return out


def _flat(values: pa.Array) -> Array:
    kind = values.type
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        try:
            values = values.cast(pa.string() if pa.types.is_binary(kind) else pa.large_string())
        except pa.ArrowInvalid:
            return np.asarray(values.to_numpy(zero_copy_only=False), dtype=object)
    if pa.types.is_boolean(kind):
        values = values.cast(pa.int64())
    if pa.types.is_decimal(kind):
        values = values.cast(pa.float64())
    array = values.to_numpy(zero_copy_only=False)
    if array.dtype.kind == "f" and array.dtype != np.float64:
        return array.astype(np.float64)
    if array.dtype.kind in "iu":
        return array.astype(np.int64)
    return array


def to_ids(labels: Array, class_names: Sequence[str], where: str) -> Array:
    """Returns string labels as class ids, by a vocabulary.

    Args:
        labels: object (rows,) of str, or numbers, which are returned as they are.
        class_names: names in the order of the model's scores.
        where: for messages.

    Raises:
        InputError: when a label is not in the vocabulary.
    """
    if labels.dtype != object or not class_names or labels.ndim != 1:
        return labels
    if not len(labels) or not isinstance(labels[0], (str, bytes)):
        return labels
    id_of = {name: float(number) for number, name in enumerate(class_names)}
    encoded = pa.array(labels, from_pandas=True).dictionary_encode()
    known = np.empty(len(encoded.dictionary) + 1)
    known[-1] = np.nan
    for position, name in enumerate(encoded.dictionary.to_pylist()):
        text = name.decode() if isinstance(name, bytes) else name
        if text not in id_of:
            raise InputError(
                f"{where}: label {text!r} is none of the class names "
                f"{did_you_mean(text, class_names)}"
            )
        known[position] = id_of[text]
    return known[encoded.indices.fill_null(len(known) - 1).to_numpy(zero_copy_only=False)]
