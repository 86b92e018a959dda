"""Loads result folders.

Synopsis::

    result = load_eval_result("out/")
    verdict = load_verdict("out/")
    results = load_eval_results(["monday/", "tuesday/"])

Folders that TensorFlow Model Analysis wrote can be loaded, too. They do not tell the number of
examples of a slice unless it is among the metrics; it is then -1.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluator_component.errors import ResultError
from evaluator_component.metrics_table import MetricsTable
from evaluator_component.protos import metrics_for_slice_pb2 as pb
from evaluator_component.results.eval_result import (
    MODEL_CENTRIC_MODE,
    EvalResult,
    EvalResults,
)
from evaluator_component.results.records import (
    check_folder,
    load_attributions,
    load_metrics,
    load_plots,
    load_validation_result,
    read_config,
    record_files,
)
from evaluator_component.writers.eval_run import config_from_dict
from evaluator_component.writers.folder import (
    METRICS,
    PLOTS,
    VALIDATIONS,
    Folder,
)
from evaluator_component.writers.key_protos import record_slice_key
from evaluator_component.writers.metric_protos import UNKNOWN_COUNT, metrics_tables
from evaluator_component.writers.plot_protos import LazyPlots, attributions_of

if TYPE_CHECKING:
    from evaluator_component.validation.verdict import Verdict

__all__ = ["load_eval_result", "load_eval_results", "load_verdict", "make_eval_results"]


def load_eval_result(
    output_path: str | os.PathLike[str],
    output_file_format: str | None = None,
    model_name: str | None = None,
) -> EvalResult:
    """Loads the result of one evaluation.

    Args:
        output_path: the result folder.
        output_file_format: "tfrecord" or "parquet" (TensorFlow Model Analysis' own); whichever
            there is when not given.
        model_name: the model that `slicing_metrics` and the like are to be about.

    Raises:
        ResultError: it is no result folder, or a damaged, half-written or later one; or it has no
            such model.
    """
    path = os.fspath(output_path)
    folder = Folder(path)
    info = check_folder(folder)
    run = read_config(folder)
    tables = _load_tables(folder, output_file_format)
    config = run.eval_config
    if info is not None and info.eval_config:
        config = config_from_dict(info.eval_config)
    return EvalResult(
        tables=tables,
        config=config,
        run=info,
        verdict=_verdict_in(folder),
        path=path,
        model_name=model_name,
        data_location=run.data_location,
        file_format=run.file_format,
        model_locations=dict(run.model_locations),
    )


def _verdict_in(folder: Folder) -> Verdict | None:
    return load_verdict(folder.path) if record_files(folder, VALIDATIONS) else None


def load_verdict(
    output_path: str | os.PathLike[str], output_file_format: str | None = None
) -> Verdict:
    """Loads the verdict of an evaluation.

    Args:
        output_path: the result folder.
        output_file_format: "tfrecord" or "parquet"; whichever there is when not given.

    Raises:
        ResultError: there is none, or the folder cannot be used.
    """
    from evaluator_component.writers.verdict_protos import verdict_of

    return verdict_of(load_validation_result(os.fspath(output_path), output_file_format))


def load_eval_results(
    output_paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    output_file_format: str | None = None,
    mode: str = MODEL_CENTRIC_MODE,
    model_name: str | None = None,
) -> EvalResults:
    """Loads the results of several evaluations.

    Args:
        output_paths: one or several result folders.
        output_file_format: see `load_eval_result`.
        mode: "model_centric_mode" or "data_centric_mode".
        model_name: the model to select; without it, there is one result per model of each folder.

    Raises:
        ResultError: a folder cannot be used, or the mode is unknown.
    """
    if isinstance(output_paths, (str, os.PathLike)):
        output_paths = [output_paths]
    results = []
    for path in output_paths:
        result = load_eval_result(path, output_file_format)
        names: list[str | None] = [*result.model_names] if model_name is None else [model_name]
        results += [replace(result, model_name=name) for name in names or [None]]
    return EvalResults(results, mode)


def make_eval_results(results: Sequence[EvalResult], mode: str = MODEL_CENTRIC_MODE) -> EvalResults:
    """Puts results side by side.

    Raises:
        ResultError: the mode is unknown.
    """
    return EvalResults(list(results), mode)


def _load_tables(folder: Folder, file_format: str | None) -> list[MetricsTable]:
    path = folder.path
    if not record_files(folder, METRICS, file_format):
        other = [name for name in folder.names() if name.startswith("metrics")]
        if other:
            wanted = f" as {file_format}" if file_format else ""
            raise ResultError(
                f"{path}: metrics cannot be loaded{wanted} from {', '.join(other)}: "
                "they were written without the format 'tfrecord'"
            )
    tables = metrics_tables(load_metrics(path, file_format))
    attributions = list(load_attributions(path, file_format))
    if not record_files(folder, PLOTS, file_format) and not attributions:
        return tables
    read_plots = functools.cache(lambda: list(load_plots(path, file_format)))
    if not tables:
        tables = _empty_tables([*read_plots(), *attributions])
    return [
        replace(
            table,
            plots=LazyPlots(_of_dataset(read_plots, table.dataset), table.row_of),
            attributions=attributions_of(
                (record for record in attributions if record.dataset == table.dataset),
                table.row_of,
            ),
        )
        for table in tables
    ]


def _of_dataset(
    read: Callable[[], Iterable[pb.PlotsForSlice]], dataset: str
) -> Callable[[], Iterable[pb.PlotsForSlice]]:
    return lambda: [record for record in read() if record.dataset == dataset]


def _empty_tables(records: Sequence[Any]) -> list[MetricsTable]:
    """Returns tables without metrics for records of plots and attributions."""
    slices: dict[str, dict[Any, None]] = {}
    for record in records:
        slices.setdefault(record.dataset, {})[record_slice_key(record)] = None
    return [
        MetricsTable(
            slices=tuple(keys),
            examples=np.full(len(keys), UNKNOWN_COUNT),
            weights=np.full(len(keys), np.nan),
            dataset=dataset,
        )
        for dataset, keys in slices.items()
    ]
