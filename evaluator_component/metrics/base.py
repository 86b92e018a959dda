"""Statistic and Metric: what is accumulated, and what is computed from it.

Vocabulary:
    Statistic: accumulates a batch into arrays with one row per group. It declares each array and
        how two of them merge ("sum", "precise", "min", "max", "cells", "sample", "names");
        merging, resampling, sharding and storing come free. Equal statistics are computed once:
        equality is sharing.
    Metric: a formula over the merged states of one or several statistics.
    State: the arrays of one statistic. Their leading axes are (groups,) or, on resamples,
        (groups, replicates); a formula that indexes from the right (`[..., k]`) serves both.

A new metric is one class::

    @register
    @dataclass(frozen=True)
    class MeanError(Metric):
        \"\"\"Mean error: sum(w * (y - p)) / sum(w).\"\"\"

        statistics = (ErrorSum(),)

        def result(self, error: State) -> Array:
            return divide(error["error"], error["weight"])
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from evaluator_component.batch import Batch
from evaluator_component.groups import Groups
from evaluator_component.keys import SubKey

__all__ = [
    "ELEMENTWISE",
    "HIGHER_IS_BETTER",
    "LOWER_IS_BETTER",
    "MULTICLASS",
    "NEITHER",
    "QUERY",
    "ROWS",
    "Metric",
    "State",
    "Statistic",
    "snake_case",
]

Array = npt.NDArray[Any]

LOWER_IS_BETTER = -1
NEITHER = 0
HIGHER_IS_BETTER = 1

#: Forms in which a statistic takes its batch; see `batch`.
ELEMENTWISE = "elementwise"  # label, prediction: (rows,), one pair per row
MULTICLASS = "multiclass"  # prediction: (rows, classes)
ROWS = "rows"  # as extracted: features, strings, structures, images
QUERY = "query"  # rows of a query together; groups hold queries


class State(dict[str, Any]):
    """The arrays of one statistic by name.

    Attributes:
        shape: leading axes of every array: (groups,) or (groups, replicates).
    """

    def __init__(self, arrays: Mapping[str, Any], shape: tuple[int, ...]) -> None:
        super().__init__(arrays)
        self.shape = shape


@dataclass(frozen=True)
class Statistic:
    """Accumulates batches into arrays with one row per group. Subclasses are frozen dataclasses.

    Attributes:
        state: name of each array -> how two of them merge: "sum", "min", "max" (float64 arrays
            from `Groups.sum/min/max`), "precise" (sums as pairs of numbers, see `precise`; the
            last axis is the pair), "cells" (`cells.Cells` from `Groups.cells`), "sample"
            (`state.Sample`) or "names" (`state.Names`).
        form: the form of batch that `accumulate` takes.
    """

    state: ClassVar[Mapping[str, str]] = {}
    form: ClassVar[str] = ELEMENTWISE

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Returns the declared arrays for the rows of this batch.

        Args:
            batch: columns in the form that the statistic asks for.
            groups: the groups of the batch's rows (of its queries where the form is QUERY).
        """
        raise NotImplementedError

    def replicated(self) -> Statistic:
        """Returns the statistic that stands in for this one on resamples (usually itself).

        A fine histogram may name a coarser one, so that memory stays bounded. Metrics read both.
        """
        return self

    def features(self) -> tuple[str, ...]:
        """Returns the names of the feature columns that `accumulate` reads."""
        return ()

    def searched(self) -> tuple[str, ...]:
        """Returns the names of columns that may be labels or predictions, or else features."""
        return ()


def snake_case(name: str) -> str:
    """Returns a class name as a metric name.

    Example:
        >>> snake_case("MeanSquaredError"), snake_case("AUCPrecisionRecall"), snake_case("NDCG")
        ('mean_squared_error', 'auc_precision_recall', 'ndcg')
    """
    spaced = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", spaced).lower()


@dataclass(frozen=True)
class Metric:
    """A formula over statistics. Subclasses are frozen dataclasses; fields are its arguments.

    Attributes:
        name: overrides the default name (the class name in snake case).
        direction: whether higher or lower values are better.
        kind: "number" (float64 (groups,)), "vector" (float64 (groups, k)), "structured" (object
            (groups,), such as dicts of arrays, strings or lists), "plot" (object (groups,) of
            plot data) or "attribution" (object (groups,) of {feature: number}).
        statistics: what `result` takes, in order. A class attribute or a property.
        compares_models: whether the metric looks at candidate and baseline predictions together.
            Its value is then a difference by itself (`is_diff`).
        has_interval: whether an interval makes sense (not for counts of examples).
    """

    name: str | None = field(default=None, kw_only=True)

    direction: ClassVar[int] = NEITHER
    kind: ClassVar[str] = "number"
    statistics: ClassVar[tuple[Statistic, ...]] = ()
    compares_models: ClassVar[bool] = False
    has_interval: ClassVar[bool] = True
    default_name: ClassVar[str | None] = None

    @property
    def joins_outputs(self) -> bool:
        """Whether the metric looks at all outputs of a model together, so is no metric of each."""
        return any(statistic.searched() for statistic in self.statistics)

    def result(self, *states: Any, **_: Any) -> Array:
        """Computes the metric of every group from the merged states of `statistics`.

        Returns:
            float64 (groups, [replicates]) for numbers, with a trailing axis for vectors; an
            object array (groups,) for the other kinds.
        """
        raise NotImplementedError

    def expand(self) -> tuple[Metric, ...]:
        """Returns the metrics this one stands for (itself, unless it is a family)."""
        return (self,)

    @property
    def key_name(self) -> str:
        """The name in metric keys."""
        return self.name or type(self).default_name or snake_case(type(self).__name__)

    @property
    def sub_key(self) -> SubKey | None:
        """The class or top-k the metric itself was asked for (by `class_id`, `top_k` arguments)."""
        class_id, top_k = getattr(self, "class_id", None), getattr(self, "top_k", None)
        return None if class_id is None and top_k is None else SubKey(class_id, None, top_k)

    @property
    def binarizes(self) -> bool:
        """Whether a config may ask for the metric per class, per top-k, or averaged over them."""
        return any(statistic.form in (ELEMENTWISE, QUERY) for statistic in self.statistics)

    @property
    def is_vector(self) -> bool:
        """Whether each group's value is an array of numbers."""
        return self.kind == "vector"

    def labels(self) -> tuple[str, ...]:
        """Names the entries of a vector value, such as its thresholds."""
        return ()

    def config(self) -> dict[str, Any]:
        """Returns the arguments that differ from their defaults, as JSON-able values."""
        changed = {}
        for argument in dataclasses.fields(self):
            value = getattr(self, argument.name)
            default = argument.default
            if argument.default_factory is not dataclasses.MISSING:
                default = argument.default_factory()
            if value != default:
                changed[argument.name] = _jsonable(value)
        return changed


def _jsonable(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return [_jsonable(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    return value
