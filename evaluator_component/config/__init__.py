"""What to evaluate: reading, checking and completing eval configs.

Vocabulary:
    config: an `EvalConfig` message: models, slices, metrics, thresholds and options of a run.
    source: whatever a config is read from: a message, a dict, JSON, YAML, text proto, a path.
    place: path of a field, such as `metrics_specs[1].metrics[0].threshold`; errors name it.

Synopsis:
    >>> from evaluator_component.config import prepare_config, hash_of
    >>> config = prepare_config(
    ...     "model_specs { label_key: 'tip' } metrics_specs { metrics { class_name: 'AUC' } }",
    ...     metric_names=["AUC"],
    ... )
    >>> len(hash_of(config))
    32
"""

from __future__ import annotations

from evaluator_component.config.build import (
    MetricLike,
    SliceLike,
    ThresholdLike,
    at_least,
    at_most,
    between,
    config,
    metric,
    no_worse,
    on_slices,
    slice_spec,
)
from evaluator_component.config.check import check_config
from evaluator_component.config.defaults import (
    BASELINE,
    CANDIDATE,
    DEFAULT_CONFIDENCE_LEVEL,
    DEFAULT_TOLERANCE,
    with_defaults,
)
from evaluator_component.config.identity import (
    canonical_json,
    hash_of,
)
from evaluator_component.config.messages import (
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
from evaluator_component.config.model_types import MODEL_TYPES
from evaluator_component.config.parse import (
    ConfigSource,
    parse_config,
    parse_run,
)
from evaluator_component.config.prepare import (
    prepare_config,
)
from evaluator_component.config.specs import (
    CrossSliceSpec,
    SliceSpec,
)
from evaluator_component.config.thresholds import (
    PlacedThreshold,
    each_threshold,
    has_change_threshold,
)

__all__ = [
    "BASELINE",
    "CANDIDATE",
    "DEFAULT_CONFIDENCE_LEVEL",
    "DEFAULT_TOLERANCE",
    "MODEL_TYPES",
    "AggregationOptions",
    "BaselinePolicy",
    "BinarizationOptions",
    "ConfidenceIntervalOptions",
    "ConfigSource",
    "CrossSliceMetricThreshold",
    "CrossSliceMetricThresholds",
    "CrossSliceSpec",
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
    "MetricLike",
    "MetricThreshold",
    "MetricsSpec",
    "ModelSpec",
    "Options",
    "PaddingOptions",
    "PerSliceMetricThreshold",
    "PerSliceMetricThresholds",
    "PlacedThreshold",
    "RepeatedInt32Value",
    "RepeatedStringValue",
    "SliceLike",
    "SliceSpec",
    "SlicingSpec",
    "ThresholdLike",
    "WeakSliceOptions",
    "at_least",
    "at_most",
    "between",
    "canonical_json",
    "check_config",
    "config",
    "each_threshold",
    "has_change_threshold",
    "hash_of",
    "metric",
    "no_worse",
    "on_slices",
    "parse_config",
    "parse_run",
    "prepare_config",
    "slice_spec",
    "with_defaults",
]
