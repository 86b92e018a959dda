"""Extractors: the chain of stages that add columns to batches of examples.

Stages that come with the package: `InputExtractor` (features, labels, weights), `PredictExtractor`
(predictions), `SliceKeyExtractor` (slices). Write your own with `from_function`.
"""

from __future__ import annotations

from evaluator_component.lazy import lazy_names

__all__ = [
    "EXAMPLE_WEIGHTS_KEY",
    "FEATURES_KEY",
    "INPUT_EXTRACTOR_STAGE_NAME",
    "INPUT_KEY",
    "LABELS_KEY",
    "LAST_EXTRACTOR_STAGE_NAME",
    "PREDICTIONS_KEY",
    "PREDICT_EXTRACTOR_STAGE_NAME",
    "SLICE_KEYS_KEY",
    "SLICE_KEY_EXTRACTOR_STAGE_NAME",
    "Extractor",
    "Extracts",
    "InputExtractor",
    "PredictExtractor",
    "SliceKeyExtractor",
    "from_example_function",
    "from_function",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        **dict.fromkeys(
            (
                "EXAMPLE_WEIGHTS_KEY",
                "FEATURES_KEY",
                "INPUT_KEY",
                "LABELS_KEY",
                "PREDICTIONS_KEY",
                "SLICE_KEYS_KEY",
            ),
            "base",
        ),
        "INPUT_EXTRACTOR_STAGE_NAME": "inputs",
        "LAST_EXTRACTOR_STAGE_NAME": "base",
        "PREDICT_EXTRACTOR_STAGE_NAME": "predict",
        "SLICE_KEY_EXTRACTOR_STAGE_NAME": "slice_keys",
        "Extractor": "base",
        "Extracts": "base",
        "InputExtractor": "inputs",
        "PredictExtractor": "predict",
        "SliceKeyExtractor": "slice_keys",
        "from_example_function": "base",
        "from_function": "base",
    },
)
