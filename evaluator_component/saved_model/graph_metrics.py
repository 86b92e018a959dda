"""Metrics of Keras as pure functions in a graph: what a row adds to the state, and what it means.

Every metric of Keras accumulates sums in variables. Here the update runs on each row by itself,
from the initial state, all rows at once (`tf.vectorized_map`): what a row adds. These additions can
be summed over any group of rows, in double precision, outside the graph; the result function then
turns the sums of any number of groups into values.

Vocabulary:
    row state: what one row adds to each state array, (rows, *state shape).
    additive: the state of two parts of the data is the sum of theirs. Metrics that are not (a
        maximum, a running standard deviation) cannot be exported; they are found by trying.

Works for the metrics of Keras 3 (through their stateless interface) and of tf_keras (whose
variables are replaced by tensors while their code is traced).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from evaluator_component.errors import ModelError

__all__ = ["GraphMetric", "aligned", "build_metric", "check_additive"]


@dataclass
class GraphMetric:
    """A metric as functions over tensors.

    Attributes:
        name: as Keras reports it.
        output_name: the output it looks at; "" for the only one, and for the loss.
        initial: the initial state arrays.
        state_names: their names.
        update: (label, prediction, weight) of one row, batch dimension 1 -> new state arrays.
        result: state arrays -> value.
        weighted: takes example weights.
        source: the metric object, described in the metadata.
        outputs: the outputs whose labels and predictions it takes.
    """

    name: str
    output_name: str
    initial: list[np.ndarray]
    state_names: list[str]
    update: Callable[..., Sequence[Any]]
    result: Callable[[Sequence[Any]], Any]
    weighted: bool = True
    source: Any = None
    outputs: list[str] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Numbers in the state."""
        return int(sum(array.size for array in self.initial))

    def row_states(self, label: Any, prediction: Any, weight: Any) -> list[Any]:
        """Returns what each row adds to the state, as tensors (rows, *state shape)."""
        import tensorflow as tf

        def one(row: tuple[Any, Any, Any]) -> list[Any]:
            parts = tf.nest.map_structure(lambda part: tf.expand_dims(part, 0), row)
            new = self.update(*parts)
            return [
                tf.cast(after, tf.float32) - tf.cast(before, tf.float32)
                for after, before in zip(new, self.initial, strict=True)
            ]

        return tf.vectorized_map(one, (aligned(label, prediction), prediction, weight))

    def results(self, states: Sequence[Any]) -> Any:
        """Returns the metric of each group from sums of row states (groups, *state shape)."""
        import tensorflow as tf

        def one(row: Sequence[Any]) -> Any:
            whole = [
                tf.cast(part + tf.cast(before, tf.float32), before.dtype)
                for part, before in zip(row, self.initial, strict=True)
            ]
            return tf.cast(self.result(whole), tf.float32)

        return tf.vectorized_map(one, list(states))

    def config(self) -> str:
        """Returns the metric's settings as JSON; "{}" where it does not tell them."""
        try:
            return json.dumps(self.source.get_config(), sort_keys=True, default=str)
        except (AttributeError, NotImplementedError, TypeError, ValueError):
            return "{}"


def aligned(label: Any, prediction: Any) -> Any:
    """Returns labels (rows,) as (rows, 1) where predictions are (rows, 1), as Keras does itself."""
    import tensorflow as tf

    if isinstance(label, dict):
        return {name: aligned(part, prediction[name]) for name, part in label.items()}
    rank = len(prediction.shape)
    if len(label.shape) == rank - 1 and prediction.shape[-1] == 1:
        return tf.expand_dims(label, -1)
    return label


def build_metric(
    metric: Any, name: str, output_name: str, label: Any, prediction: Any, weighted: bool = True
) -> GraphMetric:
    """Makes a GraphMetric of a Keras metric.

    Args:
        metric: a metric of Keras 3 or tf_keras.
        name: the name to report it by.
        output_name: the output it looks at.
        label: an example of labels, a few rows; builds variables that depend on shapes.
        prediction: an example of predictions.
        weighted: hand it the example weights.

    Raises:
        ModelError: it is no such metric, or fails on the example.
    """
    if not hasattr(metric, "update_state"):
        raise ModelError(
            f"metric {name!r}: a {type(metric).__name__} is no Keras metric (no update_state)"
        )
    label = aligned(label, prediction)
    try:
        metric.update_state(label, prediction)
        metric.reset_state()
    except Exception as error:
        raise ModelError(
            f"metric {name!r} fails on labels of shape {tuple(label.shape)} and predictions of "
            f"shape {tuple(prediction.shape)}: {type(error).__name__}: {error}"
        ) from error
    make = _keras3 if hasattr(metric, "stateless_update_state") else _tf_keras
    return make(metric, name, output_name, weighted)


