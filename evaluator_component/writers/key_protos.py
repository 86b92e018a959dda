"""Keys of slices, metrics and plots as protos, and back.

A float slice value is kept twice: in the 32-bit field that TensorFlow Model Analysis reads, and in
full precision in a field of our own.

Example:
    >>> proto = pb.SliceKey()
    >>> fill_slice_key((("carrier", "UA"), ("delay", 0.1)), proto)
    >>> slice_key_of(proto)
    (('carrier', 'UA'), ('delay', 0.1))
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from evaluator_component.errors import ResultError
from evaluator_component.keys import (
    CrossSliceKey,
    MetricKey,
    PlotKey,
    SliceKey,
    SliceValue,
    SubKey,
)
from evaluator_component.protos import metrics_for_slice_pb2 as pb

__all__ = [
    "attributions_key_proto",
    "fill_any_slice_key",
    "fill_slice_key",
    "metric_key_of",
    "metric_key_proto",
    "plot_key_of",
    "plot_key_proto",
    "record_slice_key",
    "slice_key_of",
]

_FIELD_OF = {"micro": "micro_average", "macro": "macro_average"}
_FIELD_OF["weighted_macro"] = "weighted_macro_average"
_AGGREGATION_OF = {field: name for name, field in _FIELD_OF.items()}
_FLOAT32_MAX = float(np.finfo(np.float32).max)


def fill_slice_key(key: SliceKey, proto: pb.SliceKey) -> None:
    """Writes the pairs of a slice key into an empty proto.

    Raises:
        ResultError: a value is neither text nor a number.
    """
    for column, value in key:
        single = proto.single_slice_keys.add()
        single.column = column
        if isinstance(value, str):
            single.bytes_value = value.encode("utf-8", "surrogateescape")
        elif isinstance(value, (int, np.integer)):
            if -(2**63) <= value < 2**63:
                single.int64_value = int(value)
            else:  # the field holds no larger ones
                single.bytes_value = str(value).encode()
        elif isinstance(value, (float, np.floating)):
            single.double_value.value = value
            clipped = math.isfinite(value) and abs(value) > _FLOAT32_MAX
            single.float_value = math.copysign(_FLOAT32_MAX, value) if clipped else value
        elif isinstance(value, bytes):
            single.bytes_value = value
        else:
            raise ResultError(
                f"slice value of {column!r}: must be text or a number, got {value!r} "
                f"({type(value).__name__})"
            )


def fill_any_slice_key(key: SliceKey | CrossSliceKey, record: Any) -> None:
    """Writes the key of a slice, or of a pair of slices, into a record's `oneof`.

    Args:
        key: a slice or a pair of slices.
        record: any proto with fields `slice_key` and `cross_slice_key`.
    """
    if isinstance(key, CrossSliceKey):
        fill_slice_key(key.baseline, record.cross_slice_key.baseline_slice_key)
        fill_slice_key(key.comparison, record.cross_slice_key.comparison_slice_key)
        record.cross_slice_key.SetInParent()
    else:
        record.slice_key.SetInParent()
        fill_slice_key(key, record.slice_key)


def slice_key_of(proto: pb.SliceKey) -> SliceKey:
    """Returns the slice key that a proto holds."""
    return tuple((single.column, _slice_value(single)) for single in proto.single_slice_keys)


def _slice_value(single: pb.SingleSliceKey) -> SliceValue:
    kind = single.WhichOneof("kind")
    if kind == "bytes_value":
        return single.bytes_value.decode("utf-8", "surrogateescape")
    if kind == "int64_value":
        return int(single.int64_value)
    if single.HasField("double_value"):
        return float(single.double_value.value)
    # Others store 32 bits only: take the shortest decimal that gives these bits (0.1, not
    # 0.10000000149), which is what the data held in all likelihood.
    return float(str(np.float32(single.float_value)))


def record_slice_key(record: Any) -> SliceKey | CrossSliceKey:
    """Returns the key of a slice, or of a pair of slices, from a record's `oneof`."""
    if record.HasField("cross_slice_key"):
        pair = record.cross_slice_key
        return CrossSliceKey(
            slice_key_of(pair.baseline_slice_key), slice_key_of(pair.comparison_slice_key)
        )
    return slice_key_of(record.slice_key)


def metric_key_proto(key: MetricKey) -> pb.MetricKey:
    """Returns a metric's key as a proto."""
    proto = pb.MetricKey()
    _fill_key(key, proto)
    return proto


def plot_key_proto(key: MetricKey, *, named: bool = True) -> pb.PlotKey:
    """Returns a plot's key as a proto, with or without its name."""
    proto = pb.PlotKey()
    _fill_key(key, proto)
    if not named:
        proto.ClearField("name")
    return proto


def attributions_key_proto(key: MetricKey) -> pb.AttributionsKey:
    """Returns the key of attributions as a proto."""
    proto = pb.AttributionsKey()
    _fill_key(key, proto)
    return proto


def _fill_key(key: MetricKey, proto: Any) -> None:
    proto.name = key.name
    proto.model_name = key.model_name
    proto.output_name = key.output_name
    if key.sub_key:
        for part in ("class_id", "k", "top_k"):
            value = getattr(key.sub_key, part)
            if value is not None:
                getattr(proto.sub_key, part).value = value
    if key.aggregation is not None:
        setattr(proto.aggregation_type, _FIELD_OF[key.aggregation], True)
    if key.example_weighted is not None:
        proto.example_weighted.value = key.example_weighted
    proto.is_diff = key.is_diff


def metric_key_of(proto: pb.MetricKey | pb.AttributionsKey) -> MetricKey:
    """Returns the key of a metric, or of attributions, that a proto holds."""
    return MetricKey(**_parts(proto))


def plot_key_of(proto: pb.PlotKey, name: str | None = None) -> PlotKey:
    """Returns the key of a plot that a proto holds; `name` stands in for its own."""
    parts = _parts(proto)
    return PlotKey(**{**parts, "name": parts["name"] if name is None else name})


def _parts(proto: Any) -> dict[str, Any]:
    sub_key = None
    if proto.HasField("sub_key"):
        chosen = {
            part: getattr(proto.sub_key, part).value
            for part in ("class_id", "k", "top_k")
            if proto.sub_key.HasField(part)
        }
        sub_key = SubKey(**chosen)
    field = proto.aggregation_type.WhichOneof("type")
    weighted = proto.example_weighted.value if proto.HasField("example_weighted") else None
    return {
        "name": proto.name,
        "model_name": proto.model_name,
        "output_name": proto.output_name,
        "sub_key": sub_key,
        "aggregation": _AGGREGATION_OF[field] if field else None,
        "example_weighted": weighted,
        "is_diff": proto.is_diff,
    }
