"""CSV and JSON lines -> Arrow record batches, a block of whole lines at a time.

A line belongs to the part of the file that it starts in. A line that cannot be converted is found
by halving its block, and noted as a bad record with its place.

CSV files have a header line; an empty field is a missing value, and in columns of numbers so are
"NA", "NaN", "null" and their like. In columns of text "NA" stays text.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

from evaluator_component.errors import InputError
from evaluator_component.inputs.bad_records import BadRecords
from evaluator_component.inputs.files import BLOCK, blocks, open_binary
from evaluator_component.inputs.source import Source

__all__ = ["read_text", "schema_of"]

#: Bytes of the first file from which column types are inferred.
HEAD = 4 << 20

Parse = Callable[[bytes], Any]


def schema_of(path: str, source: Source, squeezed: str) -> Any:
    """Returns the Arrow schema that the first lines of a file show.

    Raises:
        InputError: the file is empty.
        pyarrow.ArrowInvalid: no line can be converted.
    """
    import pyarrow as pa

    head = b""
    with open_binary(path) as stream:
        for _, block in _line_blocks(stream, squeezed, 0, -1):
            head = block
            break
    if not head.strip():
        raise InputError(f"{path!r} is empty")
    if source.format == "csv":
        names, at = _header(head)
        if not head[at:].strip():
            raise InputError(f"{path!r} has a header line and no rows")
        parse = _csv_parser(names, None, source)
    else:
        at, parse = 0, _json_parser(None)
    try:
        return parse(head[at:]).schema
    except pa.ArrowInvalid:
        good = [line for line in head[at:].splitlines(keepends=True) if _parses(parse, line)]
        if not good:
            raise
        return parse(b"".join(good)).schema


def _parses(parse: Parse, line: bytes) -> bool:
    import pyarrow as pa

    try:
        return parse(line).num_rows > 0
    except pa.ArrowInvalid:
        return False


def read_text(
    path: str, start: int, end: int, squeezed: str, source: Source, schema: Any, bad: BadRecords
) -> Iterator[tuple[int, Any]]:
    """Yields (offset, record batch) of a part of a text file; see `columnar.read_part`."""
    with open_binary(path) as stream:
        if source.format == "csv":
            if source.newlines_in_values:
                yield from _whole_csv(stream, path, squeezed, source, schema, bad)
                return
            names, skip = _header(_first_line(path, squeezed))
            parse = _csv_parser(names, schema, source)
        else:
            skip, parse = 0, _json_parser(schema)
        try:
            for offset, block in _line_blocks(stream, squeezed, start, end):
                if offset < skip:
                    offset, block = skip, block[skip - offset :]
                if not block.strip():
                    continue
                for place, table in _convert(parse, block, offset, path, bad):
                    yield from _cut(place, table, source, schema)
                bad.check()
        except (EOFError, ValueError) as error:
            kind = "truncated" if isinstance(error, EOFError) else "corrupt"
            bad.add(path, start, kind, f"{error}; whatever follows is lost")
            bad.check()


def _cut(offset: int, table: Any, source: Source, schema: Any) -> Iterator[tuple[int, Any]]:
    from evaluator_component.inputs.columnar import conform

    table = _empty_as_null(table.combine_chunks(), source)
    for first in range(0, table.num_rows, source.batch_rows):
        yield offset, conform(table.slice(first, source.batch_rows), schema)


def _empty_as_null(table: Any, source: Source) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    if source.format != "csv":
        return table
    for place, item in enumerate(table.schema):
        if pa.types.is_string(item.type):
            column = table.column(place)
            empty = pc.equal(column, "")
            if pc.any(empty).as_py():
                table = table.set_column(
                    place, item.name, pc.if_else(empty, pa.scalar(None, pa.string()), column)
                )
    return table


def _convert(
    parse: Parse, block: bytes, offset: int, path: str, bad: BadRecords
) -> Iterator[tuple[int, Any]]:
    """Converts a block; halves it where it fails, down to the lines at fault."""
    import pyarrow as pa

    try:
        yield offset, parse(block)
        return
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        middle = block.find(b"\n", len(block) // 2) + 1
        if not 0 < middle < len(block):
            middle = block.rfind(b"\n", 0, len(block) - 1) + 1
        if not 0 < middle < len(block):
            bad.add(path, offset, _kind(str(error)), _reason(str(error), block))
            return
    yield from _convert(parse, block[:middle], offset, path, bad)
    yield from _convert(parse, block[middle:], offset + middle, path, bad)


def _kind(message: str) -> str:
    if "UTF8" in message or "UTF-8" in message:
        return "utf8"
    return "type" if "conversion error" in message or "changed from" in message else "unparsable"


def _reason(message: str, line: bytes) -> str:
    shown = line.strip()[:80].decode("utf-8", "backslashreplace")
    return f"{message.splitlines()[0]} in the line {shown!r}"


def _line_blocks(stream: Any, squeezed: str, start: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Yields (offset, bytes) of whole lines; those that start in [start, end)."""
    base = start
    rest = b""
    if start:
        stream.seek(start - 1)
        base = start - 1
    skipping = start > 0
    size = HEAD if not start else BLOCK
    for block in blocks(stream, squeezed, size):
        data = rest + block
        if skipping:
            newline = data.find(b"\n")
            if newline < 0:
                rest = data
                continue
            base, data, skipping = base + newline + 1, data[newline + 1 :], False
        if end >= 0 and base + len(data) >= end:
            # The last line of the part begins before `end`: everything up to its newline.
            newline = data.find(b"\n", max(0, end - 1 - base)) if base < end else -1
            if base >= end:
                return
            if newline >= 0:
                yield base, data[: newline + 1]
                return
            rest = data
            continue
        cut = data.rfind(b"\n") + 1
        if cut:
            yield base, data[:cut]
        base, rest = base + cut, data[cut:]
    if rest and not skipping:
        yield base, rest


