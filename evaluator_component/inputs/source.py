"""What to read: a dataset's files, their format, and the columns that are needed.

Vocabulary:
    Source: the wish, as a user writes it; most of it may be left to be found out.
    format: how rows lie in a file, one of `FORMATS`.
    compression: how bytes lie in a file, one of `COMPRESSIONS`.

Example:
    >>> source = Source("data/eval-*.parquet", dataset="eval", columns=("label", "origin"))
    >>> source.patterns
    ('data/eval-*.parquet',)
"""

from __future__ import annotations

from dataclasses import dataclass

from evaluator_component.errors import ConfigError, did_you_mean

__all__ = ["COMPRESSIONS", "FORMATS", "RECORD_FORMATS", "Source"]

#: Every format that can be read; "auto" looks at the first file.
FORMATS = (
    "auto",
    "tfrecord",
    "sequence_example",
    "prediction_log",
    "parquet",
    "arrow",
    "csv",
    "jsonl",
)
#: Formats whose rows are serialized records in a TFRecord file.
RECORD_FORMATS = ("tfrecord", "sequence_example", "prediction_log")
#: Every compression that can be read; "auto" looks at the first bytes of each file.
COMPRESSIONS = ("auto", "none", "gzip", "zlib", "bzip2", "zstd")

#: What the ids of examples are made of.
ID_KINDS = ("content", "row", "")

_FORMAT_ALIASES = {
    "": "auto",
    "tfrecords": "tfrecord",
    "tfrecords_gzip": "tfrecord",
    "tf_example": "tfrecord",
    "feather": "arrow",
    "ipc": "arrow",
    "json": "jsonl",
    "ndjson": "jsonl",
}
_COMPRESSION_ALIASES = {"": "auto", "gz": "gzip", "bz2": "bzip2", "plain": "none"}


@dataclass(frozen=True)
class Source:
    """One dataset to be read.

    Attributes:
        pattern: a path or glob, or several; local, or of any file system that Beam knows.
        format: one of `FORMATS`.
        compression: one of `COMPRESSIONS`.
        dataset: the dataset's name ("eval", "golden"); "" where there is only one.
        schema: a serialized `tensorflow_metadata` Schema; without one, types are inferred from
            the first rows of the first file.
        columns: the features that are needed; None reads all of them.
        text_columns: features whose bytes must be UTF-8, such as those that name slices; a row
            with other bytes there is a bad record.
        batch_rows: rows in a batch.
        batch_bytes: a batch of large records is closed early at this size.
        shard_bytes: uncompressed files larger than this are read in several parts; 0: never.
        keep_records: keep the serialized records as `input`, for models that parse them.
        ids: how `example_ids` are made. "content": a hash of the example alone, the same in any
            file; equal examples share their id, and so their fate in every resample, which makes
            intervals too wide where examples without a distinguishing feature repeat. "row": of
            the example, its file's name and its place there, so that every row is its own. "":
            none. For columnar files ids mean reading `id_columns`.
        id_columns: the columns that tell rows of a columnar file apart; None: all of them.
        newlines_in_values: a quoted CSV value may hold a line break (such files are not split).
    """

    pattern: str | tuple[str, ...]
    format: str = "auto"
    compression: str = "auto"
    dataset: str = ""
    schema: bytes | None = None
    columns: tuple[str, ...] | None = None
    text_columns: tuple[str, ...] = ()
    batch_rows: int = 4096
    batch_bytes: int = 32 << 20
    shard_bytes: int = 64 << 20
    keep_records: bool = True
    ids: str = "content"
    id_columns: tuple[str, ...] | None = None
    newlines_in_values: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.pattern, str):
            object.__setattr__(self, "pattern", tuple(str(part) for part in self.pattern))
        for name in ("columns", "text_columns", "id_columns"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, tuple(dict.fromkeys(value)))
        lowered = self.format.lower()
        object.__setattr__(self, "format", _FORMAT_ALIASES.get(lowered, lowered))
        lowered = self.compression.lower()
        object.__setattr__(self, "compression", _COMPRESSION_ALIASES.get(lowered, lowered))
        for name, allowed in (("format", FORMATS), ("compression", COMPRESSIONS)):
            value = getattr(self, name)
            if value not in allowed:
                raise ConfigError(
                    f"source.{name}: unknown {value!r} {did_you_mean(value, allowed)}"
                )
        if self.ids not in ID_KINDS:
            raise ConfigError(f"source.ids: {self.ids!r} {did_you_mean(self.ids, ID_KINDS)}")
        if self.batch_rows < 1:
            raise ConfigError(f"source.batch_rows: must be at least 1, got {self.batch_rows}")

    @property
    def patterns(self) -> tuple[str, ...]:
        """The paths and globs, always as a tuple; commas separate several in one string."""
        if isinstance(self.pattern, str):
            return tuple(part.strip() for part in self.pattern.split(",") if part.strip())
        return self.pattern
