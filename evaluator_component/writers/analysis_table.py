"""AnalysisTableWriter: the rows themselves as Parquet files, one column per leaf of the extracts.

Columns are those of `row_tables.flat_table`. Files are called analysis-00000-of-0000N.parquet; they
appear when all rows are written.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from evaluator_component.evaluators.base import ANALYSIS_KEY
from evaluator_component.writers.base import Write, Writer
from evaluator_component.writers.folder import Folder, part_name
from evaluator_component.writers.row_tables import flat_table, join_tables

__all__ = ["ANALYSIS_TABLE_WRITER_STAGE_NAME", "AnalysisTableWriter"]

ANALYSIS_TABLE_WRITER_STAGE_NAME = "WriteAnalysisTable"

#: Bytes of rows that a worker holds before it writes a file.
FILE_BYTES = 128 << 20


def AnalysisTableWriter(
    output_path: str,
    *,
    key: str = ANALYSIS_KEY,
    file_bytes: int = FILE_BYTES,
    stage_name: str = ANALYSIS_TABLE_WRITER_STAGE_NAME,
) -> Writer:
    """Makes the writer of the analysis table.

    Args:
        output_path: the result folder.
        key: key of the evaluation.
        file_bytes: about how large a file may grow (before compression).
        stage_name: names the writer in the pipeline graph.
    """
    return Writer(stage_name, Write(key, _WriteRows(os.fspath(output_path), file_bytes)))


class _WriteRows(beam.PTransform):  # type: ignore[misc]
    """PCollection[Extracts] -> PCollection of paths."""

    def __init__(self, output_path: str, file_bytes: int) -> None:
        super().__init__()
        self._path, self._file_bytes = output_path, file_bytes

    def expand(self, extracts: beam.PCollection) -> beam.PCollection:
        """Builds the graph: temporary files first, which get their names when all are there."""
        parts = extracts | "Rows" >> beam.ParDo(_WriteParts(self._path, self._file_bytes))
        return (
            extracts.pipeline
            | "Once" >> beam.Impulse()
            | "Name" >> beam.FlatMap(_name, beam.pvalue.AsList(parts), self._path)
        )


class _WriteParts(beam.DoFn):  # type: ignore[misc]
    """Writes the rows of a bundle to files with temporary names, and gives the names."""

    def __init__(self, output_path: str, file_bytes: int) -> None:
        self._path, self._file_bytes = output_path, file_bytes

    def start_bundle(self) -> None:
        self._tables: list[pa.Table] = []
        self._bytes = 0

    def process(self, extracts: Mapping[str, Any]) -> Iterator[str]:
        table = flat_table(extracts)
        self._tables.append(table)
        self._bytes += table.nbytes
        if self._bytes >= self._file_bytes:
            yield self._flush()

    def finish_bundle(self) -> Iterator[WindowedValue]:
        if self._tables:
            window = GlobalWindow()
            yield WindowedValue(self._flush(), window.max_timestamp(), [window])

    def _flush(self) -> str:
        import pyarrow.parquet as pq

        joined = join_tables(self._tables)
        self._tables, self._bytes = [], 0
        name = part_name("analysis")
        buffer = io.BytesIO()
        pq.write_table(joined, buffer, compression="zstd")
        Folder(self._path).write(name, buffer.getvalue())
        return name


def _name(_: bytes, names: Iterable[str], output_path: str) -> list[str]:
    return Folder(output_path).name_parts("analysis", sorted(names), "parquet")
