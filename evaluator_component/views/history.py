"""Lines up several runs: one series per metric, model role and slice, one point per run.

Runs keep the order in which they are given; where every run has a time, they are sorted by it.
A model is known by its role (candidate, baseline), because its name changes from run to run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from evaluator_component.keys import CrossSliceKey, MetricKey, SliceKey, slice_name
from evaluator_component.metrics_table import Column, MetricsTable
from evaluator_component.views.columns import column_identity
from evaluator_component.views.encoding import numbers
from evaluator_component.views.facts import run_facts
from evaluator_component.views.judgement import verdict_payload
from evaluator_component.views.run import CANDIDATE, Run, model_roles

__all__ = ["chronological", "history_payload"]

AnySlice = SliceKey | CrossSliceKey

#: How many slices a history keeps; the largest ones of the last run.
MAX_SLICES = 200


def history_payload(
    runs: Sequence[Run],
    wanted: Callable[[AnySlice], bool] = lambda key: True,
    display_full_path: bool = False,
    omitted: list[str] | None = None,
) -> dict[str, Any]:
    """Returns the history of several runs as JSON.

    Args:
        runs: the runs.
        wanted: which slices to keep.
        display_full_path: whether models and data are named by their whole path.
        omitted: sentences about what was left out are added here.
    """
    runs = chronological(runs)
    datasets = list({table.dataset: None for run in runs for table in run.tables})
    return {
        "runs": [_about(run, display_full_path) for run in runs],
        "datasets": [
            _dataset(runs, dataset, wanted, omitted if omitted is not None else [])
            for dataset in datasets
        ],
    }


def chronological(runs: Sequence[Run]) -> list[Run]:
    """Returns runs by time, where every one of them has a time."""
    runs = list(runs)
    if all(run.time for run in runs):
        runs.sort(key=lambda run: str(run.time))
    return runs


def _about(run: Run, full_path: bool) -> dict[str, Any]:
    def short(location: Any) -> str:
        text = str(location or "").rstrip("/")
        return text if full_path else (PurePosixPath(text).name or text)

    facts = run_facts(run)
    candidates = [model for model in facts["models"] if model["role"] == CANDIDATE]
    models = [(full_path and m.get("location")) or m.get("version") or "" for m in candidates]
    verdict = run.verdict or {}
    return {
        "name": run.name,
        "time": facts["time"],
        "model": ", ".join(model for model in models if model),
        "data": ", ".join(short(place) for _, place, _ in facts["data"]),
        "verdict": str(verdict.get("verdict") or ""),
        "summary": str(verdict.get("summary") or ""),
        "href": run.href,
    }


def _dataset(
    runs: Sequence[Run], dataset: str, wanted: Callable[[AnySlice], bool], omitted: list[str]
) -> dict[str, Any]:
    tables = [next((t for t in run.tables if t.dataset == dataset), None) for run in runs]
    slices = _slices([table for table in tables if table is not None], wanted, omitted)
    series: dict[MetricKey, list[tuple[int, Column]]] = {}
    for index, (run, table) in enumerate(zip(runs, tables, strict=True)):
        if table is None:
            continue
        roles = model_roles(run.metadata, table.columns)
        taken = set()
        for key, column in table.columns.items():
            role_key = replace(key, model_name=roles[key.model_name])
            if column.is_number and role_key not in taken:
                taken.add(role_key)
                series.setdefault(role_key, []).append((index, column))
    return {
        "name": dataset,
        "slices": [slice_name(key) for key in slices],
        "examples": _grid(slices, tables, [table and table.examples for table in tables]),
        "columns": [_series(key, found, slices, tables) for key, found in series.items()],
        "bounds": _bounds(runs, dataset),
    }


def _slices(
    tables: Sequence[MetricsTable], wanted: Callable[[AnySlice], bool], omitted: list[str]
) -> list[AnySlice]:
    found: dict[AnySlice, float] = {}
    for table in tables:
        for key, row in table.row_of.items():
            if wanted(key):
                found[key] = float(table.examples[row])
    largest = sorted(found, key=lambda key: (key != (), -found[key]))
    if len(largest) > MAX_SLICES:
        omitted.append(f"the history of {len(largest) - MAX_SLICES:,} smaller slices")
    return largest[:MAX_SLICES]


def _series(
    key: MetricKey,
    found: Sequence[tuple[int, Column]],
    slices: Sequence[AnySlice],
    tables: Sequence[MetricsTable | None],
) -> dict[str, Any]:
    def grid(name: str, digits: int = 7) -> list[list[Any]]:
        arrays: list[Any] = [None] * len(tables)
        for index, column in found:
            arrays[index] = getattr(column, name)
        return _grid(slices, tables, arrays, digits)

    payload = {
        **column_identity(key),
        "role": key.model_name or CANDIDATE,
        "direction": found[-1][1].direction,
        "value": grid("value"),
    }
    if any(column.lower is not None for _, column in found):
        payload.update(lower=grid("lower", 5), upper=grid("upper", 5))
    return payload


def _grid(
    slices: Sequence[AnySlice],
    tables: Sequence[MetricsTable | None],
    arrays: Sequence[Any],
    digits: int = 7,
) -> list[list[Any]]:
    """One list per slice, one entry per run; None where a run has no such slice."""
    values = np.full((len(slices), len(tables)), np.nan)
    for column, (table, array) in enumerate(zip(tables, arrays, strict=True)):
        if table is None or array is None:
            continue
        for row, key in enumerate(slices):
            if key in table.row_of:
                values[row, column] = array[table.row_of[key]]
    return [numbers(row, digits) for row in values]


def _bounds(runs: Sequence[Run], dataset: str) -> list[dict[str, Any]]:
    """The value thresholds of the last run that has any: what the charts draw as lines."""
    for run in reversed(runs):
        payload = verdict_payload(run.verdict, run.tables, []) or {"decisions": []}
        bounds = [
            {
                "metric": decision["at"]["metric"],
                "output": decision["at"]["output"],
                "sub": decision["at"]["sub"],
                "slice": decision["slice"],
                "bound": decision["bound"],
            }
            for decision in payload["decisions"]
            if decision["at"]
            and decision["check"] in ("LOWER_BOUND", "UPPER_BOUND")
            and isinstance(decision["bound"], int | float)
            and decision["dataset"] in ("", dataset)
        ]
        if bounds:
            return bounds
    return []
