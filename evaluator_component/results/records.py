"""Reads the files of a result folder, whichever program wrote it; tells what is wrong with it.

Vocabulary:
    record: one serialized proto, such as the metrics of one slice.
    ours: written by this package; then `run.json` makes it complete.
    foreign: written by TensorFlow Model Analysis.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from evaluator_component.errors import ResultError
from evaluator_component.protos import eval_config_pb2, validation_result_pb2
from evaluator_component.protos import metrics_for_slice_pb2 as pb
from evaluator_component.writers.eval_run import PROGRAM, parse_eval_run
from evaluator_component.writers.folder import (
    ATTRIBUTIONS,
    EVAL_CONFIG_FILE,
    METRICS,
    PLOTS,
    RUN_FILE,
    VALIDATIONS,
    Folder,
)
from evaluator_component.writers.run_info import RunInfo, read_run_info
from evaluator_component.writers.tfrecord import read_records

__all__ = [
    "check_folder",
    "load_attributions",
    "load_metrics",
    "load_plots",
    "load_validation_result",
    "read_config",
    "record_files",
]

_FORMATS = ("tfrecord", "parquet")
#: Column of TensorFlow Model Analysis' Parquet files that holds the records.
_SERIALIZED = "serialized_value"


def load_metrics(
    output_path: str, output_file_format: str | None = None
) -> Iterator[pb.MetricsForSlice]:
    """Yields the metrics of each slice as protos.

    Args:
        output_path: a result folder, or one file of it.
        output_file_format: "tfrecord" or "parquet"; whichever there is when not given.

    Raises:
        ResultError: it is no result folder, or a damaged or half-written one.
    """
    for record in _records(output_path, METRICS, output_file_format):
        yield pb.MetricsForSlice.FromString(record)


def load_plots(
    output_path: str, output_file_format: str | None = None
) -> Iterator[pb.PlotsForSlice]:
    """Yields the plots of each slice as protos; see `load_metrics`."""
    for record in _records(output_path, PLOTS, output_file_format):
        yield pb.PlotsForSlice.FromString(record)


def load_attributions(
    output_path: str, output_file_format: str | None = None
) -> Iterator[pb.AttributionsForSlice]:
    """Yields the attributions of each slice as protos; see `load_metrics`."""
    for record in _records(output_path, ATTRIBUTIONS, output_file_format):
        yield pb.AttributionsForSlice.FromString(record)


def load_validation_result(
    output_path: str, output_file_format: str | None = None
) -> validation_result_pb2.ValidationResult:
    """Returns the verdict as a proto.

    Args:
        output_path: a result folder, or the file.
        output_file_format: "tfrecord" or "parquet"; whichever there is when not given.

    Raises:
        ResultError: there is none, or it is damaged.
    """
    records = list(_records(output_path, VALIDATIONS, output_file_format))
    if len(records) != 1:
        what = "no verdict" if not records else f"{len(records)} verdicts in place of one"
        raise ResultError(f"{output_path}: {what} (was anything validated?)")
    return validation_result_pb2.ValidationResult.FromString(records[0])


def _records(path: str, kind: str, file_format: str | None) -> Iterator[bytes]:
    path = os.fspath(path)
    if os.path.isfile(path):
        folder = Folder(os.path.dirname(path) or ".")
        yield from _read(folder, os.path.basename(path))
        return
    folder = Folder(path)
    check_folder(folder)
    for name in record_files(folder, kind, file_format):
        yield from _read(folder, name)


def record_files(folder: Folder, kind: str, file_format: str | None = None) -> list[str]:
    """Returns the names of the files that hold one kind of records, sorted.

    Args:
        folder: a result folder.
        kind: "metrics", "plots", "attributions" or "validations".
        file_format: "tfrecord" or "parquet"; None or "": the first of them that there is.

    Raises:
        ResultError: a shard is missing, or the format is unknown.
    """
    if file_format and file_format not in _FORMATS:
        raise ResultError(f"unknown output_file_format {file_format!r} (have {_FORMATS})")
    names = folder.names()
    for suffix in (file_format,) if file_format else _FORMATS:
        # Early versions of TensorFlow Model Analysis wrote records to files without a suffix.
        ending = rf"(\.{suffix})" + ("?" if suffix == "tfrecord" else "")
        pattern = re.compile(rf"{kind}(-\d{{5}}-of-(?P<shards>\d{{5}}))?{ending}")
        found = [(name, match) for name in names if (match := pattern.fullmatch(name))]
        if suffix == "parquet":
            found = [pair for pair in found if _holds_records(folder, pair[0])]
        if found:
            _check_shards(folder, kind, [match["shards"] for _, match in found])
            return [name for name, _ in found]
    return []


def _check_shards(folder: Folder, kind: str, shards: list[str | None]) -> None:
    counts = {int(count) for count in shards if count}
    if counts and counts != {len(shards)}:
        expected = " or ".join(str(count) for count in sorted(counts))
        raise ResultError(
            f"{folder.path}: half-written: {len(shards)} of {expected} shards of {kind} are there"
        )


def _read(folder: Folder, name: str) -> Iterator[bytes]:
    content = folder.read(name)
    if not name.endswith(".parquet"):
        yield from read_records(content, folder.join(name))
        return
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(pa.BufferReader(content), columns=[_SERIALIZED])
    yield from table[_SERIALIZED].to_pylist()


def _holds_records(folder: Folder, name: str) -> bool:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(pa.BufferReader(folder.read(name)))
    except pa.ArrowInvalid as error:
        raise ResultError(f"{folder.join(name)}: damaged ({error})") from error
    return _SERIALIZED in schema.names


def check_folder(folder: Folder) -> RunInfo | None:
    """Checks that a folder holds results, completely; returns what the run was, where it is ours.

    Raises:
        ResultError: says in one line what is wrong.
    """
    names = [name for name in folder.names() if not name.endswith(".tmp")]
    if RUN_FILE in names:
        return read_run_info(folder.path)
    if not folder.exists():
        raise ResultError(f"{folder.path}: there is no such result folder")
    if not folder.names() and not _subfolders(folder):
        raise ResultError(f"{folder.path}: empty, no evaluation has been written here")
    if EVAL_CONFIG_FILE in names:
        content = folder.read(EVAL_CONFIG_FILE)
        run = parse_eval_run(content, folder.join(EVAL_CONFIG_FILE))
        if run.version.startswith(PROGRAM):
            raise _half_written(folder)
        return None
    kinds = (METRICS, PLOTS, ATTRIBUTIONS, VALIDATIONS)
    files = {kind: record_files(folder, kind) for kind in kinds}
    if not any(files.values()):
        if len(names) < len(folder.names()):
            raise _half_written(folder)
        raise ResultError(f"{folder.path}: no result folder {_what_is_there(folder, names)}")
    for name in files[METRICS][:1]:
        for record in _read(folder, name):
            if pb.MetricsForSlice.FromString(record).HasField("example_count"):
                raise _half_written(folder)
            break
    return None


def _half_written(folder: Folder) -> ResultError:
    return ResultError(
        f"{folder.path}: half-written ({RUN_FILE} is missing): the evaluation was interrupted, "
        "or is still running"
    )


def _subfolders(folder: Folder) -> list[str]:
    if folder.is_remote or not os.path.isdir(folder.path):
        return []
    return sorted(entry.name for entry in os.scandir(folder.path) if entry.is_dir())


def _what_is_there(folder: Folder, names: list[str]) -> str:
    """Says what a folder holds that is no result folder."""
    subfolders = _subfolders(folder)
    for name in subfolders:
        if {RUN_FILE, EVAL_CONFIG_FILE} & set(Folder(os.path.join(folder.path, name)).names()):
            return f"(did you mean its subfolder {name!r}?)"
    shown = [*names, *(f"{name}/" for name in subfolders)]
    rest = f" and {len(shown) - 5} more" if len(shown) > 5 else ""
    return f"(it has no {RUN_FILE}; found {', '.join(map(repr, shown[:5]))}{rest})"


def read_config(folder: Folder) -> eval_config_pb2.EvalRun:
    """Returns the content of `eval_config.json`; an empty one where there is none.

    Raises:
        ResultError: it is damaged.
    """
    if EVAL_CONFIG_FILE not in folder.names():
        return eval_config_pb2.EvalRun()
    return parse_eval_run(folder.read(EVAL_CONFIG_FILE), folder.join(EVAL_CONFIG_FILE))
