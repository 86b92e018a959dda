"""Features as the tables that other libraries take: a DataFrame, or a matrix of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.inputs.arrow_types import is_bytes, is_list, is_text
from evaluator_component.saved_model.model import Extracts, pick_feature
from evaluator_component.saved_model.tensors import TensorInfo, dense

__all__ = ["feature_frame", "feature_matrix"]

Array = npt.NDArray[Any]


def feature_frame(extracts: Extracts, names: Sequence[str], model: str) -> Any:
    """Returns features as a pandas DataFrame: numbers with NaN, strings with None where missing."""
    import pandas as pd

    columns = {}
    for name in names:
        values, missing = _single(pick_feature(extracts, name, model), name)
        if values.dtype == object:
            decoded = np.array(
                [value.decode() if isinstance(value, bytes) else value for value in values], object
            )
            decoded[missing] = None
            values = decoded
        elif missing.any():
            values = values.astype(np.float64)
            values[missing] = np.nan
        columns[name] = values
    return pd.DataFrame(columns)


def _single(column: Any, name: str) -> tuple[Array, Array]:
    """Returns one value per row (strings as bytes objects), and which rows have none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(column, np.ndarray):
        if column.dtype.kind in "US":
            column = column.astype(object)
        return column.reshape(len(column)), np.zeros(len(column), bool)
    missing = np.asarray(column.is_null())
    kind = column.type
    if is_list(kind):
        missing = np.asarray(pc.list_value_length(column).fill_null(0)) == 0
        kind = kind.value_type
    if is_text(kind) or is_bytes(kind):
        return dense(column, TensorInfo(name, "string", (None,))), missing
    if pa.types.is_boolean(kind):
        return dense(column, TensorInfo(name, "bool", (None,)), False), missing
    dtype = "int64" if pa.types.is_integer(kind) else "float64"
    return dense(column, TensorInfo(name, dtype, (None,)), 0), missing


def feature_matrix(
    extracts: Extracts, names: Sequence[str], model: str, dtype: str = "float32"
) -> Array:
    """Returns features as a matrix of numbers, NaN where missing; lists take several columns."""
    parts = [
        dense(pick_feature(extracts, name, model), TensorInfo(name, dtype, (None, None)))
        for name in names
    ]
    return np.concatenate(parts, axis=1)
