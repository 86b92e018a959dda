"""Makes plot data small enough for a page without changing what the eye sees.

Threshold tables with thousands of rows are thinned to the points that shape the curves;
histograms are merged into fewer, exactly summed cells. Slices are taken in order of interest (the
whole dataset, what failed, what is large) until a budget of numbers is spent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.keys import PlotKey
from evaluator_component.metrics_table import MetricsTable
from evaluator_component.views.columns import column_identity
from evaluator_component.views.encoding import jsonable, numbers

__all__ = ["PLOT_KINDS", "merge_cells", "plots_payload", "thin_curve"]

#: The kinds of plot data that the page knows how to draw.
PLOT_KINDS = (
    "calibration",
    "confusion_matrices",
    "multi_class_confusion_matrix",
    "multi_label_confusion_matrix",
    "gain",
    "residuals",
    "score_distribution",
    "table",
)

COUNTS = ("true_positives", "false_positives", "true_negatives", "false_negatives")
#: Points of a curve, cells of a histogram, entries of a matrix and rows of a table per slice.
CURVE_POINTS, CELLS, ENTRIES, TABLE_ROWS = 160, 40, 2_500, 200
#: Matrices of several thresholds.
THRESHOLDS = 11
#: Calibration is noisy in narrow ranges.
CALIBRATION_CELLS = 20

Columns = Mapping[str, npt.NDArray[Any]]


def plots_payload(
    table: MetricsTable, rows: Iterable[int], budget: int, omitted: list[str]
) -> list[dict[str, Any]]:
    """Returns the plots of a dataset as JSON.

    Args:
        table: the dataset.
        rows: its rows in order of interest.
        budget: how many numbers may be written in all.
        omitted: a sentence about what was left out is added here.
    """
    plots = [_frame(key, values) for key, values in table.plots.items()]
    left, dropped = budget, 0
    for row in rows:
        for plot, values in zip(plots, table.plots.values(), strict=True):
            if values[row] is None:
                continue
            columns = _reduce(values[row])
            size = sum(len(column) for column in columns.values())
            if size > left:
                dropped += 1
                continue
            left -= size
            plot["rows"][str(int(row))] = {
                name: _column(column) for name, column in columns.items()
            }
    if dropped:
        where = f" of dataset {table.dataset}" if table.dataset else ""
        omitted.append(f"{dropped:,} plots of smaller slices{where}")
    return [plot for plot in plots if plot["rows"]]


def _frame(key: PlotKey, values: npt.NDArray[Any]) -> dict[str, Any]:
    first: Mapping[str, Any] = next((value for value in values if value is not None), {})
    about = {name: part for name, part in first.items() if name not in ("columns", "kind")}
    return {
        **column_identity(key),
        "kind": _kind(first),
        "class_names": [str(name) for name in about.pop("class_names", None) or ()],
        "about": jsonable(about, text_limit=200),
        "rows": {},
    }


def _kind(plot: Mapping[str, Any]) -> str:
    kind = str(plot.get("kind"))
    if kind == "table" and {"fraction", "gain", "lift"} <= set(plot.get("columns", ())):
        return "gain"
    return kind if kind in PLOT_KINDS else "table"


def _column(column: npt.NDArray[Any]) -> list[Any]:
    if column.dtype.kind in "biuf":
        return numbers(column, digits=6)
    return [str(jsonable(value, text_limit=200)) for value in column.tolist()]


def _reduce(plot: Mapping[str, Any]) -> Columns:
    columns = {name: np.asarray(column) for name, column in plot["columns"].items()}
    kind = _kind(plot)
    if kind == "confusion_matrices":
        return thin_curve(columns)
    if kind == "gain":
        return {
            name: column[_evenly(len(column), CURVE_POINTS)] for name, column in columns.items()
        }
    if kind == "calibration":
        return merge_cells(columns, CALIBRATION_CELLS)
    if kind in ("residuals", "score_distribution"):
        return merge_cells(columns)
    if kind in ("multi_class_confusion_matrix", "multi_label_confusion_matrix"):
        return _heaviest(columns)
    return {name: column[:TABLE_ROWS] for name, column in columns.items()}


def thin_curve(columns: Columns, points: int = CURVE_POINTS) -> dict[str, npt.NDArray[Any]]:
    """Returns the rows of a threshold table that shape its curves; at most `points` of them.

    Rows are kept at equal distances along the path that (false positive rate, true positive rate,
    precision, threshold) takes, so flat stretches cost little; both ends stay.
    """
    order = np.argsort(columns["threshold"], kind="stable")
    columns = {name: column[order] for name, column in columns.items()}
    count = len(order)
    if count <= points:
        return columns
    tp, fp, tn, fn = (np.asarray(columns[name], dtype=np.float64) for name in COUNTS)
    with np.errstate(divide="ignore", invalid="ignore"):
        path = np.stack([tp / (tp + fn), fp / (fp + tn), tp / (tp + fp), columns["threshold"]])
    path = np.clip(np.nan_to_num(path, nan=0.0), 0.0, 1.0)
    steps = np.abs(np.diff(path, axis=1)).sum(axis=0)
    distance = np.concatenate([[0.0], np.cumsum(steps)])
    wanted = np.linspace(0.0, distance[-1], points)
    kept = np.unique(np.clip(np.searchsorted(distance, wanted), 0, count - 1))
    kept = np.union1d(kept, [0, count - 1])
    return {name: column[kept] for name, column in columns.items()}


def merge_cells(columns: Columns, cells: int = CELLS) -> dict[str, npt.NDArray[Any]]:
    """Returns a histogram in at most about `cells` cells, each the exact sum of those it replaces.

    Cells without an upper or lower end (below and above the scale) are kept apart.
    """
    order = np.argsort(columns["lower"], kind="stable")
    columns = {name: column[order] for name, column in columns.items()}
    lower, upper = columns["lower"], columns["upper"]
    inner = np.isfinite(lower) & np.isfinite(upper)
    if inner.sum() <= cells:
        return columns
    # The same number of cells goes into each, or the merged histogram would have false waves.
    together = -(-int(inner.sum()) // cells)
    group = np.where(np.isneginf(lower), -1, len(lower))
    group[inner] = np.arange(inner.sum()) // together
    _, first, index = np.unique(group, return_index=True, return_inverse=True)
    last = np.append(first[1:], len(group)) - 1
    merged: dict[str, npt.NDArray[Any]] = {"lower": lower[first], "upper": upper[last]}
    for name, column in columns.items():
        if name not in merged and column.dtype.kind in "biuf":
            merged[name] = np.bincount(index, weights=column.astype(np.float64))
    return merged


def _evenly(count: int, wanted: int) -> npt.NDArray[np.int64]:
    """Row numbers from the first to the last, at most `wanted` of them."""
    return np.unique(np.linspace(0, max(count - 1, 0), min(count, wanted)).astype(np.int64))


def _heaviest(columns: Columns) -> Columns:
    """The heaviest cells of matrices at a few thresholds.

    Every cell carries the weight of its actual class ("all"), so that its share is right though
    other cells are left out.
    """
    columns = dict(columns)
    if "threshold" in columns:
        at = np.unique(columns["threshold"])
        kept = np.isin(columns["threshold"], at[_evenly(len(at), THRESHOLDS)])
        columns = {name: column[kept] for name, column in columns.items()}
    if "weight" in columns:
        names = [columns[name] for name in ("threshold", "actual") if name in columns]
        _, index = np.unique(np.stack(names), axis=1, return_inverse=True)
        index = np.reshape(index, -1)
        columns["all"] = np.bincount(index, columns["weight"].astype(np.float64))[index]
    if len(columns["actual"]) <= ENTRIES:
        return columns
    sizes = [columns[name] for name in ("weight", *COUNTS[:2]) if name in columns]
    kept = np.sort(np.argsort(-np.sum(sizes, axis=0), kind="stable")[:ENTRIES])
    return {name: column[kept] for name, column in columns.items()}
