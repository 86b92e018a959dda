"""Lines up runs over time: one row per run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from evaluator_component.keys import SliceKey
from evaluator_component.results.eval_result import EvalResult
from evaluator_component.results.frames import by_slice_frame

__all__ = ["history_frame"]


def history_frame(
    results: Iterable[EvalResult], slice_key: SliceKey = (), dataset: str | None = None
) -> Any:
    """Returns a DataFrame: one row per run, oldest first, one column per metric of its model.

    Args:
        results: the results; runs without a start time keep their places at the end.
        slice_key: the slice.
        dataset: the dataset; the first where it is not given.

    Returns:
        Columns run, started, verdict, examples, then one per metric; NaN where a run has no such
        metric or slice.
    """
    import pandas as pd

    rows = []
    for result in results:
        started = result.run.started if result.run is not None else ""
        row: dict[str, Any] = {
            "run": result.name,
            "started": pd.Timestamp(started) if started else pd.NaT,
            "verdict": result.verdict.status if result.verdict is not None else "",
        }
        if result.tables:
            row |= _numbers(result, slice_key, dataset)
        rows.append(row)
    frame = pd.DataFrame(rows, columns=None if rows else ["run", "started", "verdict"])
    return frame.sort_values("started", kind="stable", na_position="last", ignore_index=True)


def _numbers(result: EvalResult, slice_key: SliceKey, dataset: str | None) -> dict[str, Any]:
    """Returns the numbers of one slice by name, those of the selected model without its name."""
    table = result.table(dataset)
    if slice_key not in table.row_of:
        return {"examples": np.nan}
    model = result.selected_model
    kept = {key: column for key, column in table.columns.items() if key.model_name in (model, "")}
    one = replace(table, columns=kept, plots={}, attributions={})
    numbers: dict[str, Any] = (
        by_slice_frame([one.take([table.row_of[slice_key]])]).iloc[0].to_dict()
    )
    numbers.pop("weight")
    return numbers
