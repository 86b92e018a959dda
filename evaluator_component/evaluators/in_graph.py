"""In-graph metrics: metrics saved in an eval SavedModel, and metrics of Keras named in a config.

Both have states that add up over rows. What each row adds comes out of the TensorFlow graph; the
sums over slices and resamples are the columnar engine's, in double precision; values come out of
the graph again. TensorFlow is imported when the first batch arrives.
"""

from __future__ import annotations

import importlib
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from evaluator_component.batch import Batch
from evaluator_component.errors import ConfigError, MetricError, did_you_mean
from evaluator_component.groups import Groups
from evaluator_component.metrics.base import ROWS, Metric, State, Statistic, snake_case

__all__ = [
    "KERAS_METRICS",
    "GraphState",
    "KerasMetric",
    "SavedMetric",
    "keras_metric",
    "saved_metrics",
]

Array = npt.NDArray[Any]

#: Numbers of row states that are held at once: a curve of 200 thresholds has 800 per row.
_NUMBERS = 1 << 22

#: Metrics of Keras that a config may name without module, where no metric of ours has the name.
KERAS_METRICS = (
    "Accuracy",
    "BinaryCrossentropy",
    "BinaryIoU",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "CosineSimilarity",
    "FBetaScore",
    "Hinge",
    "KLDivergence",
    "LogCoshError",
    "MeanIoU",
    "OneHotIoU",
    "OneHotMeanIoU",
    "Poisson",
    "PrecisionAtRecall",
    "R2Score",
    "RecallAtPrecision",
    "RootMeanSquaredError",
    "SensitivityAtSpecificity",
    "SparseCategoricalCrossentropy",
    "SpecificityAtSensitivity",
    "SquaredHinge",
)


