"""TFRecord framing against TensorFlow's own reader and writer, and against damage of every kind."""

from __future__ import annotations

import gzip
import io
import struct

import numpy as np
import pytest

from evaluator_component.errors import InputError
from evaluator_component.inputs import BadRecords, tfrecord

RECORDS = [bytes([65 + i % 26]) * (i * 7 % 300) for i in range(500)]


def framed(records=RECORDS) -> bytes:
    return b"".join(tfrecord.frame(record) for record in records)


def read(data: bytes, compression: str = "none", limit: int | None = 0, **part):
    bad = BadRecords(limit=limit)
    found, offsets = [], []
    for records in tfrecord.read_records(io.BytesIO(data), "f", compression, bad, **part):
        found += records.data
        offsets += records.offsets.tolist()
        assert len(records.checksums) == len(records.data)
    return found, offsets, bad


def test_whole_files_come_back_record_by_record_with_their_offsets():
    found, offsets, bad = read(framed())
    assert found == RECORDS
    assert bad.count == 0
    assert offsets == np.cumsum([0] + [len(record) + 16 for record in RECORDS[:-1]]).tolist()


def test_gzip_of_several_members_and_zero_padding_is_read():
    data = gzip.compress(framed(RECORDS[:200])) + gzip.compress(framed(RECORDS[200:])) + b"\0" * 7
    assert read(data, "gzip")[0] == RECORDS


def test_a_record_larger_than_a_block_is_read():
    big = np.random.default_rng(0).bytes(9 << 20)
    found, _, _ = read(framed([b"small", big, b"last"]))
    assert found == [b"small", big, b"last"]


@pytest.mark.parametrize("parts", [1, 2, 3, 8, 61])
def test_parts_of_a_file_hold_every_record_exactly_once(parts):
    data = framed()
    edges = [len(data) * part // parts for part in range(parts + 1)]
    found = []
    for start, end in zip(edges[:-1], [*edges[1:-1], None], strict=True):
        found += read(data, start=start, end=end)[0]
    assert found == RECORDS


def test_a_tfrecord_inside_a_record_makes_parts_impossible_and_is_said():
    inner = framed([b"x" * 40, b"y" * 40, b"z" * 40])
    data = framed([b"first" * 20, inner, b"last"])
    start = data.index(inner)
    with pytest.raises(InputError, match="shard_bytes=0"):
        read(data, start=0, end=start + 5)


def test_damaged_data_costs_that_record_only():
    data = bytearray(framed())
    _, offsets, _ = read(bytes(data))
    place = offsets[100] + 12
    data[place] ^= 1
    found, _, bad = read(bytes(data), limit=None)
    assert found == RECORDS[:100] + RECORDS[101:]
    assert (bad.count, bad.samples[0].offset, bad.samples[0].kind) == (1, offsets[100], "corrupt")


def test_a_damaged_length_is_skipped_to_the_next_intact_record():
    data = bytearray(framed())
    _, offsets, _ = read(bytes(data))
    data[offsets[50]] ^= 0xFF
    found, _, bad = read(bytes(data), limit=None)
    assert found == RECORDS[:50] + RECORDS[51:]
    assert bad.count == 1
    assert f"bytes up to {offsets[51]} were skipped" in str(bad.samples[0])


@pytest.mark.parametrize("cut", [1, 3, 5, 13, 20])
def test_a_truncated_file_gives_what_is_whole_and_one_note(cut):
    found, _, bad = read(framed()[:-cut], limit=None)
    assert found == RECORDS[:-1]
    assert bad.count == 1
    assert bad.samples[0].kind == "truncated"


def test_truncated_and_damaged_gzip_give_what_came_before():
    data = gzip.compress(framed())
    found, _, bad = read(data[: len(data) // 2], "gzip", limit=None)
    assert found == RECORDS[: len(found)]
    assert bad.samples[0].kind == "truncated"
    broken = bytearray(data)
    broken[len(data) // 2] ^= 0xFF
    found, _, bad = read(bytes(broken), "gzip", limit=None)
    assert found == RECORDS[: len(found)]
    assert bad.count >= 1


def test_the_limit_stops_with_the_first_places_named():
    data = bytearray(framed())
    _, offsets, _ = read(bytes(data))
    for row in (3, 4, 5):
        data[offsets[row] + 12] ^= 1
    with pytest.raises(InputError) as raised:
        read(bytes(data), limit=2)
    message = str(raised.value)
    assert "3 bad records, max_bad_records is 2" in message
    assert f"f at {offsets[3]}" in message


def test_something_else_than_a_tfrecord_is_refused_whatever_the_limit():
    with pytest.raises(InputError, match="not a TFRecord file"):
        read(b"carrier,origin\nUA,JFK\n" * 10, limit=None)


def test_find_record_wants_the_data_to_match_too():
    data = struct.pack("<Q", 5)
    fake = tfrecord.frame(b"right")[:12] + b"wrong" + tfrecord.frame(b"right")[-4:]
    assert tfrecord.find_record(data + fake + tfrecord.frame(b"next")) == len(data + fake)


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_whatever_is_damaged_only_whole_records_come_out_and_nothing_crashes(compression):
    random = np.random.default_rng(7)
    data = framed(RECORDS[:60])
    data = gzip.compress(data) if compression == "gzip" else data
    for _ in range(150):
        broken = bytearray(data)
        for place in random.integers(0, len(data), random.integers(1, 4)):
            broken[place] = random.integers(256)
        if random.random() < 0.3:
            broken = broken[: random.integers(len(broken))]
        try:
            found, offsets, bad = read(bytes(broken), compression, limit=None)
        except InputError:
            continue
        assert set(found) <= set(RECORDS[:60])
        assert len(found) == 60 or bad.count
        assert offsets == sorted(offsets)


@pytest.mark.slow
def test_tensorflow_reads_what_we_frame_and_we_read_what_it_writes(tmp_path):
    import tensorflow as tf

    ours = tmp_path / "ours"
    ours.write_bytes(framed())
    assert [bytes(r.numpy()) for r in tf.data.TFRecordDataset(str(ours))] == RECORDS
    for kind, name in (("", "none"), ("GZIP", "gzip"), ("ZLIB", "zlib")):
        path = str(tmp_path / f"theirs{kind}")
        with tf.io.TFRecordWriter(path, kind) as writer:
            for record in RECORDS:
                writer.write(record)
        with open(path, "rb") as stream:
            assert read(stream.read(), name)[0] == RECORDS
