"""Loads the rows that `writers.AnalysisTableWriter` has stored."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from evaluator_component.errors import ResultError, did_you_mean
from evaluator_component.writers.folder import Folder
from evaluator_component.writers.row_tables import join_tables

__all__ = ["load_analysis_table"]


def load_analysis_table(
    output_path: str | os.PathLike[str], columns: Sequence[str] | None = None
) -> Any:
    """Returns the analysis table as a pyarrow.Table.

    Args:
        output_path: the result folder.
        columns: names of the columns to read, such as "features.hour"; all when not given.

    Raises:
        ResultError: there is no analysis table, or no such column.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = Folder(os.fspath(output_path))
    names = [name for name in folder.names() if name.startswith("analysis-")]
    if not names:
        raise ResultError(f"{folder.path}: no analysis table (was AnalysisTableWriter used?)")
    tables = [pq.read_table(pa.BufferReader(folder.read(name))) for name in names]
    table = join_tables(tables)
    for name in columns or ():
        if name not in table.column_names:
            hint = did_you_mean(name, table.column_names)
            raise ResultError(f"{folder.path}: no column {name!r} {hint}")
    return table if columns is None else table.select(list(columns))
