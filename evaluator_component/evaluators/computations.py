"""Computations: values per slice from merged states.

Vocabulary:
    Accumulation: a statistic on a view; equal ones are computed once.
    Computation: a metric's formula, or an average or a difference of other computations.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from evaluator_component.metrics.averaging import PositiveWeight, weighted_average
from evaluator_component.metrics.base import Metric, State, Statistic
from evaluator_component.metrics.view import View

__all__ = [
    "Accumulation",
    "ClassAverage",
    "Computation",
    "Difference",
    "Formula",
    "OutputAverage",
    "replicated",
]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Accumulation:
    """A statistic on a view."""

    view: View
    statistic: Statistic


class Lookup(Protocol):
    """Gives the merged state of an accumulation."""

    def __call__(self, accumulation: Accumulation) -> State:
        """Returns the state."""


class Computation(Protocol):
    """A value per slice from merged states."""

    def accumulations(self) -> Iterator[Accumulation]:
        """Yields what must be accumulated for it."""

    def value(self, lookup: Lookup) -> Array:
        """Computes the values of all slices (and resamples)."""


@dataclass(frozen=True)
class Formula:
    """One metric on one view."""

    metric: Metric
    view: View

    def accumulations(self) -> Iterator[Accumulation]:
        """Yields the metric's statistics on the view."""
        for statistic in self.metric.statistics:
            yield Accumulation(self.view, statistic)

    def value(self, lookup: Lookup) -> Array:
        """Applies the metric's formula."""
        return self.metric.result(*(lookup(each) for each in self.accumulations()))


@dataclass(frozen=True)
class ClassAverage:
    """Average of a metric over classes, with fixed weights times, optionally, class shares.

    Attributes:
        parts: the metric on the view of each class.
        weights: one per part.
        by_positives: the view of each class by whose weight of positive labels the parts are
            weighted as well; empty for the plain macro average.
    """

    parts: tuple[Formula, ...]
    weights: tuple[float, ...]
    by_positives: tuple[View, ...] = ()

    def accumulations(self) -> Iterator[Accumulation]:
        """Yields what the parts need."""
        for part in self.parts:
            yield from part.accumulations()
        for view in self.by_positives:
            yield Accumulation(view, PositiveWeight())

    def value(self, lookup: Lookup) -> Array:
        """Averages the parts."""
        values = np.stack([part.value(lookup) for part in self.parts])
        trailing = (1,) * (values.ndim - 1)
        weights: Array = np.asarray(self.weights).reshape(-1, *trailing)
        if self.by_positives:
            shares = np.stack(
                [
                    lookup(Accumulation(view, PositiveWeight()))["weight"]
                    for view in self.by_positives
                ]
            )
            weights = weights * shares.reshape(*shares.shape, *(1,) * (values.ndim - shares.ndim))
        return weighted_average(values, weights)


@dataclass(frozen=True)
class OutputAverage:
    """Average of a metric over the outputs of a model."""

    parts: tuple[Computation, ...]
    weights: tuple[float, ...]

    def accumulations(self) -> Iterator[Accumulation]:
        """Yields what the parts need."""
        for part in self.parts:
            yield from part.accumulations()

    def value(self, lookup: Lookup) -> Array:
        """Averages the parts."""
        values = np.stack([part.value(lookup) for part in self.parts])
        weights = np.asarray(self.weights).reshape(-1, *(1,) * (values.ndim - 1))
        return weighted_average(values, weights)


@dataclass(frozen=True)
class Difference:
    """Candidate minus baseline."""

    candidate: Computation
    baseline: Computation

    def accumulations(self) -> Iterator[Accumulation]:
        """Yields what both need."""
        yield from self.candidate.accumulations()
        yield from self.baseline.accumulations()

    def value(self, lookup: Lookup) -> Array:
        """Subtracts."""
        return self.candidate.value(lookup) - self.baseline.value(lookup)


def replicated(accumulation: Accumulation) -> Accumulation:
    """Returns the accumulation that stands in for one on resamples."""
    return replace(accumulation, statistic=accumulation.statistic.replicated())
