"""Views of results, with the names and arguments that users of TFMA know.

Each returns a `Report`: shown by a notebook, saved as a page, or as images of its charts::

    view.render_slicing_metrics(result, slicing_column="carrier")
    view.render_plot(result, slicing_spec={"feature_values": {"carrier": "UA"}}).save("ua.svg")
    view.render_time_series(results).save("history.html")
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from evaluator_component.errors import ResultError, did_you_mean
from evaluator_component.keys import SubKey
from evaluator_component.metrics_table import MetricsTable
from evaluator_component.views.facts import run_facts
from evaluator_component.views.history import chronological, history_payload
from evaluator_component.views.payload import SCHEMA, Limits, report_payload
from evaluator_component.views.report import Report
from evaluator_component.views.run import BASELINE, Run, as_run
from evaluator_component.views.selection import find_slice, matches, select_slices

__all__ = [
    "render_plot",
    "render_slicing_attributions",
    "render_slicing_metrics",
    "render_time_series",
]


def render_slicing_metrics(
    result: Any,
    slicing_column: str | None = None,
    slicing_spec: Any = None,
    weighted_example_column: str | None = None,
    event_handlers: Callable[..., Any] | None = None,
) -> Report:
    """Shows the metrics of slices: the slicing browser.

    Args:
        result: a loaded result, a `Run`, or metrics tables.
        slicing_column: show the slices by this feature only.
        slicing_spec: show the slices of this spec only; without either, every slice is shown.
        weighted_example_column: "" shows unweighted metrics first; any name weighted ones.
        event_handlers: not used, because the page runs without a kernel; a warning says so.

    Raises:
        ResultError: when nothing is sliced so.
    """
    _warn_of_handlers(event_handlers)
    run = as_run(result)
    tables = tuple(select_slices(table, slicing_column, slicing_spec) for table in run.tables)
    initial = {}
    if weighted_example_column is not None:
        initial["weighted"] = "true" if weighted_example_column else "false"
    shown = replace(run, tables=tables, examples=())
    has_plots = any(table.plots for table in tables)
    payload = report_payload(shown, tabs=["slices", *(["plots"] * has_plots)], initial=initial)
    return Report(payload, lambda: _slice_charts(payload))


def render_plot(
    result: Any,
    slicing_spec: Any = None,
    output_name: str | None = None,
    class_id: int | None = None,
    top_k: int | None = None,
    k: int | None = None,
    label: str | None = None,
) -> Report:
    """Shows every plot of one slice, candidate and baseline laid over each other.

    Args:
        result: a loaded result, a `Run`, or metrics tables.
        slicing_spec: names the slice; the overall one by default.
        output_name: of which output; all by default.
        class_id: plots of this class.
        top_k: plots of the top k classes.
        k: plots of the class with the k-th highest score.
        label: plots with this text in their names.

    Raises:
        ResultError: when there is no such slice or plot.
    """
    run = as_run(result)
    sub_key = SubKey(class_id, k, top_k) if (class_id, k, top_k) != (None, None, None) else None

    def wanted(key: Any) -> bool:
        return (
            (not output_name or key.output_name == output_name)
            and (sub_key is None or key.sub_key == sub_key)
            and (not label or label in str(key))
        )

    tables = []
    for table in run.tables:
        plots = {key: values for key, values in table.plots.items() if wanted(key)}
        tables.append(
            replace(table, plots=plots, columns={}).take([find_slice(table, slicing_spec)])
        )
    if not any(value is not None for table in tables for v in table.plots.values() for value in v):
        known = [str(key) for table in run.tables for key in table.plots]
        asked = label or " ".join(part for part in (output_name or "", str(sub_key or "")) if part)
        raise ResultError(f"no plot for {asked or 'this slice'} {did_you_mean(asked, known)}")
    shown = Run(tuple(tables), _with_roles(run))
    payload = report_payload(
        shown,
        tabs=["plots"],
        initial={"sel": tables[0].names()},
        limits=Limits(plot_numbers=10_000_000),
    )
    return Report(payload, lambda: _plot_charts(payload, run.roles()))


def render_time_series(
    results: Sequence[Any], slicing_spec: Any = None, display_full_path: bool = False
) -> Report:
    """Shows metrics over runs, one chart per metric.

    Args:
        results: loaded results or `Run`s, or what `component.history` reads from ML Metadata.
        slicing_spec: of which slice or slices; the overall one comes first, and without a spec
            every slice can be chosen.
        display_full_path: whether models and data are named by their whole path.

    Raises:
        ResultError: when there is no result, or none has such a slice.
    """
    listed = getattr(results, "get_results", None)
    runs = [as_run(result) for result in (listed() if callable(listed) else results)]
    if not runs:
        raise ResultError("no results to show over time")
    omitted: list[str] = []
    history = history_payload(
        runs,
        lambda key: slicing_spec is None or matches(key, slicing_spec),
        display_full_path,
        omitted,
    )
    if not any(dataset["slices"] for dataset in history["datasets"]):
        raise ResultError("no run has a slice of this slicing_spec")
    payload = {
        "schema": SCHEMA,
        "title": "Metrics over runs",
        "tabs": ["history"],
        "initial": {},
        "run": run_facts(Run(())),
        "verdict": None,
        "datasets": [],
        "history": history,
        "examples": None,
        "omitted": omitted,
    }
    folders = [run.folder for run in chronological(runs)]
    return Report(payload, lambda: _time_charts(history), folders=folders)


def render_slicing_attributions(
    result: Any,
    slicing_column: str | None = None,
    slicing_spec: Any = None,
    metric_name: str | None = None,
    weighted_example_column: str | None = None,
    event_handlers: Callable[..., Any] | None = None,
) -> Report:
    """Shows the attributions of features, slice by slice; each feature is a column.

    Args:
        result: a loaded result, a `Run`, or metrics tables.
        slicing_column: show the slices by this feature only.
        slicing_spec: show the slices of this spec only; without either, every slice is shown.
        metric_name: which attribution, where there are several.
        weighted_example_column: not used; attributions are stored as they were computed.
        event_handlers: not used, because the page runs without a kernel; a warning says so.

    Raises:
        ResultError: when there are no such attributions or slices.
    """
    _warn_of_handlers(event_handlers)
    run = as_run(result)
    known = list({key.name: None for table in run.tables for key in table.attributions})
    if not known:
        raise ResultError("this evaluation has no attributions")
    if metric_name is not None and metric_name not in known:
        raise ResultError(f"no attributions {metric_name!r} {did_you_mean(metric_name, known)}")
    tables = tuple(
        select_slices(_attributions_as_metrics(table, metric_name), slicing_column, slicing_spec)
        for table in run.tables
    )
    about = _with_roles(run)
    title = f"Attributions, {run.name}" if run.name else "Attributions"
    payload = report_payload(Run(tables, about), tabs=["slices"], title=title)
    return Report(payload, lambda: _slice_charts(payload))


def _attributions_as_metrics(table: MetricsTable, metric_name: str | None) -> MetricsTable:
    """A column per feature: the attributions of one feature over slices compare like a metric."""
    import numpy as np

    from evaluator_component.metrics_table import Column

    columns = {}
    for key, values in table.attributions.items():
        if metric_name is not None and key.name != metric_name:
            continue
        features = list({feature: None for by_feature in values for feature in by_feature or ()})
        prefix = "" if metric_name is not None or len(table.attributions) == 1 else f"{key.name} "
        for feature in features:
            column = [_number((by_feature or {}).get(feature)) for by_feature in values]
            columns[replace(key, name=f"{prefix}{feature}")] = Column(np.array(column))
    return replace(table, columns=columns, attributions={}, plots={})


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")


def _with_roles(run: Run) -> dict[str, Any]:
    """The run's metadata, with its baselines named: in a part of it roles could not be told."""
    baselines = [name for name, role in run.roles().items() if role == BASELINE]
    return {**run.metadata, "baselines": baselines}


def _warn_of_handlers(event_handlers: Any) -> None:
    if event_handlers is not None:
        warnings.warn(
            "event_handlers are not called: the view is a page that runs without a kernel",
            stacklevel=3,
        )


def _plot_charts(payload: Mapping[str, Any], roles: Mapping[str, str]) -> list[Any]:
    from evaluator_component.views.charts import plot_charts

    charts = []
    for dataset in payload["datasets"]:
        name = dataset["slices"]["names"][0]
        label = f"{dataset['name']} · {name}" if dataset["name"] else name
        charts += plot_charts(dataset["plots"], 0, label, roles)
    return charts


def _slice_charts(payload: Mapping[str, Any]) -> list[Any]:
    from evaluator_component.views.overviews import slice_charts

    return slice_charts(payload)


def _time_charts(history: Mapping[str, Any]) -> list[Any]:
    from evaluator_component.views.overviews import time_charts

    return time_charts(history)
