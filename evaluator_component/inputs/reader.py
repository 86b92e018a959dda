r"""Shards of a plan -> batches of Extracts; the same code with and without Beam.

Example:
    >>> import tempfile
    >>> from evaluator_component.inputs.plan import make_plan
    >>> from evaluator_component.inputs.source import Source
    >>> folder = tempfile.mkdtemp()
    >>> _ = open(folder + "/rows.csv", "w").write("carrier,late\nUA,1\nAA,0\n")
    >>> plan = make_plan(Source(folder + "/rows.csv", columns=("late",)))
    >>> (batch,) = Reader(plan).read(plan.shards()[0], BadRecords())
    >>> batch["features"]["late"].to_pylist(), len(batch["example_ids"])
    ([1, 0], 2)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.inputs import columnar, detect, tfrecord
from evaluator_component.inputs.arrow_types import is_list, is_text
from evaluator_component.inputs.bad_records import BadRecords
from evaluator_component.inputs.example_ids import placed_ids, record_ids, row_ids
from evaluator_component.inputs.examples import Decoder, decode_good
from evaluator_component.inputs.files import BLOCK, open_binary
from evaluator_component.inputs.plan import HEAD_BYTES, Plan, Shard
from evaluator_component.inputs.source import RECORD_FORMATS

__all__ = ["Reader"]

Extracts = dict[str, Any]


class Reader:
    """Reads the shards of a plan. Cheap to make; holds a decoder, so make one per thread.

    Args:
        plan: what to read.

    Attributes:
        position: how many bytes of the present shard were read, where that is known.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.position = 0
        self.source = plan.source
        # A few rows are wanted to look at: then a large block is not decompressed for them.
        self._block = min(BLOCK, max(HEAD_BYTES, plan.source.batch_rows << 10))
        if self.source.format in ("tfrecord", "sequence_example"):
            self.decoder = Decoder(self.source.format, plan.types, self.source.columns)
        elif self.source.format == "prediction_log":
            from evaluator_component.inputs.prediction_log import LogDecoder

            self.logs = LogDecoder(self.source, plan.types)

    def read(self, shard: Shard, bad: BadRecords) -> Iterator[Extracts]:
        """Yields the batches of a shard; every batch has at least one row.

        Args:
            shard: the part of a file.
            bad: where records that cannot be used are noted.

        Raises:
            InputError: the file cannot be read, or too many records are bad.
        """
        self.position = 0
        if self.source.format in RECORD_FORMATS:
            batches = self._records(shard, bad)
        else:
            batches = self._rows(shard, bad)
        yield from batches

    def _rows(self, shard: Shard, bad: BadRecords) -> Iterator[Extracts]:
        source = self.source
        for offset, batch in columnar.read_part(
            shard.path, shard.start, shard.end, source, self.plan.arrow_schema, bad
        ):
            columns = dict(zip(batch.schema.names, batch.columns, strict=True))
            columns, kept = self._utf8(columns, shard.path, bad, offset)
            rows = batch.num_rows if kept is None else len(kept)
            if rows:
                extracts: Extracts = {"features": self._wanted(columns, rows)}
                if source.ids:
                    ids = row_ids(columns, rows, source.id_columns)
                    if source.ids == "row":
                        places = offset + (np.arange(rows) if kept is None else kept)
                        ids = placed_ids(ids, shard.path, places)
                    extracts["example_ids"] = ids
                yield extracts
        bad.check()

    def _wanted(self, columns: dict[str, Any], rows: int) -> dict[str, Any]:
        import pyarrow as pa

        if self.source.columns is None:
            return columns
        absent = pa.nulls(rows)
        return {name: columns.get(name, absent) for name in self.source.columns}

    def _records(self, shard: Shard, bad: BadRecords) -> Iterator[Extracts]:
        squeezed = detect.compression(shard.path, self.source.compression)
        end = None if shard.end < 0 else shard.end
        with open_binary(shard.path) as stream:
            records = tfrecord.read_records(
                stream, shard.path, squeezed, bad, start=shard.start, end=end, block=self._block
            )
            for data, checksums, offsets in self._batches(records):
                self.position = stream.tell() - shard.start
                extracts = self._decoded(data, checksums, offsets, shard.path, bad)
                bad.check()
                if extracts is not None:
                    yield extracts

    def decode(self, records: Sequence[bytes], where: str, bad: BadRecords) -> Extracts | None:
        """Returns records as one batch; None when none of them can be decoded.

        Args:
            records: serialized records.
            where: what to call their origin in messages.
            bad: where records that cannot be decoded are noted.
        """
        from google_crc32c import value

        checksums = np.fromiter(map(value, records), np.uint32, len(records))
        return self._decoded(records, checksums, np.arange(len(records)), where, bad)

    def _batches(
        self, parts: Iterator[tfrecord.Records]
    ) -> Iterator[tuple[list[bytes], npt.NDArray[np.uint32], npt.NDArray[np.int64]]]:
        """Cuts blocks of records into batches, bounded in rows and in bytes."""
        data: list[bytes] = []
        checksums = np.zeros(0, np.uint32)
        offsets = np.zeros(0, np.int64)
        most = self.source.batch_rows
        for part in parts:
            data = data + part.data
            checksums = np.concatenate([checksums, part.checksums])
            offsets = np.concatenate([offsets, part.offsets])
            first = 0
            while first < len(data):
                stop = first + self._fitting(offsets[first : first + most + 1])
                if (
                    stop >= len(data)
                    and len(data) - first < most
                    and not self._full(offsets, first)
                ):
                    break
                yield data[first:stop], checksums[first:stop], offsets[first:stop]
                first = stop
            data, checksums, offsets = data[first:], checksums[first:], offsets[first:]
        if data:
            yield data, checksums, offsets

    def _fitting(self, offsets: npt.NDArray[np.int64]) -> int:
        """How many of the records that begin at these offsets go into one batch."""
        most = min(len(offsets), self.source.batch_rows)
        within = int(np.searchsorted(offsets, offsets[0] + self.source.batch_bytes, "right")) - 1
        return max(1, min(most, within)) if within < len(offsets) - 1 else most

    def _full(self, offsets: npt.NDArray[np.int64], first: int) -> bool:
        return bool(offsets[-1] - offsets[first] >= self.source.batch_bytes)

    def _decoded(
        self,
        data: Sequence[bytes],
        checksums: npt.NDArray[np.uint32],
        offsets: npt.NDArray[np.int64],
        path: str,
        bad: BadRecords,
    ) -> Extracts | None:
        import pyarrow as pa

        if self.source.format == "prediction_log":
            return self.logs(data, checksums, offsets, path, bad)
        columns, rows, wrong = decode_good(self.decoder, data)
        for row, reason in wrong:
            kind = "type" if "wrong type" in reason else "unparsable"
            bad.add(path, offsets[row], kind, reason)
        if rows is not None:
            data = [data[row] for row in rows]
            checksums, offsets = checksums[rows], offsets[rows]
        columns, kept = self._utf8(columns, path, bad, offsets)
        if kept is not None:
            data = [data[row] for row in kept]
            checksums, offsets = checksums[kept], offsets[kept]
        if not len(data):
            return None
        extracts: Extracts = {"features": columns}
        if self.source.keep_records:
            extracts["input"] = pa.array(data, pa.large_binary())
        if self.source.ids:
            lengths = np.fromiter(map(len, data), np.int64, len(data))
            ids = record_ids(checksums, lengths)
            extracts["example_ids"] = (
                placed_ids(ids, path, offsets) if self.source.ids == "row" else ids
            )
        return extracts

    def _utf8(
        self, columns: dict[str, Any], path: str, bad: BadRecords, offsets: Any
    ) -> tuple[dict[str, Any], npt.NDArray[np.intp] | None]:
        """Leaves out rows whose text columns are not UTF-8."""
        wrong: dict[int, str] = {}
        for name in self.source.text_columns:
            if name in columns:
                for row, value in bad_utf8(columns[name]):
                    wrong.setdefault(row, f"feature {name!r} is not UTF-8: {value!r}")
        if not wrong:
            return columns, None
        for row, reason in sorted(wrong.items()):
            at = offsets + row if isinstance(offsets, int) else offsets[row]
            bad.add(path, at, "utf8", reason)
        rows = len(next(iter(columns.values())))
        kept = np.array([row for row in range(rows) if row not in wrong], np.intp)
        return {name: column.take(kept) for name, column in columns.items()}, kept


def bad_utf8(column: Any) -> list[tuple[int, bytes]]:
    r"""Returns (row, value) of the values that are not UTF-8; looks inside lists.

    Example:
        >>> import pyarrow as pa
        >>> bad_utf8(pa.array([[b"ok"], [b"\xff"]]))
        [(1, b'\xff')]
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    row_of = None
    kind = column.type
    if is_list(kind):
        row_of = pc.list_parent_indices(column)
        column = column.flatten()
        kind = column.type
    if pa.types.is_large_binary(kind):
        text = pa.large_string()
    elif pa.types.is_binary(kind):
        text = pa.string()
    elif is_text(kind):
        binary = pa.binary() if pa.types.is_string(kind) else pa.large_binary()
        column, text = column.cast(binary), kind
    else:
        return []
    try:
        column.cast(text)
        return []
    except pa.ArrowInvalid:
        found = []
        for place, value in enumerate(column.to_pylist()):
            try:
                if value is not None:
                    value.decode("utf-8")
            except UnicodeDecodeError:
                found.append((place if row_of is None else row_of[place].as_py(), value))
        return found
