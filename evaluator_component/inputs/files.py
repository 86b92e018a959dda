r"""Finding and opening files, local or remote, whatever their compression.

Local paths are opened by Python itself; a path with a scheme (`gs://`, `s3://`, `hdfs://`) goes
through Beam's file systems, so that whatever Beam can reach can be read. Compression is recognised
by the first bytes of the file, not by its name.

Example:
    >>> import tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "rows.csv").write_text("a,b\n1,2\n")
    >>> [file.size for file in expand([str(folder / "*.csv")])]
    [8]
"""

from __future__ import annotations

import bz2
import glob
import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any

from evaluator_component.errors import InputError, did_you_mean

__all__ = ["File", "blocks", "compression_of", "expand", "is_remote", "open_binary"]

#: Bytes read at a time.
BLOCK = 4 << 20

_MAGIC = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
)


@dataclass(frozen=True, order=True)
class File:
    """A file's path and its size in bytes."""

    path: str
    size: int


def is_remote(path: str) -> bool:
    """Tells whether a path names a file system other than the local one."""
    return "://" in path and not path.startswith("file://")


def expand(patterns: str | Iterable[str]) -> list[File]:
    """Returns the files that match any of the patterns, sorted by path, each once.

    A folder stands for the files directly inside it, hidden and marker files (`_SUCCESS`) left out.

    Args:
        patterns: paths or globs, local or remote.

    Raises:
        InputError: a pattern matches nothing; the message names the nearest file that exists.
    """
    if isinstance(patterns, str):
        patterns = (patterns,)
    found: dict[str, File] = {}
    for pattern in patterns:
        matches = _match_remote(pattern) if is_remote(pattern) else _match_local(pattern)
        if not matches:
            raise InputError(f"no file matches {pattern!r} {_nearest(pattern)}".rstrip())
        found.update((file.path, file) for file in matches)
    if not found:
        raise InputError("no input files were given")
    return sorted(found.values())


def _match_local(pattern: str) -> list[File]:
    path = pattern.removeprefix("file://")
    if os.path.isdir(path):
        names = [os.path.join(path, name) for name in os.listdir(path) if name[0] not in "._"]
        return [File(name, os.path.getsize(name)) for name in names if os.path.isfile(name)]
    names = [path] if os.path.isfile(path) else glob.glob(path, recursive=True)
    return [File(name, os.path.getsize(name)) for name in names if os.path.isfile(name)]


def _match_remote(pattern: str) -> list[File]:
    from apache_beam.io.filesystems import FileSystems

    try:
        (result,) = FileSystems.match([pattern])
        if not result.metadata_list and not any(mark in pattern for mark in "*?["):
            (result,) = FileSystems.match([pattern.rstrip("/") + "/*"])
    except Exception as error:  # a file system raises its own kinds
        if _is_absent(pattern):
            return []
        raise InputError(f"cannot list {pattern!r}: {error}") from error
    return [File(entry.path, entry.size_in_bytes) for entry in result.metadata_list]


def _is_absent(path: str) -> bool:
    from apache_beam.io.filesystems import FileSystems

    try:
        return not FileSystems.exists(path)
    except Exception:  # it cannot be reached at all
        return False


def _nearest(pattern: str) -> str:
    if is_remote(pattern):
        return ""
    folder, name = os.path.split(pattern)
    while folder and not os.path.isdir(folder) and not glob.glob(folder):
        folder, name = os.path.split(folder)
    folders = glob.glob(folder) if folder else ["."]
    entries = [entry for parent in folders if os.path.isdir(parent) for entry in os.listdir(parent)]
    if not entries:
        return f"(folder {folder or '.'!r} is empty)"
    return f"in {folder or '.'!r} {did_you_mean(name, entries)}"


def open_binary(path: str) -> IO[bytes]:
    """Opens a file for reading its raw bytes, without decompressing.

    Raises:
        InputError: the file does not exist or cannot be opened.
    """
    try:
        if is_remote(path):
            from apache_beam.io.filesystem import CompressionTypes
            from apache_beam.io.filesystems import FileSystems

            return FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)
        return open(path.removeprefix("file://"), "rb")
    except OSError as error:
        hint = "" if os.path.exists(path) else _nearest(path)
        raise InputError(
            f"cannot open {path!r}: {error.strerror or error} {hint}".rstrip()
        ) from error
    except Exception as error:
        if not is_remote(path):
            raise
        raise InputError(f"cannot open {path!r}: {error}") from error


def compression_of(head: bytes) -> str:
    r"""Returns the compression that the first bytes of a file show: "none" if they show none.

    zlib streams have no certain mark and are never recognised here.

    Example:
        >>> compression_of(b"\x1f\x8b\x08")
        'gzip'
        >>> compression_of(b"carrier,origin")
        'none'
    """
    return next((name for magic, name in _MAGIC if head.startswith(magic)), "none")


def blocks(stream: IO[bytes], compression: str, size: int = BLOCK) -> Iterator[bytes]:
    """Yields the decompressed bytes of a stream in pieces of at most about `size`.

    Args:
        stream: an open binary file.
        compression: "none", "gzip", "zlib", "bzip2" or "zstd".
        size: bytes of a piece.

    Raises:
        EOFError: the compressed data ends too early.
        ValueError: the compressed data is damaged.
    """
    if compression == "none":
        while piece := stream.read(size):
            yield piece
    elif compression in ("gzip", "zlib"):
        yield from _inflate(stream, 31 if compression == "gzip" else 15, size)
    elif compression == "bzip2":
        yield from _members(stream, bz2.BZ2Decompressor, size)
    else:
        import pyarrow as pa

        with pa.CompressedInputStream(pa.PythonFile(stream, "r"), compression) as plain:
            while piece := plain.read(size):
                yield piece


def _inflate(stream: IO[bytes], window: int, size: int) -> Iterator[bytes]:
    engine = zlib.decompressobj(window)
    pending = b""
    started = False
    while True:
        pending = pending or stream.read(size >> 3)
        if not pending:
            break
        if engine.eof:  # another member follows; zeros are padding
            pending = pending.lstrip(b"\0")
            if not pending:
                continue
            engine, started = zlib.decompressobj(window), False
        try:
            piece = engine.decompress(pending, size)
        except zlib.error as error:
            raise ValueError(f"the compressed data is damaged ({error})") from error
        started = True
        pending = engine.unused_data if engine.eof else engine.unconsumed_tail
        if piece:
            yield piece
    if started and not engine.eof:
        tail = engine.flush()
        if tail:
            yield tail
        raise EOFError("the compressed data ends too early: the file is truncated")


def _members(stream: IO[bytes], make: Any, size: int) -> Iterator[bytes]:
    engine = make()
    pending = stream.read(size)
    while pending:
        if engine.eof:
            engine = make()
        try:
            piece = engine.decompress(pending)
        except OSError as error:
            raise ValueError(f"the compressed data is damaged ({error})") from error
        if piece:
            yield piece
        pending = (engine.unused_data if engine.eof else b"") or stream.read(size)
    if not engine.eof:
        raise EOFError("the compressed data ends too early: the file is truncated")
