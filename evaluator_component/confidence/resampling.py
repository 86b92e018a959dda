"""Resampling: which resamples of the examples intervals are computed from.

Resamples are a second axis of every sum: nothing runs twice, and a statistic does not know. Which
resamples an example belongs to is a function of its own id (a hash of its content), so that the
same data give the same intervals however they are cut into files, batches and workers.

Vocabulary:
    jackknife: examples fall into buckets; replicate r is everything but bucket r.
    poisson_bootstrap: in every replicate each example counts a Poisson(1) number of times.
    unit: what is resampled as a whole: the example, or all examples with one value of a feature
        (a user, a query).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.cells import Cells
from evaluator_component.metrics.state import State, take_away
from evaluator_component.resamples import Partition, Poisson

__all__ = ["BOOTSTRAP", "JACKKNIFE", "Resampling", "leave_one_out"]

Array = npt.NDArray[Any]

JACKKNIFE = "jackknife"
BOOTSTRAP = "poisson_bootstrap"


@dataclass(frozen=True)
class Resampling:
    """How intervals are computed.

    Attributes:
        method: "jackknife" or "poisson_bootstrap".
        count: number of buckets or replicates.
        level: of the interval, such as 0.95.
        seed: another seed gives other resamples.
        unit_key: feature whose value names the unit; "" for the example itself.
    """

    method: str = JACKKNIFE
    count: int = 20
    level: float = 0.95
    seed: int = 0
    unit_key: str = ""

    def replicates(self, ids: Array) -> Partition | Poisson:
        """Returns the resamples that units belong to.

        Args:
            ids: uint64 (rows,), one id per unit.

        Example:
            >>> Resampling(count=20).replicates(np.arange(3, dtype=np.uint64)).count
            20
        """
        if self.method == BOOTSTRAP:
            return Poisson(ids, self.count, self.seed)
        return Partition.of_ids(ids, self.count, self.seed)


def leave_one_out(state: State, reductions: Mapping[str, str]) -> State:
    """Turns sums per bucket into sums over all other buckets (the jackknife's replicates).

    Args:
        state: arrays (groups, buckets, ...).
        reductions: how each array merges.

    Returns:
        Arrays of the same shapes.
    """
    arrays: dict[str, Any] = {}
    for name, reduction in reductions.items():
        value = state[name]
        if isinstance(value, Cells):
            arrays[name] = Cells(value.group, value.cell, _others(value.sums))
        elif reduction in ("min", "max"):
            arrays[name] = _other_extreme(value, reduction)
        elif reduction == "precise":
            arrays[name] = take_away(reduction, _precise_total(value)[:, None], value)
        elif reduction == "sum":
            arrays[name] = _others(value)
        else:
            arrays[name] = value
    return State(arrays, state.shape)


def _others(value: Array) -> Array:
    """Sums over all other buckets, axis 1.

    Not total minus part: what is left of nothing must be exactly 0, or 0 / 0 becomes a number.
    """
    before = np.zeros_like(value)
    np.cumsum(value[:, :-1], axis=1, out=before[:, 1:])
    after = np.zeros_like(value)
    after[:, :-1] = np.cumsum(value[:, :0:-1], axis=1)[:, ::-1]
    return np.asarray(before + after)


def _precise_total(value: Array) -> Array:
    from evaluator_component.metrics import precise

    total = value[:, 0]
    for bucket in range(1, value.shape[1]):
        total = precise.add(total, value[:, bucket])
    return total


def _other_extreme(value: Array, reduction: str) -> Array:
    """The smallest (largest) value of all other buckets, from the two smallest of all."""
    sign = 1.0 if reduction == "min" else -1.0
    ordered = np.sort(sign * value, axis=1)
    first, second = ordered[:, :1], ordered[:, 1:2]
    return sign * np.where(sign * value == first, second, first)
