"""TensorBoardWriter: final metrics and plots beside the training curves.

Every slice is a run of its own in TensorBoard (`overall`, `carrier=UA`, ...), so that slices can
be switched on and off. Numbers are scalars; confusion matrices over thresholds are PR curves;
calibration plots are histograms of the predictions; the verdict is a text. The step is the model's
version, so that versions line up when they are written to one folder.

TensorFlow is not needed, the `tensorboard` package is.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt

from evaluator_component.evaluators.base import METRICS_KEY, PLOTS_KEY, VALIDATIONS_KEY
from evaluator_component.keys import MetricKey, slice_name
from evaluator_component.metrics_table import MetricsTable
from evaluator_component.writers.base import Writer, pipeline_of
from evaluator_component.writers.folder import Folder
from evaluator_component.writers.store import gather
from evaluator_component.writers.tfrecord import write_records

__all__ = ["TENSORBOARD_WRITER_STAGE_NAME", "TensorBoardWriter", "write_tensorboard"]

Array = npt.NDArray[Any]

TENSORBOARD_WRITER_STAGE_NAME = "WriteTensorBoard"

#: Points of a PR curve; TensorBoard draws each, and its plugin expects about this many.
_POINTS = 201
_BINS = 30


def TensorBoardWriter(
    log_dir: str,
    *,
    step: int = 0,
    max_slices: int = 50,
    stage_name: str = TENSORBOARD_WRITER_STAGE_NAME,
) -> Writer:
    """Makes the writer of TensorBoard summaries.

    Args:
        log_dir: the folder that TensorBoard looks at; best one of its own beside those of training.
        step: version of the model.
        max_slices: slices written: the overall slice and the largest others.
        stage_name: names the writer in the pipeline graph.
    """
    return Writer(stage_name, _WriteSummaries(os.fspath(log_dir), step, max_slices))


class _WriteSummaries(beam.PTransform):  # type: ignore[misc]
    def __init__(self, log_dir: str, step: int, max_slices: int) -> None:
        super().__init__()
        self._arguments = (log_dir, step, max_slices)

    def expand(self, evaluation: Mapping[str, beam.PCollection]) -> beam.PCollection:
        """Builds the graph."""

        def side(key: str) -> Any:
            return beam.pvalue.AsList(evaluation[key]) if key in evaluation else []

        return (
            pipeline_of(evaluation)
            | "Once" >> beam.Impulse()
            | "Write"
            >> beam.FlatMap(
                _write, side(METRICS_KEY), side(PLOTS_KEY), side(VALIDATIONS_KEY), *self._arguments
            )
        )


def _write(
    _: bytes,
    tables: list[MetricsTable],
    plots: list[MetricsTable],
    verdicts: list[Any],
    log_dir: str,
    step: int,
    max_slices: int,
) -> list[str]:
    verdict = verdicts[0] if verdicts else None
    return write_tensorboard(
        log_dir, tables, plots=plots, verdict=verdict, step=step, max_slices=max_slices
    )


def write_tensorboard(
    log_dir: str,
    tables: Iterable[MetricsTable],
    *,
    plots: Iterable[MetricsTable] = (),
    verdict: Any = None,
    step: int = 0,
    max_slices: int = 50,
) -> list[str]:
    """Writes summaries and returns the paths of the files.

    Args:
        log_dir: the folder that TensorBoard looks at.
        tables: metrics (and plots).
        plots: tables with further plots.
        verdict: the `Verdict`, if there is one.
        step: version of the model.
        max_slices: slices written: the overall slice and the largest others.
    """
    events: dict[str, list[bytes]] = {}
    for table in gather(tables):
        for row in _largest(table, max_slices):
            run = _run_name(table, row)
            events.setdefault(run, []).extend(_scalars(table, row, step))
            events[run].extend(_curves(table, row, step))
    for table in gather(plots):
        for row, key in enumerate(table.slices):
            run = _run_name(table, row)
            if run in events and key in table.row_of:
                events[run].extend(_curves(table, row, step))
    if verdict is not None:
        name = next(iter(events), "overall")
        events.setdefault(name, []).append(_text("verdict", str(verdict), step))
    stamp = int(time.time())
    written = []
    for run, found in events.items():
        folder = Folder(Folder(log_dir).join(run))
        with folder.writing(f"events.out.tfevents.{stamp}.evaluation") as stream:
            write_records(stream, [_version(), *found])
        written.append(folder.join(f"events.out.tfevents.{stamp}.evaluation"))
    return written


def _largest(table: MetricsTable, limit: int) -> list[int]:
    order = sorted(
        range(len(table)), key=lambda row: (table.slices[row] != (), -table.examples[row])
    )
    return order[:limit]


def _run_name(table: MetricsTable, row: int) -> str:
    name = slice_name(table.slices[row])
    name = "overall" if name == "Overall" else re.sub(r"[^\w=.,-]+", "_", name)
    return f"{table.dataset}.{name}" if table.dataset else name


def _tag(key: MetricKey) -> str:
    return re.sub(r"[^\w=.,/@-]+", "_", f"evaluation/{key}")


# -------------------------------------------------------------------------------------------------
# Events


def _event(step: int, **value: Any) -> bytes:
    from tensorboard.compat.proto import event_pb2, summary_pb2

    summary = summary_pb2.Summary(value=[summary_pb2.Summary.Value(**value)])
    event = event_pb2.Event(wall_time=time.time(), step=step, summary=summary)
    encoded: bytes = event.SerializeToString()
    return encoded


def _version() -> bytes:
    from tensorboard.compat.proto import event_pb2

    event = event_pb2.Event(wall_time=time.time(), file_version="brain.Event:2")
    encoded: bytes = event.SerializeToString()
    return encoded


def _tensor(array: Array) -> Any:
    from tensorboard.compat.proto import tensor_pb2, tensor_shape_pb2, types_pb2

    shape = tensor_shape_pb2.TensorShapeProto(
        dim=[tensor_shape_pb2.TensorShapeProto.Dim(size=size) for size in array.shape]
    )
    return tensor_pb2.TensorProto(
        dtype=types_pb2.DT_FLOAT,
        tensor_shape=shape,
        tensor_content=array.astype("<f4").tobytes(),
    )


def _scalars(table: MetricsTable, row: int, step: int) -> Iterator[bytes]:
    from tensorboard.plugins.scalar import metadata

    for key, column in table.columns.items():
        if column.value.dtype == object:
            continue
        numbers = np.atleast_1d(column.value[row]).ravel()
        labels = column.labels if len(column.labels) == len(numbers) else ()
        for place, number in enumerate(numbers):
            suffix = "" if column.is_number else f"/{labels[place] if labels else place}"
            if np.isfinite(number):
                yield _event(
                    step,
                    tag=_tag(key) + suffix,
                    tensor=_tensor(np.array(number)),
                    metadata=metadata.create_summary_metadata(str(key), ""),
                )


def _curves(table: MetricsTable, row: int, step: int) -> Iterator[bytes]:
    for key, plots in table.plots.items():
        plot = plots[row]
        if not isinstance(plot, dict):
            continue
        if plot["kind"] == "confusion_matrices":
            yield _pr_curve(key, plot["columns"], step)
        elif plot["kind"] == "calibration":
            yield _histogram(key, plot["columns"], step)


def _pr_curve(key: MetricKey, columns: Mapping[str, Array], step: int) -> bytes:
    from tensorboard.plugins.pr_curve import metadata

    inside = (columns["threshold"] >= 0) & (columns["threshold"] <= 1)
    points = np.flatnonzero(inside) if inside.any() else np.arange(len(inside))
    if len(points) > _POINTS:
        points = points[np.linspace(0, len(points) - 1, _POINTS).round().astype(int)]
    names = ("true_positives", "false_positives", "true_negatives", "false_negatives")
    tp, fp, tn, fn = (np.asarray(columns[name], dtype=np.float64)[points] for name in names)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(tp + fp > 0, tp / (tp + fp), 1.0)
        recall = np.where(tp + fn > 0, tp / (tp + fn), 0.0)
    return _event(
        step,
        tag=f"{_tag(key)}/pr_curves",
        tensor=_tensor(np.stack([tp, fp, tn, fn, precision, recall])),
        metadata=metadata.create_summary_metadata(str(key), "", len(points)),
    )


def _histogram(key: MetricKey, columns: Mapping[str, Array], step: int) -> bytes:
    """Returns the distribution of the predictions, in fewer bins than the plot has."""
    from tensorboard.plugins.histogram import metadata

    lower, upper = columns["lower"], columns["upper"]
    finite = np.isfinite(lower) & np.isfinite(upper)
    low = np.where(finite, lower, np.where(np.isfinite(upper), upper, lower))
    high = np.where(finite, upper, low)
    edges = np.linspace(low.min(), max(high.max(), low.min() + 1e-12), _BINS + 1)
    middle = (low + high) / 2
    weights, _ = np.histogram(middle, bins=edges, weights=columns["weight"])
    return _event(
        step,
        tag=_tag(key),
        tensor=_tensor(np.stack([edges[:-1], edges[1:], weights], axis=1)),
        metadata=metadata.create_summary_metadata(str(key), ""),
    )


def _text(tag: str, text: str, step: int) -> bytes:
    from tensorboard.compat.proto import tensor_pb2, tensor_shape_pb2, types_pb2
    from tensorboard.plugins.text import metadata

    tensor = tensor_pb2.TensorProto(
        dtype=types_pb2.DT_STRING,
        tensor_shape=tensor_shape_pb2.TensorShapeProto(),
        string_val=[text.encode("utf-8")],
    )
    return _event(
        step, tag=tag, tensor=tensor, metadata=metadata.create_summary_metadata("Verdict", "")
    )
