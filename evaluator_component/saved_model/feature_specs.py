"""How features are parsed from tf.Example: what the exporter is told, and what it finds out.

Vocabulary:
    feature spec: {name: `tf.io.FixedLenFeature` | `VarLenFeature` | `RaggedFeature`}, or a type
        ("int", "float", "string", a TensorFlow or NumPy type) for one value per example.
    analysis-only: a feature that the model does not take; it is there for slices and metrics.

A feature without value takes a default: NaN for floats, "" for strings. Integers have no harmless
default: they need one (`default_values`), or must be there in every example.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from evaluator_component.errors import ModelError, did_you_mean

__all__ = ["FeatureSpecs", "complete_spec", "fit", "from_schema", "to_protos"]

FeatureSpecs = dict[str, Any]

_PLAIN = {"int": "int64", "float": "float32", "bytes": "string", "str": "string", "bool": "int64"}


def complete_spec(
    given: Any,
    model_inputs: Mapping[str, Any],
    analysis_features: Mapping[str, Any] | Iterable[str],
    default_values: Mapping[str, Any],
    required: Iterable[str],
) -> FeatureSpecs:
    """Returns the parsing spec of every feature: of the model, for analysis, labels and weights.

    Args:
        given: a feature spec, a `tensorflow_metadata` Schema (or its bytes), or None.
        model_inputs: the model's inputs by name (with `dtype` and `shape`), for those not given.
        analysis_features: more of them as a spec, or names out of the given spec or schema.
        default_values: stands for missing values, by name.
        required: names that must be there: labels and weights.

    Raises:
        ModelError: a feature's type is not known.
    """
    import tensorflow as tf

    if given is None or isinstance(given, Mapping):
        known = {name: _as_feature(name, spec) for name, spec in (given or {}).items()}
        wanted = list(known)
    else:
        known, wanted = from_schema(given), []
    if isinstance(analysis_features, Mapping):
        for name, spec in analysis_features.items():
            known[name] = _as_feature(name, spec)
    wanted += list(analysis_features)
    for name, tensor in model_inputs.items():
        if name not in known:
            known[name] = tf.io.FixedLenFeature(
                [size or 1 for size in tensor.shape[1:]], _parsed_type(tensor.dtype)
            )
    required = list(required)
    spec: FeatureSpecs = {}
    for name in dict.fromkeys([*model_inputs, *wanted, *required]):
        if name not in known:
            raise ModelError(
                f"feature_spec: the type of {name!r} is not known {did_you_mean(name, known)}; add "
                f"it, such as feature_spec={{{name!r}: 'int'}}"
            )
        # A label or weight that is missing is a mistake in the data, unless a default is given.
        spec[name] = _with_default(known[name], name, default_values, name not in required)
    unknown = [name for name in default_values if name not in spec]
    if unknown:
        raise ModelError(
            f"default_values: no feature {unknown[0]!r} {did_you_mean(unknown[0], spec)}"
        )
    return spec


def _as_feature(name: str, spec: Any) -> Any:
    import tensorflow as tf

    kinds = (tf.io.FixedLenFeature, tf.io.VarLenFeature, tf.io.RaggedFeature)
    if isinstance(spec, kinds):
        return spec
    try:
        return tf.io.FixedLenFeature([], _parsed_type(spec))
    except TypeError as error:
        raise ModelError(
            f"feature_spec[{name!r}]: {spec!r} is neither a tf.io feature nor a type"
        ) from error


def _parsed_type(dtype: Any) -> Any:
    """Returns the type that tf.Example can hold for a tensor type."""
    import tensorflow as tf

    if isinstance(dtype, type) and dtype in (int, float, str, bytes, bool):
        dtype = dtype.__name__
    wanted = tf.as_dtype(_PLAIN.get(dtype, dtype) if isinstance(dtype, str) else dtype)
    if wanted == tf.string:
        return tf.string
    return tf.float32 if wanted.is_floating else tf.int64


def _with_default(
    feature: Any, name: str, default_values: Mapping[str, Any], may_miss: bool
) -> Any:
    import tensorflow as tf

    if not isinstance(feature, tf.io.FixedLenFeature):
        return feature
    default = default_values.get(name, feature.default_value)
    if default is None and may_miss and feature.dtype == tf.string:
        default = ""
    if default is None and may_miss and feature.dtype.is_floating:
        default = math.nan
    shape = tf.TensorShape(feature.shape).as_list()
    if default is not None and shape and not isinstance(default, (list, tuple)):
        if not hasattr(default, "shape") or not default.shape:
            default = [default] * int(math.prod(shape))
            default = tf.reshape(tf.constant(default, feature.dtype), shape).numpy()
    return tf.io.FixedLenFeature(shape, feature.dtype, default)


def from_schema(schema: Any) -> FeatureSpecs:
    """Returns the parsing spec that a `tensorflow_metadata` Schema describes.

    A feature with a fixed number of values, or with one at the most, is dense; others are of
    variable length.
    """
    import tensorflow as tf
    from tensorflow_metadata.proto.v0 import schema_pb2

    if isinstance(schema, bytes):
        schema = schema_pb2.Schema.FromString(schema)
    if not hasattr(schema, "feature"):
        raise ModelError(
            f"feature_spec: expected a mapping or a tensorflow_metadata Schema, got a "
            f"{type(schema).__name__}"
        )
    types = {
        schema_pb2.BYTES: tf.string,
        schema_pb2.INT: tf.int64,
        schema_pb2.FLOAT: tf.float32,
    }
    spec: FeatureSpecs = {}
    for item in schema.feature:
        if item.type not in types:
            continue
        dtype = types[item.type]
        if item.HasField("shape"):
            spec[item.name] = tf.io.FixedLenFeature([dim.size for dim in item.shape.dim], dtype)
        elif item.value_count.max in (0, 1):
            spec[item.name] = tf.io.FixedLenFeature([], dtype)
        elif item.value_count.min == item.value_count.max:
            spec[item.name] = tf.io.FixedLenFeature([item.value_count.max], dtype)
        else:
            spec[item.name] = tf.io.VarLenFeature(dtype)
    return spec


def fit(tensor: Any, wanted: Any) -> Any:
    """Returns a parsed tensor in the type and rank that a model's input has.

    Args:
        tensor: dense, sparse or ragged.
        wanted: with `dtype` and `shape`.
    """
    import tensorflow as tf

    dtype = tf.as_dtype(wanted.dtype)
    if isinstance(tensor, tf.SparseTensor) and not getattr(wanted, "sparse", False):
        tensor = tf.sparse.to_dense(tensor)
    if tensor.dtype != dtype:
        tensor = tf.cast(tensor, dtype)
    rank, target = len(tensor.shape), len(wanted.shape)
    if rank == target - 1 and wanted.shape[-1] in (1, None):
        tensor = tf.expand_dims(tensor, -1)
    elif rank == target + 1 and tensor.shape[-1] == 1:
        tensor = tf.squeeze(tensor, -1)
    return tensor


def to_protos(spec: FeatureSpecs, analysis_only: Iterable[str]) -> list[Any]:
    """Returns the spec as `FeatureSpec` messages of the metadata."""
    import tensorflow as tf

    from evaluator_component.protos import eval_model_pb2

    kinds = eval_model_pb2.FeatureSpec
    extra = set(analysis_only)
    messages = []
    for name, feature in spec.items():
        message = kinds(name=name, analysis_only=name in extra)
        message.tensor.dtype = feature.dtype.name
        if isinstance(feature, tf.io.FixedLenFeature):
            message.kind = kinds.FIXED
            message.tensor.shape.extend(feature.shape)
            message.optional = feature.default_value is not None
            if message.optional:
                message.default_value = json.dumps(_plain(feature.default_value))
        else:
            ragged = isinstance(feature, tf.io.RaggedFeature)
            message.kind = kinds.RAGGED if ragged else kinds.VARLEN
            message.optional = True
        messages.append(message)
    return messages


def _plain(value: Any) -> Any:
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return "NaN" if isinstance(value, float) and math.isnan(value) else value
