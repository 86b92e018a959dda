"""Trains the flights model and exports it twice: to serve, and to be evaluated.

The Trainer component finds `run_fn` by its import path, so no wheel is built. The serving model
reads serialized tf.Examples; what it needs from them (`NUMBERS`, `STRINGS`) is parsed, imputed and
looked up inside the exported graph. The eval model beside it carries, in addition, the model's own
metrics and the features that are only for analysis.

Synopsis::

    Trainer(run_fn="pipelines.flights.trainer.run_fn", examples=..., custom_config={"epochs": 3})
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipelines.flights.data import ANALYSIS, LABEL, NUMBERS, STRINGS

__all__ = ["OUTPUT", "build_model", "read_examples", "run_fn"]

#: The name of the model's output: the probability that the flight is late.
OUTPUT = "late_probability"
READ_BATCH = 8192
#: Where the values of these are whole numbers in the records.
WHOLE_NUMBERS = frozenset({"month", "day", "sched_dep_time", "sched_arr_time", "distance"})


@dataclass(frozen=True)
class Settings:
    """How to train; `custom_config` of the Trainer component sets any of it."""

    epochs: int = 3
    units: int = 48
    batch_size: int = 256
    learning_rate: float = 2e-3
    seed: int = 1
    #: Which of `NUMBERS` the model may use.
    numbers: Sequence[str] = NUMBERS


def parsing_spec(*, with_label: bool) -> dict[str, Any]:
    """Returns what to parse from a tf.Example: missing numbers become NaN, missing strings ''."""
    import tensorflow as tf

    spec: dict[str, Any] = {}
    for name in NUMBERS:
        if name in WHOLE_NUMBERS:
            spec[name] = tf.io.FixedLenFeature([], tf.int64, default_value=-1)
        else:
            spec[name] = tf.io.FixedLenFeature([], tf.float32, default_value=float("nan"))
    for name in STRINGS:
        spec[name] = tf.io.FixedLenFeature([], tf.string, default_value="")
    if with_label:
        spec[LABEL] = tf.io.FixedLenFeature([], tf.int64)
    return spec


def analysis_spec() -> dict[str, Any]:
    """Returns what only the eval model parses: to slice by, never to predict from."""
    import tensorflow as tf

    return {
        name: tf.io.FixedLenFeature([], tf.int64)
        if name == "hour"
        else tf.io.FixedLenFeature([], tf.string, default_value="")
        for name in ANALYSIS
    }


def stack_numbers(parsed: dict[str, Any], names: Sequence[str]) -> Any:
    """Returns the numbers as one float32 matrix (examples, names)."""
    import tensorflow as tf

    return tf.stack([tf.cast(parsed[name], tf.float32) for name in names], axis=1)


def read_examples(files: Sequence[str], settings: Settings) -> dict[str, Any]:
    """Returns all examples as arrays: `numbers` (n, k), one array per string feature, the label."""
    import tensorflow as tf

    paths = sorted(path for pattern in files for path in tf.io.gfile.glob(pattern))
    spec = parsing_spec(with_label=True)
    dataset = tf.data.TFRecordDataset(paths, compression_type="GZIP").batch(READ_BATCH)
    parts = []
    for records in dataset.prefetch(2):
        parsed = tf.io.parse_example(records, spec)
        columns = {name: parsed[name].numpy() for name in (*STRINGS, LABEL)}
        parts.append({"numbers": stack_numbers(parsed, settings.numbers).numpy(), **columns})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def build_model(examples: dict[str, Any], settings: Settings) -> Any:
    """Returns an untrained Keras model; inputs `numbers` (NaN: missing) and ids of the strings.

    Standard scores are computed from the training examples; a missing number is the mean, and a
    flag says that it was missing.
    """
    import keras

    keras.utils.set_random_seed(settings.seed)
    numbers = examples["numbers"]
    inputs: dict[str, Any] = {"numbers": keras.Input((numbers.shape[1],), name="numbers")}
    missing = keras.ops.cast(keras.ops.isnan(inputs["numbers"]), "float32")
    scaled = keras.layers.Normalization(
        mean=np.nanmean(numbers, axis=0), variance=np.nanvar(numbers, axis=0) + 1e-6
    )(inputs["numbers"])
    filled = keras.ops.where(missing > 0, keras.ops.zeros_like(scaled), scaled)
    parts = [filled, missing]
    for name in STRINGS:
        inputs[name] = keras.Input((), name=name, dtype="int64")
        size = len(np.unique(examples[name])) + 1
        embedding = keras.layers.Embedding(size, min(16, size), name=f"{name}_embedding")
        parts.append(embedding(inputs[name]))
    hidden = keras.layers.Concatenate()(parts)
    for units in (settings.units, settings.units // 2):
        hidden = keras.layers.Dense(units, activation="relu")(hidden)
    output = keras.layers.Dense(1, activation="sigmoid", name=OUTPUT)(hidden)
    model = keras.Model(inputs, output)
    model.compile(
        optimizer=keras.optimizers.Adam(settings.learning_rate),
        loss="binary_crossentropy",
        metrics=[
            keras.metrics.AUC(name="model_auc"),
            keras.metrics.BinaryAccuracy(name="model_accuracy"),
        ],
    )
    return model


def vocabularies(examples: dict[str, Any]) -> dict[str, Any]:
    """Returns a lookup layer per string feature; id 0 is any value that training did not see."""
    import keras

    return {
        name: keras.layers.StringLookup(
            vocabulary=sorted(value.decode() for value in np.unique(examples[name])),
            num_oov_indices=1,
            name=f"{name}_id",
        )
        for name in STRINGS
    }


def serving_module(model: Any, lookups: dict[str, Any], settings: Settings) -> Any:
    """Returns a tf.Module with the signature `serving_default`."""
    import tensorflow as tf

    class Serving(tf.Module):
        """Parses serialized tf.Examples and predicts."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model
            self.lookups = lookups

        def inputs(self, parsed: dict[str, Any]) -> dict[str, Any]:
            """Returns what the Keras model takes, from parsed features."""
            found = {name: self.lookups[name](parsed[name]) for name in STRINGS}
            found["numbers"] = stack_numbers(parsed, settings.numbers)
            return found

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def serve(self, examples: Any) -> dict[str, Any]:
            parsed = tf.io.parse_example(examples, parsing_spec(with_label=False))
            return {OUTPUT: self.model(self.inputs(parsed), training=False)}

    return Serving()


def run_fn(fn_args: Any) -> None:
    """Trains and exports; called by TFX's Trainer.

    Args:
        fn_args: TFX's FnArgs: `train_files`, `serving_model_dir`, `eval_model_dir` and
            `custom_config`, whose entries are fields of `Settings`.
    """
    import tensorflow as tf

    from evaluator_component.saved_model import export_eval_savedmodel

    settings = Settings(**(fn_args.custom_config or {}))
    examples = read_examples(fn_args.train_files, settings)
    lookups = vocabularies(examples)
    model = build_model(examples, settings)
    inputs = {name: np.asarray(lookups[name](examples[name])) for name in STRINGS}
    inputs["numbers"] = examples["numbers"]
    model.fit(
        inputs,
        examples[LABEL],
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        verbose=0,
    )
    module = serving_module(model, lookups, settings)
    tf.saved_model.save(
        module, fn_args.serving_model_dir, signatures={"serving_default": module.serve}
    )
    export_eval_savedmodel(
        model,
        fn_args.eval_model_dir,
        label_key=LABEL,
        feature_spec=parsing_spec(with_label=True),
        analysis_features=analysis_spec(),
        preprocess=module.inputs,
    )
