"""Models: loading any kind, calling them on batches, and exporting eval SavedModels.

`load_model` loads, `describe` tells what a model offers without loading it,
`export_eval_savedmodel` writes a model that carries its own evaluation. TensorFlow is imported
when a model that needs it is loaded, not before.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "EvalModel": "eval_model",
    "FunctionModel": "model",
    "InGraphMetric": "eval_model",
    "MODEL_TYPES": "loader",
    "Model": "model",
    "PredictionColumns": "model",
    "SERIALIZED": "model",
    "clear_models": "loader",
    "Description": "description",
    "describe": "description",
    "export_eval_savedmodel": "export",
    "load_model": "loader",
    "pick_prediction": "model",
    "predict_good": "robust",
    "read_metadata": "metadata",
    "resolve_path": "loader",
}

__all__ = [
    "MODEL_TYPES",
    "SERIALIZED",
    "Description",
    "EvalModel",
    "FunctionModel",
    "InGraphMetric",
    "Model",
    "PredictionColumns",
    "clear_models",
    "describe",
    "export_eval_savedmodel",
    "load_model",
    "pick_prediction",
    "predict_good",
    "read_metadata",
    "resolve_path",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
