"""Compares the numbers of two runs, slice by slice.

The runs are taken as independent: se = sqrt(se_before^2 + se_after^2), and the interval of the
difference is that of the normal distribution. Two models on the *same* examples are told apart
better by evaluating them together (candidate and baseline), where the intervals are paired.

The column `change` says, for each number:

==========  ========================================================================
better      the difference is in the good direction (and its interval excludes 0)
worse       likewise in the bad one
changed     the same for a metric without a direction
unsure      the interval of the difference includes 0
same        the values are equal
new, gone   only the later or only the earlier run has it
""          undefined in one of them
==========  ========================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy import special

if TYPE_CHECKING:
    from evaluator_component.results.eval_result import EvalResult

__all__ = ["compare"]

Array = npt.NDArray[Any]

_NAMES = ["dataset", "output", "slice", "metric", "class_id", "k", "top_k"]
_NAMES += ["aggregation", "weighted", "entry"]
_VALUES = ["value", "standard_error", "n", "confidence_level", "direction"]


def compare(before: EvalResult, after: EvalResult) -> Any:
    """Returns a DataFrame with one row per number: what it was and is, and whether it is better.

    Of each run its selected model is compared (see `EvalResult.selected_model`). Where both runs
    have one dataset, its name does not matter.

    Args:
        before: the earlier run.
        after: the later run.

    Returns:
        Columns dataset, output, slice, metric, class_id, k, top_k, aggregation, weighted, entry,
        before, after, difference, relative, standard_error, ci_low, ci_high, n_before, n_after,
        change; in the order of the later run.

    Raises:
        ResultError: a run has several models and none is selected.
    """
    import pandas as pd

    frames = [_numbers(result) for result in (before, after)]
    if len(before.tables) == len(after.tables) == 1:
        frames[0] = frames[0].assign(dataset=after.tables[0].dataset)
    earlier, later = frames
    later = later.assign(_order=np.arange(len(later)))
    joined = later.merge(
        earlier, on=_NAMES, how="outer", suffixes=("_after", "_before"), indicator=True
    )
    joined = joined.sort_values("_order", kind="stable", na_position="last", ignore_index=True)
    old, new = joined["value_before"].to_numpy(float), joined["value_after"].to_numpy(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        difference = new - old
        relative = np.where(old == 0, np.nan, difference / np.abs(old))
    error = np.sqrt(
        joined["standard_error_before"].to_numpy(float) ** 2
        + joined["standard_error_after"].to_numpy(float) ** 2
    )
    level = joined["confidence_level_after"].fillna(0.95).to_numpy(float)
    width = special.ndtri(0.5 + level / 2) * error
    directions = joined["direction_after"].fillna(joined["direction_before"])
    direction = directions.map({"higher": 1, "lower": -1}).fillna(0).to_numpy(int)
    compared = pd.DataFrame(
        {
            "before": old,
            "after": new,
            "difference": difference,
            "relative": relative,
            "standard_error": error,
            "ci_low": difference - width,
            "ci_high": difference + width,
            "n_before": joined["n_before"],
            "n_after": joined["n_after"],
            "change": _change(old, new, width, direction, joined["_merge"].astype(str).to_numpy()),
        }
    )
    return pd.concat([joined[_NAMES], compared], axis=1)


def _numbers(result: EvalResult) -> Any:
    """Returns the numbers of the selected model, without differences and structured values."""
    frame = result.to_frame()
    wanted = frame["model"].isin([result.selected_model, ""]) & ~frame["is_diff"].astype(bool)
    return frame.loc[wanted & frame["text"].isna(), [*_NAMES, *_VALUES]]


def _change(before: Array, after: Array, width: Array, direction: Array, found_in: Array) -> Array:
    with np.errstate(invalid="ignore"):
        difference = after - before
    scale = np.maximum(np.abs(before), np.abs(after))
    same = (before == after) | (np.abs(difference) <= 1e-12 * scale)
    unsure = np.abs(difference) <= width  # false without an interval
    good = np.sign(difference) * direction
    return np.select(
        [
            found_in == "left_only",
            found_in == "right_only",
            same,
            np.isnan(difference),
            unsure,
            good > 0,
            good < 0,
        ],
        ["new", "gone", "same", "", "unsure", "better", "worse"],
        "changed",
    )
