"""Finding files, and recognising what they are."""

from __future__ import annotations

import bz2
import gzip
import zlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evaluator_component.errors import ConfigError, InputError
from evaluator_component.inputs import Source, expand, tfrecord
from evaluator_component.inputs.detect import compression, detect

CSV = b"carrier,late\nUA,1\nAA,0\n"


def test_patterns_folders_and_lists_are_expanded_sorted_and_each_file_once(tmp_path):
    for name in ("b.csv", "a.csv", "_SUCCESS", ".hidden"):
        (tmp_path / name).write_bytes(CSV)
    both = [str(tmp_path / "a.csv"), str(tmp_path / "b.csv")]
    assert [file.path for file in expand(str(tmp_path))] == both
    assert [file.path for file in expand([str(tmp_path / "*.csv"), both[0]])] == both


def test_a_missing_file_names_the_nearest_one(tmp_path):
    (tmp_path / "flights.csv").write_bytes(CSV)
    with pytest.raises(InputError, match=r"did you mean 'flights\.csv'"):
        expand(str(tmp_path / "flight.csv"))
    with pytest.raises(InputError, match="no file matches"):
        expand(str(tmp_path / "nowhere" / "*.csv"))


def test_beam_file_systems_serve_whatever_has_a_scheme():
    with pytest.raises(InputError, match="nosuch"):
        expand("nosuch://bucket/file")


def test_the_format_is_found_by_content_whatever_the_name(tmp_path):
    table = pa.table({"late": [1, 0]})
    pq.write_table(table, tmp_path / "one")
    with pa.OSFile(str(tmp_path / "two"), "wb") as sink:
        with pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
    with pa.OSFile(str(tmp_path / "three"), "wb") as sink:
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    (tmp_path / "four").write_bytes(CSV)
    (tmp_path / "five").write_bytes(b'\n{"late": 1}\n')
    (tmp_path / "six").write_bytes(gzip.compress(tfrecord.frame(b"\n\0")))
    found = [
        detect(str(tmp_path / name)).format
        for name in ("one", "two", "three", "four", "five", "six")
    ]
    assert found == ["parquet", "arrow", "arrow", "csv", "jsonl", "tfrecord"]


@pytest.mark.parametrize(
    ("name", "squeeze"),
    [("none", bytes), ("gzip", gzip.compress), ("zlib", zlib.compress), ("bzip2", bz2.compress)],
)
def test_the_compression_is_found_by_content(tmp_path, name, squeeze):
    path = tmp_path / "rows.tfrecord"
    path.write_bytes(squeeze(b"".join(tfrecord.frame(b"x" * 376) for _ in range(10))))
    assert compression(str(path)) == name


def test_a_wrong_compression_is_refused_with_the_right_one(tmp_path):
    path = tmp_path / "rows.tfrecord.gz"
    path.write_bytes(tfrecord.frame(b"plain"))
    with pytest.raises(InputError, match=r"not gzip-compressed.*no compression"):
        compression(str(path), "gzip")
    assert detect(str(path)).compression == "none"


def test_an_unknown_format_says_what_the_file_begins_with(tmp_path):
    path = tmp_path / "what"
    path.write_bytes(b"\x00\x01\x02binary")
    with pytest.raises(InputError, match=r"cannot tell the format.*begins with"):
        detect(str(path))


def test_a_parquet_name_without_parquet_inside_is_said(tmp_path):
    path = tmp_path / "rows.parquet"
    path.write_bytes(b"not at all")
    with pytest.raises(InputError, match=r"named \.parquet but does not begin like one"):
        detect(str(path))


def test_mistyped_formats_and_kinds_of_ids_have_hints():
    with pytest.raises(ConfigError, match="did you mean 'parquet'"):
        Source("x", format="parket")
    with pytest.raises(ConfigError, match=r"source\.ids"):
        Source("x", ids="rows")


def test_commas_separate_patterns():
    assert Source("a, b").patterns == ("a", "b")
