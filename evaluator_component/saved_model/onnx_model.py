"""ONNX models, run by onnxruntime."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.errors import ModelError
from evaluator_component.saved_model.feature_tables import feature_matrix
from evaluator_component.saved_model.model import Extracts, pick_feature
from evaluator_component.saved_model.tensors import TensorInfo, dense
from evaluator_component.saved_model.wrapped import WrappedModel

__all__ = ["OnnxModel"]

Array = npt.NDArray[Any]

_ONNX_TYPES = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(int8)": "int8",
    "tensor(uint8)": "uint8",
    "tensor(bool)": "bool",
    "tensor(string)": "string",
}


class OnnxModel(WrappedModel):
    """An ONNX model in onnxruntime; a lone matrix input takes several features side by side."""

    def __init__(self, session: Any, name: str, features: Any, defaults: dict[str, Any]) -> None:
        infos = {
            item.name: TensorInfo(
                item.name,
                _ONNX_TYPES.get(item.type, item.type),
                tuple(size if isinstance(size, int) else None for size in item.shape or (None,)),
            )
            for item in session.get_inputs()
        }
        self.matrix = len(infos) == 1 and bool(features)
        super().__init__(session, name, features or tuple(infos))
        self.inputs = infos
        self.outputs = {
            item.name: TensorInfo(item.name, _ONNX_TYPES.get(item.type, item.type))
            for item in session.get_outputs()
        }
        self.defaults = defaults
        ((first, info),) = list(infos.items())[:1]
        width = info.width if info.shape is not None and len(info.shape) > 1 else 1
        if not self.matrix and len(infos) == 1 and (width is None or width > 1):
            raise ModelError(
                f"{name}: its input {first!r} takes a matrix of {width or 'several'} features; "
                "give options={'features': [...]}, in the order of its columns"
            )

    def run(self, extracts: Extracts) -> Any:
        """Runs the session."""
        if self.matrix:
            ((key, info),) = self.inputs.items()
            arrays = {key: feature_matrix(extracts, self.features or (), self.name, info.dtype)}
        else:
            arrays = {
                key: dense(pick_feature(extracts, key, self.name), info, self.defaults.get(key))
                for key, info in self.inputs.items()
            }
        arrays = {key: _as_text(part) for key, part in arrays.items()}
        given = self.model.run(None, arrays)
        outputs = {name: _unzipped(part) for name, part in zip(self.outputs, given, strict=True)}
        return next(iter(outputs.values())) if len(outputs) == 1 else outputs


def _as_text(array: Array) -> Array:
    """Onnxruntime takes strings, not bytes."""
    if array.dtype != object:
        return array
    flat = [part.decode() if isinstance(part, bytes) else part for part in array.reshape(-1)]
    return np.array(flat, dtype=object).reshape(array.shape)


def _unzipped(given: Any) -> Array:
    """Turns a list of {class: score} into a matrix, classes in ascending order."""
    if isinstance(given, list) and given and isinstance(given[0], Mapping):
        classes = sorted(given[0])
        return np.array([[row[key] for key in classes] for row in given])
    return np.asarray(given)
