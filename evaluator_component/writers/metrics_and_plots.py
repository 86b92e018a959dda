"""MetricsAndPlotsWriter: metrics, plots, attributions and the verdict into a result folder.

::

    metrics ---------------------------> one worker: sorted, all formats, judged by the verdict
    plots (and metrics that hold them) -> the worker that computed them: a file for each table
    validations -----------------------> verdict.json, validations.tfrecord

`run.json`, which makes the folder complete, is written by `WriteRunInfo` after all writers, or by
`run_info.write_run_info` after the pipeline.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import apache_beam as beam

from evaluator_component.errors import ConfigError, did_you_mean
from evaluator_component.evaluators.base import METRICS_KEY, PLOTS_KEY, VALIDATIONS_KEY
from evaluator_component.metrics_table import MetricsTable
from evaluator_component.writers import store
from evaluator_component.writers.base import Writer, pipeline_of
from evaluator_component.writers.folder import (
    ATTRIBUTIONS,
    METRICS,
    PLOTS,
    RUN_FILE,
    VALIDATIONS,
    Folder,
)
from evaluator_component.writers.run_info import RunInfo, write_run_info

__all__ = [
    "METRICS_AND_PLOTS_WRITER_STAGE_NAME",
    "MetricsAndPlotsWriter",
    "MetricsPlotsAndValidationsWriter",
    "WriteMetricsAndPlots",
    "WriteRunInfo",
]

METRICS_AND_PLOTS_WRITER_STAGE_NAME = "WriteMetricsAndPlots"


def MetricsAndPlotsWriter(
    output_path: str,
    eval_config: Any = None,
    formats: str | Iterable[str] = store.FORMATS,
    *,
    name: str = "",
    stage_name: str = METRICS_AND_PLOTS_WRITER_STAGE_NAME,
) -> Writer:
    """Makes the writer of metrics, plots, attributions and the verdict.

    Args:
        output_path: the result folder, local or remote.
        eval_config: what its `options.disabled_outputs` names is not written.
        formats: of the metrics: "tfrecord", "parquet", "json", "csv". Results are read back from
            "tfrecord".
        name: name of the run in tables and time series; the folder's name when empty.
        stage_name: names the writer in the pipeline graph.

    Raises:
        ConfigError: a format is unknown.
    """
    disabled: tuple[str, ...] = ()
    if eval_config is not None:
        disabled = tuple(eval_config.options.disabled_outputs.values)
    transform = WriteMetricsAndPlots(
        os.fspath(output_path), store.check_formats(formats), name, disabled
    )
    return Writer(stage_name, transform)


def MetricsPlotsAndValidationsWriter(
    output_paths: Mapping[str, str],
    eval_config: Any,
    output_file_format: str = "tfrecord",
    stage_name: str = "WriteMetricsAndPlots",
    **ignored: Any,
) -> Writer:
    """Makes the same writer from the arguments of TensorFlow Model Analysis' writer.

    Args:
        output_paths: path prefixes by output key: "metrics", "plots", "attributions",
            "validations"; all in one folder and called by their key.
        eval_config: the config.
        output_file_format: "tfrecord" (the default); other formats are written beside it.
        stage_name: names the writer in the pipeline graph.
        **ignored: arguments that have no meaning here.

    Raises:
        ConfigError: the paths are not those of one folder.
    """
    known = (METRICS, PLOTS, ATTRIBUTIONS, VALIDATIONS)
    folders = set()
    for key, prefix in output_paths.items():
        folder, _, base = prefix.rpartition("/")
        if key not in known:
            raise ConfigError(f"output_paths: unknown key {key!r} {did_you_mean(key, known)}")
        if base != key:
            raise ConfigError(f"output_paths[{key!r}]: must end in '/{key}', got {prefix!r}")
        folders.add(folder)
    if len(folders) != 1:
        raise ConfigError(f"output_paths: must lie in one folder, got {sorted(folders)}")
    formats = dict.fromkeys(("tfrecord", *store.check_formats(output_file_format or "tfrecord")))
    transform = WriteMetricsAndPlots(
        folders.pop(), tuple(formats), "", tuple(key for key in known if key not in output_paths)
    )
    return Writer(stage_name, transform)


class WriteMetricsAndPlots(beam.PTransform):  # type: ignore[misc]
    """Evaluation -> PCollection of the paths written."""

    def __init__(
        self,
        output_path: str,
        formats: tuple[str, ...] = store.FORMATS,
        name: str = "",
        disabled: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        self._path = output_path
        self._formats = formats
        self._name = name
        self._disabled = disabled

    def expand(self, evaluation: Mapping[str, beam.PCollection]) -> beam.PCollection:
        """Builds the graph."""
        once = pipeline_of(evaluation) | "Once" >> beam.Impulse()
        verdicts = evaluation.get(VALIDATIONS_KEY)
        written = []
        if METRICS_KEY in evaluation and METRICS not in self._disabled:
            judged: Any = beam.pvalue.AsList(verdicts) if verdicts is not None else []
            written.append(
                once
                | "Metrics"
                >> beam.FlatMap(
                    _write_metrics,
                    beam.pvalue.AsList(evaluation[METRICS_KEY]),
                    judged,
                    self._path,
                    self._formats,
                    self._name,
                )
            )
        kinds = tuple(kind for kind in (PLOTS, ATTRIBUTIONS) if kind not in self._disabled)
        sources = {key: evaluation[key] for key in (METRICS_KEY, PLOTS_KEY) if key in evaluation}
        if sources and kinds:
            written.append(sources | "Plots" >> _WritePlots(self._path, kinds))
        if verdicts is not None and VALIDATIONS not in self._disabled:
            verdict_paths = verdicts | "Verdict" >> beam.FlatMap(_write_verdict, self._path)
            written.append(verdict_paths)
        if not written:
            return once | "Nothing" >> beam.FlatMap(lambda _: ())
        return written | "Paths" >> beam.Flatten()


class _WritePlots(beam.PTransform):  # type: ignore[misc]
    """Tables with plots -> files: plots are large, so they are written where they are computed."""

    def __init__(self, output_path: str, kinds: tuple[str, ...]) -> None:
        super().__init__()
        self._arguments = (output_path, kinds)

    def expand(self, sources: Mapping[str, beam.PCollection]) -> beam.PCollection:
        """Builds the graph: temporary files first, which get their names when all are there."""
        parts = [
            tables | f"Parts[{key}]" >> beam.FlatMap(_write_parts, *self._arguments)
            for key, tables in sources.items()
        ]
        return (
            parts[0].pipeline
            | "Once" >> beam.Impulse()
            | "Name"
            >> beam.FlatMap(_name_parts, *map(beam.pvalue.AsList, parts), arguments=self._arguments)
        )


def _without_plots(table: MetricsTable) -> MetricsTable:
    """Drops what the numbers' files do not hold."""
    columns = {key: replace(column, replicates=None) for key, column in table.columns.items()}
    return replace(table, columns=columns, plots={}, attributions={})


