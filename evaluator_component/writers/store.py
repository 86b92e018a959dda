"""Writes tables, verdict and config into a result folder. No Beam is needed for that.

Synopsis::

    write_results("out/", tables, eval_config=config, verdict=verdict, info=RunInfo.create(config))

Formats of the metrics: "tfrecord" (protos; what `load_eval_result` reads, and TensorFlow Model
Analysis too), "parquet" and "csv" (the tidy table), "json".
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
from google.protobuf.message import Message

from evaluator_component.errors import ConfigError, did_you_mean
from evaluator_component.metrics_table import MetricsTable, concatenate
from evaluator_component.writers.eval_run import eval_run_json
from evaluator_component.writers.folder import (
    ATTRIBUTIONS,
    EVAL_CONFIG_FILE,
    METRICS,
    PLOTS,
    VALIDATIONS,
    VERDICT_FILE,
    Folder,
    part_name,
    shard_name,
)
from evaluator_component.writers.judgements import judgements_of
from evaluator_component.writers.metric_protos import metrics_records
from evaluator_component.writers.metrics_json import metrics_json
from evaluator_component.writers.plot_protos import attributions_records, plots_records
from evaluator_component.writers.run_info import RunInfo, write_run_info
from evaluator_component.writers.tfrecord import write_records
from evaluator_component.writers.tidy import tidy_table
from evaluator_component.writers.verdict_protos import verdict_json, verdict_proto

__all__ = [
    "FORMATS",
    "check_formats",
    "clear_results",
    "gather",
    "run_name",
    "write_eval_config",
    "write_metrics",
    "write_plots",
    "write_results",
    "write_verdict",
]

#: Formats in which metrics can be written.
FORMATS = ("tfrecord", "parquet", "json", "csv")


def check_formats(formats: str | Iterable[str]) -> tuple[str, ...]:
    """Returns the formats as a tuple.

    Raises:
        ConfigError: one of them is unknown.
    """
    chosen = (formats,) if isinstance(formats, str) else tuple(formats)
    for name in chosen:
        if name not in FORMATS:
            raise ConfigError(f"writers: unknown format {name!r} {did_you_mean(name, FORMATS)}")
    return chosen


def clear_results(output_path: str) -> None:
    """Removes the files of an earlier evaluation from a folder; other files stay.

    Until `run.json` is written again, readers take the folder for half-written.
    """
    Folder(output_path).clear()


def run_name(output_path: str, name: str = "") -> str:
    """Returns the name of a run: its own, else that of its folder.

    Example:
        >>> run_name("/results/2024-05-01/")
        '2024-05-01'
    """
    return name or output_path.rstrip("/\\").replace("\\", "/").rpartition("/")[2]


def gather(tables: Iterable[MetricsTable]) -> list[MetricsTable]:
    """Returns one sorted table per dataset, by name; tables without slices are left out."""
    by_dataset: dict[str, list[MetricsTable]] = {}
    for table in tables:
        if len(table):
            by_dataset.setdefault(table.dataset, []).append(table)
    return [concatenate(by_dataset[dataset]).sorted() for dataset in sorted(by_dataset)]


def write_metrics(
    output_path: str,
    tables: Iterable[MetricsTable],
    *,
    formats: Iterable[str] = FORMATS,
    verdict: Any = None,
    name: str = "",
) -> list[str]:
    """Writes the numbers of all datasets and returns the paths of the files.

    Args:
        output_path: the result folder.
        tables: all tables, in any order.
        formats: see `FORMATS`.
        verdict: what thresholds said, for the tidy table.
        name: name of the run.
    """
    folder = Folder(output_path)
    sorted_tables = gather(tables)
    run = run_name(output_path, name)
    judgements = judgements_of(verdict) if verdict is not None else {}
    written = []
    formats = check_formats(formats)
    if "tfrecord" in formats:
        records = (
            record.SerializeToString(deterministic=True)
            for table in sorted_tables
            for record in metrics_records(table)
        )
        written.append(_write_records(folder, shard_name(METRICS), records))
    if "parquet" in formats or "csv" in formats:
        tidy = tidy_table(sorted_tables, run=run, judgements=judgements)
        for suffix, encode in (("parquet", _parquet), ("csv", _csv)):
            if suffix in formats:
                folder.write(f"metrics.{suffix}", encode(tidy))
                written.append(folder.join(f"metrics.{suffix}"))
    if "json" in formats:
        lines = metrics_json(sorted_tables, run=run, judgements=judgements)
        encoded = (line.encode("utf-8") for line in lines)
        written.append(_write_stream(folder, "metrics.json", lambda to: to.writelines(encoded)))
    folder.remove_other_shards(METRICS, [shard_name(METRICS)])
    return written


_RECORDS_OF: Mapping[str, Callable[[MetricsTable], Iterable[Message]]] = {
    PLOTS: plots_records,
    ATTRIBUTIONS: attributions_records,
}


def write_plots(
    output_path: str,
    tables: Iterable[MetricsTable],
    *,
    kinds: Iterable[str] = (PLOTS, ATTRIBUTIONS),
) -> list[str]:
    """Writes plots and attributions, a file of each, and returns the paths of the files.

    Args:
        output_path: the result folder.
        tables: the tables.
        kinds: what to write: "plots", "attributions" or both.
    """
    folder = Folder(output_path)
    written = []
    for kind, name in write_plot_parts(output_path, tables, kinds).items():
        written += folder.name_parts(kind, [name], "tfrecord")
    return written


def write_plot_parts(
    output_path: str, tables: Iterable[MetricsTable], kinds: Iterable[str]
) -> dict[str, str]:
    """Writes plots and attributions to files which get their names when all parts are there.

    Returns:
        The name of each file by kind, for `Folder.name_parts`.
    """
    folder = Folder(output_path)
    sorted_tables = gather(tables)
    names = {}
    for kind in kinds:
        records = (
            record.SerializeToString(deterministic=True)
            for table in sorted_tables
            for record in _RECORDS_OF[kind](table)
        )
        names[kind] = part_name(kind)
        _write_records(folder, names[kind], records)
    return names


def write_verdict(output_path: str, verdict: Any) -> list[str]:
    """Writes `validations.tfrecord` and `verdict.json` and returns their paths."""
    folder = Folder(output_path)
    proto = verdict_proto(verdict).SerializeToString(deterministic=True)
    written = [_write_records(folder, f"{VALIDATIONS}.tfrecord", [proto])]
    folder.write(VERDICT_FILE, verdict_json(verdict))
    return [*written, folder.join(VERDICT_FILE)]


def write_eval_config(
    output_path: str,
    eval_config: Message | None,
    *,
    data_location: str = "",
    file_format: str = "",
    model_locations: Mapping[str, str] | None = None,
    filename: str = EVAL_CONFIG_FILE,
) -> str:
    """Writes `eval_config.json` and returns its path.

    Args:
        output_path: the result folder.
        eval_config: the config, ours or TensorFlow Model Analysis'.
        data_location: where the data came from, for display.
        file_format: how they were stored, for display.
        model_locations: where the models came from, by model name.
        filename: name of the file.
    """
    folder = Folder(output_path)
    folder.write(filename, eval_run_json(eval_config, data_location, file_format, model_locations))
    return folder.join(filename)


def write_results(
    output_path: str,
    tables: Sequence[MetricsTable],
    *,
    eval_config: Message | None = None,
    verdict: Any = None,
    info: RunInfo | None = None,
    formats: Iterable[str] = FORMATS,
    plots: Iterable[MetricsTable] | None = None,
    data_location: str = "",
    file_format: str = "",
    disabled: Iterable[str] = (),
) -> list[str]:
    """Writes a whole result folder, `run.json` last, and returns the paths of the files.

    Files of an earlier evaluation are removed first.

    Args:
        output_path: the folder; it is made if need be.
        tables: metrics, one or several tables per dataset.
        eval_config: the config.
        verdict: the `Verdict`, if there is one.
        info: what the run was; without it, what can be told is.
        formats: of the metrics, see `FORMATS`.
        plots: tables with plots and attributions; None: those of `tables`.
        data_location: where the data came from, for display.
        file_format: how they were stored, for display.
        disabled: "eval_config", "metrics", "plots", "attributions", "validations": not written.
    """
    disabled = set(disabled)
    info = info or RunInfo.create(eval_config)
    clear_results(output_path)
    written = []
    if "eval_config" not in disabled:
        written.append(
            write_eval_config(
                output_path,
                eval_config,
                data_location=data_location,
                file_format=file_format,
                model_locations=info.models or None,
            )
        )
    if METRICS not in disabled:
        written += write_metrics(
            output_path, tables, formats=formats, verdict=verdict, name=info.name
        )
    kinds = [kind for kind in (PLOTS, ATTRIBUTIONS) if kind not in disabled]
    written += write_plots(output_path, tables if plots is None else plots, kinds=kinds)
    if verdict is not None and VALIDATIONS not in disabled:
        written += write_verdict(output_path, verdict)
    return [*written, write_run_info(output_path, info)]


def _write_records(folder: Folder, name: str, records: Iterable[bytes]) -> str:
    return _write_stream(folder, name, lambda stream: write_records(stream, records))


def _write_stream(folder: Folder, name: str, write: Callable[[Any], object]) -> str:
    with folder.writing(name) as stream:
        write(stream)
    return folder.join(name)


def _parquet(table: pa.Table) -> bytes:
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def _csv(table: pa.Table) -> bytes:
    import pyarrow.csv

    buffer = io.BytesIO()
    pyarrow.csv.write_csv(table, buffer)
    return buffer.getvalue()
