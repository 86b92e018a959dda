"""Kinds of models, and every name by which a model spec may call them."""

from __future__ import annotations

__all__ = ["KINDS", "MODEL_TYPES"]

#: Every kind of model that can be loaded, and its other names.
KINDS: dict[str, tuple[str, ...]] = {
    "eval": ("tfma_eval", "eval_saved_model"),
    "signature": ("tf_generic", "tf_estimator", "saved_model"),
    "keras": ("tf_keras", "keras3"),
    "tflite": ("tf_lite", "litert"),
    "python": ("function",),
    "sklearn": ("scikit-learn", "joblib"),
    "xgboost": (),
    "onnx": (),
    "pytorch": ("torch",),
    "serving": ("tf_serving", "grpc"),
    "columns": ("materialized_prediction",),
}
#: Names that configs of TensorFlow Model Analysis use, for what is no model to be loaded here.
_OTHERS = ("prediction_log", "remote", "tf_js")
#: What a model spec may say.
MODEL_TYPES: tuple[str, ...] = tuple(
    sorted({*KINDS, *(name for names in KINDS.values() for name in names), *_OTHERS})
)
