"""Recognises what a file is by its first bytes, then by the end of its name.

Example:
    >>> format_of(b"PAR1....", "rows")
    'parquet'
    >>> format_of(b'{"a": 1}', "rows.txt")
    'jsonl'
"""

from __future__ import annotations

from dataclasses import replace

from evaluator_component.errors import InputError
from evaluator_component.inputs.files import blocks, compression_of, expand, open_binary
from evaluator_component.inputs.source import RECORD_FORMATS, Source
from evaluator_component.inputs.tfrecord import is_tfrecord

__all__ = ["compression", "detect", "format_of", "head_of"]

#: Bytes looked at to recognise a file.
HEAD = 64 << 10

_SUFFIXES = {
    ".tfrecord": "tfrecord",
    ".tfrecords": "tfrecord",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
}
_COMPRESSED = (".gz", ".gzip", ".bz2", ".zst", ".zlib")


def detect(path: str) -> Source:
    """Returns a Source whose format and compression are those of the (first) file.

    Args:
        path: a path or glob.

    Raises:
        InputError: there is no such file, or it is none of the formats that can be read.
    """
    first = expand(path)[0].path
    squeezed = compression(first)
    return Source(path, format=format_of(head_of(first, squeezed), first), compression=squeezed)


def compression(path: str, wanted: str = "auto") -> str:
    """Returns the compression of a file.

    Args:
        path: the file.
        wanted: what the user says; "auto" looks at the first bytes.

    Raises:
        InputError: the first bytes show another compression than the wanted one.
    """
    with open_binary(path) as stream:
        head = stream.read(16)
    shown = compression_of(head)
    if wanted == "auto":
        return "zlib" if shown == "none" and _is_zlib(head, path) else shown
    if wanted != shown and not (wanted == "zlib" and shown == "none"):
        raise InputError(
            f"{path!r} is not {wanted}-compressed: its first bytes {head[:4]!r} show "
            f"{'no compression' if shown == 'none' else shown}; use compression='auto'"
        )
    return wanted


def _is_zlib(head: bytes, path: str) -> bool:
    """Zlib's mark may also begin a TFRecord, whose header then has the right checksum."""
    marked = len(head) > 1 and head[0] == 0x78 and int.from_bytes(head[:2], "big") % 31 == 0
    textual = _suffix(path) in (".csv", ".json", ".jsonl", ".ndjson")
    return marked and not textual and not is_tfrecord(head)


def head_of(path: str, squeezed: str, size: int = HEAD) -> bytes:
    """Returns the first decompressed bytes of a file; fewer when it is damaged."""
    head = b""
    with open_binary(path) as stream:
        try:
            for block in blocks(stream, squeezed, size):
                head += block
                if len(head) >= size:
                    break
        except (EOFError, ValueError):
            pass
    return head[:size]


def format_of(head: bytes, path: str) -> str:
    """Returns the format of a file with these first (decompressed) bytes.

    Raises:
        InputError: neither bytes nor name tell.
    """
    if is_tfrecord(head):
        return _record_format(head)
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"ARROW1") or head.startswith(b"\xff\xff\xff\xff"):
        return "arrow"
    suffix = _suffix(path)
    if head.lstrip()[:1] == b"{":
        return "jsonl"
    if suffix in _SUFFIXES:
        found = _SUFFIXES[suffix]
        if found in ("csv", "jsonl") or found in RECORD_FORMATS:
            return found  # damaged or empty TFRecords are reported where they are read
        raise InputError(f"{path!r} is named {suffix} but does not begin like one: {head[:8]!r}")
    if b"," in head.partition(b"\n")[0] and b"\0" not in head:
        return "csv"
    raise InputError(
        f"cannot tell the format of {path!r} (it begins with {head[:16]!r}); give format=, one of "
        "'tfrecord', 'parquet', 'arrow', 'csv', 'jsonl'"
    )


def _suffix(path: str) -> str:
    name = path.rsplit("/", 1)[-1].lower()
    for ending in _COMPRESSED:
        name = name.removesuffix(ending)
    return "." + name.rsplit(".", 1)[-1] if "." in name else ""


def _record_format(head: bytes) -> str:
    """Tells a tf.Example from a SequenceExample and a PredictionLog by its outermost fields.

    A tf.Example has field 1 (Features). A SequenceExample also has field 2 (FeatureLists). A
    PredictionLog has field 1 (LogMetadata) or one of 2, 3, 4, 6, each of which holds a request.
    """
    length = int.from_bytes(head[:8], "little")
    record = head[12 : 12 + length]
    fields = _fields(record)
    if not fields or (1 in fields and len(fields) == 1 and not _is_log_metadata(fields[1])):
        return "tfrecord"
    if 6 in fields or 3 in fields or 4 in fields or 5 in fields:
        return "prediction_log"
    if 2 in fields:
        inner = _fields(fields[2])
        # FeatureLists: only field 1, map entries. ClassifyLog: a request (1) and a response (2).
        return "prediction_log" if 2 in inner else "sequence_example"
    return "tfrecord"


def _is_log_metadata(data: bytes) -> bool:
    return any(number in (2, 3) for number in _fields(data))


def _fields(data: bytes) -> dict[int, bytes]:
    """Returns the first length-delimited field of each number; stops at what it cannot read."""
    found: dict[int, bytes] = {}
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        if tag & 7 != 2:
            break
        size, at = _varint(data, at)
        found.setdefault(tag >> 3, data[at : at + size])
        at += size
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 64:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
    return value, at


def resolved(source: Source, first: str) -> Source:
    """Returns the source with the format of its first file in place of "auto"."""
    if source.format != "auto":
        return source
    squeezed = compression(first, source.compression)
    return replace(source, format=format_of(head_of(first, squeezed), first))
