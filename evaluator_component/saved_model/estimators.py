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
from collections.abc import Collection, Mapping
from typing import Any

from evaluator_component.errors import ModelError, did_you_mean
from evaluator_component.saved_model.model import FunctionModel, Model
from evaluator_component.saved_model.onnx_model import OnnxModel
from evaluator_component.saved_model.wrapped import BoosterModel, SklearnModel, TorchModel

__all__ = ["load_estimator", "load_function", "wrap_estimator"]


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
    home = type(model).__module__.partition(".")[0]
    origins = {kind.__module__.partition(".")[0] for kind in type(model).__mro__}
    name = name or type(model).__name__
    features = _names(options.get("features"))
    if home == "onnxruntime":
        return OnnxModel(model, name, features, dict(defaults or {}))
    if home == "xgboost" and type(model).__name__ == "Booster":
        return BoosterModel(model, name, features)
    if "torch" in origins:
        return TorchModel(model, name, features, dict(defaults or {}))
    if "sklearn" in origins or hasattr(model, "predict_proba") or hasattr(model, "n_features_in_"):
        return SklearnModel(model, name, features, options.get("method", ""))
    needs = getattr(model, "needs", None) or features
    return FunctionModel(model.predict, name=name, needs=_names(needs))
