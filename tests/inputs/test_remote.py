"""Reading through Beam's file systems, with one that lives in memory."""

from __future__ import annotations

import gzip
import io
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evaluator_component.errors import InputError
from evaluator_component.inputs import Source, expand, make_plan, read_batches, write_dead_letters
from evaluator_component.inputs.bad_records import BadRecord

sys.path.insert(0, str(Path(__file__).parent))
from tf_examples import example, frame

pytestmark = pytest.mark.slow

FILES: dict[str, bytes] = {}


@pytest.fixture(scope="module", autouse=True)
def mem():
    """Registers the file system "mem"; Beam finds file systems by their scheme."""
    from apache_beam.io.filesystem import FileMetadata, FileSystem

    class Memory(FileSystem):
        @classmethod
        def scheme(cls):
            return "mem"

        def join(self, base, *paths):
            return "/".join([base, *paths])

        def split(self, path):
            head, _, tail = path.rpartition("/")
            return head, tail

        def has_dirs(self):
            return False

        def _list(self, folder):
            for path, data in FILES.items():
                if path.startswith(folder):
                    yield FileMetadata(path, len(data), 0.0)

        def open(self, path, mime_type=None, compression_type=None):
            if path not in FILES:
                raise OSError(f"{path} is not there")
            return io.BytesIO(FILES[path])

        def create(self, path, mime_type=None, compression_type=None):
            class Sink(io.BytesIO):
                def close(sink):
                    FILES[path] = sink.getvalue()
                    super().close()

            return Sink()

        def exists(self, path):
            return path in FILES

        def size(self, path):
            return len(FILES[path])

        def mkdirs(self, path): ...
        def copy(self, source, destination): ...
        def rename(self, source, destination): ...
        def last_updated(self, path): ...
        def checksum(self, path): ...

        def metadata(self, path):
            return FileMetadata(path, len(FILES[path]), 0.0)

        def delete(self, paths): ...

    yield Memory
    FILES.clear()


def rows(pattern, **options):
    batches = read_batches(Source(pattern, columns=("row",), **options))
    return [row for batch in batches for row in batch["features"]["row"].to_pylist()]


def test_records_compressed_and_not_are_read_in_parts_too():
    records = b"".join(frame(example(row=row)) for row in range(500))
    FILES["mem://bucket/plain/a"] = records
    FILES["mem://bucket/gz/a.gz"] = gzip.compress(records)
    expected = [[row] for row in range(500)]
    assert rows("mem://bucket/plain/*", shard_bytes=4000) == expected
    assert len(make_plan(Source("mem://bucket/plain/*", shard_bytes=4000)).shards()) > 2
    assert rows("mem://bucket/gz/*") == expected


def test_columns_and_text_are_read():
    table = pa.table({"row": list(range(100)), "x": ["a"] * 100})
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=10)
    FILES["mem://bucket/parquet"] = sink.getvalue()
    FILES["mem://bucket/csv"] = b"row,x\n" + b"".join(b"%d,a\n" % row for row in range(100))
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    FILES["mem://bucket/arrow"] = sink.getvalue()
    for name in ("parquet", "csv", "arrow"):
        assert rows(f"mem://bucket/{name}", shard_bytes=200) == list(range(100)), name


def test_a_file_that_is_not_there_is_said():
    with pytest.raises(InputError, match="no file matches 'mem://bucket/nothing'"):
        expand("mem://bucket/nothing")


def test_dead_letters_are_written():
    write_dead_letters([BadRecord("f", 1, "corrupt", "why")], "mem://bucket/dead.jsonl")
    assert b'"reason": "why"' in FILES["mem://bucket/dead.jsonl"]
