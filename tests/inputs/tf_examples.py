"""Makes tf.Examples without TensorFlow: by their wire format."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from evaluator_component.inputs.tfrecord import frame


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    parts = bytearray()
    while True:
        byte, value = value & 0x7F, value >> 7
        parts.append(byte | (0x80 if value else 0))
        if not value:
            return bytes(parts)


def _field(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _feature(value: Any) -> bytes:
    if value is None:
        return b""
    values = value if isinstance(value, list) else [value]
    if not values:
        return b""
    if isinstance(values[0], (bytes, str)):
        encoded = [item.encode() if isinstance(item, str) else item for item in values]
        return _field(1, b"".join(_field(1, item) for item in encoded))
    if isinstance(values[0], float):
        return _field(2, _field(1, struct.pack(f"<{len(values)}f", *values)))
    return _field(3, _field(1, b"".join(_varint(int(item)) for item in values)))


def _features(values: Mapping[str, Any]) -> bytes:
    return b"".join(
        _field(1, _field(1, name.encode()) + _field(2, _feature(value)))
        for name, value in values.items()
        if value is not None
    )


def example(**values: Any) -> bytes:
    """Returns a serialized tf.Example; None leaves a feature out, a list gives several values."""
    return _field(1, _features(values))


def sequence_example(context: Mapping[str, Any], sequences: Mapping[str, list[Any]]) -> bytes:
    """Returns a serialized tf.SequenceExample."""
    lists = b"".join(
        _field(
            1, _field(1, name.encode()) + _field(2, b"".join(_field(1, _feature(s)) for s in steps))
        )
        for name, steps in sequences.items()
    )
    return _field(1, _features(context)) + _field(2, lists)


def write(path: Path, records: list[bytes], squeeze: Callable[[bytes], bytes] = bytes) -> str:
    """Writes a TFRecord file."""
    path.write_bytes(squeeze(b"".join(frame(record) for record in records)))
    return str(path)
