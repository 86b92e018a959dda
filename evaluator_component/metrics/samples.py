"""Samples: a few values of a feature from each slice, to look at.

Which examples are taken is a function of their ids and a seed, so a sample does not depend on how
the data are cut into batches and workers, and the same run gives the same sample.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from evaluator_component.batch import Batch
from evaluator_component.errors import MetricError
from evaluator_component.groups import Groups
from evaluator_component.metrics import screen
from evaluator_component.metrics.base import ROWS, Array, Metric, State, Statistic
from evaluator_component.metrics.registry import register
from evaluator_component.metrics.state import Sample
from evaluator_component.resamples import uniform

__all__ = ["FeatureSample", "FixedSizeSample", "sample_rows", "sampled_values"]


def sample_rows(batch: Batch, groups: Groups, feature: str, size: int, seed: int) -> Sample:
    """Samples rows of each group without replacement, a row of twice the weight twice as readily.

    Each row draws -ln(u) / w from its id and the `size` smallest win (Efraimidis and Spirakis,
    2006). Rows of weight 0 are never taken.

    Args:
        batch: with example ids.
        groups: of the rows; replicates are ignored.
        feature: whose values to keep.
        size: rows per group at the most.
        seed: another seed gives another sample.

    Raises:
        MetricError: when there is no such feature, or examples have no ids.
    """
    screen.weights(batch)
    if batch.example_ids is None:
        raise MetricError("a sample needs example ids, and this evaluation has none")
    weight = batch.row_weight
    eligible = np.flatnonzero(weight > 0)
    priority = -np.log(uniform(batch.example_ids[eligible], seed)) / weight[eligible]
    rows, group = groups.take(eligible).top(priority, size)
    values = _values(batch.feature(feature), eligible[rows])
    return Sample(group, priority[rows], values, size)


def _values(column: Any, rows: Array) -> Array:
    """Values of some rows as objects; a list of one value is that value."""
    values = np.empty(len(rows), dtype=object)
    picked = column[rows] if isinstance(column, np.ndarray) else column.take(rows)
    for number, value in enumerate(picked.tolist()):
        values[number] = value[0] if isinstance(value, list) and len(value) == 1 else value
    return values


def sampled_values(sample: Sample, count: int) -> Array:
    """Returns the values of each group as an object array (groups,) of arrays."""
    samples = np.empty(count, dtype=object)
    for group in range(count):
        values = sample.of(group)
        if any(isinstance(value, list) or value is None for value in values):
            samples[group] = np.empty(len(values), dtype=object)
            samples[group][:] = values
        else:
            samples[group] = np.array(values)
    return samples


@dataclass(frozen=True)
class FeatureSample(Statistic):
    """A weighted sample of the values of a feature.

    Attributes:
        feature: whose values.
        size: values per group at the most.
        seed: another seed gives another sample.
    """

    feature: str
    size: int
    seed: int = 0

    state: ClassVar[Mapping[str, str]] = {"sample": "sample"}
    form: ClassVar[str] = ROWS

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Samples rows of each group."""
        return {"sample": sample_rows(batch, groups, self.feature, self.size, self.seed)}

    def features(self) -> tuple[str, ...]:
        """Returns the sampled feature."""
        return (self.feature,)


@register
@dataclass(frozen=True)
class FixedSizeSample(Metric):
    """A random sample of a feature's values, without replacement, by example weight.

    Attributes:
        sampled_key: the feature.
        size: values per slice at the most.
        random_seed: another seed gives another sample.
    """

    sampled_key: str = ""
    size: int = 10
    random_seed: int | None = None

    kind = "structured"
    has_interval = False

    def __post_init__(self) -> None:
        if not self.sampled_key:
            raise ValueError("sampled_key must name a feature")
        if not isinstance(self.size, int) or self.size < 1:
            raise ValueError(f"size must be a whole number from 1, got {self.size!r}")

    @property
    def statistics(self) -> tuple[Statistic, ...]:  # type: ignore[override]
        """The sample."""
        return (FeatureSample(self.sampled_key, self.size, self.random_seed or 0),)

    def result(self, sampled: State) -> Array:
        """Returns an array of values for each slice, in random order."""
        return sampled_values(sampled["sample"], sampled.shape[0])
