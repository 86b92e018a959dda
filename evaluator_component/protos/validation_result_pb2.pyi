from evaluator_component.protos import eval_config_pb2 as _eval_config_pb2
from evaluator_component.protos import metrics_for_slice_pb2 as _metrics_for_slice_pb2
from google.protobuf import wrappers_pb2 as _wrappers_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ValidationFailure(_message.Message):
    __slots__ = ("metric_key", "metric_threshold", "metric_value", "message")
    METRIC_KEY_FIELD_NUMBER: _ClassVar[int]
    METRIC_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    METRIC_VALUE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    metric_key: _metrics_for_slice_pb2.MetricKey
    metric_threshold: _eval_config_pb2.MetricThreshold
    metric_value: _metrics_for_slice_pb2.MetricValue
    message: str
    def __init__(self, metric_key: _Optional[_Union[_metrics_for_slice_pb2.MetricKey, _Mapping]] = ..., metric_threshold: _Optional[_Union[_eval_config_pb2.MetricThreshold, _Mapping]] = ..., metric_value: _Optional[_Union[_metrics_for_slice_pb2.MetricValue, _Mapping]] = ..., message: _Optional[str] = ...) -> None: ...

class SlicingDetails(_message.Message):
    __slots__ = ("slicing_spec", "cross_slicing_spec", "num_matching_slices")
    SLICING_SPEC_FIELD_NUMBER: _ClassVar[int]
    CROSS_SLICING_SPEC_FIELD_NUMBER: _ClassVar[int]
    NUM_MATCHING_SLICES_FIELD_NUMBER: _ClassVar[int]
    slicing_spec: _eval_config_pb2.SlicingSpec
    cross_slicing_spec: _eval_config_pb2.CrossSlicingSpec
    num_matching_slices: int
    def __init__(self, slicing_spec: _Optional[_Union[_eval_config_pb2.SlicingSpec, _Mapping]] = ..., cross_slicing_spec: _Optional[_Union[_eval_config_pb2.CrossSlicingSpec, _Mapping]] = ..., num_matching_slices: _Optional[int] = ...) -> None: ...

class ValidationDetails(_message.Message):
    __slots__ = ("slicing_details",)
    SLICING_DETAILS_FIELD_NUMBER: _ClassVar[int]
    slicing_details: _containers.RepeatedCompositeFieldContainer[SlicingDetails]
    def __init__(self, slicing_details: _Optional[_Iterable[_Union[SlicingDetails, _Mapping]]] = ...) -> None: ...

class MetricsValidationForSlice(_message.Message):
    __slots__ = ("slice_key", "cross_slice_key", "failures", "dataset")
    SLICE_KEY_FIELD_NUMBER: _ClassVar[int]
    CROSS_SLICE_KEY_FIELD_NUMBER: _ClassVar[int]
    FAILURES_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    slice_key: _metrics_for_slice_pb2.SliceKey
    cross_slice_key: _metrics_for_slice_pb2.CrossSliceKey
    failures: _containers.RepeatedCompositeFieldContainer[ValidationFailure]
    dataset: str
    def __init__(self, slice_key: _Optional[_Union[_metrics_for_slice_pb2.SliceKey, _Mapping]] = ..., cross_slice_key: _Optional[_Union[_metrics_for_slice_pb2.CrossSliceKey, _Mapping]] = ..., failures: _Optional[_Iterable[_Union[ValidationFailure, _Mapping]]] = ..., dataset: _Optional[str] = ...) -> None: ...

