"""SavedModel signatures, Keras files, TFLite files, and descriptions of them; with TensorFlow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from evaluator_component.errors import ModelError
from evaluator_component.saved_model import describe, load_model

sys.path.insert(0, str(Path(__file__).parent))
import tiny

pytestmark = pytest.mark.slow

DATA = tiny.rows(100)
BATCH = tiny.batch(DATA)
ODDS = 1 / (1 + np.exp(1 - 0.1 * DATA["hour"]))


@pytest.fixture(scope="module")
def tf():
    import tensorflow

    return tensorflow


@pytest.fixture(scope="module")
def saved(tf, tmp_path_factory):
    """A SavedModel with several signatures over the same formula."""

    class Odds(tf.Module):
        def __init__(self):
            super().__init__()
            self.slope = tf.Variable(0.1)

        def odds(self, hour):
            return tf.sigmoid(self.slope * tf.cast(hour, tf.float32) - 1.0)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def serve(self, examples):
            spec = {"hour": tf.io.FixedLenFeature([], tf.int64)}
            return {"late": self.odds(tf.io.parse_example(examples, spec)["hour"])}

        @tf.function(input_signature=[tf.TensorSpec([None, 1], tf.int64, name="hour")])
        def by_feature(self, hour):
            odds = self.odds(hour)
            return {"probabilities": tf.concat([1 - odds, odds], 1), "classes": odds > 0.5}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="carrier")])
        def by_name(self, carrier):
            return {"length": tf.strings.length(carrier)}

        @tf.function(
            input_signature=[
                tf.TensorSpec([None], tf.int64, name="hour_input"),
                tf.TensorSpec([None, 1], tf.float32, name="delay"),
            ]
        )
        def of_two(self, hour_input, delay):
            return {"sum": tf.cast(hour_input, tf.float32) + delay[:, 0]}

    module = Odds()
    path = str(tmp_path_factory.mktemp("saved"))
    signatures = {
        "serving_default": module.serve,
        "by_feature": module.by_feature,
        "by_name": module.by_name,
        "of_two": module.of_two,
    }
    tf.saved_model.save(module, path, signatures=signatures)
    return path


def test_the_usual_signature_takes_serialized_examples(saved):
    model = load_model(saved)
    assert model.needs == "serialized"
    np.testing.assert_allclose(model.predict(BATCH), ODDS, rtol=1e-5)
    with pytest.raises(ModelError, match="the data are columns"):
        model.predict({"features": BATCH["features"]})


def test_a_signature_by_name_takes_features(saved):
    model = load_model(saved, "by_feature")
    assert model.needs == ("hour",)
    found = model.predict(BATCH)
    np.testing.assert_allclose(found["probabilities"][:, 1], ODDS, rtol=1e-5)
    assert found["classes"].shape == (100, 1)
    with pytest.raises(ModelError, match="did you mean 'by_feature'"):
        load_model(saved, "by_featur")


def test_inputs_are_matched_without_their_suffix_and_missing_values_filled(saved):
    model = load_model(saved, "of_two", defaults={"delay": 0.0})
    assert set(model.needs) == {"hour", "delay"}
    expected = DATA["hour"] + np.nan_to_num(DATA["delay"])
    np.testing.assert_allclose(model.predict(BATCH), expected, rtol=1e-5)
    plain = load_model(saved, "of_two")
    assert np.isnan(plain.predict(BATCH)).sum() == 2
    with pytest.raises(ModelError, match=r"no feature for input 'delay'.*did you mean 'dela'"):
        plain.predict({"features": {"hour": BATCH["features"]["hour"], "dela": pa.nulls(100)}})


def test_a_lone_string_input_named_like_a_feature_takes_it(saved):
    assert load_model(saved, "by_name").needs == "serialized"
    model = load_model(saved, "by_name", feature_names=("carrier", "hour"))
    assert model.needs == ("carrier",)
    assert model.predict(BATCH).tolist() == [2] * 100


def test_an_error_inside_the_graph_names_signature_and_feature(saved):
    with pytest.raises(ModelError, match=r"'serving_default': InvalidArgumentError.*hour"):
        load_model(saved).predict({"input": pa.array([b""], pa.large_binary())})


def test_a_model_without_signatures_or_that_is_damaged_is_said(tf, saved, tmp_path):
    tf.saved_model.save(tf.Module(), str(tmp_path / "none"))
    with pytest.raises(ModelError, match="has no signature"):
        load_model(str(tmp_path / "none"))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "saved_model.pb").write_bytes(b"nonsense")
    with pytest.raises(ModelError, match="cannot load"):
        load_model(str(tmp_path / "broken"))


def test_memory_that_does_not_suffice_is_met_with_smaller_batches(tf, saved, monkeypatch):
    model = load_model(saved, "by_feature")
    call = model._call

    def small(**tensors):
        if tensors["hour"].shape[0] > 30:
            raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
        return call(**tensors)

    monkeypatch.setattr(model, "_call", small)
    np.testing.assert_allclose(model.predict(BATCH)["probabilities"][:, 1], ODDS, rtol=1e-5)
    assert model.sizer.rows == 25


def test_a_saved_model_is_described_without_loading_tensorflow(saved):
    script = (
        "import sys; from evaluator_component.saved_model import describe\n"
        f"print(describe({saved!r})); print('tensorflow' in sys.modules)"
    )
    root = str(Path(__file__).parents[2])
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=root, check=True
    )
    lines = run.stdout.splitlines()
    assert lines[0] == f"SavedModel at {saved}"
    assert "* signature serving_default: examples: string (?) -> late: float32 (?)" in lines
    assert lines[-1] == "False"


def test_a_description_says_what_is_chosen_and_what_is_wrong(saved, tmp_path):
    assert describe(saved, signature_name="of_two").needs == ("delay", "hour")
    assert "did you mean" in describe(saved, signature_name="of_twoo").problem
    (tmp_path / "m.onnx").write_bytes(b"nonsense")
    assert "cannot load" in describe(str(tmp_path / "m.onnx")).problem


@pytest.mark.parametrize("package", ["keras", "tf_keras"])
def test_keras_files_and_models_in_memory(package, tmp_path):
    keras = pytest.importorskip(package)
    model = tiny.binary_model(keras)
    expected = model.predict(tiny.inputs_of(DATA), verbose=0)
    path = str(tmp_path / "model.keras")
    if package == "keras":  # tf_keras does not load Lambda layers without being told
        model.save(path)
        loaded = load_model(path)
        assert set(loaded.needs) == {"carrier", "delay", "hour"}
        np.testing.assert_allclose(loaded.predict(BATCH), expected, atol=1e-6)
        assert "input carrier: string (?, 1)" in str(describe(path))
    np.testing.assert_allclose(load_model(model).predict(BATCH), expected, atol=1e-6)


def test_a_keras_file_of_the_older_keras_is_loaded_with_it(tmp_path):
    keras = pytest.importorskip("tf_keras")
    hour = keras.Input((1,), name="hour")
    model = keras.Model(hour, keras.layers.Dense(1)(hour))
    path = str(tmp_path / "model.keras")
    model.save(path)
    loaded = load_model(path)
    expected = model.predict(DATA["hour"][:, None].astype(np.float32), verbose=0)
    np.testing.assert_allclose(loaded.predict(BATCH), expected, atol=1e-5)


def test_a_keras_file_that_cannot_be_loaded_says_what_both_keras_say(tmp_path):
    (tmp_path / "m.keras").write_bytes(b"nonsense")
    with pytest.raises(ModelError, match=r"cannot load .*keras: .*tf_keras: "):
        load_model(str(tmp_path / "m.keras"))


def test_a_keras_model_with_several_outputs(tmp_path):
    keras = pytest.importorskip("keras")
    hour = keras.Input((1,), name="hour")
    outputs = {"a": keras.layers.Dense(1)(hour), "b": keras.layers.Dense(2)(hour)}
    model = load_model(keras.Model(hour, outputs))
    found = model.predict(BATCH)
    assert {name: array.shape for name, array in found.items()} == {"a": (100, 1), "b": (100, 2)}


def tflite(tf, quantised=False, folder=None):
    class Odds(tf.Module):
        @tf.function(
            input_signature=[
                tf.TensorSpec([None, 1], tf.float32, name="hour"),
                tf.TensorSpec([None, 1], tf.float32, name="delay"),
            ]
        )
        def __call__(self, hour, delay):
            weights = tf.constant([[0.1], [0.2]])
            both = tf.concat([hour, delay], 1)
            return {"late": tf.sigmoid(tf.matmul(both, weights) - 1.0)}

    module = Odds()
    tf.saved_model.save(module, str(folder / "saved"), signatures=module.__call__)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder / "saved"))
    if quantised:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]

        def examples():
            for row in range(100):
                yield {
                    "hour": np.float32([[DATA["hour"][row]]]),
                    "delay": np.nan_to_num(np.float32([[DATA["delay"][row]]])),
                }

        converter.representative_dataset = examples
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.int8
        converter.inference_output_type = tf.int8
    path = folder / "tflite"
    path.write_bytes(converter.convert())
    return str(path)


@pytest.mark.parametrize("quantised", [False, True])
def test_tflite_models_take_features_and_give_numbers_also_when_quantised(tf, tmp_path, quantised):
    path = tflite(tf, quantised, tmp_path)
    model = load_model(path, defaults={"delay": 0.0})
    assert set(model.needs) == {"hour", "delay"}
    given = 0.1 * DATA["hour"] + 0.2 * np.nan_to_num(DATA["delay"]) - 1
    expected = 1 / (1 + np.exp(-given))
    found = model.predict(BATCH)[:, 0]
    np.testing.assert_allclose(found, expected, atol=0.02 if quantised else 1e-5)
    with pytest.raises(ModelError, match="no signature"):
        load_model(path, "nothing")
