"""Models: loading any kind, calling them on batches, and exporting eval SavedModels.

`load_model` loads, `describe` tells what a model offers without loading it,
`export_eval_savedmodel` writes a model that carries its own evaluation. TensorFlow is imported
when a model that needs it is loaded, not before.
"""

from __future__ import annotations

from evaluator_component.lazy import lazy_names

_HOMES = {
    "EvalModel": "eval_model",
    "FunctionModel": "model",
    "InGraphMetric": "eval_model",
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

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
