"""A small binary problem, as a table in memory and as TFRecord, and eval SavedModels for it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

ROWS = 2000


@pytest.fixture(scope="session")
def frame() -> pd.DataFrame:
    """Rows with a label, two features, a weight, and a feature that no model sees."""
    random = np.random.default_rng(7)
    x = random.normal(size=ROWS)
    color = random.choice(["red", "green", "blue"], ROWS, p=[0.5, 0.3, 0.2])
    logit = 1.5 * x + np.where(color == "blue", 1.0, 0.0)
    label = (random.random(ROWS) < 1 / (1 + np.exp(-logit))).astype(np.int64)
    return pd.DataFrame(
        {
            "label": label,
            "x": x.astype(np.float32),
            "color": color,
            "weight": random.integers(1, 4, ROWS).astype(np.float32),
            "region": random.choice(["north", "south"], ROWS),
            "prediction": 1 / (1 + np.exp(-(1.2 * x))),
        }
    )


def example_of(row: Any) -> bytes:
    import tensorflow as tf

    def feature(value: Any) -> Any:
        if isinstance(value, str):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode()]))
        if isinstance(value, float):
            return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))
        return tf.train.Feature(int64_list=tf.train.Int64List(value=[int(value)]))

    names = [name for name in row._fields if name not in ("Index", "prediction")]
    features = {name: feature(getattr(row, name)) for name in names}
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


@pytest.fixture(scope="session")
def records(frame: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The rows as two gzipped TFRecord files; returns their pattern."""
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("records")
    options = tf.io.TFRecordOptions(compression_type="GZIP")
    for part, rows in enumerate((frame[: ROWS // 3], frame[ROWS // 3 :])):
        with tf.io.TFRecordWriter(str(folder / f"part-{part}.gz"), options) as writer:
            for row in rows.itertuples():
                writer.write(example_of(row))
    return str(folder / "part-*.gz")


@pytest.fixture(scope="session")
def eval_models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Two eval SavedModels, "good" and "poor", and the Keras models' own evaluation data."""
    import keras
    import tensorflow as tf

    from evaluator_component import export_eval_savedmodel

    paths = {}
    folder = tmp_path_factory.mktemp("models")
    for name, slope in (("good", 1.5), ("poor", 0.2)):
        x = keras.Input((1,), name="x")
        dense = keras.layers.Dense(1, activation="sigmoid")
        model = keras.Model(x, dense(x))
        dense.set_weights([np.array([[slope]], np.float32), np.zeros(1, np.float32)])
        model.compile(loss="binary_crossentropy", metrics=[keras.metrics.AUC(name="keras_auc")])
        model.fit(np.zeros((2, 1)), np.array([[0], [1]]), epochs=0, verbose=0)
        paths[name] = export_eval_savedmodel(
            model,
            Path(folder, name),
            label_key="label",
            feature_spec={
                "x": tf.io.FixedLenFeature([1], tf.float32),
                "label": tf.io.FixedLenFeature([1], tf.int64),
                "color": tf.io.FixedLenFeature([], tf.string, ""),
                "region": tf.io.FixedLenFeature([], tf.string, ""),
            },
        )
        model.save(Path(folder, f"{name}.keras"))
        paths[f"{name}.keras"] = str(Path(folder, f"{name}.keras"))
    return paths
