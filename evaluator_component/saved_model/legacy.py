"""The eval SavedModels of TFMA's estimator era (TensorFlow 1)."""

from __future__ import annotations


def is_legacy_eval_model(path: str) -> bool:
    """Tells whether a SavedModel has the layout of TFMA's old exporter."""
    return False
