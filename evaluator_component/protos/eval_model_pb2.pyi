from evaluator_component.protos import eval_config_pb2 as _eval_config_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TensorSpec(_message.Message):
    __slots__ = ("dtype", "shape")
    DTYPE_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    dtype: str
    shape: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, dtype: _Optional[str] = ..., shape: _Optional[_Iterable[int]] = ...) -> None: ...

class FeatureSpec(_message.Message):
    __slots__ = ("name", "kind", "tensor", "analysis_only", "optional", "default_value")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        FIXED: _ClassVar[FeatureSpec.Kind]
        VARLEN: _ClassVar[FeatureSpec.Kind]
        RAGGED: _ClassVar[FeatureSpec.Kind]
    FIXED: FeatureSpec.Kind
    VARLEN: FeatureSpec.Kind
    RAGGED: FeatureSpec.Kind
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    TENSOR_FIELD_NUMBER: _ClassVar[int]
    ANALYSIS_ONLY_FIELD_NUMBER: _ClassVar[int]
    OPTIONAL_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: FeatureSpec.Kind
    tensor: TensorSpec
    analysis_only: bool
    optional: bool
    default_value: str
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[_Union[FeatureSpec.Kind, str]] = ..., tensor: _Optional[_Union[TensorSpec, _Mapping]] = ..., analysis_only: bool = ..., optional: bool = ..., default_value: _Optional[str] = ...) -> None: ...

class OutputSpec(_message.Message):
    __slots__ = ("name", "label_key", "prediction_key", "example_weight_key", "class_names", "prediction", "label_vocabulary")
    NAME_FIELD_NUMBER: _ClassVar[int]
    LABEL_KEY_FIELD_NUMBER: _ClassVar[int]
    PREDICTION_KEY_FIELD_NUMBER: _ClassVar[int]
    EXAMPLE_WEIGHT_KEY_FIELD_NUMBER: _ClassVar[int]
    CLASS_NAMES_FIELD_NUMBER: _ClassVar[int]
    PREDICTION_FIELD_NUMBER: _ClassVar[int]
    LABEL_VOCABULARY_FIELD_NUMBER: _ClassVar[int]
    name: str
    label_key: str
    prediction_key: str
    example_weight_key: str
    class_names: _containers.RepeatedScalarFieldContainer[str]
    prediction: TensorSpec
    label_vocabulary: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., label_key: _Optional[str] = ..., prediction_key: _Optional[str] = ..., example_weight_key: _Optional[str] = ..., class_names: _Optional[_Iterable[str]] = ..., prediction: _Optional[_Union[TensorSpec, _Mapping]] = ..., label_vocabulary: _Optional[_Iterable[str]] = ...) -> None: ...

class StateVariable(_message.Message):
    __slots__ = ("name", "tensor", "reduction")
    class Reduction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        SUM: _ClassVar[StateVariable.Reduction]
        MIN: _ClassVar[StateVariable.Reduction]
        MAX: _ClassVar[StateVariable.Reduction]
    SUM: StateVariable.Reduction
    MIN: StateVariable.Reduction
    MAX: StateVariable.Reduction
    NAME_FIELD_NUMBER: _ClassVar[int]
    TENSOR_FIELD_NUMBER: _ClassVar[int]
    REDUCTION_FIELD_NUMBER: _ClassVar[int]
    name: str
    tensor: TensorSpec
    reduction: StateVariable.Reduction
    def __init__(self, name: _Optional[str] = ..., tensor: _Optional[_Union[TensorSpec, _Mapping]] = ..., reduction: _Optional[_Union[StateVariable.Reduction, str]] = ...) -> None: ...

class InGraphMetric(_message.Message):
    __slots__ = ("name", "class_name", "module", "config", "output_name", "state", "update_signature", "result_signature", "direction", "example_weighted")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CLASS_NAME_FIELD_NUMBER: _ClassVar[int]
    MODULE_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    UPDATE_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    RESULT_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    EXAMPLE_WEIGHTED_FIELD_NUMBER: _ClassVar[int]
    name: str
    class_name: str
    module: str
    config: str
    output_name: str
    state: _containers.RepeatedCompositeFieldContainer[StateVariable]
    update_signature: str
    result_signature: str
    direction: _eval_config_pb2.MetricDirection
    example_weighted: bool
    def __init__(self, name: _Optional[str] = ..., class_name: _Optional[str] = ..., module: _Optional[str] = ..., config: _Optional[str] = ..., output_name: _Optional[str] = ..., state: _Optional[_Iterable[_Union[StateVariable, _Mapping]]] = ..., update_signature: _Optional[str] = ..., result_signature: _Optional[str] = ..., direction: _Optional[_Union[_eval_config_pb2.MetricDirection, str]] = ..., example_weighted: bool = ...) -> None: ...

class EvalModelMetadata(_message.Message):
    __slots__ = ("version", "framework", "package_versions", "features_signature", "predict_signature", "outputs", "features", "metrics", "serving_signature")
    class PackageVersionsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    VERSION_FIELD_NUMBER: _ClassVar[int]
    FRAMEWORK_FIELD_NUMBER: _ClassVar[int]
    PACKAGE_VERSIONS_FIELD_NUMBER: _ClassVar[int]
    FEATURES_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    PREDICT_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    SERVING_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    version: int
    framework: str
    package_versions: _containers.ScalarMap[str, str]
    features_signature: str
    predict_signature: str
    outputs: _containers.RepeatedCompositeFieldContainer[OutputSpec]
    features: _containers.RepeatedCompositeFieldContainer[FeatureSpec]
    metrics: _containers.RepeatedCompositeFieldContainer[InGraphMetric]
    serving_signature: str
    def __init__(self, version: _Optional[int] = ..., framework: _Optional[str] = ..., package_versions: _Optional[_Mapping[str, str]] = ..., features_signature: _Optional[str] = ..., predict_signature: _Optional[str] = ..., outputs: _Optional[_Iterable[_Union[OutputSpec, _Mapping]]] = ..., features: _Optional[_Iterable[_Union[FeatureSpec, _Mapping]]] = ..., metrics: _Optional[_Iterable[_Union[InGraphMetric, _Mapping]]] = ..., serving_signature: _Optional[str] = ...) -> None: ...