@dataclass(frozen=True)
class GraphState(Statistic):
    """What rows add to the state arrays of a metric in a graph.

    Attributes:
        source: finds the metric: a SavedMetric's or KerasMetric's own description.
        shapes: shape of each state array, by name.
    """

    source: Any
    shapes: tuple[tuple[str, tuple[int, ...]], ...]

    form: ClassVar[str] = ROWS

    @property
    def state(self) -> Mapping[str, str]:  # type: ignore[override]
        """Every array is a sum."""
        return {name: "sum" for name, _ in self.shapes}

    def accumulate(self, batch: Batch, groups: Groups) -> Mapping[str, Any]:
        """Sums the row states, some rows at a time."""
        size = sum(int(np.prod(shape, dtype=np.int64)) for _, shape in self.shapes)
        step = max(1, _NUMBERS // max(size, 1))
        totals: dict[str, Array] = {}
        for start in range(0, max(len(batch), 1), step):
            whole = start == 0 and len(batch) <= step
            rows = np.arange(start, min(start + step, len(batch)))
            part, part_groups = (batch, groups) if whole else (batch.take(rows), groups.take(rows))
            for name, states in self.source.row_states(part).items():
                summed = part_groups.sum(np.asarray(states, dtype=np.float64))
                totals[name] = totals[name] + summed if name in totals else summed
        return totals


@dataclass(frozen=True)
class _Saved:
    """Finds a metric in an eval SavedModel.

    Where the model lies, which changes from pod to pod, is no part of what the metric is:
    statistics belong to a model, and are reused for one with the same files only.
    """

    path: str = field(compare=False)
    metric: str

    def row_states(self, batch: Batch) -> Mapping[str, Array]:
        extracts = {
            "labels": batch.label,
            "predictions": batch.prediction,
            "example_weights": batch.weight,
        }
        return self._find().row_states(extracts)  # type: ignore[no-any-return]

    def result(self, states: Mapping[str, Array]) -> Array:
        return self._find().result(states)  # type: ignore[no-any-return]

    def _find(self) -> Any:
        from evaluator_component.saved_model import load_model

        return load_model(self.path, model_type="eval").metrics[self.metric]


@dataclass(frozen=True)
class _GraphMetric(Metric):
    """A metric whose state and result are functions of a graph."""

    source: Any = None
    shapes: tuple[tuple[str, tuple[int, ...]], ...] = ()
    better: int = 0

    @property
    def direction(self) -> int:  # type: ignore[override]
        """Whether higher is better, where the metric says so."""
        return self.better

    @property
    def statistics(self) -> tuple[Statistic, ...]:  # type: ignore[override]
        """The state arrays."""
        return (GraphState(self.source, self.shapes),)

    def result(self, state: State) -> Array:
        """Runs the graph's result function on the states of all groups (and resamples)."""
        flat = {name: np.reshape(state[name], (-1, *shape)) for name, shape in self.shapes}
        values = np.asarray(self.source.result(flat), dtype=np.float64)
        empty = np.zeros(len(values), dtype=bool)
        if flat:
            empty = np.all(
                [~array.reshape(len(array), -1).any(axis=1) for array in flat.values()], axis=0
            )
        values[empty] = np.nan
        return values.reshape(*state.shape, *values.shape[1:])


@dataclass(frozen=True)
class SavedMetric(_GraphMetric):
    """A metric saved in an eval SavedModel.

    Attributes:
        output_name: the output it looks at; "" for the only one, and for the loss of all.
    """

    output_name: str = ""


def saved_metrics(model: Any, path: str) -> tuple[SavedMetric, ...]:
    """Returns the metrics in an eval SavedModel; none for other models.

    Args:
        model: loaded.
        path: where workers load it from.
    """
    metrics = getattr(model, "metrics", None)
    if not isinstance(metrics, Mapping):
        return ()
    return tuple(
        SavedMetric(
            name=metric.entry.name,
            source=_Saved(str(path), name),
            shapes=tuple(metric.shapes.items()),
            better=metric.direction,
            output_name=metric.output_name,
        )
        for name, metric in metrics.items()
    )


@dataclass(frozen=True)
class _Keras:
    """Makes a Keras metric of its class and settings."""

    module: str
    class_name: str
    config: str
    label_rank: int = 2

    def row_states(self, batch: Batch) -> Mapping[str, Array]:
        import tensorflow as tf

        if batch.label is None or batch.prediction is None:
            raise MetricError(f"{self.class_name} needs labels and predictions")
        graph, update, _ = self._functions(np.shape(batch.prediction), np.shape(batch.label))
        label = _matrix(batch.label)
        prediction = _matrix(batch.prediction)
        try:
            states = update(
                tf.constant(label, tf.float32),
                tf.constant(prediction, tf.float32),
                tf.constant(np.asarray(batch.weight), tf.float32),
            )
        except (ValueError, tf.errors.OpError) as error:
            raise MetricError(f"{self.class_name}: {str(error).splitlines()[0]}") from error
        return {name: state.numpy() for name, state in zip(graph.state_names, states, strict=True)}

    def result(self, states: Mapping[str, Array]) -> Array:
        import tensorflow as tf

        graph, _, result = self._functions((1, 1), (1, 1))
        tensors = [tf.constant(states[name], tf.float32) for name in graph.state_names]
        return result(*tensors).numpy()  # type: ignore[no-any-return]

    def shapes(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        graph, _, _ = self._functions((1, 1), (1, 1))
        return tuple(
            (name, tuple(array.shape))
            for name, array in zip(graph.state_names, graph.initial, strict=True)
        )

    def _functions(self, prediction: Sequence[int], label: Sequence[int]) -> Any:
        """Builds the metric once per process."""
        key = (self.module, self.class_name, self.config)
        with _LOCK:
            if key not in _BUILT:
                _BUILT[key] = self._build(prediction, label)
            return _BUILT[key]

    def _build(self, prediction: Sequence[int], label: Sequence[int]) -> Any:
        import tensorflow as tf

        from evaluator_component.saved_model.graph_metrics import build_metric, check_additive

        metric = keras_class(self.module, self.class_name)(**json.loads(self.config))
        width = prediction[1] if len(prediction) > 1 else 1
        label_width = label[1] if len(label) > 1 else 1
        labels = tf.zeros((2, label_width))
        predictions = tf.fill((2, width), 1.0 / max(width, 2))
        graph = build_metric(metric, self.class_name, "", labels, predictions)
        check_additive(graph, labels, predictions, tf.ones(2))
        return (
            graph,
            tf.function(graph.row_states, reduce_retracing=True),
            tf.function(lambda *states: graph.results(states), reduce_retracing=True),
        )


_LOCK = threading.RLock()
_BUILT: dict[Any, Any] = {}


def _matrix(column: Any) -> Array:
    array = np.asarray(column)
    return array[:, None] if array.ndim == 1 else array


def keras_class(module: str, class_name: str) -> Any:
    """Finds a metric class of Keras.

    Raises:
        ConfigError: when the module has no such class.
    """
    try:
        found = importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(f"cannot import {module!r} of metric {class_name!r}: {error}") from error
    if not hasattr(found, class_name):
        names = [name for name in dir(found) if name[:1].isupper()]
        hint = did_you_mean(class_name, names)
        raise ConfigError(f"module {module!r} has no metric {class_name!r} {hint}")
    return getattr(found, class_name)


@dataclass(frozen=True)
class KerasMetric(_GraphMetric):
    """A metric of Keras, named by module and class.

    Attributes:
        class_name: such as "CosineSimilarity".
    """

    class_name: str = field(default="", kw_only=True)

    @property
    def key_name(self) -> str:
        """The name in metric keys."""
        return self.name or snake_case(self.class_name)

    @property
    def binarizes(self) -> bool:
        """Keras metrics take one view per class."""
        return True


def is_keras(module: str) -> bool:
    """Tells whether a module is one of Keras."""
    return module.split(".")[0] in ("keras", "tf_keras") or module.startswith("tensorflow.keras")


def keras_metric(class_name: str, module: str, config: Mapping[str, Any]) -> KerasMetric:
    """Makes the metric that a config names.

    Args:
        class_name: such as "CosineSimilarity".
        module: such as "keras.metrics"; "" for that.
        config: settings of the Keras class; "name" names the metric.

    Raises:
        ConfigError: there is no such class, or it refuses the settings, or its state does not add
            up over rows.
    """
    settings = {name: value for name, value in config.items() if name != "name"}
    source = _Keras(
        module.replace("tensorflow.keras", "keras") or "keras.metrics",
        class_name,
        json.dumps(settings, sort_keys=True),
    )
    from evaluator_component.errors import EvaluatorError

    try:
        shapes = source.shapes()
    except EvaluatorError:
        raise
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{class_name}: {error}") from error
    return KerasMetric(name=config.get("name"), source=source, shapes=shapes, class_name=class_name)
