"""Eval SavedModels of the estimator era, written here with TensorFlow 1's builder."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from evaluator_component.errors import ModelError
from evaluator_component.saved_model import describe, load_model

sys.path.insert(0, str(Path(__file__).parent))
import tiny

pytestmark = pytest.mark.slow

DATA = tiny.rows(50)
BATCH = tiny.batch(DATA)


def write(path, signature_inputs=True):
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        examples = v1.placeholder(tf.string, [None], name="input_example_tensor")
        spec = {
            "hour": tf.io.FixedLenFeature([1], tf.int64),
            "late": tf.io.FixedLenFeature([1], tf.int64),
            "tags": tf.io.VarLenFeature(tf.string),
        }
        features = tf.io.parse_example(examples, spec)
        slope = v1.get_variable("slope", initializer=0.1)
        late = tf.sigmoid(slope * tf.cast(features["hour"], tf.float32) - 1.0)
        mean, update = v1.metrics.mean(late)
        session.run([v1.global_variables_initializer(), v1.local_variables_initializer()])
        info = v1.saved_model.utils.build_tensor_info
        inputs = {
            "inputs/examples": info(examples),
            "features/hour": info(features["hour"]),
            "features/tags": info(features["tags"]),
            "labels": info(features["late"]),
            "input_refs": info(tf.range(tf.size(examples))),
        }
        if not signature_inputs:
            del inputs["inputs/examples"]
        outputs = {
            "predictions/logistic": info(late),
            "metrics/mean/value": info(mean),
            "metrics/mean/update_op": info(update),
        }
        signature = v1.saved_model.build_signature_def(inputs, outputs, "eval")
        builder = v1.saved_model.builder.SavedModelBuilder(str(path))
        builder.add_meta_graph_and_variables(session, ["eval"], {"eval": signature})
        builder.save()
    return str(path)


def test_predictions_features_and_labels_are_read(tmp_path):
    model = load_model(write(tmp_path / "m"))
    odds = 1 / (1 + np.exp(1 - 0.1 * DATA["hour"]))
    np.testing.assert_allclose(model.predict(BATCH)["logistic"][:, 0], odds, rtol=1e-5)
    extracts = model.extract(BATCH)
    np.testing.assert_array_equal(extracts["labels"][:, 0], DATA["late"])
    np.testing.assert_array_equal(extracts["features"]["hour"][:, 0], DATA["hour"])
    assert [list(tags) for tags in extracts["features"]["tags"][:3]] == [[], [b"x"], [b"x", b"x"]]
    assert model.metric_names == ["mean"]


def test_it_is_described_as_what_it_is(tmp_path):
    path = write(tmp_path / "m")
    assert "estimator era" in str(describe(path))


def test_a_layout_that_cannot_be_read_says_what_to_do(tmp_path):
    path = write(tmp_path / "m", signature_inputs=False)
    with pytest.raises(ModelError, match=r"without the input.*export_eval_savedmodel"):
        load_model(path)
    path = write(tmp_path / "n")
    for file in (tmp_path / "n" / "variables").iterdir():
        file.unlink()
    with pytest.raises(ModelError, match=r"estimator era that this TensorFlow cannot load"):
        load_model(path)
