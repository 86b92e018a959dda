"""TFRecord files: length, checksum, data, checksum; record after record.

Written and read here without TensorFlow. Unlike the reader of input files, this one accepts no
damage at all: a result with a missing slice is no result.

Example:
    >>> import io
    >>> stream = io.BytesIO()
    >>> write_records(stream, [b"one", b"two"])
    2
    >>> list(read_records(stream.getvalue(), "memory"))
    [b'one', b'two']
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import IO

import google_crc32c

from evaluator_component.errors import ResultError
from evaluator_component.inputs.tfrecord import frame, mask

__all__ = ["read_records", "write_records"]

_LENGTH = struct.Struct("<Q")
_CHECKSUM = struct.Struct("<I")


def write_records(stream: IO[bytes], records: Iterable[bytes]) -> int:
    """Appends records to an open file and returns how many there were."""
    count = 0
    for record in records:
        stream.write(frame(record))
        count += 1
    return count


def _checksum(data: bytes) -> bytes:
    return _CHECKSUM.pack(mask(google_crc32c.value(data)))


def read_records(content: bytes, path: str) -> Iterator[bytes]:
    """Yields the records of a file.

    Args:
        content: all bytes of the file.
        path: its name, for messages.

    Raises:
        ResultError: the file is damaged or ends in the middle of a record.
    """
    view = memoryview(content)
    position, size = 0, len(content)
    while position < size:
        header = bytes(view[position : position + 8])
        start = position + 12
        if start > size or bytes(view[position + 8 : start]) != _checksum(header):
            raise ResultError(f"{path}: damaged at byte {position} (not a TFRecord header)")
        end = start + _LENGTH.unpack(header)[0]
        if end + 4 > size:
            raise ResultError(f"{path}: ends in the middle of the record at byte {position}")
        record = bytes(view[start:end])
        if bytes(view[end : end + 4]) != _checksum(record):
            raise ResultError(f"{path}: damaged at byte {position} (checksum does not match)")
        yield record
        position = end + 4
