r"""How a source will be read: its files, their parts, and the types of their columns.

A plan is made once, where the pipeline is built, and travels to the workers; it is small and holds
no open file.

Vocabulary:
    Shard: a part of one file, read by one worker in one go.
    types: the type of each column, as the first rows of the first file show it or the schema says.

Example:
    >>> import tempfile
    >>> from evaluator_component.inputs.source import Source
    >>> folder = tempfile.mkdtemp()
    >>> _ = open(folder + "/rows.csv", "w").write("carrier,late\nUA,1\n")
    >>> plan = make_plan(Source(folder + "/rows.csv"))
    >>> plan.source.format, plan.types
    ('csv', {'carrier': 'string', 'late': 'int64'})
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from evaluator_component.errors import InputError, did_you_mean
from evaluator_component.inputs import columnar, detect, tfrecord
from evaluator_component.inputs.bad_records import BadRecords
from evaluator_component.inputs.examples import feature_types, schema_types
from evaluator_component.inputs.files import File, expand, open_binary
from evaluator_component.inputs.source import RECORD_FORMATS, Source

__all__ = ["Plan", "Shard", "make_plan", "require_columns"]

#: Records of the first file looked at to find the features and their types.
HEAD_RECORDS = 1000
#: How many bytes of it are decompressed at a time, until there are as many records.
HEAD_BYTES = 1 << 18


@dataclass(frozen=True, order=True)
class Shard:
    """A part of a file.

    Attributes:
        path: the file.
        start: first byte (records, text) or row group (Parquet) or batch (Arrow).
        end: the one after the last; -1 for the end of the file.
        size: bytes of the part, about.
    """

    path: str
    start: int = 0
    end: int = -1
    size: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Plan:
    """Everything that a worker must know to read a source.

    Attributes:
        source: the source, its format resolved.
        files: the files, sorted.
        types: column types: "bytes", "int", "float" for records, else the names of Arrow types.
        unseen: wanted columns that neither the schema nor the first rows have.
        arrow: of columnar and text files, the serialized Arrow schema of every batch.
    """

    source: Source
    files: tuple[File, ...]
    types: dict[str, str] = field(default_factory=dict)
    unseen: tuple[str, ...] = ()
    arrow: bytes | None = None

    @property
    def arrow_schema(self) -> Any:
        """The Arrow schema of every batch; None for records."""
        import pyarrow as pa

        return None if self.arrow is None else pa.ipc.read_schema(pa.py_buffer(self.arrow))

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files)

    def in_batches(self, rows: int) -> Plan:
        """Returns the plan with batches of this many rows."""
        return replace(self, source=replace(self.source, batch_rows=rows))

    def shards(self) -> list[Shard]:
        """Returns the parts that can be read independently; every file has at least one."""
        found: list[Shard] = []
        for file in self.files:
            parts = list(self._bounds(file))
            size = file.size // max(1, len(parts))
            found.extend(Shard(file.path, *bounds, size=size) for bounds in parts)
        return found

    def _bounds(self, file: File) -> Iterable[tuple[int, int]]:
        wanted = self.source.shard_bytes
        if not wanted or file.size <= wanted + wanted // 2:
            return [(0, -1)]
        if self.source.format in ("parquet", "arrow"):
            return columnar.parts(file, self.source.format, wanted)
        if self.source.newlines_in_values:
            return [(0, -1)]
        if detect.compression(file.path, self.source.compression) != "none":
            return [(0, -1)]
        count = max(1, round(file.size / wanted))
        edges = [file.size * part // count for part in range(count + 1)]
        return list(zip(edges[:-1], [*edges[1:-1], -1], strict=True))


def make_plan(source: Source) -> Plan:
    """Finds the files of a source, their format, and the types of their columns.

    Raises:
        InputError: a file is missing or is of no known format, or a wanted column's type
            cannot be found because the first rows cannot be read.
    """
    files = tuple(expand(source.patterns))
    if not any(file.size for file in files):
        raise InputError(f"every file that matches {source.pattern!r} is empty")
    first = next(file for file in files if file.size)
    source = detect.resolved(source, first.path)
    if source.format == "prediction_log":
        types = schema_types(source.schema) if source.schema else {}
        return Plan(source, files, types)
    arrow = None
    if source.format in RECORD_FORMATS:
        types = _record_types(source, first)
    else:
        schema = columnar.arrow_schema(first, source)
        types = {item.name: str(item.type) for item in schema}
        arrow = schema.serialize().to_pybytes()
    unseen = tuple(name for name in source.columns or () if name not in types)
    return Plan(source, files, types, unseen, arrow)


def _record_types(source: Source, first: File) -> dict[str, str]:
    types = schema_types(source.schema) if source.schema else {}
    wanted = source.columns
    if types and (wanted is None or all(name in types for name in wanted)):
        return types
    records = _head_records(source, first)
    try:
        # A first look at a damaged file goes on with the records before the damage.
        seen = feature_types(records, source.format)
    except RuntimeError:
        seen = _types_one_by_one(records, source.format, first)
    return {**seen, **types}


def _types_one_by_one(records: list[bytes], kind: str, first: File) -> dict[str, str]:
    types: dict[str, str] = {}
    parsed = 0
    for record in records:
        try:
            types = {**feature_types([record], kind), **types}
            parsed += 1
        except RuntimeError:
            continue
    if not parsed:
        what = "tf.Example" if kind == "tfrecord" else "tf.SequenceExample"
        raise InputError(
            f"{first.path!r}: none of its first {len(records)} records is a {what} "
            "(other records need format=)"
        )
    return types


def _head_records(source: Source, first: File) -> list[bytes]:
    squeezed = detect.compression(first.path, source.compression)
    records: list[bytes] = []
    with open_binary(first.path) as stream:
        unlimited = BadRecords(limit=None)
        for part in tfrecord.read_records(
            stream, first.path, squeezed, unlimited, block=HEAD_BYTES
        ):
            records.extend(part.data)
            if len(records) >= HEAD_RECORDS:
                break
    if not records:
        raise InputError(f"{first.path!r} holds no intact record")
    return records[:HEAD_RECORDS]


def require_columns(plan: Plan) -> None:
    """Makes sure that every wanted column was seen.

    Raises:
        InputError: naming the absent columns and the nearest ones that exist.
    """
    if plan.unseen:
        hints = "; ".join(f"{name!r} {did_you_mean(name, plan.types)}" for name in plan.unseen)
        raise InputError(f"{plan.source.pattern}: no column {hints}")
