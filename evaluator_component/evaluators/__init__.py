"""Evaluators: from extracts to results; each is attached to a link of the chain of extractors."""

from __future__ import annotations

from evaluator_component.lazy import lazy_names

__all__ = [
    "ANALYSIS_KEY",
    "ANALYSIS_TABLE_EVALUATOR_STAGE_NAME",
    "METRICS_AND_PLOTS_EVALUATOR_STAGE_NAME",
    "METRICS_KEY",
    "PLOTS_KEY",
    "VALIDATIONS_KEY",
    "WEAK_SLICES_KEY",
    "AnalysisTableEvaluator",
    "Evaluation",
    "Evaluator",
    "MetricsAndPlotsEvaluator",
    "Plan",
    "WeakSliceEvaluator",
    "make_plan",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "ANALYSIS_KEY": "base",
        "ANALYSIS_TABLE_EVALUATOR_STAGE_NAME": "analysis_table",
        "METRICS_AND_PLOTS_EVALUATOR_STAGE_NAME": "metrics_and_plots",
        "METRICS_KEY": "base",
        "PLOTS_KEY": "base",
        "VALIDATIONS_KEY": "base",
        "WEAK_SLICES_KEY": "weak_slices",
        "AnalysisTableEvaluator": "analysis_table",
        "Evaluation": "base",
        "Evaluator": "base",
        "MetricsAndPlotsEvaluator": "metrics_and_plots",
        "Plan": "plan",
        "WeakSliceEvaluator": "weak_slices",
        "make_plan": "planning",
    },
)
