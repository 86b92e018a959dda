"""Models of other libraries: scikit-learn, XGBoost, ONNX, PyTorch, and your own function.

All of them are reached through one small protocol: `predict(batch) -> arrays`, where the batch is
the features by name, as Arrow arrays. What a library wants instead (a table, a matrix, named
inputs) is made of these here.

Options:
    features: the features, in the order of the model's columns; needed where the model does not
        know them itself.
    method: "predict", "predict_proba" or "decision_function" of scikit-learn.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import pickle
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.errors import ModelError, did_you_mean
from evaluator_component.inputs.arrow_types import is_bytes, is_list, is_text
from evaluator_component.saved_model import robust
from evaluator_component.saved_model.model import (
    Extracts,
    FunctionModel,
    Model,
    Prediction,
    checked,
    pick_feature,
)
from evaluator_component.saved_model.tensors import TensorInfo, dense

__all__ = ["feature_frame", "feature_matrix", "load_estimator", "load_function", "wrap_estimator"]

Array = npt.NDArray[Any]


def load_function(path: str, **settings: Any) -> Model:
    """Loads "module:name" or "file.py:name": a function over a batch, or an object with predict.

    Raises:
        ModelError: it cannot be imported, or is neither.
    """
    home, _, name = path.rpartition(":")
    module = _module(home)
    if not hasattr(module, name):
        raise ModelError(f"{path!r}: {home!r} has no {name!r} {did_you_mean(name, vars(module))}")
    found = getattr(module, name)
    if isinstance(found, type):
        found = found()
    if hasattr(found, "predict"):
        return wrap_estimator(found, name=path, **settings)
    if callable(found):
        needs = getattr(found, "needs", None) or settings.get("options", {}).get("features")
        return FunctionModel(found, name=path, needs=_names(needs))
    raise ModelError(f"{path!r} is a {type(found).__name__}: neither a function nor has it predict")


def _names(needs: Any) -> Any:
    return needs if needs is None or isinstance(needs, str) else tuple(needs)


def _module(home: str) -> Any:
    try:
        if not home.endswith(".py"):
            return importlib.import_module(home)
        name = os.path.splitext(os.path.basename(home))[0]
        spec = importlib.util.spec_from_file_location(name, home)
        if spec is None or spec.loader is None or not os.path.exists(home):
            raise ModelError(f"no file {home!r}")
        module = importlib.util.module_from_spec(spec)
        sys.modules.setdefault(name, module)
        spec.loader.exec_module(module)
        return module
    except ImportError as error:
        raise ModelError(f"cannot import {home!r}: {error}") from error


def load_estimator(path: str, kind: str, **settings: Any) -> Model:
    """Loads a file of scikit-learn (pickle, joblib), XGBoost, ONNX or PyTorch.

    Pickle files run code when they are loaded: load only those that you trust.

    Raises:
        ModelError: it cannot be loaded, or the library is not installed.
    """
    read = {"sklearn": _unpickle, "xgboost": _booster, "onnx": _session, "pytorch": _torch}[kind]
    try:
        model = read(path)
    except ImportError as error:
        raise ModelError(f"{path!r} needs a package that is not installed: {error}") from error
    except Exception as error:
        raise ModelError(f"cannot load {path!r}: {type(error).__name__}: {error}") from error
    return wrap_estimator(model, name=path, **settings)


def _unpickle(path: str) -> Any:
    try:
        import joblib
    except ImportError:
        with open(path, "rb") as stream:
            return pickle.load(stream)
    return joblib.load(path)


def _booster(path: str) -> Any:
    import xgboost

    return xgboost.Booster(model_file=path)


def _session(path: str) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # workers are many already
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _torch(path: str) -> Any:
    import torch

    if path.endswith(".pt2"):
        return torch.export.load(path).module()
    return torch.jit.load(path).eval()


def wrap_estimator(
    model: Any,
    name: str = "",
    feature_names: Collection[str] = (),
    defaults: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Model:
    """Returns a model of another library as a `Model`."""
    options = dict(options or {})
    unknown = [key for key in options if key not in ("features", "method")]
    if unknown:
        raise ModelError(
            f"options: {unknown[0]!r} {did_you_mean(unknown[0], ('features', 'method'))}"
        )
    home = type(model).__module__.partition(".")[0]
    origins = {kind.__module__.partition(".")[0] for kind in type(model).__mro__}
    name = name or type(model).__name__
    features = _names(options.get("features"))
    if home == "onnxruntime":
        return _Onnx(model, name, features, dict(defaults or {}))
    if home == "xgboost" and type(model).__name__ == "Booster":
        return _Booster(model, name, features)
    if "torch" in origins:
        return _Torch(model, name, features, dict(defaults or {}))
    if "sklearn" in origins or hasattr(model, "predict_proba") or hasattr(model, "n_features_in_"):
        return _Sklearn(model, name, features, options.get("method", ""))
    needs = getattr(model, "needs", None) or features
    return FunctionModel(model.predict, name=name, needs=_names(needs))


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


class _Wrapped:
    """What the wrappers share."""

    metadata = None

    def __init__(self, model: Any, name: str, features: tuple[str, ...] | None) -> None:
        self.model = model
        self.name = name
        self.features = features
        self.needs = features
        self.inputs = {key: TensorInfo(key, "unknown") for key in features or ()}
        self.outputs: dict[str, TensorInfo] = {}

    def predict(self, extracts: Extracts) -> Prediction:
        """Returns the predictions for a batch."""
        try:
            return checked(self.run(extracts), self.name)
        except ModelError:
            raise
        except Exception as error:
            raise ModelError(f"{self.name}: {type(error).__name__}: {error}") from error

    def run(self, extracts: Extracts) -> Any:
        raise NotImplementedError

    def require_features(self) -> tuple[str, ...]:
        if not self.features:
            raise ModelError(
                f"{self.name}: it does not know the names of its features; give "
                "options={'features': [...]}, in the order of its columns"
            )
        return self.features


class _Sklearn(_Wrapped):
    """An estimator: probabilities of a classifier (of the second class when there are two)."""

    def __init__(self, model: Any, name: str, features: Any, method: str) -> None:
        known = getattr(model, "feature_names_in_", None)
        super().__init__(model, name, features or (None if known is None else tuple(known)))
        self.require_features()
        self.as_frame = known is not None or hasattr(model, "steps")
        self.method = method or ("predict_proba" if hasattr(model, "predict_proba") else "predict")
        if not hasattr(model, self.method):
            methods = [each for each in dir(model) if each.startswith(("predict", "decision"))]
            raise ModelError(
                f"{name}: no method {self.method!r} {did_you_mean(self.method, methods)}"
            )
        self.class_names = tuple(str(value) for value in getattr(model, "classes_", ()))

    def run(self, extracts: Extracts) -> Any:
        features = self.require_features()
        given: Any = (
            feature_frame(extracts, features, self.name)
            if self.as_frame
            else feature_matrix(extracts, features, self.name, "float64")
        )
        result = getattr(self.model, self.method)(given)
        if isinstance(result, list):  # several outputs
            return {f"output_{place}": part for place, part in enumerate(result)}
        result = np.asarray(result)
        binary = self.method == "predict_proba" and result.ndim == 2 and result.shape[1] == 2
        return result[:, 1] if binary else result


class _Booster(_Wrapped):
    """An XGBoost Booster."""

    def __init__(self, model: Any, name: str, features: Any) -> None:
        known = tuple(model.feature_names or ())
        super().__init__(model, name, features or known or None)
        self.require_features()
        self.categorical = "c" in (model.feature_types or ())

    def run(self, extracts: Extracts) -> Any:
        import xgboost

        features = self.require_features()
        if self.categorical:
            frame = feature_frame(extracts, features, self.name)
            kinds = dict(zip(self.model.feature_names, self.model.feature_types, strict=True))
            for name in features:
                if kinds.get(name) == "c":
                    frame[name] = frame[name].astype("category")
            data = xgboost.DMatrix(frame, enable_categorical=True)
        else:
            data = xgboost.DMatrix(
                feature_matrix(extracts, features, self.name),
                feature_names=self.model.feature_names,
            )
        return self.model.predict(data)


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


class _Onnx(_Wrapped):
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
        self.sizer = robust.Sizer()
        ((first, info),) = list(infos.items())[:1]
        width = info.width if info.shape is not None and len(info.shape) > 1 else 1
        if not self.matrix and len(infos) == 1 and (width is None or width > 1):
            raise ModelError(
                f"{name}: its input {first!r} takes a matrix of {width or 'several'} features; "
                "give options={'features': [...]}, in the order of its columns"
            )

    def run(self, extracts: Extracts) -> Any:
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


class _Torch(_Wrapped):
    """A PyTorch module: one float matrix of the features, or a dict of tensors without options."""

    def __init__(self, model: Any, name: str, features: Any, defaults: dict[str, Any]) -> None:
        super().__init__(model, name, features)
        self.require_features()

    def run(self, extracts: Extracts) -> Any:
        import torch

        matrix = feature_matrix(extracts, self.require_features(), self.name)
        with torch.inference_mode():
            given = self.model(torch.from_numpy(matrix))
        if isinstance(given, Mapping):
            return {key: value.numpy() for key, value in given.items()}
        if isinstance(given, (list, tuple)):
            return {f"output_{place}": part.numpy() for place, part in enumerate(given)}
        return given.numpy()
