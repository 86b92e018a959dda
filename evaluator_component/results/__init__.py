"""Results: result folders as objects, data frames and text.

Synopsis::

    from evaluator_component.results import load_eval_result

    result = load_eval_result("out/")
    result.overall
    result.by_slice.sort_values("auc")
    result.to_frame()
    result.compare(load_eval_result("yesterday/"))
"""

from __future__ import annotations

from evaluator_component.lazy import lazy_names

_HOMES = {
    "DATA_CENTRIC_MODE": "eval_result",
    "EvalResult": "eval_result",
    "EvalResults": "eval_result",
    "MODEL_CENTRIC_MODE": "eval_result",
    "auto_pivot": "dataframe",
    "compare": "comparison",
    "dataframe": "",
    "history_frame": "history",
    "load_analysis_table": "analysis_table",
    "load_attributions": "records",
    "load_eval_result": "load",
    "load_eval_results": "load",
    "load_metrics": "records",
    "load_plots": "records",
    "load_validation_result": "records",
    "load_verdict": "load",
    "make_eval_results": "load",
    "metrics_as_dataframes": "dataframe",
    "plots_as_dataframes": "dataframe",
}

__all__ = [
    "DATA_CENTRIC_MODE",
    "MODEL_CENTRIC_MODE",
    "EvalResult",
    "EvalResults",
    "auto_pivot",
    "compare",
    "dataframe",
    "history_frame",
    "load_analysis_table",
    "load_attributions",
    "load_eval_result",
    "load_eval_results",
    "load_metrics",
    "load_plots",
    "load_validation_result",
    "load_verdict",
    "make_eval_results",
    "metrics_as_dataframes",
    "plots_as_dataframes",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
