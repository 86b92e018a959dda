"""Loading a model of any kind, once per process.

`load_model` finds out what lies at a path: an eval SavedModel, another SavedModel, a Keras file,
a TFLite file, an ONNX, XGBoost or scikit-learn file, or the address of a TensorFlow Serving server.
An object in memory (a Keras model, an estimator, a function) is wrapped.

Vocabulary:
    model type: one of `config.model_types.KINDS`; "" is found out. The names that TFMA's configs
        use are known.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from typing import Any

from evaluator_component.config.model_types import KINDS
from evaluator_component.errors import ModelError, did_you_mean
from evaluator_component.saved_model.model import Model

__all__ = [
    "OPTIONS",
    "check_options",
    "clear_models",
    "load_model",
    "model_type_of",
    "resolve_path",
]

_ALIASES = {alias: kind for kind, names in KINDS.items() for alias in (kind, *names)}

_SUFFIXES = {
    ".keras": "keras",
    ".h5": "keras",
    ".tflite": "tflite",
    ".onnx": "onnx",
    ".ubj": "xgboost",
    ".xgb": "xgboost",
    ".joblib": "sklearn",
    ".pkl": "sklearn",
    ".pickle": "sklearn",
    ".pt2": "pytorch",
    ".pt": "pytorch",
}

_FOREIGN = ("python", "sklearn", "xgboost", "onnx", "pytorch")
#: Settings of models, and the kinds that they are for; () for all.
OPTIONS: dict[str, tuple[str, ...]] = {
    "batch_size": (),  # rows handed to the model at once
    "features": _FOREIGN,  # the features, in the order of the model's columns
    "method": ("python", "sklearn"),  # "predict", "predict_proba", "decision_function"
    "timeout_seconds": ("serving",),  # how long a request may take
    "attempts": ("serving",),  # how often a request is sent
    "backoff": ("serving",),  # seconds before the second attempt
    "concurrency": ("serving",),  # requests on the way at once
}

#: How many models stay loaded.
KEPT = 8
_loaded: OrderedDict[Any, Model] = OrderedDict()
_locks: dict[Any, threading.Lock] = {}
_guard = threading.Lock()


def load_model(
    model: Any,
    signature_name: str = "",
    model_type: str = "",
    *,
    feature_names: Collection[str] = (),
    defaults: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Model:
    """Loads a model; a path is loaded once per process, whatever the number of threads.

    Args:
        model: a path, an address such as "grpc://host:8500/name", "module:function", or an object:
            a Keras model, an estimator with predict or predict_proba, a function.
        signature_name: of SavedModels and of servers; "" for the usual one.
        model_type: one of `config.model_types.KINDS` or of its aliases; "" to find out.
        feature_names: the data's features, where known (see `signature.SignatureModel`).
        defaults: what stands for missing values, by input name.
        options: further settings, see `OPTIONS`.

    Raises:
        ModelError: nothing is there, it is of no known kind, or it cannot be loaded.
    """
    settings = {
        "feature_names": tuple(feature_names),
        "defaults": dict(defaults or {}),
        "options": dict(options or {}),
    }
    if not isinstance(model, (str, os.PathLike)):
        check_options(settings["options"], "python")
        return _sized(_wrap(model, signature_name, **settings), settings["options"])
    path = resolve_path(os.fspath(model), model_type)
    kind = model_type_of(path, model_type)
    check_options(settings["options"], kind)
    key = (path, _stamp(path), kind, signature_name, repr(sorted(settings.items())))
    with _guard:
        lock = _locks.setdefault(key, threading.Lock())
    with lock:
        with _guard:
            if key in _loaded:
                _loaded.move_to_end(key)
                return _loaded[key]
        found = _sized(_READERS[kind](path, signature_name, **settings), settings["options"])
        with _guard:
            _loaded[key] = found
            while len(_loaded) > KEPT:
                _loaded.popitem(last=False)
        return found


def check_options(options: Mapping[str, Any], kind: str) -> None:
    """Makes sure that a kind of model has the given settings.

    Raises:
        ModelError: there is no such setting, or not for this kind.
    """
    for name in options:
        if name not in OPTIONS:
            raise ModelError(f"options: unknown {name!r} {did_you_mean(name, OPTIONS)}")
        if OPTIONS[name] and kind not in OPTIONS[name]:
            raise ModelError(
                f"options: {name!r} is for models of type {' or '.join(OPTIONS[name])}, "
                f"this one is of type {kind}"
            )


def _sized(model: Model, options: Mapping[str, Any]) -> Model:
    if options.get("batch_size"):
        for part in (model, *getattr(model, "parts", ())):
            if hasattr(part, "sizer"):
                part.sizer.rows = int(options["batch_size"])
    return model


def clear_models() -> None:
    """Forgets every loaded model."""
    with _guard:
        _loaded.clear()
        _locks.clear()


def resolve_path(path: str, model_type: str = "") -> str:
    """Returns the folder or file of the model itself.

    A TFX Model artifact holds `Format-Serving` and maybe `Format-TFMA`; a folder of versions, as
    TensorFlow Serving has it, stands for its highest version.
    """
    if "://" in path and path.partition("://")[0] in ("grpc", "grpcs", "http", "https"):
        return path
    if not os.path.isdir(path):
        return path
    eval_first = _ALIASES.get(model_type) in (None, "eval")
    folders = ["Format-TFMA", "Format-Serving"] if eval_first else ["Format-Serving"]
    for name in folders:
        inner = os.path.join(path, name)
        if os.path.isdir(inner):
            return resolve_path(inner, model_type)
    if _is_saved_model(path):
        return path
    entries = sorted(os.listdir(path))
    versions = [
        name for name in entries if name.isdigit() and os.path.isdir(os.path.join(path, name))
    ]
    if versions:
        return resolve_path(os.path.join(path, max(versions, key=int)), model_type)
    files = [name for name in entries if os.path.splitext(name)[1] in _SUFFIXES or name == "tflite"]
    if len(files) == 1:
        return os.path.join(path, files[0])
    return path


def _is_saved_model(path: str) -> bool:
    return any(
        os.path.exists(os.path.join(path, name)) for name in ("saved_model.pb", "saved_model.pbtxt")
    )


def model_type_of(path: str, wanted: str = "") -> str:
    """Returns the kind of model at a path, one of `config.model_types.KINDS`.

    Args:
        path: the folder, file or address.
        wanted: what the user says; "" to find out. "tf_keras" for a SavedModel folder is
            understood as its signature.

    Raises:
        ModelError: nothing is there, or it is of no known kind.
    """
    kind = _ALIASES.get(wanted.lower()) if wanted else None
    if wanted and kind is None:
        raise ModelError(f"model_type: unknown {wanted!r} {did_you_mean(wanted, _ALIASES)}")
    if kind in ("python", "serving", "columns"):
        return kind
    scheme = path.partition("://")[0] if "://" in path else ""
    if scheme in ("grpc", "grpcs"):
        return "serving"
    module, colon, function = path.rpartition(":")
    if colon and not scheme and function.isidentifier() and "/" not in module:
        return "python"
    suffix = os.path.splitext(path)[1].lower()
    if os.path.basename(path) == "tflite":
        suffix = ".tflite"
    if scheme in ("", "file") and not os.path.exists(path.removeprefix("file://")):
        raise ModelError(f"no model at {path!r} {_nearest(path)}")
    if kind is not None and not (kind == "keras" and suffix not in _SUFFIXES):
        return kind if kind != "eval" or _has_metadata(path) else _legacy_kind(path)
    if suffix in _SUFFIXES:
        return _SUFFIXES[suffix]
    if suffix == ".json":
        return "xgboost"
    if scheme or _is_saved_model(path):
        return "eval" if _has_metadata(path) else _legacy_kind(path)
    raise ModelError(
        f"{path!r} is no model of a known kind: no saved_model.pb, and no file that ends in "
        + ", ".join(_SUFFIXES)
    )


def _has_metadata(path: str) -> bool:
    from evaluator_component.saved_model.metadata import has_metadata

    return has_metadata(path)


def _legacy_kind(path: str) -> str:
    from evaluator_component.saved_model.legacy import is_legacy_eval_model

    return "legacy_eval" if is_legacy_eval_model(path) else "signature"


def _nearest(path: str) -> str:
    folder, name = os.path.split(path.rstrip("/"))
    if not os.path.isdir(folder or "."):
        return f"(there is no folder {folder!r})"
    return f"in {folder or '.'!r} {did_you_mean(name, os.listdir(folder or '.'))}"


def _stamp(path: str) -> float:
    """When the model was written, so that a model exported anew is loaded anew."""
    for name in (os.path.join(path, "saved_model.pb"), path):
        if os.path.exists(name):
            return os.path.getmtime(name)
    return 0.0


def _wrap(model: Any, signature_name: str, **settings: Any) -> Model:
    from evaluator_component.saved_model.model import FunctionModel

    if all(hasattr(model, name) for name in ("predict", "needs", "name")):
        return model  # a Model already
    origin = {part.partition(".")[0] for part in (kind.__module__ for kind in type(model).__mro__)}
    if {"keras", "tf_keras"} & origin:
        from evaluator_component.saved_model.keras_model import KerasModel

        return KerasModel(model, **settings)
    if hasattr(model, "signatures"):
        from evaluator_component.saved_model.signature import SignatureModel

        return SignatureModel(
            model, "model", signature_name, settings["feature_names"], settings["defaults"]
        )
    if hasattr(model, "predict") or hasattr(model, "predict_proba"):
        from evaluator_component.saved_model.estimators import wrap_estimator

        return wrap_estimator(model, **settings)
    if callable(model):
        return FunctionModel(model, name=getattr(model, "__name__", type(model).__name__))
    raise ModelError(
        f"a {type(model).__name__} is no model: it has no predict(batch) and cannot be called"
    )


def _read_eval(path: str, signature_name: str, **settings: Any) -> Model:
    from evaluator_component.saved_model.eval_model import EvalModel

    return EvalModel(path, signature_name, defaults=settings["defaults"])


def _read_legacy(path: str, signature_name: str, **settings: Any) -> Model:
    from evaluator_component.saved_model.legacy import LegacyEvalModel

    return LegacyEvalModel(path)


def _read_signature(path: str, signature_name: str, **settings: Any) -> Model:
    from evaluator_component.saved_model.signature import SignatureModel, load_saved_model

    return SignatureModel(
        load_saved_model(path),
        path,
        signature_name,
        settings["feature_names"],
        settings["defaults"],
    )


def _read_keras(path: str, signature_name: str, **settings: Any) -> Model:
    from evaluator_component.saved_model.keras_model import load_keras

    return load_keras(path, **settings)


def _read_tflite(path: str, signature_name: str, **settings: Any) -> Model:
    from evaluator_component.saved_model.tflite import TFLiteModel

    return TFLiteModel(path, signature_name, defaults=settings["defaults"])


def _read_python(path: str, signature_name: str, **settings: Any) -> Model:
    from evaluator_component.saved_model.estimators import load_function

    return load_function(path, **settings)


def _read_estimator(kind: str) -> Callable[..., Model]:
    def read(path: str, signature_name: str, **settings: Any) -> Model:
        from evaluator_component.saved_model.estimators import load_estimator

        return load_estimator(path, kind, **settings)

    return read


def _read_server(path: str, signature_name: str, **settings: Any) -> Model:
    from evaluator_component.saved_model.serving import ServingModel

    return ServingModel(
        path,
        signature_name,
        feature_names=settings["feature_names"],
        defaults=settings["defaults"],
        **settings["options"],
    )


def _read_columns(path: str, signature_name: str, **settings: Any) -> Model:
    from evaluator_component.saved_model.model import PredictionColumns

    return PredictionColumns(path)


_READERS: dict[str, Callable[..., Model]] = {
    "eval": _read_eval,
    "legacy_eval": _read_legacy,
    "signature": _read_signature,
    "keras": _read_keras,
    "tflite": _read_tflite,
    "python": _read_python,
    "sklearn": _read_estimator("sklearn"),
    "xgboost": _read_estimator("xgboost"),
    "onnx": _read_estimator("onnx"),
    "pytorch": _read_estimator("pytorch"),
    "serving": _read_server,
    "columns": _read_columns,
}
