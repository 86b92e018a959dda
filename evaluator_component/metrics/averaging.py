"""Averages over classes and outputs: macro, weighted macro, and output weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from evaluator_component.batch import Batch
from evaluator_component.groups import Groups
from evaluator_component.metrics.base import Statistic
from evaluator_component.metrics.formulas import divide

__all__ = ["PositiveWeight", "weighted_average"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class PositiveWeight(Statistic):
    """Weight of the positive labels: sum(w * y); a class's share in the weighted macro average."""

    state: ClassVar[Mapping[str, str]] = {"weight": "sum"}

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Sums w * y."""
        return {"weight": groups.sum(batch.weight * batch.label)}


def weighted_average(values: Array, weights: Array) -> Array:
    """Averages over the first axis: sum(w * v) / sum(w); parts of weight 0 do not count.

    A part that is undefined (NaN) makes the average undefined unless its weight is 0: leaving it
    out would change what the number means.

    Args:
        values: (parts, ...).
        weights: broadcast against `values`.

    Example:
        >>> weighted_average(np.array([[1.0], [np.nan], [4.0]]), np.array([[1.0], [0.0], [2.0]]))
        array([3.])
    """
    weights = np.broadcast_to(weights, values.shape)
    weighted = np.where(weights == 0, 0.0, values * weights)
    return divide(weighted.sum(axis=0), weights.sum(axis=0))