def _keras3(metric: Any, name: str, output_name: str, weighted: bool) -> GraphMetric:
    import tensorflow as tf

    initial = [np.asarray(variable) for variable in metric.variables]

    def update(label: Any, prediction: Any, weight: Any) -> Sequence[Any]:
        state = [tf.constant(array) for array in initial]
        if not weighted:
            return metric.stateless_update_state(state, label, prediction)
        return metric.stateless_update_state(state, label, prediction, sample_weight=weight)

    names = [variable.name for variable in metric.variables]
    return GraphMetric(
        name, output_name, initial, names, update, metric.stateless_result, weighted, metric
    )


def _tf_keras(metric: Any, name: str, output_name: str, weighted: bool) -> GraphMetric:
    variables = list(metric.variables)
    initial = [variable.numpy() for variable in variables]

    def update(label: Any, prediction: Any, weight: Any) -> Sequence[Any]:
        with _replaced(metric, variables, initial) as stand_ins:
            function = type(metric).update_state
            if weighted:
                function(metric, label, prediction, sample_weight=weight)
            else:
                function(metric, label, prediction)
            return [stand_in.value() for stand_in in stand_ins]

    def result(state: Sequence[Any]) -> Any:
        with _replaced(metric, variables, state):
            return type(metric).result(metric)

    names = [variable.name.partition(":")[0] for variable in variables]
    return GraphMetric(name, output_name, initial, names, update, result, weighted, metric)


class _Stand:
    """Stands in for a variable while code that assigns to it is traced as a pure function."""

    def __init__(self, variable: Any, tensor: Any) -> None:
        import tensorflow as tf

        self._tensor = tf.convert_to_tensor(tensor, dtype=variable.dtype)
        self.dtype = variable.dtype
        self.shape = variable.shape
        self.name = variable.name

    def value(self) -> Any:
        return self._tensor

    read_value = value

    def assign(self, tensor: Any, *_: Any, **__: Any) -> Any:
        import tensorflow as tf

        self._tensor = tf.cast(tensor, self.dtype)
        return self._tensor

    def assign_add(self, tensor: Any, *_: Any, **__: Any) -> Any:
        import tensorflow as tf

        return self.assign(self._tensor + tf.cast(tensor, self.dtype))

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> Any:
        import tensorflow as tf

        return self._tensor if dtype in (None, self.dtype) else tf.cast(self._tensor, dtype)

    def __getitem__(self, key: Any) -> Any:
        return self._tensor[key]

    def __getattr__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, "_tensor"), name)


def _operators() -> None:
    for name in ("add", "sub", "mul", "truediv", "radd", "rsub", "rmul", "rtruediv", "neg",
                 "ge", "gt", "le", "lt", "matmul", "pow"):  # fmt: skip

        def operator(self: _Stand, *others: Any, _name: str = f"__{name}__") -> Any:
            plain = [other.value() if isinstance(other, _Stand) else other for other in others]
            return getattr(self.value(), _name)(*plain)

        setattr(_Stand, f"__{name}__", operator)


_operators()


@contextlib.contextmanager
def _replaced(
    metric: Any, variables: Sequence[Any], state: Sequence[Any]
) -> Iterator[list[_Stand]]:
    """Replaces the variables of a metric, wherever its attributes hold them, by stand-ins."""
    stands = [_Stand(variable, tensor) for variable, tensor in zip(variables, state, strict=True)]
    by_id = {id(variable): stand for variable, stand in zip(variables, stands, strict=True)}
    saved = []
    for owner in (metric, *_inner_metrics(metric)):
        for key, held in list(vars(owner).items()):
            if id(held) in by_id:
                saved.append((owner, key, held))
                owner.__dict__[key] = by_id[id(held)]
    if len(saved) < len(variables):
        for owner, key, held in saved:
            owner.__dict__[key] = held
        raise ModelError(
            f"metric {metric.name!r} keeps its variables where they cannot be replaced; "
            "keep them as attributes of the metric"
        )
    try:
        yield stands
    finally:
        for owner, key, held in saved:
            owner.__dict__[key] = held


def _inner_metrics(metric: Any) -> list[Any]:
    return [held for held in vars(metric).values() if hasattr(held, "update_state")]


def check_additive(metric: GraphMetric, label: Any, prediction: Any, weight: Any) -> None:
    """Makes sure that the state of some rows is the sum of what each of them adds.

    Raises:
        ModelError: it is not; the metric cannot be evaluated over slices.
    """
    together = metric.update(aligned(label, prediction), prediction, weight)
    apart = metric.row_states(label, prediction, weight)
    for name, whole, before, rows in zip(
        metric.state_names, together, metric.initial, apart, strict=True
    ):
        expected = np.asarray(whole, dtype=np.float64) - before.astype(np.float64)
        summed = np.asarray(rows, dtype=np.float64).sum(axis=0)
        if not np.allclose(expected, summed, rtol=1e-4, atol=1e-4, equal_nan=True):
            raise ModelError(
                f"metric {metric.name!r} does not add up: its state {name!r} of several rows is "
                f"not the sum over them ({np.ravel(expected)[:3]} against "
                f"{np.ravel(summed)[:3]}). Such a metric cannot be sliced: leave it out of "
                "metrics=, or rewrite it over sums"
            )
