"""The messages of an eval config, under one roof.

Message classes are generated from `proto/eval_config.proto`; this module only gives them a place
from which to import them.

Example:
    >>> EvalConfig(model_specs=[ModelSpec(label_key="label")]).model_specs[0].label_key
    'label'
"""

from __future__ import annotations

from evaluator_component.protos.eval_config_pb2 import (
    AggregationOptions,
    BaselinePolicy,
    BinarizationOptions,
    ConfidenceIntervalOptions,
    CrossSliceMetricThreshold,
    CrossSliceMetricThresholds,
    CrossSlicingSpec,
    DatasetSpec,
    DecisionOptions,
    DerivedColumn,
    EvalConfig,
    EvalConfigAndVersion,
    EvalRun,
    ExampleSampleOptions,
    ExampleWeightOptions,
    ForceBless,
    GenericChangeThreshold,
    GenericValueThreshold,
    MetricConfig,
    MetricDirection,
    MetricsSpec,
    MetricThreshold,
    ModelSpec,
    Options,
    PaddingOptions,
    PerSliceMetricThreshold,
    PerSliceMetricThresholds,
    RepeatedInt32Value,
    RepeatedStringValue,
    SlicingSpec,
    WeakSliceOptions,
)

__all__ = [
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
    "EvalConfigAndVersion",
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
]
