"""The losses that a Keras model was compiled with, as metrics in the graph.

Keras reports the mean of the loss over the rows: weights scale a row's loss, but the sum is divided
by the number of rows. Regularisation is part of it. A model with several outputs also has a loss
for each of them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from evaluator_component.saved_model.graph_metrics import GraphMetric

__all__ = ["keras_losses", "tf_keras_losses"]

Arrange = Callable[[Mapping[str, Any]], Any]


def keras_losses(
    model: Any,
    arrange: Arrange,
    outputs: Sequence[str],
    labels: Mapping[str, Any],
    predictions: Mapping[str, Any],
) -> list[GraphMetric]:
    """Returns the loss of a compiled Keras 3 model, and those of its outputs if they are several.

    Args:
        model: the model.
        arrange: {output: tensor} -> the structure that the model's loss takes.
        outputs: the names of the outputs; [""] for a single one.
        labels: of a few rows, by output.
        predictions: of the same rows, by output.
    """
    import keras
    import tensorflow as tf

    several = len(outputs) > 1

    def loss(label: Any, prediction: Any, weight: Any) -> Any:
        if several:
            label, prediction, weight = arrange(label), arrange(prediction), arrange(weight)
        return model.compute_loss(y=label, y_pred=prediction, sample_weight=weight, training=False)

    loss(
        labels if several else labels[outputs[0]],
        predictions if several else predictions[outputs[0]],
        {name: None for name in outputs} if several else None,
    )  # makes the trackers
    trackers = list(getattr(model._compile_loss, "metrics", ())) if several else []
    variables = [variable for tracker in trackers for variable in tracker.variables]

    def scope() -> Any:
        """Keeps assignments to the trackers of the outputs' losses inside.

        What regularisation looks at has to be handed in as well.
        """
        kept = [(each, tf.zeros_like(each.value)) for each in variables]
        kept += [(each, each.value) for each in model.trainable_variables if each.regularizer]
        return keras.StatelessScope(kept) if several else contextlib.nullcontext()

    def update(label: Any, prediction: Any, weight: Any) -> Sequence[Any]:
        with scope():
            total = loss(label, prediction, weight)
        count = _rows(prediction)
        return [tf.reshape(tf.cast(total, tf.float32), []) * count, count]

    def update_of(tracker: Any) -> Callable[..., Sequence[Any]]:
        def update_one(label: Any, prediction: Any, weight: Any) -> Sequence[Any]:
            with scope() as kept:
                loss(label, prediction, weight)
            total, count = (kept.get_current_value(each) for each in tracker.variables)
            rows = _rows(prediction)  # the tracker weighs a batch by its rows, or counts it once
            return [tf.cast(total / count, tf.float32) * rows, rows]

        return update_one

    return [
        _mean("loss", update),
        *(_mean(tracker.name, update_of(tracker)) for tracker in trackers),
    ]


def tf_keras_losses(
    model: Any, labels: Mapping[str, Any], predictions: Mapping[str, Any]
) -> list[GraphMetric]:
    """Returns the loss of a compiled tf_keras model with one output."""
    import tensorflow as tf

    container = getattr(model, "compiled_loss", None)
    if container is None or len(predictions) != 1:
        return []
    (output,) = predictions
    if not container.built:
        container.build(predictions[output])
    losses = [each for each in tf.nest.flatten(container._losses) if each is not None]
    if len(losses) != 1:
        return []

    def update(label: Any, prediction: Any, weight: Any) -> Sequence[Any]:
        total = losses[0](label, prediction, sample_weight=weight)
        if model.losses:
            total += tf.add_n(model.losses)
        count = _rows(prediction)
        return [tf.reshape(tf.cast(total, tf.float32), []) * count, count]

    return [_mean("loss", update)]


def _rows(prediction: Any) -> Any:
    import tensorflow as tf

    return tf.cast(tf.shape(tf.nest.flatten(prediction)[0])[0], tf.float32)


def _mean(name: str, update: Callable[..., Sequence[Any]]) -> GraphMetric:
    zeros = [np.zeros((), np.float32), np.zeros((), np.float32)]
    return GraphMetric(
        name, "", zeros, ["total", "count"], update, lambda state: state[0] / state[1]
    )
