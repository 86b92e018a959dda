"""The charts of slices and of time series outside of the page, from the page's own payload."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evaluator_component.views.charts import Chart, complete, series_tokens
from evaluator_component.views.theme import colors

__all__ = ["slice_charts", "time_charts"]

#: How many slices an image shows, the largest ones; and how many metrics.
MAX_BARS, MAX_CHARTS = 60, 12


def slice_charts(payload: Mapping[str, Any], theme: str = "light") -> list[Chart]:
    """Returns a bar chart per metric of the candidate, slices from low to high."""
    charts: list[Chart] = []
    roles = {model["name"]: model["role"] for model in payload["run"]["models"]}
    for dataset in payload["datasets"]:
        by_model: dict[str, dict[str, Any]] = {}
        for column in dataset["columns"]:
            if not column["diff"]:
                name = " ".join(
                    str(column[k]) for k in ("metric", "part", "output", "sub") if column[k]
                )
                by_model.setdefault(name, {})[roles.get(column["model"], "")] = column
        for name, columns in by_model.items():
            column = columns.get("candidate") or next(iter(columns.values()))
            if not name.endswith("example_count") and len(charts) < MAX_CHARTS:
                charts.append(_bars(name, column, columns.get("baseline"), dataset, theme))
    return charts


def _bars(
    name: str,
    column: Mapping[str, Any],
    baseline: Mapping[str, Any] | None,
    dataset: Mapping[str, Any],
    theme: str,
) -> Chart:
    names, pairs = dataset["slices"]["names"], dataset["slices"]["pairs"]
    overall = next((row for row, pair in enumerate(pairs) if pair == []), None)
    anchor = column["value"][overall] if overall is not None else 0.0
    anchor = anchor if isinstance(anchor, int | float) else 0.0
    examples = dataset["slices"]["examples"]
    known = [
        row
        for row, value in enumerate(column["value"])
        if row != overall and isinstance(value, int | float)
    ]
    largest = sorted(known, key=lambda row: -(examples[row] or 0))[:MAX_BARS]

    def part(of: Mapping[str, Any] | None, which: str, row: int) -> Any:
        return of[which][row] if of and which in of else None

    rows = [
        {
            "slice": names[row],
            "value": column["value"][row],
            "lower": part(column, "lower", row),
            "upper": part(column, "upper", row),
            "baseline": part(baseline, "value", row),
            "anchor": anchor,
            "status": "plain",
        }
        for row in sorted(largest, key=lambda row: column["value"][row])
    ]
    shown = [
        value for row in rows for value in (row["value"], row["baseline"]) if value is not None
    ]
    low, high = min([*shown, anchor]), max([*shown, anchor])
    room = 0.25 * (high - low or 1.0)
    tokens = {
        **colors(theme),
        "width": max(240, 22 * len(rows)),
        "height": 180,
        "title": None,
        "domain": [low - room, high + room],
        "format": ",.4~f",
        "labels": True,
        "labelOverlap": True,
        "labelAngle": -35,
        "bar": {"band": 0.66},
        "tooltip": [],
    }
    counted = f"{len(rows)} slices" if len(rows) == len(known) else f"{len(rows)} largest slices"
    note = f"{counted} from the overall value (line){'; ticks: baseline' if baseline else ''}"
    title = {"text": name, "subtitle": note}
    data = {"rows": rows, "anchor": [{"anchor": anchor}]}
    return Chart(name, name, complete("overview", tokens, data, title, theme))


def time_charts(history: Mapping[str, Any], theme: str = "light") -> list[Chart]:
    """Returns a chart per metric of the first slice of each dataset."""
    charts: list[Chart] = []
    labels = _labels(history["runs"])
    for dataset in history["datasets"]:
        metrics: dict[str, list[Mapping[str, Any]]] = {}
        for column in dataset["columns"]:
            if not column["diff"] and dataset["slices"]:
                name = " ".join(column[k] for k in ("metric", "output", "sub") if column[k])
                metrics.setdefault(name, []).append(column)
        for name, columns in metrics.items():
            if not name.endswith("example_count") and len(charts) < MAX_CHARTS:
                charts.append(_series(name, columns, dataset, history["runs"], labels, theme))
    return charts


def _series(
    name: str,
    columns: Sequence[Mapping[str, Any]],
    dataset: Mapping[str, Any],
    runs: Sequence[Mapping[str, Any]],
    labels: Sequence[str],
    theme: str,
) -> Chart:
    slice_label = dataset["slices"][0]
    # The baseline is drawn first, so that it never covers a candidate.
    rows = [
        {
            "series": column["role"],
            "label": label,
            "value": column["value"][0][index],
            "lower": column["lower"][0][index] if "lower" in column else None,
            "upper": column["upper"][0][index] if "upper" in column else None,
            "mark": (column["role"] == "candidate" and run["verdict"]) or "none",
        }
        for column in sorted(columns, key=lambda column: column["role"])
        for index, (run, label) in enumerate(zip(runs, labels, strict=True))
        if isinstance(column["value"][0][index], int | float)
    ]
    names = [column["role"] for column in columns]
    bounds = [
        bound
        for bound in dataset["bounds"]
        if bound["metric"] == columns[0]["metric"] and bound["slice"] == slice_label
    ]
    tokens = {
        **colors(theme),
        **series_tokens(names, names, theme),
        "width": max(260, min(640, 26 * len(runs))),
        "height": 170,
        "title": None,
        "format": ",.4~f",
        "runs": list(labels),
    }
    if len(names) == 1:
        tokens["legend"] = None
    title = {"text": name, "subtitle": slice_label}
    data = {"rows": rows, "bounds": bounds}
    return Chart(name, name, complete("time_series", tokens, data, title, theme))


def _labels(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    labels: list[str] = []
    for index, run in enumerate(runs):
        name = label = run["model"] or run["name"] or f"run {index + 1}"
        times = 1
        while label in labels:
            times += 1
            label = f"{name} ({times})"
        labels.append(label)
    return labels
