"""Two small models of late flights, exported as SavedModels on serialized tf.Examples.

The candidate sees 100,000 flights; the baseline sees fewer, with noise on the delay.

Synopsis::

    path = saved_model("candidate")      # "benchmarks/data/candidate", trained if needed
"""

from __future__ import annotations

import shutil
from typing import Any

import numpy as np

from benchmarks.data import CATEGORIES, DATA, INTEGERS, LABEL, frame

__all__ = ["saved_model"]

_TRAINING = {"candidate": (100_000, 4, 0.0), "baseline": (30_000, 1, 15.0)}


def saved_model(name: str) -> str:
    """Returns the path of the model "candidate" or "baseline"; trains it if it is not there."""
    path = DATA / name
    if not path.exists():
        print(f"training {path} ...", flush=True)
        partial = path.with_name(f".{name}")
        shutil.rmtree(partial, ignore_errors=True)
        _train(str(partial), *_TRAINING[name])
        partial.rename(path)
    return str(path)


def _train(path: str, rows: int, epochs: int, noise: float) -> None:
    import tensorflow as tf

    tf.keras.utils.set_random_seed(rows)
    flights = frame()
    vocabularies = {name: sorted(flights[name].unique()) for name in CATEGORIES}
    part = flights.sample(rows, random_state=1)
    delay = part["dep_delay"] + np.random.default_rng(1).normal(0, noise, rows)
    features = {
        **{name: tf.constant(part[name].tolist()) for name in CATEGORIES},
        **{name: tf.constant(part[name].to_numpy()) for name in INTEGERS},
        "dep_delay": tf.constant(delay.to_numpy(np.float32)),
    }
    model = _Late(vocabularies)
    model.network.compile("adam", "binary_crossentropy")
    inputs = model.inputs(features)
    model.network.fit(inputs, part[LABEL].to_numpy(), batch_size=512, epochs=epochs, verbose=0)
    tf.saved_model.save(model, path, signatures={"serving_default": model.serve})


def _Late(vocabularies: dict[str, list[str]]) -> Any:
    """Makes the model: embeddings of the categories, three layers."""
    import tensorflow as tf

    keras = tf.keras
    parsed = {
        **{name: tf.io.FixedLenFeature([], tf.string, b"") for name in CATEGORIES},
        **{name: tf.io.FixedLenFeature([], tf.int64, 0) for name in INTEGERS},
        "dep_delay": tf.io.FixedLenFeature([], tf.float32, float("nan")),
    }

    class Late(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tables = {}
            entries, parts = {}, []
            for name, values in vocabularies.items():
                codes = tf.range(1, len(values) + 1, dtype=tf.int64)
                initial = tf.lookup.KeyValueTensorInitializer(values, codes)
                self.tables[name] = tf.lookup.StaticHashTable(initial, 0)
                entries[name] = keras.Input((), name=name, dtype="int64")
                width = 8 if len(values) > 50 else 4
                parts.append(keras.layers.Embedding(len(values) + 1, width)(entries[name]))
            entries["numbers"] = keras.Input((5,), name="numbers")
            x = keras.layers.Concatenate()([*parts, entries["numbers"]])
            for units in (64, 32, 16):
                x = keras.layers.Dense(units, activation="relu")(x)
            score = keras.layers.Dense(1, activation="sigmoid")(x)
            self.network = keras.Model(entries, score)

        def inputs(self, features: dict[str, Any]) -> dict[str, Any]:
            delay = features["dep_delay"]
            unknown = tf.math.is_nan(delay)
            delay = tf.where(unknown, tf.zeros_like(delay), delay)
            numbers = [
                tf.tanh(delay / 30),
                tf.tanh(delay / 120),
                tf.cast(unknown, tf.float32),
                tf.cast(features["hour"], tf.float32) / 24,
                tf.cast(features["distance"], tf.float32) / 2500,
            ]
            codes = {name: table.lookup(features[name]) for name, table in self.tables.items()}
            return {**codes, "numbers": tf.stack(numbers, axis=1)}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def serve(self, examples: Any) -> dict[str, Any]:
            features = tf.io.parse_example(examples, parsed)
            return {"late": self.network(self.inputs(features), training=False)}

    return Late()
