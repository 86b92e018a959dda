"""Several runs in a terminal, or as JSON: a comparison of two, and a history of many."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluator_component.errors import ResultError, did_you_mean
from evaluator_component.results.eval_result import EvalResult
from evaluator_component.results.terminal_text import (
    CELL_WIDTH,
    SLICE_WIDTH,
    STATUS_COLORS,
    new_console,
    safe,
    shown_number,
)
from evaluator_component.writers.plain_json import plain

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["print_comparison", "print_history"]

_CHANGES = {"better": "green", "worse": "red", "unsure": "dim", "same": "dim"}


def print_comparison(
    before: EvalResult,
    after: EvalResult,
    *,
    metrics: Sequence[str] | None = None,
    slices: str | None = None,
    limit: int = 60,
    as_json: bool = False,
    console: Console | None = None,
) -> None:
    """Prints what changed from one run to another: what got worse first.

    Args:
        before: the earlier run.
        after: the later run.
        metrics: names of the metrics; all when not given.
        slices: show slices whose name contains this, whatever its case.
        limit: rows to show at the most.
        as_json: print JSON.
        console: where to print.

    Raises:
        ResultError: there is no such metric.
    """
    frame = after.compare(before)
    if metrics is not None:
        names = [name.strip() for name in metrics]
        for name in names:
            if name not in set(frame["metric"]):
                hint = did_you_mean(name, frame["metric"])
                raise ResultError(f"no metric {name!r} {hint}")
        frame = frame[frame["metric"].isin(names)]
    if slices:
        frame = frame[frame["slice"].str.contains(slices, case=False, regex=False)]
    order = ("worse", "gone", "new", "changed", "better", "unsure", "same", "")
    frame = frame.iloc[np.argsort(frame["change"].map(order.index), kind="stable")]
    if as_json:
        rows = [_without_nulls(row) for row in frame.astype(object).to_dict("records")]
        found = {"before": before.name, "after": after.name, "rows": rows}
        print(json.dumps(plain(found), ensure_ascii=False))
        return
    _print_comparison(console or new_console(), before.name, after.name, frame, limit)


def _without_nulls(row: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a row with None in place of pandas' own markers of what is missing."""
    import pandas as pd

    return {name: None if pd.isna(value) else value for name, value in row.items()}


def _print_comparison(console: Console, before: str, after: str, frame: Any, limit: int) -> None:
    from rich.table import Table
    from rich.text import Text

    counts = frame["change"].value_counts()
    said = ", ".join(f"{count:,} {change or 'undefined'}" for change, count in counts.items())
    console.print(Text(safe(f"{before} → {after}: {said or 'nothing in common'}"), style="bold"))
    printed = Table()
    for name in ("slice", "metric"):
        printed.add_column(name, overflow="fold")
    for name in ("before", "after", "difference", "interval"):
        printed.add_column(name, justify="right")
    printed.add_column("change")
    for row in frame.head(limit).to_dict("records"):
        style = _CHANGES.get(row["change"], "")
        interval = ""
        if np.isfinite(row["ci_low"]):
            interval = f"[{row['ci_low']:+.2g}, {row['ci_high']:+.2g}]"
        difference = "" if np.isnan(row["difference"]) else f"{row['difference']:+.4g}"
        printed.add_row(
            Text(safe(row["slice"])),
            Text(safe(_row_label(row))),
            Text(shown_number(row["before"])),
            Text(shown_number(row["after"])),
            Text(difference, style=style),
            Text(interval, style="dim"),
            Text(row["change"], style=style),
        )
    console.print(printed)
    if len(frame) > limit:
        console.print(Text(f"{len(frame) - limit:,} more rows (--metrics, --json)", style="dim"))


def _row_label(row: Mapping[str, Any]) -> str:
    import pandas as pd

    label = "/".join(part for part in (row["dataset"], row["output"], row["metric"]) if part)
    if not pd.isna(row["weighted"]) and row["weighted"]:
        label += " (weighted)"
    for part in ("class_id", "k", "top_k"):
        if not pd.isna(row[part]):
            label += f" {part}={row[part]}"
    if row["aggregation"]:
        label += f" [{row['aggregation']}]"
    return f"{label} [{row['entry']}]" if row["entry"] else label


def print_history(
    evaluations: Iterable[Any],
    *,
    metrics: Sequence[str] | None = None,
    as_json: bool = False,
    console: Console | None = None,
) -> None:
    """Prints evaluations over time, one row each.

    Args:
        evaluations: from `component.history.history`, or `EvalResult`s.
        metrics: names of the metrics; all when not given.
        as_json: print JSON.
        console: where to print.

    Raises:
        ResultError: no evaluation has such a metric.
    """
    runs = [_run_of(evaluation) for evaluation in evaluations]
    names = list(dict.fromkeys(name for run in runs for name in run["metrics"]))
    if metrics is not None:
        wanted = [name.strip() for name in metrics]
        for name in wanted:
            if name not in names:
                raise ResultError(f"no metric {name!r} {did_you_mean(name, names)}")
        names = wanted
    if as_json:
        for run in runs:
            run["metrics"] = {name: run["metrics"].get(name) for name in names}
        print(json.dumps(plain({"runs": runs}), ensure_ascii=False))
        return
    _print_runs(console or new_console(), runs, names)


def _print_runs(console: Console, runs: Sequence[Mapping[str, Any]], names: Sequence[str]) -> None:
    from rich.table import Table
    from rich.text import Text

    fits = max(1, (console.width - SLICE_WIDTH - 20) // CELL_WIDTH)
    printed = Table()
    for name in ("run", "time", "verdict"):
        printed.add_column(name, overflow="fold")
    for name in names[:fits]:
        printed.add_column(Text(safe(name)), justify="right")
    for run in runs:
        color = STATUS_COLORS.get(run["verdict"], "")
        values = [run["metrics"].get(name) for name in names[:fits]]
        printed.add_row(
            Text(safe(run["run"])),
            Text(safe(run["time"])),
            Text(safe(run["verdict"]), style=color),
            *(Text("" if value is None else shown_number(value)) for value in values),
        )
    console.print(printed)
    if not runs:
        console.print(Text("no evaluations", style="dim"))
    if len(names) > fits:
        more = ", ".join(map(safe, names[fits:]))
        console.print(Text(f"{len(names) - fits} more metrics (--metrics): {more}", style="dim"))


def _run_of(evaluation: Any) -> dict[str, Any]:
    """Returns what is printed of an evaluation of the metadata store, or of a loaded result."""
    if not isinstance(evaluation, EvalResult):
        return {
            "run": str(evaluation.run),
            "time": f"{evaluation.time:%Y-%m-%d %H:%M}",
            "verdict": str(evaluation.verdict),
            "reason": str(evaluation.reason),
            "metrics": dict(evaluation.metrics),
        }
    verdict = evaluation.verdict
    return {
        "run": evaluation.name,
        "time": evaluation.run.started if evaluation.run is not None else "",
        "verdict": verdict.status if verdict is not None else "",
        "reason": verdict.summary if verdict is not None else "",
        "metrics": evaluation.overall.to_dict() if len(evaluation.tables) == 1 else {},
    }
