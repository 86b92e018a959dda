"""Prints what a flights run came to: slices that matter, verdict, report, what the store holds.

Everything is read back from the metadata store, as any other program could do it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["print_summary"]

#: The metric that slices are ranked by, and how many of the worst are shown.
RANK_BY = "auc"
WORST = 8
#: Columns of the table of slices: what they are called, and the value that they show.
COLUMNS = (
    ("auc", "auc"),
    ("baseline", "baseline/auc"),
    ("change", "auc difference"),
    ("calibration", "calibration"),
)
#: Slices with fewer examples are not shown: their values say little.
FEWEST_EXAMPLES = 100


def print_summary(root: Path, console: Any) -> None:
    """Prints the last evaluation, and all of them in brief.

    Args:
        root: the folder with `metadata.sqlite`; the last report is copied to `report.html` there.
        console: a `rich.console.Console`.
    """
    from evaluator_component.component.history import history

    store = root / "metadata.sqlite"
    evaluations = history(store)
    last = evaluations[-1]
    console.print()
    console.print(_slices_table(last))
    colour = {"BLESSED": "green", "NOT_BLESSED": "red"}.get(last.verdict, "yellow")
    console.print(f"\nVerdict: [bold {colour}]{last.verdict}[/]")
    for reason in last.reason.splitlines():
        console.print(f"  {reason}", markup=False)
    for artifact in last.outputs.get("report", ()):
        shutil.copyfile(artifact.uri, root / "report.html")
        console.print(f"\nReport: [bold]{os.path.relpath(root / 'report.html')}[/]")
    console.print()
    console.print(_history_table(evaluations))
    console.print(f"[dim]Read back from ML Metadata in {os.path.relpath(store)}[/]")


def _slices_table(evaluation: Any) -> Any:
    from rich.markup import escape
    from rich.table import Table

    shown = [(label, name) for label, name in COLUMNS if name in evaluation.metrics]
    table = Table(title=f"Overall, and the {WORST} slices with the lowest {RANK_BY}")
    table.add_column("slice", overflow="fold")
    table.add_column("examples", justify="right")
    for label, _ in shown:
        table.add_column(label, justify="right", no_wrap=True)

    def add(label: str, values: Mapping[str, Any]) -> None:
        numbers = (_number(values.get(name)) for _, name in shown)
        table.add_row(label, f"{int(values.get('examples', 0)):,}", *numbers)

    add("[bold]Overall[/]", evaluation.metrics)
    known = [
        (name, values)
        for name, values in evaluation.by_slice.items()
        if values.get(RANK_BY) is not None and values.get("examples", 0) >= FEWEST_EXAMPLES
    ]
    for name, values in sorted(known, key=lambda item: item[1][RANK_BY])[:WORST]:
        add(escape(name), values)
    return table


def _history_table(evaluations: list[Any]) -> Any:
    from rich.table import Table

    table = Table(title="What the metadata store holds")
    for column in ("run", "model", "baseline", "verdict", RANK_BY, "examples"):
        table.add_column(column)
    for found in evaluations:
        table.add_row(
            f"{found.time:%Y-%m-%d %H:%M:%S}",
            _ids(found.inputs.get("model", ())),
            _ids(found.inputs.get("baseline_model", ())),
            found.verdict,
            _number(found.metrics.get(RANK_BY)),
            f"{int(found.metrics.get('examples', 0)):,}",
        )
    return table


def _ids(artifacts: tuple[Any, ...]) -> str:
    return ", ".join(f"#{artifact.id}" for artifact in artifacts) or "-"


def _number(value: Any) -> str:
    return "-" if value is None else f"{value:.4f}"
