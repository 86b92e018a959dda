"""Attribution: what an overall change is made of: other slices, or other values on the slices.

For a metric that is a weighted mean over slices, V = sum(w_s v_s) with shares w_s that sum to 1,
the change from run 0 to run 1 splits exactly (Kitagawa 1955), with bars for the mean of both runs:

    mix          = sum((w1_s - w0_s) (v_s_bar - V_bar))      the shares of slices moved
    performance  = sum(w_s_bar (v1_s - v0_s))                the metric moved on slices

Vocabulary:
    partition: slices of the same features that hold every example exactly once.
    decomposable: a metric whose slices' weighted mean is its overall value in both runs; this is
        tested, not assumed (accuracy and mean errors are, AUC is not).
    reversal: performance and overall change have opposite signs (Simpson's paradox).

Example:
    >>> split = split_change([0.5, 0.5], [0.9, 0.5], [0.9, 0.1], [0.88, 0.48])
    >>> float(split.mix.sum().round(4)), float(split.performance.sum().round(4))
    (0.16, -0.02)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.keys import (
    OVERALL,
    CrossSliceKey,
    MetricKey,
    SliceKey,
    slice_name,
    slice_sort_key,
)
from evaluator_component.metrics_table import MetricsTable
from evaluator_component.validation.decision import jsonable
from evaluator_component.validation.numbers import shown
from evaluator_component.validation.sentences import metric_text

__all__ = ["Attribution", "Contribution", "Split", "attribute", "partitions", "split_change"]

Array = npt.NDArray[Any]

#: How far the weighted mean of slices may be from the overall value, in sizes of the values.
ROUNDING = 1e-6
#: Slices named in an attribution, those that contribute most.
MAX_CONTRIBUTIONS = 25


@dataclass(frozen=True)
class Split:
    """Parts of a change, by slice; their sums are the parts of the overall change."""

    mix: Array
    performance: Array


@dataclass(frozen=True)
class Contribution:
    """What one slice contributes to an overall change."""

    slice_key: SliceKey
    share_before: float
    share_after: float
    value_before: float
    value_after: float
    mix: float
    performance: float


@dataclass(frozen=True)
class Attribution:
    """An overall change, split over the slices of one partition.

    Attributes:
        metric_key: the metric (of the later run).
        features: whose slices make the partition.
        dataset: its name.
        before: overall value of the earlier run (or of the baseline).
        after: overall value of the later run (or of the candidate).
        mix: part of the change that comes from other shares of slices.
        performance: part that comes from other values on slices.
        reversal: performance and overall change have opposite signs.
        everywhere: no slice moved in the direction of the overall change.
        contributions: by slice, the largest first.
        sentence: in words.
    """

    metric_key: MetricKey
    features: tuple[str, ...]
    dataset: str
    before: float
    after: float
    mix: float
    performance: float
    reversal: bool
    everywhere: bool
    contributions: tuple[Contribution, ...]
    sentence: str

    @property
    def change(self) -> float:
        """The overall change; mix + performance."""
        return self.after - self.before

    def to_dict(self) -> dict[str, Any]:
        """Returns the attribution as JSON values."""
        names = ("before", "after", "change", "mix", "performance", "reversal", "everywhere")
        parts = ("share_before", "share_after", "value_before", "value_after", "mix", "performance")
        return {
            "metric": str(self.metric_key),
            "features": list(self.features),
            "dataset": self.dataset,
            **{name: jsonable(getattr(self, name)) for name in names},
            "contributions": [
                {
                    "slice": slice_name(each.slice_key),
                    **{name: jsonable(getattr(each, name)) for name in parts},
                }
                for each in self.contributions
            ],
            "sentence": self.sentence,
        }


def split_change(
    share_before: npt.ArrayLike,
    value_before: npt.ArrayLike,
    share_after: npt.ArrayLike,
    value_after: npt.ArrayLike,
) -> Split:
    """Splits the change of a weighted mean into mix and performance, by slice.

    Args:
        share_before: (slices,), sums to 1; 0 for a slice that the earlier run does not have.
        value_before: (slices,); not looked at where the share is 0.
        share_after: like `share_before`.
        value_after: like `value_before`.
    """
    w0, w1 = (np.asarray(share, dtype=np.float64) for share in (share_before, share_after))
    v0, v1 = (np.asarray(value, dtype=np.float64) for value in (value_before, value_after))
    # A slice that one run lacks has no change of its own: all it does is a matter of mix.
    v0, v1 = np.where(w0 == 0, v1, v0), np.where(w1 == 0, v0, v1)
    absent = (w0 == 0) & (w1 == 0)
    v0, v1 = np.where(absent, 0.0, v0), np.where(absent, 0.0, v1)
    middle = ((w0 * v0).sum() + (w1 * v1).sum()) / 2
    return Split((w1 - w0) * ((v0 + v1) / 2 - middle), (w0 + w1) / 2 * (v1 - v0))


def partitions(table: MetricsTable) -> list[tuple[str, ...]]:
    """Returns the features whose slices hold every example exactly once, fewest features first."""
    overall = table.row_of.get(OVERALL)
    if overall is None:
        return []
    total: dict[tuple[str, ...], int] = {}
    for row, key in enumerate(table.slices):
        if isinstance(key, CrossSliceKey) or not key:
            continue
        features = tuple(feature for feature, _ in key)
        total[features] = total.get(features, 0) + int(table.examples[row])
    whole = [features for features, count in total.items() if count == table.examples[overall]]
    return sorted(whole, key=lambda features: (len(features), features))


def attribute(
    before: MetricsTable,
    after: MetricsTable,
    keys: Iterable[tuple[MetricKey, MetricKey]],
) -> Iterator[Attribution]:
    """Attributes overall changes between two runs, or between two models of one run.

    Args:
        before: the earlier run.
        after: the later run; the same table for two models of one run.
        keys: pairs of metrics, of `before` and of `after`.

    Yields:
        One attribution for each metric and partition of both runs for which the metric is
        decomposable.
    """
    shared = [features for features in partitions(before) if features in partitions(after)]
    for key_before, key_after in keys:
        for features in shared:
            found = _attribute(before, after, key_before, key_after, features)
            if found is not None:
                yield found


def _attribute(
    before: MetricsTable,
    after: MetricsTable,
    key_before: MetricKey,
    key_after: MetricKey,
    features: tuple[str, ...],
) -> Attribution | None:
    sides = []
    for table, key in ((before, key_before), (after, key_after)):
        column = table.columns.get(key)
        if column is None or not column.is_number or OVERALL not in table.row_of:
            return None
        weights = table.weights if key.example_weighted else table.examples
        rows = {
            slice_key: row
            for slice_key, row in table.row_of.items()
            if not isinstance(slice_key, CrossSliceKey)
            and tuple(feature for feature, _ in slice_key) == features
        }
        sides.append((table.row_of[OVERALL], column.value, weights, rows))
    slices: list[SliceKey] = sorted({**sides[0][3], **sides[1][3]}, key=slice_sort_key)
    shares, values, overall = [], [], []
    for total_row, value, weights, rows in sides:
        weight = np.array([weights[rows[each]] if each in rows else 0.0 for each in slices])
        numbers = np.array([value[rows[each]] if each in rows else np.nan for each in slices])
        if not weight.sum() > 0:
            return None
        share = weight / weight.sum()
        explained = np.where(share > 0, share * numbers, 0.0).sum()
        size = np.max(np.abs(np.where(share > 0, numbers, 0.0)))
        # NaN anywhere that counts makes this comparison false.
        if not abs(explained - value[total_row]) <= ROUNDING * max(size, 1e-300):
            return None
        shares.append(share)
        values.append(numbers)
        overall.append(float(value[total_row]))
    split = split_change(shares[0], values[0], shares[1], values[1])
    return _told(key_after, features, after.dataset, overall, slices, shares, values, split)


def _told(
    key: MetricKey,
    features: tuple[str, ...],
    dataset: str,
    overall: list[float],
    slices: list[SliceKey],
    shares: list[Array],
    values: list[Array],
    split: Split,
) -> Attribution:
    change = overall[1] - overall[0]
    mix, performance = float(split.mix.sum()), float(split.performance.sum())
    negligible = ROUNDING * max(abs(overall[0]), abs(overall[1]), 1e-300)
    moved = np.where((shares[0] > 0) & (shares[1] > 0), values[1] - values[0], 0.0)
    opposite = change * performance < 0
    reversal = opposite and min(abs(change), abs(performance)) > negligible
    order = np.argsort(-np.abs(split.mix + split.performance), kind="stable")[:MAX_CONTRIBUTIONS]
    contributions = tuple(
        Contribution(
            slices[i],
            float(shares[0][i]),
            float(shares[1][i]),
            float(values[0][i]),
            float(values[1][i]),
            float(split.mix[i]),
            float(split.performance[i]),
        )
        for i in order
    )
    everywhere = bool(reversal and (np.sign(change) * moved <= negligible).all())
    return Attribution(
        key,
        features,
        dataset,
        overall[0],
        overall[1],
        mix,
        performance,
        bool(reversal),
        everywhere,
        contributions,
        _sentence(metric_text(key), features, overall, mix, performance, reversal, everywhere),
    )


def _sentence(
    metric: str,
    features: tuple[str, ...],
    overall: list[float],
    mix: float,
    performance: float,
    reversal: bool,
    everywhere: bool,
) -> str:
    change = overall[1] - overall[0]
    by = " x ".join(features)
    ends = f"{shown(overall[0], overall[1])} to {shown(overall[1], overall[0])}"
    said = (
        f"{metric} {_moved(change)} overall ({ends}): {_signed(performance)} from its values on "
        f"slices of {by}, {_signed(mix)} from their shares."
    )
    if reversal:
        slices = "no slice moved that way" if everywhere else "on slices it moved the other way"
        said += f" The change is one of mix: {slices} (Simpson's paradox)."
    return said


def _moved(change: float) -> str:
    if change == 0:
        return "did not change"
    return f"{'rose' if change > 0 else 'fell'} by {shown(abs(change))}"


def _signed(number: float) -> str:
    return f"{'+' if number >= 0 else ''}{shown(number)}"
