"""Reading in Beam pipelines."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from evaluator_component.errors import InputError
from evaluator_component.inputs import (
    BadRecord,
    BadRecords,
    LimitBadRecords,
    Read,
    RecordBatchesToExtracts,
    RecordsToExtracts,
    Source,
    make_plan,
    rows_of,
    write_dead_letters,
)

sys.path.insert(0, str(Path(__file__).parent))
from tf_examples import example, write

pytestmark = pytest.mark.slow


def run(build) -> list:
    """Runs a pipeline in this process and returns what `build(pipeline)` gives, collected."""
    import apache_beam as beam
    from apache_beam.testing.util import assert_that

    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        assert_that(build(pipeline), _keep)
    return sys.modules["kept_by_test_read"].found


def _keep(found):
    module = sys.modules.setdefault("kept_by_test_read", type(sys)("kept_by_test_read"))
    module.found = list(found)


def rows(count: int, start: int = 0) -> list[bytes]:
    return [
        example(row=row, carrier=[b"UA", b"AA"][row % 2]) for row in range(start, start + count)
    ]


def test_a_source_gives_batches_of_every_row(tmp_path):
    import apache_beam as beam

    write(tmp_path / "a", rows(100), gzip.compress)
    write(tmp_path / "b", rows(50, 100))
    source = Source(str(tmp_path / "*"), columns=("row",), batch_rows=16, shard_bytes=500)
    assert len(make_plan(source).shards()) > 3
    found = run(
        lambda p: (
            (p | Read(source))["batches"]
            | beam.FlatMap(lambda batch: [v[0] for v in batch["features"]["row"].to_pylist()])
        )
    )
    assert sorted(found) == list(range(150))


def test_redistributed_batches_are_whole(tmp_path):
    import apache_beam as beam

    write(tmp_path / "a", rows(100))
    found = run(
        lambda p: (
            (p | Read(Source(str(tmp_path / "a"), batch_rows=10), redistribute=True))["batches"]
            | beam.Map(rows_of)
        )
    )
    assert found == [10] * 10


def test_bad_records_add_up_over_files_and_come_with_their_places(tmp_path):
    for name in "abc":
        records = rows(20)
        records[7] = b"\xff junk"
        write(tmp_path / name, records)
    (found,) = run(
        lambda p: (
            (p | Read(Source(str(tmp_path / "*")), max_bad_records=3))["bad_records"]
            | LimitBadRecords(3)
        )
    )
    assert found.count == 3
    assert [record.file[-1] for record in found.samples] == ["a", "b", "c"]


def test_the_limit_holds_over_all_workers_together(tmp_path):
    for name in "abc":
        records = rows(20)
        records[7] = b"\xff junk"
        write(tmp_path / name, records)

    def build(pipeline):
        read = pipeline | Read(Source(str(tmp_path / "*")), max_bad_records=2)
        return read["bad_records"] | LimitBadRecords(2)

    with pytest.raises(Exception, match="3 bad records, max_bad_records is 2"):
        run(build)


def test_no_bad_record_at_all_still_gives_a_summary(tmp_path):
    write(tmp_path / "a", rows(20))
    (found,) = run(
        lambda p: (p | Read(Source(str(tmp_path / "a"))))["bad_records"] | LimitBadRecords()
    )
    assert (found.count, found.samples) == (0, [])


def test_mistakes_show_when_the_pipeline_is_built(tmp_path):
    with pytest.raises(InputError, match="no file matches"):
        Read(Source(str(tmp_path / "nothing")))


def test_record_batches_and_extracts_become_batches():
    import apache_beam as beam

    batch = pa.record_batch({"row": np.arange(10), "raw": [b"x"] * 10})
    given = [batch, {"features": {"row": pa.array([10])}}]
    found = run(lambda p: p | beam.Create(given) | RecordBatchesToExtracts("raw", batch_rows=4))
    assert sorted(rows_of(extracts) for extracts in found) == [1, 2, 4, 4]
    assert sum("input" in extracts for extracts in found) == 3


def test_serialized_examples_become_batches():
    import apache_beam as beam

    found = run(lambda p: p | beam.Create(rows(25)) | RecordsToExtracts(columns=("row",)))
    assert sorted(
        v[0] for extracts in found for v in extracts["features"]["row"].to_pylist()
    ) == list(range(25))


def test_dead_letters_are_json_lines(tmp_path):
    bad = BadRecords(limit=None)
    bad.add("f", 12, "corrupt", "the checksum is wrong")
    write_dead_letters(bad.samples, str(tmp_path / "dead.jsonl"))
    import json

    (line,) = (tmp_path / "dead.jsonl").read_text().splitlines()
    assert BadRecord(**json.loads(line)) == bad.samples[0]
