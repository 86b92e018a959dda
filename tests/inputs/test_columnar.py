"""Parquet, Arrow IPC, CSV and JSON lines -> batches of the same types, whatever the file."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evaluator_component.errors import InputError
from evaluator_component.inputs import BadRecords, Source, make_plan, read_batches, rows_of

ROWS = 1000


def table(rows: int = ROWS, start: int = 0) -> pa.Table:
    numbers = np.arange(start, start + rows)
    return pa.table(
        {
            "carrier": pa.array([["UA", "AA", None][row % 3] for row in numbers]),
            "delay": pa.array([None if row % 10 == 0 else row / 8 for row in numbers]),
            "row": pa.array(numbers),
        }
    )


def write(path, rows: pa.Table, form: str, squeeze=bytes) -> None:
    if form == "parquet":
        pq.write_table(rows, path, row_group_size=100)
    elif form == "arrow":
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, rows.schema) as writer:
            writer.write_table(rows, max_chunksize=100)
    elif form == "stream":
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, rows.schema) as writer:
            writer.write_table(rows, max_chunksize=100)
    elif form == "csv":
        lines = [",".join(rows.column_names)]
        lines += [
            ",".join("" if v is None else str(v) for v in row.values()) for row in rows.to_pylist()
        ]
        path.write_bytes(squeeze(("\n".join(lines) + "\n").encode()))
    else:
        path.write_bytes(
            squeeze("".join(json.dumps(row) + "\n" for row in rows.to_pylist()).encode())
        )


def read(pattern, bad=None, **options) -> dict[str, list]:
    batches = list(read_batches(Source(str(pattern), **options), bad=bad))
    names = list(batches[0]["features"])
    return {n: [v for batch in batches for v in batch["features"][n].to_pylist()] for n in names}


FORMS = ["parquet", "arrow", "stream", "csv", "jsonl"]


@pytest.mark.parametrize("form", FORMS)
def test_every_format_gives_the_same_rows_types_and_ids(tmp_path, form):
    write(tmp_path / "f", table(), form)
    assert read(tmp_path / "f", batch_rows=64) == table().to_pydict()
    batches = list(read_batches(Source(str(tmp_path / "f"), batch_rows=64)))
    assert max(map(rows_of, batches)) <= 64
    ids = np.concatenate([batch["example_ids"] for batch in batches])
    write(tmp_path / "p", table(), "parquet")
    other = np.concatenate(
        [batch["example_ids"] for batch in read_batches(Source(str(tmp_path / "p")))]
    )
    np.testing.assert_array_equal(ids, other)


@pytest.mark.parametrize("form", FORMS)
def test_files_are_read_in_parts_without_losing_or_repeating_a_row(tmp_path, form):
    write(tmp_path / "f", table(), form)
    plan = make_plan(Source(str(tmp_path / "f"), shard_bytes=1500))
    assert len(plan.shards()) > 3 or form == "stream"
    rows = [v for batch in read_batches(plan) for v in batch["features"]["row"].to_pylist()]
    assert rows == list(range(ROWS))


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.parametrize("size", [1, 7, 30, 31, 100, 999])
def test_lines_belong_to_exactly_one_part_wherever_it_is_cut(tmp_path, form, size):
    write(tmp_path / "f", table(40), form)
    rows = read(tmp_path / "f", shard_bytes=size, ids="")["row"]
    assert rows == list(range(40))


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_compressed_text_is_read(tmp_path, form):
    write(tmp_path / "f", table(), form, gzip.compress)
    assert read(tmp_path / "f")["row"] == list(range(ROWS))


@pytest.mark.parametrize("form", FORMS)
def test_only_the_wanted_columns_come_but_ids_look_at_all(tmp_path, form):
    write(tmp_path / "f", table(), form)
    source = Source(str(tmp_path / "f"), columns=("carrier",))
    batches = list(read_batches(source))
    assert list(batches[0]["features"]) == ["carrier"]
    ids = np.concatenate([batch["example_ids"] for batch in batches])
    assert len(np.unique(ids)) == ROWS
    few = Source(str(tmp_path / "f"), columns=("carrier",), id_columns=("carrier",))
    assert len(np.unique(np.concatenate([b["example_ids"] for b in read_batches(few)]))) == 3


def test_files_with_fewer_columns_or_other_widths_of_numbers_fit_together(tmp_path):
    write(tmp_path / "a", table(10), "parquet")
    other = table(10, 10)
    narrow = other.set_column(2, "row", other["row"].cast(pa.int32())).drop(["delay"])
    write(tmp_path / "b", narrow, "parquet")
    rows = read(tmp_path / "*")
    assert rows["row"] == list(range(20))
    assert rows["delay"][10:] == [None] * 10


@pytest.mark.parametrize("form", ["parquet", "arrow", "csv", "jsonl"])
def test_a_column_that_changes_its_type_between_files_is_noted_with_both_types(tmp_path, form):
    write(tmp_path / "a", table(10), form)
    other = table(10, 10)
    write(tmp_path / "b", other.set_column(2, "row", pa.array(["x"] * 10)), form)
    bad = BadRecords(limit=None)
    assert read(tmp_path / "*", bad=bad)["row"] == list(range(10))
    assert bad.count == 10
    assert bad.samples[0].file.endswith("/b")
    assert bad.samples[0].kind == "type"
    with pytest.raises(InputError, match="max_bad_records is 0"):
        read(tmp_path / "*")


def test_a_line_at_fault_is_found_and_named_with_its_place(tmp_path):
    lines = [b"a,b", *[b"%d,1" % row for row in range(100)]]
    lines[51] = b"50,notanumber"
    lines[61] = b"60,1,extra"
    lines[71] = b"70,\xff"
    (tmp_path / "a.csv").write_bytes(b"\n".join(lines[:10]) + b"\n")
    (tmp_path / "b.csv").write_bytes(b"\n".join(lines) + b"\n")
    bad = BadRecords(limit=None)
    rows = read(tmp_path / "*.csv", bad=bad)["a"]
    assert rows[9:] == [row for row in range(100) if row not in (50, 60, 70)]
    assert bad.count == 3
    assert bad.samples[0].offset == sum(len(line) + 1 for line in lines[:51])
    assert "50,notanumber" in bad.samples[0].reason


def test_a_broken_json_line_is_found(tmp_path):
    lines = [b'{"a": %d}' % row for row in range(50)]
    lines[20] = b'{"a": oops'
    (tmp_path / "f.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    bad = BadRecords(limit=1)
    assert len(read(tmp_path / "f.jsonl", bad=bad)["a"]) == 49
    assert bad.samples[0].kind == "unparsable"
    assert bad.samples[0].offset == sum(len(line) + 1 for line in lines[:20])


def test_lists_in_json_and_parquet_come_as_lists(tmp_path):
    rows = pa.table({"scores": [[0.25, 0.75], [0.5, 0.5]], "late": [1, 0]})
    for form in ("jsonl", "parquet"):
        write(tmp_path / form, rows, form)
        assert read(tmp_path / form)["scores"] == [[0.25, 0.75], [0.5, 0.5]]


def test_missing_csv_fields_are_null_and_na_is_text_in_text_columns(tmp_path):
    (tmp_path / "f.csv").write_text("country,delay\nNA,1.5\n,NA\nDE,\n")
    assert read(tmp_path / "f.csv") == {"country": ["NA", None, "DE"], "delay": [1.5, None, None]}


def test_quoted_line_breaks_need_and_get_their_option(tmp_path):
    (tmp_path / "f.csv").write_text('a,b\n"one\ntwo",1\nthree,2\n')
    rows = read(tmp_path / "f.csv", newlines_in_values=True, shard_bytes=4)
    assert rows == {"a": ["one\ntwo", "three"], "b": [1, 2]}


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path):
    (tmp_path / "f.csv").write_bytes(b"\xef\xbb\xbfa,b\r\n1,x\r\n2,y\r\n")
    assert read(tmp_path / "f.csv") == {"a": [1, 2], "b": ["x", "y"]}


def test_files_may_have_their_columns_in_another_order(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n1,x\n")
    (tmp_path / "b.csv").write_text("b,a\ny,2\n")
    assert read(tmp_path / "*.csv") == {"a": [1, 2], "b": ["x", "y"]}


def test_a_schema_decides_the_types_of_text_files(tmp_path):
    from tensorflow_metadata.proto.v0 import schema_pb2

    schema = schema_pb2.Schema()
    schema.feature.add(name="zip", type=schema_pb2.BYTES)
    schema.feature.add(name="late", type=schema_pb2.FLOAT)
    (tmp_path / "f.csv").write_text("zip,late\n01234,1\n")
    assert read(tmp_path / "f.csv", schema=schema.SerializeToString()) == {
        "zip": ["01234"],
        "late": [1.0],
    }


def test_dictionary_columns_are_decoded_and_numpy_int_and_float_have_the_same_ids(tmp_path):
    coded = pa.table({"c": pa.array(["a", "b"]).dictionary_encode(), "n": [1, 2]})
    plain = pa.table({"n": [1.0, 2.0], "c": ["a", "b"]})
    ids = []
    for name, rows in (("coded", coded), ("plain", plain)):
        write(tmp_path / name, rows, "parquet")
        (batch,) = read_batches(Source(str(tmp_path / name)))
        assert batch["features"]["c"].to_pylist() == ["a", "b"]
        ids.append(batch["example_ids"])
    np.testing.assert_array_equal(*ids)


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_a_damaged_file_of_columns_is_an_input_error(tmp_path, form):
    write(tmp_path / "f", table(), form)
    data = bytearray((tmp_path / "f").read_bytes())
    (tmp_path / "f").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match="cannot"):
        read(tmp_path / "f")


def test_a_compressed_csv_that_breaks_off_is_noted(tmp_path):
    write(tmp_path / "f", table(), "csv", gzip.compress)
    data = (tmp_path / "f").read_bytes()
    (tmp_path / "f").write_bytes(data[: len(data) // 2])
    bad = BadRecords(limit=None)
    list(read_batches(Source(str(tmp_path / "f"), format="csv"), bad=bad))
    assert bad.samples[0].kind == "truncated"


def test_a_header_alone_is_said(tmp_path):
    (tmp_path / "f.csv").write_text("a,b\n")
    with pytest.raises(InputError, match="no rows"):
        read(tmp_path / "f.csv")
