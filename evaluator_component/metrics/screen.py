"""Screening: values that no metric can use are an error that says what was seen.

Each check costs one pass per batch, whatever number of statistics ask for it.

Example:
    >>> from evaluator_component.batch import Batch
    >>> finite(Batch(label=np.array([1.0, 0.0]), prediction=np.array([np.nan, 0.5])))
    Traceback (most recent call last):
    ...
    evaluator_component.errors.MetricError: predictions must be finite, found nan (1 of 2)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.batch import Batch
from evaluator_component.errors import MetricError

__all__ = ["finite", "require", "weights"]

Array = npt.NDArray[Any]


def require(allowed: Array, values: Array, rule: str) -> None:
    """Raises an error that quotes the first value that is not allowed.

    Args:
        allowed: bool, like `values`.
        values: what was checked.
        rule: such as "labels must be in [0, 1]".

    Raises:
        MetricError: when any value is not allowed.
    """
    if not allowed.all():
        wrong = ~allowed
        raise MetricError(
            f"{rule}, found {values[wrong][0]:g} ({int(wrong.sum())} of {allowed.size})"
        )


def weights(batch: Batch) -> None:
    """Checks that example weights are finite and not negative.

    Raises:
        MetricError: otherwise.
    """

    def check() -> None:
        rule = "example weights must be finite and not negative"
        require(np.isfinite(batch.weight) & (batch.weight >= 0), batch.weight, rule)

    batch.derived("weights are screened", check)


def finite(batch: Batch) -> None:
    """Checks that labels and predictions, where there are any, are finite, and weights are valid.

    Raises:
        MetricError: otherwise.
    """

    def check() -> None:
        if batch.label is not None:
            require(np.isfinite(batch.label), batch.label, "labels must be finite")
        for prediction, model in ((batch.prediction, ""), (batch.baseline_prediction, "baseline ")):
            if prediction is not None:
                rule = f"{model}predictions must be finite"
                require(np.isfinite(prediction), prediction, rule)

    weights(batch)
    batch.derived("numbers are finite", check)
