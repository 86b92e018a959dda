"""Whether two contenders found the same numbers.

Vocabulary:
    Numbers: float arrays by "slice / metric"; a plot is a table with one row per threshold or
        bucket, flattened.
    difference: |x - y| / max(|y|, 1e-6), the largest of all slices; NaN agrees with NaN.

What must agree, and how closely:
    counts, sums, ratios of sums: 1e-6 relative (the peer stores predictions as float32).
    binary_crossentropy: 1e-4 relative; the peer takes logarithms in float32.
    auc, auc_precision_recall: 1e-3 + 1/positives absolute. The peer puts scores into 10,000 buckets
        and interpolates, which a small slice feels: one positive more or less before another is
        1/positives. Ours are exact. Of a slice with one class only it says 0, we say NaN.
    plots: all differences together, over the sum of the plot: 2e-3. The peer rounds thresholds,
        so that an example whose score lies on the border of two buckets may change places.
    standard errors: the partitions and resamples are random, so only their size is compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "BOUNDS",
    "Numbers",
    "differences",
    "disagreements",
    "load_numbers",
    "numbers_of",
    "save_numbers",
]

Numbers = dict[str, npt.NDArray[np.float64]]

#: How far two contenders may be apart, by metric; relative unless the name is in `_ABSOLUTE`.
BOUNDS = {
    "auc": 1.0,  # times (1e-3 + 1/positives)
    "auc_precision_recall": 1.0,
    "binary_crossentropy": 1e-4,
    "confusionMatrixAtThresholds": 2e-3,
    "calibrationHistogramBuckets": 1e-4,
    "": 1e-6,
}
_ABSOLUTE = ("auc", "auc_precision_recall")

_PLOTS = {
    "confusionMatrixAtThresholds": (
        "matrices",
        ("truePositives", "falsePositives", "trueNegatives", "falseNegatives"),
    ),
    "calibrationHistogramBuckets": (
        "buckets",
        ("numWeightedExamples", "totalWeightedLabel", "totalWeightedRefinedPrediction"),
    ),
}


def numbers_of(result: Any) -> Numbers:
    """Returns the numbers of an EvalResult, ours or the peer's; they have the same attributes."""
    if hasattr(result, "get_results") and not hasattr(result, "slicing_metrics"):
        result = result.get_results()[0]
    numbers: Numbers = {}
    for key, by_output in result.slicing_metrics:
        for name, value in by_output[""][""].items():
            if {"bytesValue", "debugMessage"} & set(value):  # a note, not a number
                continue
            numbers[f"{slice_text(key)} / {name}"] = np.array([_number(value)])
            if "boundedValue" in value:
                low, high = (_float(value["boundedValue"][e]) for e in ("lowerBound", "upperBound"))
                numbers[f"{slice_text(key)} / {name} interval"] = np.array([low, high])
    for key, by_output in result.plots:
        for name, plot in (by_output or {"": {"": {}}})[""][""].items():
            if name in _PLOTS:
                rows, fields = _PLOTS[name]
                table = [[_number(row.get(f, 0.0)) for f in fields] for row in plot[rows]]
                numbers[f"{slice_text(key)} / {name}"] = np.array(table).ravel()
    return numbers


def slice_text(key: Iterable[tuple[str, Any]]) -> str:
    """Returns a slice key as text, whatever the types of its values.

    Example:
        >>> slice_text((("origin", b"JFK"), ("hour", 7)))
        'hour=7, origin=JFK'
    """
    pairs = {name: value.decode() if isinstance(value, bytes) else value for name, value in key}
    return ", ".join(f"{name}={pairs[name]}" for name in sorted(pairs)) or "overall"


def _number(value: Any) -> float:
    if not isinstance(value, Mapping):
        return _float(value)
    for name in ("doubleValue", "value"):
        if name in value:
            return _float(value[name])
    if "boundedValue" in value:
        return _float(value["boundedValue"].get("value", 0.0))
    return _float(next(iter(value.values()))) if value else 0.0


def _float(value: Any) -> float:
    return float(value.get("value", 0.0)) if isinstance(value, Mapping) else float(value)


def differences(ours: Numbers, theirs: Numbers) -> dict[str, tuple[float, str]]:
    """Returns, by metric, the largest difference and the slice where it is.

    Raises:
        ValueError: one has slices or metrics that the other has not.
    """
    if ours.keys() != theirs.keys():
        odd = sorted(ours.keys() ^ theirs.keys())
        raise ValueError(f"{len(odd)} numbers are found by one only, such as {odd[:3]}")
    worst: dict[str, tuple[float, str]] = {}
    for key, one in ours.items():
        place, _, name = key.rpartition(" / ")
        other = theirs[key]
        if one.shape != other.shape:
            raise ValueError(f"{key}: {one.shape} numbers against {other.shape}")
        examples, share = (
            float(ours[f"{place} / {each}"][0]) for each in ("example_count", "mean_label")
        )
        found = _difference(name, one, other, max(1.0, examples * share))
        if name not in worst or found > worst[name][0]:
            worst[name] = (found, place)
    return worst


def _difference(
    name: str, one: npt.NDArray[Any], other: npt.NDArray[Any], positives: float
) -> float:
    apart = np.abs(one - other)
    undefined = np.isnan(one) & np.isnan(other)
    if _metric(name) in _ABSOLUTE:
        undefined = np.isnan(one) & (np.isnan(other) | (other == 0.0) | name.endswith("_diff"))
    apart[undefined] = 0.0
    apart[np.isnan(apart)] = np.inf
    if name in _PLOTS:
        return float(apart.sum() / np.abs(other).sum())
    if _metric(name) in _ABSOLUTE:
        return float(apart.max(initial=0.0) / (1e-3 + 1 / positives))
    # A difference of two models is small: it is held against what it is a difference of.
    scale = 1.0 if name.endswith("_diff") else np.maximum(np.abs(other), 1e-6)
    return float((apart / scale).max(initial=0.0))


def disagreements(found: Mapping[str, tuple[float, str]]) -> list[str]:
    """Returns what is beyond `BOUNDS`, in words."""
    return [
        f"{name}: {apart:.1e} at {place} (allowed: {bound:.0e})"
        for name, (apart, place) in found.items()
        if not name.endswith(" interval")
        and not apart <= (bound := BOUNDS.get(_metric(name), BOUNDS[""]))
    ]


def _metric(name: str) -> str:
    return name.removesuffix("_diff")


def save_numbers(numbers: Numbers, path: str) -> None:
    """Writes numbers to a file."""
    np.savez_compressed(
        path, **{str(i): v for i, v in enumerate(numbers.values())}, keys=[*numbers]
    )


def load_numbers(path: str) -> Numbers:
    """Reads numbers back."""
    with np.load(path) as file:
        return {str(key): file[str(i)] for i, key in enumerate(file["keys"])}
