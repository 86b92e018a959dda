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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluator_component.errors import ResultError, did_you_mean
from evaluator_component.keys import CrossSliceKey, MetricKey, SliceKey, slice_name
from evaluator_component.metrics_table import Column, MetricsTable
from evaluator_component.results.eval_result import EvalResult
from evaluator_component.results.frames import column_labels
from evaluator_component.results.terminal_runs import print_comparison, print_history
from evaluator_component.results.terminal_text import (
    CELL_WIDTH,
    SLICE_WIDTH,
    STATUS_COLORS,
    new_console,
    safe,
    shown_number,
)
from evaluator_component.writers.judgements import Judgement, JudgementKey, judgements_of
from evaluator_component.writers.plain_json import plain

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["print_comparison", "print_history", "print_result"]

_MARKS = {"FAILED": ("✗", "red"), "INCONCLUSIVE": ("?", "yellow"), "WARNING": ("!", "yellow")}
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
    console = console or new_console()
    _print_headline(console, result)
    for table, rows, count in picked:
        _print_table(console, result, table, rows, count, chosen, judgements)


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
    console.print(Text(safe(verdict.summary), style=STATUS_COLORS.get(verdict.status, "")))
    reasons = [reason for reason in verdict.reasons[1:] if reason not in verdict.summary]
    for reason in reasons[:_REASONS]:
        console.print(Text(f"  {safe(reason)}"))
    if len(reasons) > _REASONS:
        console.print(Text(f"  and {len(reasons) - _REASONS} more", style="dim"))
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
    fits = max(1, (console.width - SLICE_WIDTH) // CELL_WIDTH)
    printed = Table(
        title=Text(safe(table.dataset)) if len(result.tables) > 1 else None, title_justify="left"
    )
    printed.add_column("slice", max_width=SLICE_WIDTH * 2, overflow="fold")
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
