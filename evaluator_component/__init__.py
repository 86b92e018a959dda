"""Evaluates a model on a whole dataset, slice by slice, and says whether it may be pushed.

Snippets written for TensorFlow Model Analysis run with `import evaluator_component as tfma`. Names
are imported when they are first used, so that importing the package costs next to nothing.

Synopsis::

    import evaluator_component as ec

    outcome = ec.evaluate("eval.textproto", "data/eval-*", "models/1", "results/1")
    print(outcome.verdict.summary)
    ec.view.render_slicing_metrics(outcome.result)
"""

from __future__ import annotations

from evaluator_component.lazy import lazy_names
from evaluator_component.version import __version__ as __version__

_HOMES = {
    "config": (
        "AggregationOptions",
        "BaselinePolicy",
        "BinarizationOptions",
        "ConfidenceIntervalOptions",
        "CrossSliceMetricThreshold",
        "CrossSliceMetricThresholds",
        "CrossSlicingSpec",
        "DatasetSpec",
        "DecisionOptions",
        "DerivedColumn",
        "EvalConfig",
        "EvalRun",
        "ExampleSampleOptions",
        "ExampleWeightOptions",
        "ForceBless",
        "GenericChangeThreshold",
        "GenericValueThreshold",
        "MetricConfig",
        "MetricDirection",
        "MetricThreshold",
        "MetricsSpec",
        "ModelSpec",
        "Options",
        "PaddingOptions",
        "PerSliceMetricThreshold",
        "PerSliceMetricThresholds",
        "RepeatedInt32Value",
        "RepeatedStringValue",
        "SlicingSpec",
        "WeakSliceOptions",
        "parse_config",
    ),
    "inputs": ("Source",),
    "saved_model": ("export_eval_savedmodel",),
    "extractors": (
        "EXAMPLE_WEIGHTS_KEY",
        "FEATURES_KEY",
        "INPUT_KEY",
        "LABELS_KEY",
        "PREDICTIONS_KEY",
        "SLICE_KEYS_KEY",
        "Extracts",
    ),
    "evaluators": ("ANALYSIS_KEY", "METRICS_KEY", "PLOTS_KEY", "VALIDATIONS_KEY", "Evaluation"),
    "results": (
        "EvalResult",
        "load_attributions",
        "load_eval_result",
        "load_eval_results",
        "load_metrics",
        "load_plots",
        "load_validation_result",
    ),
    "api": (
        "EvalSharedModel",
        "ExtractAndEvaluate",
        "Outcome",
        "WriteResults",
        "analyze_raw_data",
        "default_eval_shared_model",
        "default_evaluators",
        "default_extractors",
        "default_writers",
        "evaluate",
        "merge_results",
        "run_model_analysis",
    ),
    "component": ("EvalMetrics", "EvalReport", "EvalRoc", "Evaluator"),
    "": (
        "evaluators",
        "extractors",
        "inputs",
        "metrics",
        "results",
        "saved_model",
        "slicer",
        "validation",
        "view",
        "writers",
    ),
}

__all__ = sorted(["__version__", *(name for names in _HOMES.values() for name in names)])

__getattr__, __dir__ = lazy_names(
    __name__, {name: home for home, names in _HOMES.items() for name in names}
)
