"""The result folder: names of its files, and writing them so that no half of one is ever seen.

A file is written under a hidden temporary name and renamed when it is complete. `run.json` is
written after all others: a folder without it is half-written.

Vocabulary:
    kind: "metrics", "plots", "attributions" or "validations"; the first word of a file's name.
    shard: one of several files that hold one kind, such as metrics-00001-of-00003.tfrecord.

Local paths use the operating system; a path with a scheme (`gs://`, `s3://`) goes through Beam's
file systems.

Example:
    >>> import tempfile
    >>> folder = Folder(tempfile.mkdtemp())
    >>> folder.write("verdict.json", b"{}")
    >>> folder.names()
    ['verdict.json']
"""

from __future__ import annotations

import contextlib
import os
import posixpath
import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

from evaluator_component.errors import ResultError

__all__ = [
    "ATTRIBUTIONS",
    "EVAL_CONFIG_FILE",
    "METRICS",
    "PLOTS",
    "REPORT_FILE",
    "RUN_FILE",
    "STATISTICS",
    "STATISTICS_FILE",
    "VALIDATIONS",
    "VERDICT_FILE",
    "Folder",
    "part_name",
    "shard_name",
]

METRICS = "metrics"
PLOTS = "plots"
ATTRIBUTIONS = "attributions"
VALIDATIONS = "validations"
STATISTICS = "statistics"

EVAL_CONFIG_FILE = "eval_config.json"
VERDICT_FILE = "verdict.json"
REPORT_FILE = "report.html"
RUN_FILE = "run.json"
STATISTICS_FILE = "statistics.json"

_OURS = re.compile(
    r"(metrics|plots|attributions|analysis|statistics)-\d{5}-of-\d{5}\.(tfrecord|parquet|npz)"
    r"|metrics\.(parquet|json|csv)|validations\.tfrecord"
    r"|(eval_config|verdict|statistics|run)\.json|report\.html|\..*\.tmp"
)


def shard_name(kind: str, shard: int = 0, count: int = 1, suffix: str = "tfrecord") -> str:
    """Returns the name of one shard's file.

    Example:
        >>> shard_name("plots", 1, 3)
        'plots-00001-of-00003.tfrecord'
    """
    return f"{kind}-{shard:05d}-of-{count:05d}.{suffix}"


def part_name(kind: str) -> str:
    """Returns a temporary name for a file that will be a shard, see `Folder.name_parts`."""
    return f".{kind}.{uuid.uuid4().hex}.tmp"