def _write_parts(
    table: MetricsTable, path: str, kinds: tuple[str, ...]
) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yields (dataset, first slice, names of the files): what the files are ordered by."""
    if table.plots or table.attributions:
        _reopen(path)
        table = replace(table, columns={})
        first = str(table.slices[0]) if len(table) else ""
        yield table.dataset, first, store.write_plot_parts(path, [table], kinds)


def _name_parts(
    _: bytes, *parts: Iterable[Any], arguments: tuple[str, tuple[str, ...]]
) -> Iterator[str]:
    path, kinds = arguments
    ordered = sorted(itertools.chain(*parts), key=lambda part: part[:2])
    if not ordered:
        yield from store.write_plots(path, [], kinds=kinds)
    for kind in kinds if ordered else ():
        names = [names[kind] for _, _, names in ordered]
        yield from Folder(path).name_parts(kind, names, "tfrecord")


def _write_metrics(
    _: bytes,
    tables: list[MetricsTable],
    verdicts: list[Any],
    path: str,
    formats: tuple[str, ...],
    name: str,
) -> list[str]:
    _reopen(path)
    verdict = verdicts[0] if verdicts else None
    numbers = [_without_plots(table) for table in tables]
    return store.write_metrics(path, numbers, formats=formats, verdict=verdict, name=name)


def _write_verdict(verdict: Any, path: str) -> list[str]:
    _reopen(path)
    return store.write_verdict(path, verdict)


def _reopen(path: str) -> None:
    """Marks the folder as half-written, if it holds the results of an earlier evaluation."""
    Folder(path).remove(RUN_FILE)


class WriteRunInfo(beam.PTransform):  # type: ignore[misc]
    """A tuple of PCollections of paths -> `run.json`, written when all of them are there."""

    def __init__(self, output_path: str, info: RunInfo) -> None:
        """Makes the transform.

        Args:
            output_path: the result folder.
            info: what the run was.
        """
        super().__init__()
        self._path = os.fspath(output_path)
        self._info = info

    def expand(self, written: tuple[beam.PCollection, ...]) -> beam.PCollection:
        """Builds the graph."""
        return (
            written[0].pipeline
            | "Once" >> beam.Impulse()
            | "Write"
            >> beam.Map(
                _write_run_info,
                self._path,
                self._info,
                *(beam.pvalue.AsIter(collection) for collection in written),
            )
        )


def _write_run_info(_: bytes, path: str, info: RunInfo, *written: Iterable[str]) -> str:
    return write_run_info(path, info)
