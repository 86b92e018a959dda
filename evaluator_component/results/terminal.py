"""Results as tables in a terminal, or as JSON.

Slices are named by the data, so control characters in them are replaced, and nothing in them is
taken for markup.

Synopsis::

    print_result(load_eval_result("out/"), sort="auc")   # the slices with the lowest AUC first
    print_comparison(load_eval_result("monday/"), load_eval_result("tuesday/"))
    print_history(history("metadata.sqlite", pipeline="flights"))
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluator_component.errors import ResultError, did_you_mean
from evaluator_component.keys import CrossSliceKey, MetricKey, SliceKey, slice_name
from evaluator_component.metrics_table import Column, MetricsTable
from evaluator_component.results.eval_result import EvalResult
from evaluator_component.results.frames import column_labels
from evaluator_component.writers.judgements import Judgement, JudgementKey, judgements_of
from evaluator_component.writers.plain_json import plain

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["print_comparison", "print_history", "print_result", "shown_number"]

_COLORS = {"BLESSED": "green", "NOT_BLESSED": "red", "INCONCLUSIVE": "yellow"}
_MARKS = {"FAILED": ("✗", "red"), "INCONCLUSIVE": ("?", "yellow"), "WARNING": ("!", "yellow")}
_CHANGES = {"better": "green", "worse": "red", "unsure": "dim", "same": "dim"}
#: Characters of a table that is not printed on a screen.
_WIDTH = 200
_SLICE_WIDTH, _CELL_WIDTH = 36, 20
#: Reasons of a verdict printed at the most.
_REASONS = 8


def print_result(
    result: EvalResult,
    *,
    slices: str | None = None,
    sort: str | None = None,
    metrics: Sequence[str] | None = None,
    limit: int = 30,
    min_examples: int = 0,
    as_json: bool = False,
    console: Console | None = None,
) -> None:
    """Prints verdict and metrics, one row per slice.

    Args:
        result: the result.
        slices: show slices whose name contains this, whatever its case.
        sort: metric to sort by, the worst slices first; "-auc" turns the order round. Without it,
            the slices stand in their own order.
        metrics: metrics to show; all when not given.
        limit: slices to show at the most.
        min_examples: slices with fewer examples are left out.
        as_json: print JSON.
        console: where to print.

    Raises:
        ResultError: there is no such metric.
    """
    judgements = judgements_of(result.verdict) if result.verdict is not None else {}
    labels = column_labels(result.tables)
    chosen = _choose(labels, metrics, as_json)
    picked = []
    for table in result.tables:
        rows = _rows(table, labels, slices, sort, min_examples)
        picked.append((table, rows[:limit], len(rows)))
    if sort is not None and result.tables:
        _metric_named(sort.lstrip("-"), labels)
    if as_json:
        print(_result_json(result, picked, chosen, judgements))
        return
    console = console or _console()
    _print_headline(console, result)
    for table, rows, count in picked:
        _print_table(console, result, table, rows, count, chosen, judgements)


def _console() -> Console:
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else _WIDTH, highlight=False)


def _choose(
    labels: Mapping[MetricKey, str], metrics: Sequence[str] | None, as_json: bool
) -> dict[MetricKey, str]:
    """Returns the metrics that are asked for, by label or by name."""
    if metrics is None:  # the number of examples has a column of its own
        return {
            key: label for key, label in labels.items() if as_json or key.name != "example_count"
        }
    chosen: dict[MetricKey, str] = {}
    for name in metrics:
        found = [key for key, label in labels.items() if name.strip() in (label, key.name)]
        if not found:
            raise ResultError(f"no metric {name!r} {did_you_mean(name, labels.values())}")
        chosen.update((key, labels[key]) for key in found)
    return chosen


def _metric_named(name: str, labels: Mapping[MetricKey, str]) -> list[MetricKey]:
    """Returns the metrics of a name, the best one to sort by first."""
    exact = [key for key, label in labels.items() if label == name]
    named = [key for key in labels if key.name == name and not key.is_diff]
    if not exact and not named:
        raise ResultError(f"no metric {name!r} to sort by {did_you_mean(name, labels.values())}")
    return exact + named


def _rows(
    table: MetricsTable,
    labels: Mapping[MetricKey, str],
    slices: str | None,
    sort: str | None,
    min_examples: int,
) -> list[int]:
    """Returns the rows of a table that are wanted, in the order wanted."""
    wanted = (slices or "").lower()
    rows = [
        row
        for row, key in enumerate(table.slices)
        if wanted in slice_name(key).lower()
        and (table.examples[row] < 0 or table.examples[row] >= min_examples)
    ]
    if sort is None:
        return rows
    for key in _metric_named(sort.lstrip("-"), labels):
        column = table.columns.get(key)
        if column is not None and column.is_number:
            worst_first = -1 if column.direction < 0 else 1
            sign = -worst_first if sort.startswith("-") else worst_first
            order = np.argsort(sign * column.value[rows], kind="stable")  # NaN comes last
            return [rows[place] for place in order]
    return rows


# -------------------------------------------------------------------------------------------------
# Text


def safe(text: str) -> str:
    r"""Replaces what a terminal could take for a command.

    Example:
        >>> safe("a\x1b[2Jb")
        'a�[2Jb'
    """
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def shown_number(value: Any) -> str:
    """Returns a number as people read it.

    Example:
        >>> [shown_number(x) for x in (0.912345, 1234567.0, 5.0, 1e-9, float("nan"))]
        ['0.9123', '1,234,567', '5', '1e-09', 'undefined']
    """
    if value is None or value != value:
        return "undefined"
    if abs(value) >= 1e15 or not np.isfinite(value):
        return f"{value:.4g}"
    if float(value).is_integer() or abs(value) >= 1e4:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def _print_headline(console: Console, result: EvalResult) -> None:
    from rich.text import Text

    parts = [result.name or "result"]
    if result.run is not None:
        rows = sum(result.run.rows_read.values())
        parts += [result.run.started] if result.run.started else []
        parts += [f"{rows:,} examples"] if rows else []
    parts.append(f"{sum(len(table) for table in result.tables):,} slices")
    console.print(Text(safe(" · ".join(parts)), style="bold"))
    verdict = result.verdict
    if verdict is None:
        return
    console.print(Text(safe(verdict.summary), style=_COLORS.get(verdict.status, "")))
    for reason in verdict.reasons[1 : _REASONS + 1]:
        console.print(Text(f"  {safe(reason)}"))
    if len(verdict.reasons) > _REASONS + 1:
        console.print(Text(f"  and {len(verdict.reasons) - _REASONS - 1} more", style="dim"))
    for note in verdict.notes:
        console.print(Text(f"note: {safe(note)}", style="dim"))


@dataclass(frozen=True)
class _Shown:
    """A metric that has a column of its own in the printed table, with its difference."""

    key: MetricKey
    label: str
    column: Column
    difference: Column | None


def _shown(table: MetricsTable, chosen: Mapping[MetricKey, str]) -> list[_Shown]:
    found = []
    for key, label in chosen.items():
        column = table.columns.get(key)
        if column is None or column.value.dtype == object:
            continue
        plain_key = replace(key, is_diff=False)
        if key.is_diff and plain_key in chosen and plain_key in table.columns:
            continue  # shown beside the value
        difference = None if key.is_diff else table.columns.get(key.diff())
        if difference is not None and not difference.is_number:
            difference = None
        found.append(_Shown(key, label, column, difference))
    return found


def _print_table(
    console: Console,
    result: EvalResult,
    table: MetricsTable,
    rows: Sequence[int],
    count: int,
    chosen: Mapping[MetricKey, str],
    judgements: Mapping[JudgementKey, Judgement],
) -> None:
    from rich.table import Table
    from rich.text import Text

    shown = _shown(table, chosen)
    fits = max(1, (console.width - _SLICE_WIDTH) // _CELL_WIDTH)
    printed = Table(
        title=Text(safe(table.dataset)) if len(result.tables) > 1 else None, title_justify="left"
    )
    printed.add_column("slice", max_width=_SLICE_WIDTH * 2, overflow="fold")
    printed.add_column("examples", justify="right")
    for each in shown[:fits]:
        printed.add_column(Text(safe(each.label)), justify="right", overflow="fold")
    for row in rows:
        key = table.slices[row]
        examples = shown_number(float(table.examples[row])) if table.examples[row] >= 0 else ""
        cells = [Text(safe(slice_name(key))), Text(examples)]
        judged = [judgements.get((table.dataset, each.key, key)) for each in shown[:fits]]
        cells += [_cell(each, row, found) for each, found in zip(shown, judged, strict=False)]
        printed.add_row(*cells)
    console.print(printed)
    _print_notes(console, table, rows)
    if count > len(rows):
        console.print(Text(f"{count - len(rows):,} more slices (--limit, --slices)", style="dim"))
    if len(shown) > fits:
        names = ", ".join(safe(each.label) for each in shown[fits:])
        console.print(Text(f"{len(shown) - fits} more metrics (--metrics): {names}", style="dim"))


def _print_notes(console: Console, table: MetricsTable, rows: Sequence[int]) -> None:
    """Prints what is to be known of slices; once what is the same for many."""
    from rich.text import Text

    by_note: dict[str, list[str]] = {}
    for row in rows:
        note = table.notes.get(table.slices[row])
        if note:
            by_note.setdefault(note, []).append(slice_name(table.slices[row]))
    for note, names in list(by_note.items())[:_REASONS]:
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        console.print(Text(safe(f"{', '.join(names[:3])}{more}: {note}"), style="dim"))


def _cell(shown: _Shown, row: int, judged: Judgement | None) -> Any:
    """Returns value, interval and difference of one slice, with the mark of a missed threshold."""
    from rich.text import Text

    column = shown.column
    if not column.is_number:
        numbers = np.ravel(column.value[row])
        more = ", ..." if len(numbers) > 3 else ""
        return Text(f"[{', '.join(shown_number(float(x)) for x in numbers[:3])}{more}]")
    value = float(column.value[row])
    cell = Text("-" if np.isnan(value) else shown_number(value))
    if column.lower is not None and column.upper is not None and np.isfinite(column.lower[row]):
        half = float(column.upper[row] - column.lower[row]) / 2
        cell.append(f" ±{half:.2g}", style="dim")
    if shown.difference is not None and np.isfinite(shown.difference.value[row]):
        change = float(shown.difference.value[row])
        good = change * column.direction
        style = "green" if good > 0 else "red" if good < 0 else "dim"
        cell.append(f" ({change:+.2g})", style=style)
    if judged is not None and judged.outcome in _MARKS:
        mark, style = _MARKS[judged.outcome]
        cell.append(f" {mark}", style=f"bold {style}")
    return cell


def _result_json(
    result: EvalResult,
    picked: Sequence[tuple[MetricsTable, Sequence[int], int]],
    chosen: Mapping[MetricKey, str],
    judgements: Mapping[JudgementKey, Judgement],
) -> str:
    datasets = []
    for table, rows, count in picked:
        slices = [
            {
                "slice": slice_name(table.slices[row]),
                "examples": int(table.examples[row]) if table.examples[row] >= 0 else None,
                "metrics": {
                    label: _json_value(table, key, row, judgements)
                    for key, label in chosen.items()
                    if key in table.columns
                },
                **_note(table, table.slices[row]),
            }
            for row in rows
        ]
        datasets.append({"dataset": table.dataset, "slices": slices, "num_slices": count})
    verdict = None
    if result.verdict is not None:
        verdict = {
            "verdict": result.verdict.status,
            "summary": result.verdict.summary,
            "reasons": list(result.verdict.reasons[1:]),
        }
    found = {"run": result.name, "verdict": verdict, "datasets": datasets}
    return json.dumps(plain(found), ensure_ascii=False)


def _note(table: MetricsTable, key: SliceKey | CrossSliceKey) -> dict[str, str]:
    return {"note": table.notes[key]} if key in table.notes else {}


def _json_value(
    table: MetricsTable, key: MetricKey, row: int, judgements: Mapping[JudgementKey, Judgement]
) -> dict[str, Any]:
    column = table.columns[key]
    found: dict[str, Any] = {"value": column.value[row]}
    for name, bounds in (("ci_low", column.lower), ("ci_high", column.upper)):
        if bounds is not None:
            found[name] = bounds[row]
    judged = judgements.get((table.dataset, key, table.slices[row]))
    if judged is not None:
        found |= {"threshold": judged.threshold, "decision": judged.outcome}
    return found


# -------------------------------------------------------------------------------------------------
# Comparison and history


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
    _print_comparison(console or _console(), before.name, after.name, frame, limit)


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
    _print_runs(console or _console(), runs, names)


def _print_runs(console: Console, runs: Sequence[Mapping[str, Any]], names: Sequence[str]) -> None:
    from rich.table import Table
    from rich.text import Text

    fits = max(1, (console.width - _SLICE_WIDTH - 20) // _CELL_WIDTH)
    printed = Table()
    for name in ("run", "time", "verdict"):
        printed.add_column(name, overflow="fold")
    for name in names[:fits]:
        printed.add_column(Text(safe(name)), justify="right")
    for run in runs:
        color = _COLORS.get(run["verdict"], "")
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
