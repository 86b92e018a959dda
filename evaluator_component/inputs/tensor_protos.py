"""TensorFlow's tensor messages <-> NumPy arrays, without TensorFlow.

Example:
    >>> from_proto(to_proto(np.array([[1.5], [2.0]], np.float32))).tolist()
    [[1.5], [2.0]]
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.errors import InputError
from evaluator_component.protos import serving_wire_pb2 as wire

__all__ = ["DTYPES", "dtype_name", "from_proto", "to_proto"]

Array = npt.NDArray[Any]

#: TensorFlow's numbers of types, with NumPy's names.
DTYPES = {
    1: "float32",
    2: "float64",
    3: "int32",
    4: "uint8",
    5: "int16",
    6: "int8",
    7: "string",
    9: "int64",
    10: "bool",
    14: "bfloat16",
    17: "uint16",
    19: "float16",
    22: "uint32",
    23: "uint64",
}
_NUMBERS = {name: number for number, name in DTYPES.items()}
_FIELDS = {
    "float32": "float_val",
    "float64": "double_val",
    "int32": "int_val",
    "uint8": "int_val",
    "int16": "int_val",
    "int8": "int_val",
    "uint16": "int_val",
    "int64": "int64_val",
    "bool": "bool_val",
    "uint32": "uint32_val",
    "uint64": "uint64_val",
}


def dtype_name(number: int) -> str:
    """Returns the name of a TensorFlow type: NumPy's, or "string"; "unknown" for others."""
    return DTYPES.get(number % 100, "unknown")  # types above 100 are references


def to_proto(array: Array) -> Any:
    """Returns an array as a tensor message.

    Args:
        array: numbers, or an object array of bytes.
    """
    textual = array.dtype.kind in "OSU"
    message = wire.Tensor(dtype=_NUMBERS["string" if textual else array.dtype.name])
    for size in array.shape:
        message.tensor_shape.dim.add(size=size)
    if textual:
        flat = array.reshape(-1).tolist()
        message.string_val.extend(
            value.encode() if isinstance(value, str) else value for value in flat
        )
    else:
        message.tensor_content = np.ascontiguousarray(array).tobytes()
    return message


def from_proto(message: Any) -> Array:
    """Returns a tensor message as an array; strings as an object array of bytes.

    Raises:
        InputError: the tensor is of a type that NumPy has not.
    """
    name = dtype_name(message.dtype)
    shape = [dim.size for dim in message.tensor_shape.dim]
    count = int(np.prod(shape, dtype=np.int64))
    if name == "string":
        values = np.empty(len(message.string_val), dtype=object)
        values[:] = list(message.string_val)
    elif name in ("float16", "bfloat16"):
        values = _halves(message, name)
    elif name == "unknown":
        raise InputError(f"a tensor of TensorFlow type number {message.dtype} cannot be read")
    elif message.tensor_content:
        values = np.frombuffer(message.tensor_content, dtype=name)
    else:
        values = np.array(getattr(message, _FIELDS[name]), dtype=name)
    if len(values) < count:  # the last value stands for all that follow
        if not len(values):
            values = np.zeros(count, dtype=values.dtype)
        else:
            values = np.concatenate([values, np.repeat(values[-1:], count - len(values))])
    return values.reshape(shape)


def _halves(message: Any, name: str) -> Array:
    raw = (
        np.frombuffer(message.tensor_content, np.uint16)
        if message.tensor_content
        else np.array(message.half_val, np.uint16)
    )
    if name == "float16":
        return raw.view(np.float16)
    return (raw.astype(np.uint32) << 16).view(np.float32)