class Decision(_message.Message):
    __slots__ = ("threshold_name", "metric_key", "slice_key", "cross_slice_key", "dataset", "check", "outcome", "severity", "value", "baseline", "difference", "bound", "margin", "lower", "upper", "standard_error", "confidence_level", "p_value", "adjusted_p_value", "num_examples", "num_examples_needed", "sentence", "part", "message")
    class Outcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        OUTCOME_UNKNOWN: _ClassVar[Decision.Outcome]
        PASSED: _ClassVar[Decision.Outcome]
        FAILED: _ClassVar[Decision.Outcome]
        INCONCLUSIVE: _ClassVar[Decision.Outcome]
        SKIPPED: _ClassVar[Decision.Outcome]
    OUTCOME_UNKNOWN: Decision.Outcome
    PASSED: Decision.Outcome
    FAILED: Decision.Outcome
    INCONCLUSIVE: Decision.Outcome
    SKIPPED: Decision.Outcome
    class Check(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        CHECK_UNKNOWN: _ClassVar[Decision.Check]
        LOWER_BOUND: _ClassVar[Decision.Check]
        UPPER_BOUND: _ClassVar[Decision.Check]
        ABSOLUTE_CHANGE: _ClassVar[Decision.Check]
        RELATIVE_CHANGE: _ClassVar[Decision.Check]
        PRESENCE: _ClassVar[Decision.Check]
    CHECK_UNKNOWN: Decision.Check
    LOWER_BOUND: Decision.Check
    UPPER_BOUND: Decision.Check
    ABSOLUTE_CHANGE: Decision.Check
    RELATIVE_CHANGE: Decision.Check
    PRESENCE: Decision.Check
    THRESHOLD_NAME_FIELD_NUMBER: _ClassVar[int]
    METRIC_KEY_FIELD_NUMBER: _ClassVar[int]
    SLICE_KEY_FIELD_NUMBER: _ClassVar[int]
    CROSS_SLICE_KEY_FIELD_NUMBER: _ClassVar[int]
    DATASET_FIELD_NUMBER: _ClassVar[int]
    CHECK_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    BASELINE_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCE_FIELD_NUMBER: _ClassVar[int]
    BOUND_FIELD_NUMBER: _ClassVar[int]
    MARGIN_FIELD_NUMBER: _ClassVar[int]
    LOWER_FIELD_NUMBER: _ClassVar[int]
    UPPER_FIELD_NUMBER: _ClassVar[int]
    STANDARD_ERROR_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_LEVEL_FIELD_NUMBER: _ClassVar[int]
    P_VALUE_FIELD_NUMBER: _ClassVar[int]
    ADJUSTED_P_VALUE_FIELD_NUMBER: _ClassVar[int]
    NUM_EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    NUM_EXAMPLES_NEEDED_FIELD_NUMBER: _ClassVar[int]
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    threshold_name: str
    metric_key: _metrics_for_slice_pb2.MetricKey
    slice_key: _metrics_for_slice_pb2.SliceKey
    cross_slice_key: _metrics_for_slice_pb2.CrossSliceKey
    dataset: str
    check: Decision.Check
    outcome: Decision.Outcome
    severity: _eval_config_pb2.MetricThreshold.Severity
    value: _wrappers_pb2.DoubleValue
    baseline: _wrappers_pb2.DoubleValue
    difference: _wrappers_pb2.DoubleValue
    bound: _wrappers_pb2.DoubleValue
    margin: _wrappers_pb2.DoubleValue
    lower: _wrappers_pb2.DoubleValue
    upper: _wrappers_pb2.DoubleValue
    standard_error: _wrappers_pb2.DoubleValue
    confidence_level: _wrappers_pb2.DoubleValue
    p_value: _wrappers_pb2.DoubleValue
    adjusted_p_value: _wrappers_pb2.DoubleValue
    num_examples: _wrappers_pb2.Int64Value
    num_examples_needed: _wrappers_pb2.Int64Value
    sentence: str
    part: str
    message: str
    def __init__(self, threshold_name: _Optional[str] = ..., metric_key: _Optional[_Union[_metrics_for_slice_pb2.MetricKey, _Mapping]] = ..., slice_key: _Optional[_Union[_metrics_for_slice_pb2.SliceKey, _Mapping]] = ..., cross_slice_key: _Optional[_Union[_metrics_for_slice_pb2.CrossSliceKey, _Mapping]] = ..., dataset: _Optional[str] = ..., check: _Optional[_Union[Decision.Check, str]] = ..., outcome: _Optional[_Union[Decision.Outcome, str]] = ..., severity: _Optional[_Union[_eval_config_pb2.MetricThreshold.Severity, str]] = ..., value: _Optional[_Union[_wrappers_pb2.DoubleValue, _Mapping]] = ..., baseline: _Optional[_Union[_wrappers_pb2.DoubleValue, _Mapping]] = ..., difference: _Optional[_Union[_wrappers_pb2.DoubleValue, _Mapping]] = ..., bound: _Optional[_Union[_wrappers_pb2.DoubleValue, _Mapping]] = ..., margin: _Optional[_Union[_wrappers_pb2.DoubleValue, _Mapping]] = ..., lower: _Optional[_Union[_wrappers_pb2.DoubleValue, _Mapping]] = ..., upper: _Optional[_Union[_wrappers_pb2.DoubleValue, _Mapping]] = ..., standard_error: _Optional[_Union[_wrappers_pb2.DoubleValue, _Mapping]] = ..., confidence_level: _Optional[_Union[_wrappers_pb2.DoubleValue, _Mapping]] = ..., p_value: _Optional[_Union[_wrappers_pb2.DoubleValue, _Mapping]] = ..., adjusted_p_value: _Optional[_Union[_wrappers_pb2.DoubleValue, _Mapping]] = ..., num_examples: _Optional[_Union[_wrappers_pb2.Int64Value, _Mapping]] = ..., num_examples_needed: _Optional[_Union[_wrappers_pb2.Int64Value, _Mapping]] = ..., sentence: _Optional[str] = ..., part: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class ValidationResult(_message.Message):
    __slots__ = ("validation_ok", "missing_thresholds", "metric_validations_per_slice", "missing_slices", "missing_cross_slices", "validation_details", "rubber_stamp", "verdict", "decisions", "forced_reason", "forced_by", "num_passed", "num_failed", "num_inconclusive", "num_skipped", "num_warnings", "summary", "notes", "findings")
    class Verdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        VERDICT_UNKNOWN: _ClassVar[ValidationResult.Verdict]
        BLESSED: _ClassVar[ValidationResult.Verdict]
        NOT_BLESSED: _ClassVar[ValidationResult.Verdict]
        INCONCLUSIVE: _ClassVar[ValidationResult.Verdict]
    VERDICT_UNKNOWN: ValidationResult.Verdict
    BLESSED: ValidationResult.Verdict
    NOT_BLESSED: ValidationResult.Verdict
    INCONCLUSIVE: ValidationResult.Verdict
    VALIDATION_OK_FIELD_NUMBER: _ClassVar[int]
    MISSING_THRESHOLDS_FIELD_NUMBER: _ClassVar[int]
    METRIC_VALIDATIONS_PER_SLICE_FIELD_NUMBER: _ClassVar[int]
    MISSING_SLICES_FIELD_NUMBER: _ClassVar[int]
    MISSING_CROSS_SLICES_FIELD_NUMBER: _ClassVar[int]
    VALIDATION_DETAILS_FIELD_NUMBER: _ClassVar[int]
    RUBBER_STAMP_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    DECISIONS_FIELD_NUMBER: _ClassVar[int]
    FORCED_REASON_FIELD_NUMBER: _ClassVar[int]
    FORCED_BY_FIELD_NUMBER: _ClassVar[int]
    NUM_PASSED_FIELD_NUMBER: _ClassVar[int]
    NUM_FAILED_FIELD_NUMBER: _ClassVar[int]
    NUM_INCONCLUSIVE_FIELD_NUMBER: _ClassVar[int]
    NUM_SKIPPED_FIELD_NUMBER: _ClassVar[int]
    NUM_WARNINGS_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    validation_ok: bool
    missing_thresholds: bool
    metric_validations_per_slice: _containers.RepeatedCompositeFieldContainer[MetricsValidationForSlice]
    missing_slices: _containers.RepeatedCompositeFieldContainer[_eval_config_pb2.SlicingSpec]
    missing_cross_slices: _containers.RepeatedCompositeFieldContainer[_eval_config_pb2.CrossSlicingSpec]
    validation_details: ValidationDetails
    rubber_stamp: bool
    verdict: ValidationResult.Verdict
    decisions: _containers.RepeatedCompositeFieldContainer[Decision]
    forced_reason: str
    forced_by: str
    num_passed: int
    num_failed: int
    num_inconclusive: int
    num_skipped: int
    num_warnings: int
    summary: str
    notes: _containers.RepeatedScalarFieldContainer[str]
    findings: str
    def __init__(self, validation_ok: bool = ..., missing_thresholds: bool = ..., metric_validations_per_slice: _Optional[_Iterable[_Union[MetricsValidationForSlice, _Mapping]]] = ..., missing_slices: _Optional[_Iterable[_Union[_eval_config_pb2.SlicingSpec, _Mapping]]] = ..., missing_cross_slices: _Optional[_Iterable[_Union[_eval_config_pb2.CrossSlicingSpec, _Mapping]]] = ..., validation_details: _Optional[_Union[ValidationDetails, _Mapping]] = ..., rubber_stamp: bool = ..., verdict: _Optional[_Union[ValidationResult.Verdict, str]] = ..., decisions: _Optional[_Iterable[_Union[Decision, _Mapping]]] = ..., forced_reason: _Optional[str] = ..., forced_by: _Optional[str] = ..., num_passed: _Optional[int] = ..., num_failed: _Optional[int] = ..., num_inconclusive: _Optional[int] = ..., num_skipped: _Optional[int] = ..., num_warnings: _Optional[int] = ..., summary: _Optional[str] = ..., notes: _Optional[_Iterable[str]] = ..., findings: _Optional[str] = ...) -> None: ...
