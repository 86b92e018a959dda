"""Layers and tables that a preprocessing function uses are saved with the model."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from evaluator_component.errors import ModelError

pytestmark = pytest.mark.slow

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

WORDS = ["a", "b"]
LAYERS = {}


class Box:
    """A plain object with a layer, which can be called."""

    def __init__(self, layer):
        self.layer = layer

    def __call__(self, features):
        return {"x": tf.cast(self.layer(features["word"]), tf.float32)}

    def method(self, features):
        return self(features)


class Hidden:
    """An object that does not show what it holds."""

    __slots__ = ("layer",)


def by_global(features):
    return {"x": tf.cast(LAYERS["word"](features["word"]), tf.float32)}


def by_argument(features, layers):
    return {"x": tf.cast(layers[0](features["word"]), tf.float32)}


def by_closure(layer):
    layers = {"word": layer}
    return lambda features: {"x": tf.cast(layers["word"](features["word"]), tf.float32)}


def by_hidden(layer):
    hidden = Hidden()
    hidden.layer = layer
    return lambda features: {"x": tf.cast(hidden.layer(features["word"]), tf.float32)}


def export(preprocess, path):
    from evaluator_component.saved_model import export_eval_savedmodel, load_model

    x = keras.Input((1,), name="x")
    model = keras.Model({"x": x}, keras.layers.Dense(1, kernel_initializer="ones")(x))
    spec = {
        "word": tf.io.FixedLenFeature([1], tf.string),
        "label": tf.io.FixedLenFeature([1], tf.float32),
    }
    export_eval_savedmodel(
        model, str(path), label_key="label", feature_spec=spec, preprocess=preprocess
    )
    return load_model(str(path))


def serialized(words):
    feature = tf.train.Feature
    return [
        tf.train.Example(
            features=tf.train.Features(
                feature={
                    "word": feature(bytes_list=tf.train.BytesList(value=[word.encode()])),
                    "label": feature(float_list=tf.train.FloatList(value=[1.0])),
                }
            )
        ).SerializeToString()
        for word in words
    ]


@pytest.mark.parametrize("how", ["closure over a dict", "global", "partial", "object", "method"])
def test_layers_are_saved_however_a_function_refers_to_them(how, tmp_path, monkeypatch):
    layer = keras.layers.StringLookup(vocabulary=WORDS)
    monkeypatch.setitem(LAYERS, "word", layer)
    preprocess = {
        "closure over a dict": by_closure(layer),
        "global": by_global,
        "partial": functools.partial(by_argument, layers=[layer]),
        "object": Box(layer),
        "method": Box(layer).method,
    }[how]
    export(preprocess, tmp_path)
    signature = tf.saved_model.load(str(tmp_path)).signatures["serving_default"]
    (found,) = signature(tf.constant(serialized([*WORDS, "c"]))).values()
    np.testing.assert_array_equal(np.ravel(found), [1.0, 2.0, 0.0])


def test_a_layer_that_cannot_be_found_is_named_with_the_remedy(tmp_path):
    layer = keras.layers.StringLookup(vocabulary=WORDS)
    with pytest.raises(ModelError, match=r"StaticHashTable.*make it an attribute of the model"):
        export(by_hidden(layer), tmp_path)
