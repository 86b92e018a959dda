"""Writers: what evaluators give, into files that people and programs read.

A result folder holds `metrics-*.tfrecord`, `plots-*.tfrecord`, `attributions-*.tfrecord` and
`validations.tfrecord` (protos; TensorFlow Model Analysis reads them, too), `eval_config.json`,
`metrics.parquet`, `metrics.csv`, `metrics.json`, `verdict.json` and, last of all, `run.json`.

Names are imported when they are first used: Beam is needed for the transforms only.

Synopsis::

    from evaluator_component import writers

    chosen = [
        writers.EvalConfigWriter(path, eval_config),
        writers.MetricsAndPlotsWriter(path, eval_config),
        writers.Writer("WriteRows", writers.Write(key="analysis", ptransform=sink)),
    ]
    writers.write_results(path, tables)   # the same without Beam
"""

from __future__ import annotations

from evaluator_component.lazy import lazy_names

_HOMES = {
    "AnalysisTableWriter": "analysis_table",
    "EvalConfigWriter": "eval_config",
    "MetricsAndPlotsWriter": "metrics_and_plots",
    "MetricsPlotsAndValidationsWriter": "metrics_and_plots",
    "RunInfo": "run_info",
    "StatisticsWriter": "statistics",
    "TensorBoardWriter": "tensorboard",
    "Write": "base",
    "WriteMetricsAndPlots": "metrics_and_plots",
    "WriteRunInfo": "metrics_and_plots",
    "Writer": "base",
    "clear_results": "store",
    "metrics_records": "metric_protos",
    "read_run_info": "run_info",
    "tidy_table": "tidy",
    "write_results": "store",
    "write_run_info": "run_info",
    "write_tensorboard": "tensorboard",
}

__all__ = [
    "AnalysisTableWriter",
    "EvalConfigWriter",
    "MetricsAndPlotsWriter",
    "MetricsPlotsAndValidationsWriter",
    "RunInfo",
    "StatisticsWriter",
    "TensorBoardWriter",
    "Write",
    "WriteMetricsAndPlots",
    "WriteRunInfo",
    "Writer",
    "clear_results",
    "metrics_records",
    "read_run_info",
    "tidy_table",
    "write_results",
    "write_run_info",
    "write_tensorboard",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
