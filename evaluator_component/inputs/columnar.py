"""Files of columns and of text: Parquet, Arrow IPC, CSV and JSON lines -> Arrow record batches.

Every file of a source is brought to the column types of the first one, so that no batch of the run
disagrees with another. A file or row that cannot be brought there is a bad record.

Vocabulary:
    read columns: the columns taken from a file: the wanted ones, and those that identify a row.
    offset: a row number for Parquet and Arrow files, a byte of the decompressed file for text.

Example:
    >>> import pyarrow as pa
    >>> batch = pa.record_batch({"hour": pa.array([7, 9], pa.int32())})
    >>> conform(batch, pa.schema({"hour": pa.int64(), "late": pa.int64()})).schema.names
    ['hour', 'late']
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from evaluator_component.errors import InputError
from evaluator_component.inputs import detect, text
from evaluator_component.inputs.arrow_types import is_text
from evaluator_component.inputs.bad_records import BadRecords
from evaluator_component.inputs.files import File, compression_of, is_remote, open_binary
from evaluator_component.inputs.source import Source

__all__ = ["arrow_schema", "conform", "parts", "read_columns", "read_part"]


def arrow_schema(first: File, source: Source) -> Any:
    """Returns the Arrow schema that every batch of the source will have.

    Raises:
        InputError: the file cannot be read as its format.
    """
    import pyarrow as pa

    try:
        if source.format == "parquet":
            import pyarrow.parquet as pq

            schema = pq.read_schema(_arrow_file(first.path))
        elif source.format == "arrow":
            schema = _open_arrow(first.path).schema
        else:
            squeezed = detect.compression(first.path, source.compression)
            schema = text.schema_of(first.path, source, squeezed)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"cannot read {first.path!r} as {source.format}: {error}") from error
    fields = [pa.field(item.name, _plain(item.type)) for item in schema]
    return pa.schema(_with_schema_types(fields, source))


def _with_schema_types(fields: list[Any], source: Source) -> list[Any]:
    """Lets a tensorflow_metadata schema decide the types of text columns."""
    import pyarrow as pa

    if not source.schema or source.format not in ("csv", "jsonl"):
        return fields
    from evaluator_component.inputs.examples import schema_types

    kinds = {"bytes": pa.string(), "int": pa.int64(), "float": pa.float64()}
    types = schema_types(source.schema)
    return [
        pa.field(item.name, kinds[types[item.name]])
        if item.name in types and not pa.types.is_nested(item.type)
        else item
        for item in fields
    ]


def _plain(kind: Any) -> Any:
    import pyarrow as pa

    return kind.value_type if pa.types.is_dictionary(kind) else kind


def read_columns(source: Source, names: list[str]) -> list[str]:
    """Returns the columns to take from a file that has columns `names`."""
    if source.columns is None:
        return names
    wanted = set(source.columns)
    if source.ids:
        wanted |= set(names if source.id_columns is None else source.id_columns)
    return [name for name in names if name in wanted]


def parts(file: File, kind: str, wanted: int) -> list[tuple[int, int]]:
    """Returns ranges of row groups (Parquet) or batches (Arrow), each of about `wanted` bytes."""
    import pyarrow as pa

    if kind == "arrow":
        reader = _open_arrow(file.path)
        if not isinstance(reader, pa.RecordBatchFileReader):
            return [(0, -1)]
        count = reader.num_record_batches
    else:
        import pyarrow.parquet as pq

        count = pq.ParquetFile(_arrow_file(file.path)).num_row_groups
    pieces = min(count, max(1, round(file.size / wanted)))
    edges = [count * piece // pieces for piece in range(pieces + 1)] if pieces else [0, 0]
    return list(itertools.pairwise(edges))


def read_part(
    path: str, start: int, end: int, source: Source, schema: Any, bad: BadRecords
) -> Iterator[tuple[int, Any]]:
    """Yields (offset, record batch) of a part of a file, every batch of the schema's types.

    Raises:
        InputError: the file cannot be read, or too many records are bad.
    """
    import pyarrow as pa

    names = read_columns(source, schema.names)
    kept = pa.schema([schema.field(name) for name in names])
    try:
        if source.format == "parquet":
            batches = _parquet(path, start, end, names, source.batch_rows)
        elif source.format == "arrow":
            batches = _arrow(path, start, end, source.batch_rows)
        else:
            squeezed = detect.compression(path, source.compression)
            yield from text.read_text(path, start, end, squeezed, source, kept, bad)
            return
        for offset, batch in batches:
            try:
                yield offset, conform(batch, kept)
            except pa.ArrowInvalid as error:
                bad.add(path, offset, "type", str(error), count=batch.num_rows)
                bad.check()
    except (pa.ArrowInvalid, OSError) as error:
        bad.add(path, start, "corrupt", f"cannot be read as {source.format}: {error}")
        bad.check()


def conform(batch: Any, schema: Any) -> Any:
    """Brings a record batch to a schema: casts columns, adds absent ones as nulls.

    Raises:
        pyarrow.ArrowInvalid: a column has values of a type that does not fit.
    """
    import pyarrow as pa

    arrays = []
    for item in schema:
        place = batch.schema.get_field_index(item.name)
        if place < 0:
            arrays.append(pa.nulls(batch.num_rows, item.type))
            continue
        column = batch.column(place)
        if isinstance(column, pa.ChunkedArray):
            column = column.combine_chunks()
        if column.type != item.type:
            column = _cast(column, item)
        arrays.append(column)
    return pa.record_batch(arrays, schema=pa.schema(schema))


def _cast(column: Any, item: Any) -> Any:
    import pyarrow as pa

    source = _plain(column.type)
    try:
        if is_text(item.type) != is_text(source) and not pa.types.is_null(source):
            raise pa.ArrowInvalid("text and other values do not mix")
        return column.cast(item.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise pa.ArrowInvalid(
            f"column {item.name!r} is {column.type} here and {item.type} in the first file "
            f"({error})"
        ) from error


def _parquet(
    path: str, start: int, end: int, names: list[str], rows: int
) -> Iterator[tuple[int, Any]]:
    import pyarrow.parquet as pq

    file = pq.ParquetFile(_arrow_file(path))
    here = set(file.schema_arrow.names)
    last = file.num_row_groups if end < 0 else end
    offset = sum(file.metadata.row_group(group).num_rows for group in range(start))
    for batch in file.iter_batches(
        batch_size=rows,
        row_groups=list(range(start, last)),
        columns=[name for name in names if name in here],
        use_threads=False,
    ):
        yield offset, batch
        offset += batch.num_rows


def _arrow(path: str, start: int, end: int, rows: int) -> Iterator[tuple[int, Any]]:
    import pyarrow as pa

    reader = _open_arrow(path)
    offset = 0
    if isinstance(reader, pa.RecordBatchFileReader):
        last = reader.num_record_batches if end < 0 else end
        batches = (reader.get_batch(place) for place in range(start, last))
    else:
        batches = iter(reader)
    for batch in batches:
        for first in range(0, batch.num_rows, rows):
            part = batch.slice(first, rows)
            yield offset, part
            offset += part.num_rows


def _open_arrow(path: str) -> Any:
    import pyarrow as pa

    source = _arrow_file(path)
    file = pa.memory_map(source) if isinstance(source, str) else source
    head = file.read(8)
    file.seek(0)
    if compression_of(head) != "none":
        raise InputError(
            f"{path!r} is {compression_of(head)}-compressed as a whole; decompress it first "
            "(Arrow files compress their columns themselves)"
        )
    if head.startswith(b"ARROW1"):
        return pa.ipc.open_file(file)
    return pa.ipc.open_stream(file)


def _arrow_file(path: str) -> Any:
    import pyarrow as pa

    if is_remote(path):
        return pa.PythonFile(open_binary(path), mode="r")
    return path.removeprefix("file://")
