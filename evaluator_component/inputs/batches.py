"""Batches without Beam: a few rows for a preflight, or whole tables that are in memory.

Example:
    >>> import pyarrow as pa
    >>> (batch,) = from_table(pa.table({"label": [1, 0], "carrier": ["UA", "AA"]}))
    >>> batch["features"]["carrier"].to_pylist()
    ['UA', 'AA']
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from evaluator_component.errors import InputError
from evaluator_component.inputs.bad_records import BadRecords
from evaluator_component.inputs.example_ids import placed_ids, row_ids
from evaluator_component.inputs.plan import Plan, make_plan
from evaluator_component.inputs.reader import Reader
from evaluator_component.inputs.source import Source

__all__ = ["from_table", "read_batches", "rows_of"]

Extracts = dict[str, Any]


def read_batches(
    source: Source | Plan, limit_rows: int | None = None, bad: BadRecords | None = None
) -> Iterator[Extracts]:
    """Yields the batches of a source, in the order of its files, in this process.

    Args:
        source: what to read.
        limit_rows: stop after this many rows; None for all.
        bad: where bad records are noted; by default none is tolerated.

    Raises:
        InputError: something cannot be found or read, or there are too many bad records.
    """
    plan = source if isinstance(source, Plan) else make_plan(source)
    if bad is None:
        bad = BadRecords()
    reader = Reader(plan)
    left = limit_rows
    for shard in plan.shards():
        for batch in reader.read(shard, bad):
            rows = rows_of(batch)
            if left is not None:
                if rows > left:
                    batch = _first(batch, left)
                left -= min(rows, left)
            yield batch
            if left == 0:
                return


def rows_of(extracts: Extracts) -> int:
    """Returns the number of rows of a batch."""
    for key in ("example_ids", "input"):
        if key in extracts:
            return len(extracts[key])
    for value in extracts.values():
        if isinstance(value, dict):
            if value:
                return rows_of(value)
        elif value is not None:
            return len(value)
    return 0


def _first(value: Any, rows: int) -> Any:
    if isinstance(value, dict):
        return {name: _first(part, rows) for name, part in value.items()}
    return value[:rows]


def from_table(table: Any, batch_rows: int = 4096, *, ids: str = "content") -> Iterator[Extracts]:
    """Yields the batches of a table in memory.

    Args:
        table: a pyarrow Table or RecordBatch, a pandas DataFrame, or columns by name. Columns of
            a DataFrame may hold lists or arrays.
        batch_rows: rows in a batch.
        ids: how `example_ids` are made: "content", a hash of all columns; "row", of them and of the
            row's number; "": none.

    Raises:
        InputError: a column cannot be converted to Arrow; the message names it.
    """
    import pyarrow as pa

    if isinstance(table, pa.RecordBatch):
        table = pa.Table.from_batches([table])
    elif not isinstance(table, pa.Table):
        table = _from_columns(table)
    first = 0
    for batch in table.combine_chunks().to_batches(max_chunksize=batch_rows):
        columns = dict(zip(batch.schema.names, batch.columns, strict=True))
        columns = {name: _decoded(column) for name, column in columns.items()}
        extracts: Extracts = {"features": columns}
        if ids:
            made = row_ids(columns, batch.num_rows)
            if ids == "row":
                made = placed_ids(made, "", first + np.arange(batch.num_rows))
            extracts["example_ids"] = made
        first += batch.num_rows
        if batch.num_rows:
            yield extracts


def _decoded(column: Any) -> Any:
    import pyarrow as pa

    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _from_columns(frame: Any) -> Any:
    import pyarrow as pa

    arrays = {}
    for name in frame:
        values = frame[name]
        try:
            if isinstance(values, (pa.Array, pa.ChunkedArray)):
                arrays[str(name)] = values
            elif isinstance(values, np.ndarray) and values.ndim > 1:
                arrays[str(name)] = pa.array(list(values))
            else:
                arrays[str(name)] = pa.array(values, from_pandas=True)
        except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError) as error:
            raise InputError(
                f"column {str(name)!r} mixes types that do not go into one column: {error}"
            ) from error
    return pa.table(arrays)
