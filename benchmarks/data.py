"""Flights of 2013 from New York as TFRecords of tf.Example, in several sizes.

All 336,776 scheduled flights in one fixed random order; smaller sizes are the first of them, the
largest is six noisy copies. Eight features: three categories, three integers, the departure delay
(absent where the flight was cancelled), and the label `late`.

Synopsis::

    pattern = records("20k")     # "benchmarks/data/flights-20k/part-*.tfrecord.gz", made if needed
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.flights.data import source_folder

__all__ = ["CATEGORIES", "DATA", "INTEGERS", "LABEL", "SIZES", "frame", "records"]

DATA = Path(__file__).parent / "data"
SIZES = {
    "100": 100,
    "2k": 2_000,
    "5k": 5_000,
    "8k": 8_000,
    "20k": 20_000,
    "100k": 100_000,
    "336k": 336_776,
    "2m": 6 * 336_776,
}
CATEGORIES = ("carrier", "origin", "dest")
INTEGERS = ("month", "hour", "distance")
LABEL = "late"
_COPIES = 6


def frame() -> Any:
    """Returns all flights as a DataFrame, in the order in which they are written."""
    import pandas as pd

    rows = pd.read_csv(source_folder() / "flights.csv.zip")
    rows[LABEL] = (rows["arr_delay"] > 15).astype("int64")
    columns = [*CATEGORIES, *INTEGERS, "dep_delay", LABEL]
    return rows[columns].sample(frac=1.0, random_state=13).reset_index(drop=True)


def records(size: str) -> str:
    """Returns the pattern of the files that hold a size; writes them if they are not there."""
    folder = DATA / f"flights-{size}"
    if not folder.exists():
        print(f"writing {SIZES[size]:,} flights to {folder} ...", flush=True)
        partial = folder.with_name(f".{folder.name}")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        _write(_rows(size), partial, files=8 if size == "2m" else 4)
        partial.rename(folder)
    return str(folder / "part-*.tfrecord.gz")


def _rows(size: str) -> Any:
    import pandas as pd

    rows = frame()
    if SIZES[size] <= len(rows):
        return rows[: SIZES[size]]
    return pd.concat([_noisy(rows, seed) for seed in range(_COPIES)], ignore_index=True)


def _noisy(rows: Any, seed: int) -> Any:
    """Returns the flights with other delays and distances, and one label in a hundred flipped."""
    random = np.random.default_rng(seed)
    rows = rows.copy()
    rows["dep_delay"] = (rows["dep_delay"] + random.normal(0, 4, len(rows))).round(1)
    rows["distance"] = (rows["distance"] * random.normal(1, 0.01, len(rows))).astype("int64")
    rows[LABEL] ^= random.random(len(rows)) < 0.01
    return rows


def _write(rows: Any, folder: Path, files: int) -> None:
    """Deals the rows out to files, one after the other."""
    import pyarrow as pa
    import tensorflow as tf
    from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

    encoder = RecordBatchToExamplesEncoder()
    options = tf.io.TFRecordOptions(compression_type="GZIP")
    for number in range(files):
        part = rows[number::files]
        columns = {
            **{name: pa.array(part[name], pa.string()).cast(pa.binary()) for name in CATEGORIES},
            **{name: pa.array(part[name], pa.int64()) for name in (*INTEGERS, LABEL)},
            "dep_delay": pa.array(part["dep_delay"], pa.float32(), from_pandas=True),
        }
        batch = pa.record_batch([_lists(c) for c in columns.values()], names=list(columns))
        path = folder / f"part-{number:05d}-of-{files:05d}.tfrecord.gz"
        with tf.io.TFRecordWriter(str(path), options) as writer:
            for record in encoder.encode(batch):
                writer.write(record)


def _lists(column: Any) -> Any:
    """Returns a column as lists of one value; a null list, so no feature, where it has none."""
    import pyarrow as pa

    present = column.is_valid().to_numpy(zero_copy_only=False)
    offsets = np.concatenate(([0], np.cumsum(present))).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), column.drop_null(), mask=pa.array(~present))