def _first_line(path: str, squeezed: str) -> bytes:
    with open_binary(path) as stream:
        for block in blocks(stream, squeezed, 64 << 10):
            return block
    return b""


def _header(head: bytes) -> tuple[list[str], int]:
    """Returns the column names of a CSV file, and where its rows begin."""
    import csv

    newline = head.find(b"\n") + 1 or len(head)
    line = head[:newline].decode("utf-8-sig").strip("\r\n")
    return next(csv.reader([line]), []), newline


def _csv_parser(names: list[str], schema: Any, source: Source) -> Parse:
    import pyarrow.csv as pacsv

    types = None if schema is None else {item.name: item.type for item in schema}
    wanted = None if schema is None else [name for name in schema.names if name in names]
    convert = pacsv.ConvertOptions(column_types=types, include_columns=wanted)

    def parse(block: bytes) -> Any:
        return pacsv.read_csv(
            io.BytesIO(block),
            read_options=pacsv.ReadOptions(
                column_names=names, use_threads=False, block_size=len(block) + 1
            ),
            convert_options=convert,
        )

    return parse


def _json_parser(schema: Any) -> Parse:
    import pyarrow.json as pajson

    options = (
        pajson.ParseOptions()
        if schema is None
        else pajson.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    )

    def parse(block: bytes) -> Any:
        return pajson.read_json(
            io.BytesIO(block),
            read_options=pajson.ReadOptions(use_threads=False, block_size=len(block) + 1),
            parse_options=options,
        )

    return parse


def _whole_csv(
    stream: Any, path: str, squeezed: str, source: Source, schema: Any, bad: BadRecords
) -> Iterator[tuple[int, Any]]:
    """Reads a CSV file whose quoted values may hold line breaks: from its beginning to its end."""
    import pyarrow as pa
    import pyarrow.csv as pacsv

    def invalid(row: Any) -> str:
        bad.add(
            path,
            row.number or 0,
            "unparsable",
            f"expected {row.expected_columns} columns, got {row.actual_columns}",
        )
        return "skip"

    data = io.BytesIO(b"".join(blocks(stream, squeezed)))
    reader = pacsv.open_csv(
        data,
        read_options=pacsv.ReadOptions(use_threads=False, block_size=BLOCK),
        parse_options=pacsv.ParseOptions(newlines_in_values=True, invalid_row_handler=invalid),
        convert_options=pacsv.ConvertOptions(
            column_types={item.name: item.type for item in schema},
        ),
    )
    row = 0
    for batch in reader:
        table = pa.Table.from_batches([batch])
        yield from _cut(row, table, source, schema)
        row += batch.num_rows
        bad.check()
