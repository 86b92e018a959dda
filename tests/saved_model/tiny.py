"""Tiny models and examples for the tests of models; imports TensorFlow where it is used."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parents[1] / "inputs"))
from tf_examples import example

CARRIERS = ["AA", "DL", "UA"]
ROWS = 600


def rows(count: int = ROWS, seed: int = 0) -> dict[str, np.ndarray]:
    """Returns flights: carrier (a fourth is unknown to the model), delay (some missing), ..."""
    random = np.random.default_rng(seed)
    carrier = np.array([*CARRIERS, "XX"])[random.integers(0, 4, count)]
    delay = random.normal(size=count).astype(np.float32)
    delay[::50] = np.nan
    late = (random.random(count) < 0.2 + 0.5 * (carrier == "AA")).astype(np.int64)
    return {
        "carrier": carrier,
        "delay": delay,
        "hour": random.integers(0, 24, count),
        "late": late,
        "kind": random.integers(0, 3, count),
        "weight": random.uniform(0.5, 2, count).astype(np.float32),
    }


def records(data: dict[str, np.ndarray]) -> list[bytes]:
    """Returns rows as serialized tf.Examples; NaN is left out."""
    made = []
    for row in range(len(data["late"])):
        values: dict[str, Any] = {}
        for name, column in data.items():
            value = column[row].item()
            values[name] = None if value != value else value
        made.append(example(**values, tags=["x"] * (row % 3)))
    return made


def batch(data: dict[str, np.ndarray]) -> dict[str, Any]:
    """Returns rows as a batch of Extracts: serialized records and Arrow features."""
    features = {name: pa.array(column.tolist(), from_pandas=True) for name, column in data.items()}
    return {"input": pa.array(records(data), pa.large_binary()), "features": features}


def inputs_of(data: dict[str, np.ndarray]) -> dict[str, Any]:
    """Returns rows as the Keras model below takes them."""
    import tensorflow as tf

    return {
        "carrier": tf.constant(data["carrier"][:, None]),
        "delay": tf.constant(data["delay"][:, None]),
        "hour": tf.constant(data["hour"]),
    }


def dataset(
    data: dict[str, np.ndarray], *labels: Any, weighted: bool = True, size: int = 64
) -> Any:
    """Returns (inputs, labels[, weights]) in batches, as model.fit and evaluate take them."""
    import tensorflow as tf

    parts = (inputs_of(data), *labels)
    if weighted:
        parts = (*parts, data["weight"])
    return tf.data.Dataset.from_tensor_slices(parts).batch(size)


def keras_inputs(keras: Any) -> tuple[dict[str, Any], Any]:
    """Returns the inputs of a model, and the layer that everything is built on."""
    carrier = keras.Input((1,), name="carrier", dtype="string")
    delay = keras.Input((1,), name="delay")
    hour = keras.Input((), name="hour", dtype="int64")
    known = keras.layers.StringLookup(vocabulary=CARRIERS, output_mode="one_hot")(carrier)
    if hasattr(keras, "ops"):
        number = keras.ops.nan_to_num(delay)
    else:
        import tensorflow as tf

        number = keras.layers.Lambda(
            lambda x: tf.where(tf.math.is_nan(x), tf.zeros_like(x), x), name="no_nan"
        )(delay)
    hours = keras.layers.Embedding(24, 3)(hour)
    hidden = keras.layers.Concatenate()([known, number, hours])
    hidden = keras.layers.Dense(8, activation="relu", kernel_regularizer="l2")(hidden)
    return {"carrier": carrier, "delay": delay, "hour": hour}, hidden


def binary_model(keras: Any, **compiled: Any) -> Any:
    """Returns a compiled model of lateness."""
    keras.utils.set_random_seed(1)
    inputs, hidden = keras_inputs(keras)
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid", name="late")(hidden))
    model.compile("adam", "binary_crossentropy", **compiled)
    return model
