"""Builds the payload of a page: one JSON-able mapping that holds all a page shows.

Keys of a payload::

    schema      version of this layout
    title       what the page is called
    tabs        which views it has, the first one opens: verdict, slices, plots, history, examples
    initial     the state a view opens in (as in the fragment of its address)
    run         facts about the run, its models with their roles (see `facts`)
    verdict     the verdict, its decisions placed on slices and metrics; or None
    datasets    per dataset: slices, columns, plots (see `columns` and `plot_data`)
    history     several runs lined up (see `history`); or None
    examples    worst examples; or None
    omitted     sentences: what was left out to keep the page small

Example:
    >>> import numpy as np
    >>> from evaluator_component.metrics_table import Column, MetricsTable
    >>> columns = {MetricKey("auc"): Column(np.array([0.5]))}
    >>> table = MetricsTable(((),), np.array([9]), np.array([9.0]), columns)
    >>> payload = report_payload(Run((table,), {"name": "demo"}))
    >>> payload["title"], payload["tabs"]
    ('demo', ['slices'])
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluator_component.keys import MetricKey
from evaluator_component.metrics_table import MetricsTable
from evaluator_component.views.columns import dataset_payload, named
from evaluator_component.views.encoding import jsonable
from evaluator_component.views.facts import run_facts
from evaluator_component.views.history import history_payload
from evaluator_component.views.judgement import slice_text, verdict_payload
from evaluator_component.views.plot_data import plots_payload
from evaluator_component.views.run import Run

__all__ = ["SCHEMA", "Limits", "examples_payload", "report_payload"]

SCHEMA = 1


@dataclass(frozen=True)
class Limits:
    """How much a page may carry.

    Attributes:
        slices: rows per dataset; the largest are kept, and those that failed.
        plot_numbers: numbers in all plots of a dataset; slices of interest come first.
        examples: worst examples.
    """

    slices: int = 20_000
    plot_numbers: int = 250_000
    examples: int = 1_000


def report_payload(
    run: Run,
    history: Sequence[Run] = (),
    *,
    title: str = "",
    tabs: Sequence[str] | None = None,
    initial: Mapping[str, Any] | None = None,
    limits: Limits | None = None,
) -> dict[str, Any]:
    """Returns the payload of a run's report.

    Args:
        run: the evaluation.
        history: this and earlier runs; a view of time series is added where there are two or more.
        title: shown on top; the run's name by default.
        tabs: which views to offer; by default those that have something to show.
        initial: the state the page opens in.
        limits: how much the page may carry.
    """
    limits = limits or Limits()
    omitted: list[str] = []
    tables = [_largest(table, run, limits, omitted) for table in run.tables]
    verdict = verdict_payload(run.verdict, tables, omitted)
    datasets = []
    for index, table in enumerate(tables):
        dataset = dataset_payload(table, omitted)
        interest = _rows_of_interest(table, index, verdict)
        dataset["plots"] = plots_payload(table, interest, limits.plot_numbers, omitted)
        datasets.append(dataset)
    payload: dict[str, Any] = {
        "schema": SCHEMA,
        "title": title or _title(run.name),
        "initial": dict(initial or {}),
        "run": run_facts(run),
        "verdict": verdict,
        "datasets": datasets,
        "history": history_payload(history, omitted=omitted) if len(history) > 1 else None,
        "examples": examples_payload(run.examples, limits.examples, omitted),
        "omitted": omitted,
    }
    payload["tabs"] = list(tabs) if tabs is not None else _tabs(payload)
    return payload


def _title(name: str) -> str:
    # Folders of a TFX pipeline are numbers.
    return f"Evaluation {name}" if name.isdigit() else name or "Evaluation"


def examples_payload(
    examples: Sequence[Mapping[str, Any]], limit: int, omitted: list[str]
) -> dict[str, Any] | None:
    """Returns worst examples as a table of JSON values; None where there are none."""
    if not examples:
        return None
    kept = list(examples)[:limit]
    if len(kept) < len(examples):
        omitted.append(f"{len(examples) - limit:,} of {len(examples):,} examples")
    flat = [_flat(example) for example in kept]
    first = ("dataset", "model", "label", "prediction", "loss", "error", "weight", "example_weight")
    names = {name: None for example in flat for name in example if name != "slice"}
    columns = [name for name in first if name in names] + [n for n in names if n not in first]
    return {
        "columns": columns,
        "slices": [
            named(key) if isinstance(key, str | tuple) else slice_text(key)
            for key in (example.get("slice", ()) for example in flat)
        ],
        "rows": [[jsonable(e.get(name), text_limit=300) for name in columns] for e in flat],
    }


def _flat(example: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in example.items():
        if name == "features" and isinstance(value, Mapping):
            flat.update({str(feature): part for feature, part in value.items()})
        else:
            flat[str(name)] = value
    return flat


def _largest(table: MetricsTable, run: Run, limits: Limits, omitted: list[str]) -> MetricsTable:
    if len(table) <= limits.slices:
        return table
    decisions = (run.verdict or {}).get("decisions") or ()
    judged = {slice_text(each["slice"]) for each in decisions if each.get("slice") is not None}
    names = table.names()
    keep_first = np.array(
        [name in judged or key == () for name, key in zip(names, table.slices, strict=True)]
    )
    order = np.lexsort((-table.examples, ~keep_first))[: limits.slices]
    where = f" of dataset {table.dataset}" if table.dataset else ""
    omitted.append(f"{len(table) - limits.slices:,} smaller slices{where}")
    return table.take(np.sort(order))


def _rows_of_interest(
    table: MetricsTable, index: int, verdict: Mapping[str, Any] | None
) -> list[int]:
    """Rows in the order in which their plots are wanted: all data, judged, weak, bad, large."""
    rows = [table.row_of[()]] if () in table.row_of else []
    for part in ("decisions", "weak_slices"):
        entries = (verdict or {}).get(part, [])
        rows += [e["row"] for e in entries if e["dataset_index"] == index and e["row"] is not None]
    rows += _worst_rows(table, 20)
    rows += np.argsort(-table.examples, kind="stable").tolist()
    return list(dict.fromkeys(rows))


def _worst_rows(table: MetricsTable, count: int) -> list[int]:
    """The rows that are worst by any metric with a direction, among slices of at least 30."""
    rows: list[int] = []
    large = table.examples >= 30
    for key, column in table.columns.items():
        if column.is_number and column.direction and not _is_count(key):
            badness = np.where(large, -column.direction * column.value, np.nan)
            order = np.argsort(-np.nan_to_num(badness, nan=-np.inf), kind="stable")[:count]
            rows += [row for row in order.tolist() if np.isfinite(badness[row])]
    return rows


def _is_count(key: MetricKey) -> bool:
    return key.name in ("example_count", "weighted_example_count")


def _tabs(payload: Mapping[str, Any]) -> list[str]:
    offered = {
        "verdict": payload["verdict"] is not None,
        "slices": any(dataset["columns"] for dataset in payload["datasets"]),
        "plots": any(
            d["plots"] or any(a["rows"] for a in d["attributions"]) for d in payload["datasets"]
        ),
        "history": payload["history"] is not None,
        "examples": payload["examples"] is not None,
    }
    return [tab for tab, has_content in offered.items() if has_content] or ["slices"]
