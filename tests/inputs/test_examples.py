"""tf.Examples in TFRecord files -> batches."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import numpy as np
import pytest

from evaluator_component.errors import InputError
from evaluator_component.inputs import (
    BadRecords,
    Source,
    make_plan,
    read_batches,
    rows_of,
    tfrecord,
)

sys.path.insert(0, str(Path(__file__).parent))
from tf_examples import example, sequence_example, write

ROWS = 1000


def flights(rows: int = ROWS, start: int = 0) -> list[bytes]:
    return [
        example(
            carrier=[b"UA", b"AA", b"DL"][row % 3],
            hour=row % 24,
            delay=None if row % 10 == 0 else row / 7,
            tags=[b"x"] * (row % 3),
            late=row % 2,
            row=row,
        )
        for row in range(start, start + rows)
    ]


def columns(batches, name):
    return [value for batch in batches for value in batch["features"][name].to_pylist()]


@pytest.mark.parametrize("squeeze", [bytes, gzip.compress])
def test_every_row_is_there_with_its_missing_and_multiple_values(tmp_path, squeeze):
    write(tmp_path / "f", flights(), squeeze)
    batches = list(read_batches(Source(str(tmp_path / "f"), batch_rows=128)))
    assert {rows_of(batch) for batch in batches[:-1]} == {128}
    assert sum(map(rows_of, batches)) == ROWS
    assert columns(batches, "row") == [[row] for row in range(ROWS)]
    assert columns(batches, "delay")[:2] == [None, [np.float32(1 / 7)]]
    assert columns(batches, "tags")[:3] == [None, [b"x"], [b"x", b"x"]]
    assert batches[0]["input"].to_pylist() == flights(128)


def test_only_the_wanted_columns_are_decoded_and_absent_ones_are_null(tmp_path):
    write(tmp_path / "f", flights(10))
    (batch,) = read_batches(Source(str(tmp_path / "f"), columns=("late", "nothing")))
    assert list(batch["features"]) == ["late", "nothing"]
    assert batch["features"]["nothing"].null_count == 10


def test_the_plan_says_which_columns_were_not_seen(tmp_path):
    write(tmp_path / "f", flights(10))
    plan = make_plan(Source(str(tmp_path / "f"), columns=("late", "carier")))
    assert plan.unseen == ("carier",)
    assert plan.types["delay"] == "float"


def test_a_feature_that_first_shows_up_late_in_the_file_is_still_read(tmp_path):
    write(tmp_path / "f", [*flights(1500), example(late=1, rare=7)])
    for wanted in (None, ("late", "rare")):
        batches = list(read_batches(Source(str(tmp_path / "f"), columns=wanted, batch_rows=500)))
        assert batches[-1]["features"]["rare"].to_pylist()[-1] == [7]


def test_no_columns_at_all_are_fine_for_a_model_that_parses_records(tmp_path):
    write(tmp_path / "f", flights(10))
    (batch,) = read_batches(Source(str(tmp_path / "f"), columns=()))
    assert batch["features"] == {}
    assert rows_of(batch) == 10


def test_ids_depend_on_content_only_unless_the_place_is_asked_for(tmp_path):
    records = flights(300)
    write(tmp_path / "one", records)
    write(tmp_path / "a", records[:100], gzip.compress)
    write(tmp_path / "b", records[100:])

    def ids(pattern, **options):
        source = Source(str(tmp_path / pattern), **options)
        return np.concatenate([batch["example_ids"] for batch in read_batches(source)])

    whole = ids("one", batch_rows=7)
    assert len(np.unique(whole)) == 300
    np.testing.assert_array_equal(whole, ids("[ab]", columns=("late",)))
    write(tmp_path / "twice", [records[0]] * 5)
    assert len(np.unique(ids("twice"))) == 1
    assert len(np.unique(ids("twice", ids="row"))) == 5
    np.testing.assert_array_equal(ids("twice", ids="row"), ids("twice", ids="row", batch_rows=2))
    (batch,) = read_batches(Source(str(tmp_path / "twice"), ids=""))
    assert "example_ids" not in batch


def test_a_schema_decides_types_without_a_look_at_the_data(tmp_path):
    from tensorflow_metadata.proto.v0 import schema_pb2

    schema = schema_pb2.Schema()
    schema.feature.add(name="late", type=schema_pb2.INT)
    schema.feature.add(name="never", type=schema_pb2.FLOAT)
    write(tmp_path / "f", flights(10))
    source = Source(
        str(tmp_path / "f"), schema=schema.SerializeToString(), columns=("late", "never")
    )
    (batch,) = read_batches(source)
    assert str(batch["features"]["never"].type) == "large_list<item: float>"
    with pytest.raises(InputError, match="not a tensorflow_metadata Schema"):
        make_plan(Source(str(tmp_path / "f"), schema=b"\xff\xff"))


def test_records_that_do_not_parse_are_left_out_and_noted_with_their_offset(tmp_path):
    records = flights(50)
    records[20] = b"\xff\xff junk"
    write(tmp_path / "f", records)
    bad = BadRecords(limit=1)
    batches = list(read_batches(Source(str(tmp_path / "f"), columns=("row",)), bad=bad))
    assert columns(batches, "row") == [[row] for row in range(50) if row != 20]
    assert len(batches[0]["input"]) == len(batches[0]["example_ids"]) == 49
    offset = sum(len(record) + 16 for record in records[:20])
    assert (bad.count, bad.samples[0].offset, bad.samples[0].kind) == (1, offset, "unparsable")
    with pytest.raises(InputError, match=f"1 bad record, max_bad_records is 0.*\n.*at {offset}"):
        list(read_batches(Source(str(tmp_path / "f"))))


@pytest.mark.parametrize("wanted", [None, ("late",)])
def test_a_feature_that_changes_its_type_between_files_is_noted(tmp_path, wanted):
    write(tmp_path / "a", flights(5))
    write(tmp_path / "b", [*flights(5), example(late=0.5)])
    bad = BadRecords(limit=None)
    batches = list(read_batches(Source(str(tmp_path / "*"), columns=wanted), bad=bad))
    assert sum(map(rows_of, batches)) == 10
    assert bad.count == 1
    assert bad.samples[0].kind == "type"
    assert "late" in bad.samples[0].reason
    assert bad.samples[0].file.endswith("/b")


def test_text_columns_must_be_utf8(tmp_path):
    write(
        tmp_path / "f", [*flights(5), example(carrier=b"\xff\xfe", late=1, row=5), *flights(1, 6)]
    )
    bad = BadRecords(limit=1)
    source = Source(str(tmp_path / "f"), columns=("carrier", "row"), text_columns=("carrier",))
    batches = list(read_batches(source, bad=bad))
    assert columns(batches, "row") == [[0], [1], [2], [3], [4], [6]]
    assert bad.samples[0].kind == "utf8"
    assert "'carrier' is not UTF-8" in bad.samples[0].reason


def test_a_file_of_other_records_is_refused_before_anything_runs(tmp_path):
    (tmp_path / "f").write_bytes(tfrecord.frame(b"\xff\xff\xff") * 3)
    with pytest.raises(InputError, match=r"none of its first 3 records is a tf\.Example"):
        make_plan(Source(str(tmp_path / "f"), format="tfrecord"))


def test_large_records_close_a_batch_early(tmp_path):
    write(tmp_path / "f", [example(image=b"x" * 1000, row=row) for row in range(100)])
    batches = list(read_batches(Source(str(tmp_path / "f"), batch_bytes=10_000)))
    assert max(map(rows_of, batches)) <= 10
    assert columns(batches, "row") == [[row] for row in range(100)]


def test_limit_rows_stops_reading(tmp_path):
    write(tmp_path / "f", flights(100))
    batches = list(read_batches(Source(str(tmp_path / "f"), batch_rows=30), limit_rows=50))
    assert [rows_of(batch) for batch in batches] == [30, 20]
    assert len(batches[1]["input"]) == len(batches[1]["features"]["late"]) == 20


def test_sequence_examples_give_context_and_sequences_side_by_side(tmp_path):
    records = [
        sequence_example({"user": row}, {"clicks": [[1] * k for k in range(row)]})
        for row in range(4)
    ]
    write(tmp_path / "f", records)
    assert make_plan(Source(str(tmp_path / "f"))).source.format == "sequence_example"
    (batch,) = read_batches(Source(str(tmp_path / "f")))
    assert columns([batch], "user") == [[0], [1], [2], [3]]
    assert columns([batch], "clicks")[3] == [[], [1], [1, 1]] or columns([batch], "clicks")[3] == [
        None,
        [1],
        [1, 1],
    ]


def test_an_uncompressed_file_is_read_in_parts(tmp_path):
    write(tmp_path / "f", flights(2000))
    source = Source(str(tmp_path / "f"), shard_bytes=20_000, columns=("row",))
    plan = make_plan(source)
    assert len(plan.shards()) > 5
    assert columns(read_batches(plan), "row") == [[row] for row in range(2000)]


def test_an_empty_file_is_said(tmp_path):
    (tmp_path / "f.tfrecord").write_bytes(b"")
    with pytest.raises(InputError, match="empty"):
        make_plan(Source(str(tmp_path / "f.tfrecord")))
