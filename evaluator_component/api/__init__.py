"""The evaluation as one call, and the pieces it is put together from."""

from __future__ import annotations

from evaluator_component.lazy import lazy_names

__all__ = [
    "EvalSharedModel",
    "ExtractAndEvaluate",
    "Job",
    "Outcome",
    "Validate",
    "WriteResults",
    "analyze_raw_data",
    "default_eval_shared_model",
    "default_evaluators",
    "default_extractors",
    "default_writers",
    "evaluate",
    "merge_results",
    "prepare",
    "run_model_analysis",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "EvalSharedModel": "models",
        "ExtractAndEvaluate": "pipeline",
        "Job": "job",
        "Outcome": "evaluation",
        "Validate": "pipeline",
        "WriteResults": "pipeline",
        "analyze_raw_data": "evaluation",
        "default_eval_shared_model": "models",
        "default_evaluators": "defaults",
        "default_extractors": "defaults",
        "default_writers": "defaults",
        "evaluate": "evaluation",
        "merge_results": "merging",
        "prepare": "preparation",
        "run_model_analysis": "evaluation",
    },
)