@dataclass(frozen=True)
class Folder:
    """A folder with the results of one evaluation, local or remote."""

    path: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", os.fspath(self.path))

    @property
    def is_remote(self) -> bool:
        """Whether the folder lies in a file system other than the local one."""
        return "://" in self.path and not self.path.startswith("file://")

    def join(self, name: str) -> str:
        """Returns the full path of a file in the folder."""
        if self.is_remote:
            return posixpath.join(self.path, name)
        return os.path.join(self.path.removeprefix("file://"), name)

    def names(self) -> list[str]:
        """Returns the names of the files directly inside, sorted; empty if there is no folder."""
        if not self.is_remote:
            try:
                entries = list(os.scandir(self.path.removeprefix("file://")))
            except OSError:
                return []
            return sorted(entry.name for entry in entries if entry.is_file())
        found = self._match(self.join("*"))
        start = len(self.path.rstrip("/")) + 1
        return sorted(path[start:] for path in found if "/" not in path[start:])

    def exists(self) -> bool:
        """Tells whether the folder exists (remote: holds a file)."""
        return bool(self.names()) or os.path.isdir(self.path.removeprefix("file://"))

    def create(self) -> None:
        """Makes the folder unless it exists."""
        with self._telling("cannot make the folder", self.path):
            if not self.is_remote:
                os.makedirs(self.path.removeprefix("file://"), exist_ok=True)

    def clear(self) -> None:
        """Removes the files of an earlier evaluation, `run.json` first; other files stay."""
        ours = [name for name in self.names() if _OURS.fullmatch(name)]
        for name in sorted(ours, key=lambda name: name != RUN_FILE):
            self.remove(name)

    def remove(self, name: str) -> None:
        """Removes one file; nothing happens if it is not there."""
        path = self.join(name)
        with self._telling("cannot remove", path):
            if self.is_remote:
                if self._match(path):
                    _filesystems().delete([path])
            else:
                with contextlib.suppress(FileNotFoundError):
                    os.remove(path)

    def remove_other_shards(self, kind: str, kept: Iterable[str]) -> None:
        """Removes shards of a kind that an earlier evaluation with other shards left behind."""
        pattern = re.compile(re.escape(kind) + r"-\d{5}-of-\d{5}\..*")
        kept = set(kept)
        for name in self.names():
            if name not in kept and pattern.fullmatch(name):
                self.remove(name)

    def read(self, name: str) -> bytes:
        """Returns the content of a file.

        Raises:
            ResultError: it cannot be read.
        """
        path = self.join(name)
        with self._telling("cannot read", path):
            if not self.is_remote:
                with open(path, "rb") as stream:
                    return stream.read()
            with _filesystems().open(path, compression_type=_uncompressed()) as remote:
                content: bytes = remote.read()
                return content

    def write(self, name: str, content: bytes | str) -> None:
        """Writes a whole file.

        Raises:
            ResultError: it cannot be written.
        """
        with self.writing(name) as stream:
            stream.write(content.encode("utf-8") if isinstance(content, str) else content)

    @contextlib.contextmanager
    def writing(self, name: str) -> Iterator[IO[bytes]]:
        """Opens a file for writing; it appears under its name when the block ends well.

        Raises:
            ResultError: it cannot be written.
        """
        self.create()
        final = self.join(name)
        temporary = self.join(f".{name}.{uuid.uuid4().hex}.tmp")
        with self._telling("cannot write", final):
            try:
                with self._open_for_writing(temporary) as stream:
                    yield stream
                self._rename(temporary, final)
            except BaseException:
                with contextlib.suppress(Exception):
                    self.remove(os.path.basename(temporary))
                raise

    def rename(self, old: str, new: str) -> None:
        """Gives a complete file its final name.

        Raises:
            ResultError: it cannot be renamed.
        """
        with self._telling("cannot write", self.join(new)):
            self._rename(self.join(old), self.join(new))

    def name_parts(self, kind: str, parts: Sequence[str], suffix: str) -> list[str]:
        """Makes files with temporary names the shards of a kind; other shards are removed.

        A step that is tried again finds some of them renamed already.

        Args:
            kind: of the shards.
            parts: names from `part_name`, in the order of the shards.
            suffix: of the shards.

        Returns:
            The paths of the shards.
        """
        finals = [shard_name(kind, number, len(parts), suffix) for number in range(len(parts))]
        present = set(self.names())
        for part, final in zip(parts, finals, strict=True):
            if part in present:
                self.rename(part, final)
        self.remove_other_shards(kind, finals)
        return [self.join(final) for final in finals]

    def _open_for_writing(self, path: str) -> IO[bytes]:
        if not self.is_remote:
            return open(path, "wb")
        stream: IO[bytes] = _filesystems().create(
            path, "application/octet-stream", compression_type=_uncompressed()
        )
        return stream

    def _rename(self, old: str, new: str) -> None:
        if not self.is_remote:
            os.replace(old, new)
            return
        if self._match(new):  # not every remote file system renames onto an existing file
            _filesystems().delete([new])
        _filesystems().rename([old], [new])

    def _match(self, pattern: str) -> list[str]:
        with self._telling("cannot list", pattern):
            (result,) = _filesystems().match([pattern])
            return [entry.path for entry in result.metadata_list]
        return []

    @contextlib.contextmanager
    def _telling(self, what: str, path: str) -> Iterator[None]:
        """Turns what a file system raises into one line of ours."""
        try:
            yield
        except OSError as error:
            raise ResultError(f"{what} {path!r}: {error.strerror or error}") from error
        except Exception as error:
            if self.is_remote and type(error).__module__.startswith("apache_beam"):
                raise ResultError(f"{what} {path!r}: {error}") from error
            raise


def _filesystems() -> Any:
    from apache_beam.io.filesystems import FileSystems

    return FileSystems


def _uncompressed() -> Any:
    from apache_beam.io.filesystem import CompressionTypes

    return CompressionTypes.UNCOMPRESSED
