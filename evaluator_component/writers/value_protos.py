"""Metric values as protos, and back.

What a value is decides its field:

====================================  =======================================  ==================
value                                 field of `MetricValue`                   kind
====================================  =======================================  ==================
float (a row of a number column)      double_value                             ""
float64 (k,) (of a vector column)     array_value                              ""
array in an object column             array_value                              "array"
str, bytes                            bytes_value                              "text", "bytes"
dict of "kind" and "columns"          a matrix's message, or table             the dict's
anything else                         bytes_value, JSON                        "json"
====================================  =======================================  ==================

The kind and what belongs to a structured value beside its columns stand next to the value in
`MetricsForSlice.MetricKeyAndValue`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.protos import metrics_for_slice_pb2 as pb
from evaluator_component.writers import tagged_json
from evaluator_component.writers.matrix_protos import (
    CODECS,
    decode_table,
    fill_table,
    is_structured,
    plain_column,
)

__all__ = ["bound_of", "fill_array", "fill_bound", "fill_value", "number_of", "value_of"]

Array = npt.NDArray[Any]

_ARRAY_FIELDS = {"int32": "int32_values", "int64": "int64_values"}
_ARRAY_FIELDS |= {"float32": "float32_values", "float64": "float64_values"}
_DTYPE_OF = {
    pb.ArrayValue.INT32: "int32",
    pb.ArrayValue.INT64: "int64",
    pb.ArrayValue.FLOAT32: "float32",
    pb.ArrayValue.FLOAT64: "float64",
}
#: Kind by field, of values that another program wrote without a kind.
_KIND_OF_FIELD = {codec.value_field: kind for kind, codec in CODECS.items() if codec.value_field}


def fill_array(array: Array, proto: pb.ArrayValue) -> None:
    """Writes an array of numbers or of text into an empty proto."""
    proto.shape.extend(array.shape)
    name = str(array.dtype)
    if name in _ARRAY_FIELDS:
        proto.data_type = pb.ArrayValue.DataType.Value(name.upper())
        getattr(proto, _ARRAY_FIELDS[name]).extend(array.ravel().tolist())
    else:
        proto.data_type = pb.ArrayValue.BYTES
        proto.bytes_values.extend(
            str(item).encode("utf-8", "surrogateescape") for item in array.ravel().tolist()
        )


def _array_of(proto: pb.ArrayValue) -> Array:
    if proto.data_type in _DTYPE_OF:
        name = _DTYPE_OF[proto.data_type]
        return np.array(getattr(proto, _ARRAY_FIELDS[name]), dtype=name).reshape(tuple(proto.shape))
    texts = np.empty(len(proto.bytes_values), dtype=object)
    texts[:] = [item.decode("utf-8", "surrogateescape") for item in proto.bytes_values]
    return texts.reshape(tuple(proto.shape))


def fill_value(value: Any, proto: pb.MetricValue) -> tuple[str, str]:
    """Writes a value of an object column into an empty proto.

    Args:
        value: anything but None.
        proto: where to.

    Returns:
        (kind, details): how to read it, and JSON of what stands beside the columns of a
        structured value.
    """
    kind = _kind(value)
    if kind == "text":
        proto.bytes_value = value.encode("utf-8", "surrogateescape")
    elif kind == "bytes":
        proto.bytes_value = value
    elif kind == "array":
        proto.array_value.SetInParent()
        fill_array(value, proto.array_value)
    elif kind == "json":
        proto.bytes_value = tagged_json.dumps(value).encode()
    else:
        return kind, _fill_structured(value, proto)
    return kind, ""


def fill_bound(bound: Any, proto: pb.MetricValue, kind: str, details: str) -> None:
    """Writes a bound, or a standard error, of a value that `fill_value` has written.

    A reader takes it for one of the value's kind, so one that differs is written as JSON.
    """
    same = kind not in ("text", "bytes", "json") and _kind(bound) == kind
    if not same or fill_value(bound, proto) != (kind, details):
        proto.bytes_value = tagged_json.dumps(bound).encode()


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return "text"
    if isinstance(value, bytes):
        return "bytes"
    if isinstance(value, np.ndarray):
        plain = str(value.dtype) in _ARRAY_FIELDS or value.dtype.kind in "UO"
        texts = value.dtype.kind != "O" or all(isinstance(item, str) for item in value.ravel())
        return "array" if plain and texts else "json"
    return str(value["kind"]) if is_structured(value) else "json"


def _fill_structured(value: dict[str, Any], proto: pb.MetricValue) -> str:
    columns = {name: plain_column(column) for name, column in value["columns"].items()}
    plain = {name: column for name, column in columns.items() if column is not None}
    codec = CODECS.get(value["kind"])
    if codec and codec.value_field and set(plain) == set(codec.columns) and codec.fits(plain):
        message = getattr(proto, codec.value_field)
        message.SetInParent()
        message.MergeFromString(codec.encode(plain))
    else:
        fill_table(plain, proto.table)
    rest = {name: item for name, item in value.items() if name not in ("kind", "columns")}
    return tagged_json.dumps(rest) if rest else ""


def value_of(proto: pb.MetricValue, kind: str = "", details: str = "") -> Any:
    """Returns what a proto holds: a float, an array, text, bytes, a dict, ...; None if nothing."""
    field = proto.WhichOneof("type")
    if field == "double_value":
        return proto.double_value.value
    if field == "array_value":
        return _array_of(proto.array_value)
    if field == "bytes_value":
        return _bytes_value(proto.bytes_value, kind)
    if field == "table":
        return _structured(kind or "table", decode_table(proto.table), details)
    if field in _KIND_OF_FIELD:
        known = _KIND_OF_FIELD[field]
        return _structured(known, CODECS[known].decode(getattr(proto, field)), details)
    return _foreign_value(proto, field)


def bound_of(proto: pb.MetricValue, kind: str, details: str) -> Any:
    """Returns what `fill_bound` has written."""
    if proto.WhichOneof("type") == "bytes_value":
        return tagged_json.loads(proto.bytes_value)
    return value_of(proto, kind, details)


def _bytes_value(content: bytes, kind: str) -> Any:
    if kind in ("", "text"):
        try:
            return content.decode("utf-8", "surrogateescape" if kind == "text" else "strict")
        except UnicodeDecodeError:
            return content
    return content if kind == "bytes" else tagged_json.loads(content)


def _structured(kind: str, columns: dict[str, Array], details: str) -> dict[str, Any]:
    rest = tagged_json.loads(details) if details else {}
    return {"kind": kind, "columns": columns, **rest}


def _foreign_value(proto: pb.MetricValue, field: str | None) -> Any:
    """Reads the fields that only other programs write."""
    if field == "bounded_value":
        return proto.bounded_value.value.value
    if field == "t_distribution_value":
        distribution = proto.t_distribution_value
        unsampled = distribution.HasField("unsampled_value")
        return (distribution.unsampled_value if unsampled else distribution.sample_mean).value
    if field == "value_at_cutoffs":
        pairs = proto.value_at_cutoffs.values
        columns = {
            "cutoff": np.array([pair.cutoff for pair in pairs], dtype=np.int64),
            "value": np.array([pair.value for pair in pairs], dtype=np.float64),
        }
        return {"kind": "value_at_cutoffs", "columns": columns}
    if field == "unknown_type":
        return proto.unknown_type.value.decode("utf-8", "surrogateescape")
    return proto.debug_message if field else None


def number_of(proto: pb.MetricValue) -> float | None:
    """Returns the number that a proto holds, or None if it holds something else."""
    field = proto.WhichOneof("type")
    if field == "double_value":
        return float(proto.double_value.value)
    if field in ("bounded_value", "t_distribution_value"):
        return float(_foreign_value(proto, field))
    return None
