"""Logged predictions -> batches with features and predictions."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from evaluator_component.errors import InputError
from evaluator_component.inputs import BadRecords, Source, make_plan, read_batches
from evaluator_component.inputs.tensor_protos import from_proto, to_proto
from evaluator_component.protos import serving_wire_pb2 as wire

sys.path.insert(0, str(Path(__file__).parent))
from tf_examples import example, write

RECORDS = [example(hour=row, late=row % 2) for row in range(6)]


def predict_log(**outputs):
    log = wire.PredictionLog()
    log.predict_log.request.inputs["examples"].CopyFrom(to_proto(np.array(RECORDS, dtype=object)))
    for name, array in outputs.items():
        log.predict_log.response.outputs[name].CopyFrom(to_proto(np.asarray(array)))
    return log.SerializeToString()


def read(path, bad=None, **options):
    return list(read_batches(Source(str(path), **options), bad=bad))


def test_a_predict_log_of_examples_gives_features_records_and_the_only_output(tmp_path):
    scores = np.linspace(0, 1, 6, dtype=np.float32)
    write(tmp_path / "f", [predict_log(late=scores)] * 2)
    assert make_plan(Source(str(tmp_path / "f"))).source.format == "prediction_log"
    (batch,) = read(tmp_path / "f", columns=("hour",))
    assert batch["features"]["hour"].to_pylist() == [[row] for row in range(6)] * 2
    np.testing.assert_array_equal(batch["predictions"], np.tile(scores, 2))
    assert batch["input"].to_pylist() == RECORDS * 2
    assert len(np.unique(batch["example_ids"])) == 6


def test_several_outputs_come_by_name(tmp_path):
    write(tmp_path / "f", [predict_log(a=np.zeros(6), b=np.eye(6))])
    (batch,) = read(tmp_path / "f")
    assert batch["predictions"]["a"].shape == (6,)
    assert batch["predictions"]["b"].shape == (6, 6)


def test_a_predict_log_of_named_inputs_gives_them_as_features(tmp_path):
    log = wire.PredictionLog()
    inputs = log.predict_log.request.inputs
    inputs["hour"].CopyFrom(to_proto(np.array([7, 9])))
    inputs["carrier"].CopyFrom(to_proto(np.array([b"UA", b"AA"], dtype=object)))
    inputs["pixels"].CopyFrom(to_proto(np.zeros((2, 3), np.float32)))
    log.predict_log.response.outputs["late"].CopyFrom(to_proto(np.array([0.1, 0.2])))
    write(tmp_path / "f", [log.SerializeToString()])
    (batch,) = read(tmp_path / "f", columns=("hour", "carrier", "pixels", "absent"))
    assert batch["features"]["hour"].to_pylist() == [7, 9]
    assert batch["features"]["carrier"].to_pylist() == [b"UA", b"AA"]
    assert batch["features"]["pixels"].to_pylist() == [[0, 0, 0]] * 2
    assert batch["features"]["absent"].null_count == 2


def test_classify_and_regress_logs_give_scores_and_values(tmp_path):
    log = wire.PredictionLog()
    log.classify_log.request.input.example_list.examples.extend(RECORDS[:2])
    for scores in ((0.25, 0.75), (0.5, 0.5)):
        result = log.classify_log.response.result.classifications.add()
        for label, score in zip(("no", "yes"), scores, strict=True):
            result.classes.add(label=label, score=score)
    write(tmp_path / "classify", [log.SerializeToString()])
    (batch,) = read(tmp_path / "classify")
    np.testing.assert_array_equal(batch["predictions"]["scores"], [[0.25, 0.75], [0.5, 0.5]])
    assert batch["predictions"]["classes"][0].tolist() == ["no", "yes"]

    log = wire.PredictionLog()
    log.regress_log.request.input.example_list_with_context.examples.extend(RECORDS[:2])
    for value in (1.5, 2.5):
        log.regress_log.response.result.regressions.add(value=value)
    write(tmp_path / "regress", [log.SerializeToString()])
    (batch,) = read(tmp_path / "regress", format="prediction_log")
    np.testing.assert_array_equal(batch["predictions"], [1.5, 2.5])


def test_a_multi_inference_log_gives_outputs_by_signature(tmp_path):
    log = wire.PredictionLog()
    log.multi_inference_log.request.input.example_list.examples.extend(RECORDS[:1])
    result = log.multi_inference_log.response.results.add()
    result.model_spec.signature_name = "value"
    result.regression_result.regressions.add(value=3.0)
    result = log.multi_inference_log.response.results.add()
    result.model_spec.signature_name = "class"
    result.classification_result.classifications.add().classes.add(score=0.5)
    write(tmp_path / "f", [log.SerializeToString()])
    (batch,) = read(tmp_path / "f")
    assert sorted(batch["predictions"]) == ["class/scores", "value/outputs"]


def test_logs_that_cannot_be_used_are_noted(tmp_path):
    empty = wire.PredictionLog().SerializeToString()
    short = predict_log(late=np.zeros(5))
    other = predict_log(delay=np.zeros(6))
    write(tmp_path / "f", [predict_log(late=np.zeros(6)), b"\xff\xff", empty, short, other])
    bad = BadRecords(limit=4)
    (batch,) = read(tmp_path / "f", bad=bad)
    assert len(batch["predictions"]) == 6
    assert bad.count == 4
    assert {record.kind for record in bad.samples} == {"unparsable", "type"}
    with pytest.raises(InputError, match="no PredictionLog"):
        read(tmp_path / "f", format="prediction_log")


@pytest.mark.parametrize(
    "dtype",
    ["float16", "float32", "float64", "int8", "uint8", "int16", "uint16", "int32", "uint32",
     "int64", "uint64", "bool"],
)  # fmt: skip
def test_tensors_of_every_type_go_there_and_back(dtype):
    array = np.array([[0, 1], [1, 0]]).astype(dtype)
    found = from_proto(to_proto(array))
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


@pytest.mark.slow
def test_our_messages_have_the_wire_format_of_tensorflow_serving():
    from tensorflow.core.framework import tensor_pb2, tensor_shape_pb2
    from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2
    from tensorflow_serving.apis import (
        classification_pb2,
        get_model_metadata_pb2,
        inference_pb2,
        input_pb2,
        model_pb2,
        predict_pb2,
        prediction_log_pb2,
        regression_pb2,
    )

    theirs = {"Tensor": tensor_pb2.TensorProto, "TensorShape": tensor_shape_pb2.TensorShapeProto,
              "MetaGraph": meta_graph_pb2.MetaGraphDef, "SavedModel": saved_model_pb2.SavedModel,
              "ExamplesRequest": classification_pb2.ClassificationRequest}  # fmt: skip
    modules = (meta_graph_pb2, classification_pb2, get_model_metadata_pb2, inference_pb2, input_pb2,
               model_pb2, predict_pb2, prediction_log_pb2, regression_pb2)  # fmt: skip
    for name, ours in wire.DESCRIPTOR.message_types_by_name.items():
        real = theirs.get(name) or next(getattr(m, name) for m in modules if hasattr(m, name))
        for field in ours.fields:
            other = real.DESCRIPTOR.fields_by_name[field.name]
            assert (field.number, field.label) == (other.number, other.label), (name, field.name)
            # An enum is an integer on the wire, a message bytes.
            kinds = {5: {5, 14}, 12: {11, 12}}.get(field.type, {field.type})
            assert other.type in kinds, (name, field.name)
    regress = regression_pb2.RegressionRequest.DESCRIPTOR.fields_by_name
    assert [regress[name].number for name in ("model_spec", "input")] == [1, 2]


@pytest.mark.slow
def test_tensorflow_reads_our_tensors_and_we_read_its():
    import tensorflow as tf
    from tensorflow.core.framework import tensor_pb2

    for value in ([[1.5, 2.5]], [[1, 2]], [b"a", b"b"], [True, False], 3.0):
        theirs = tf.make_tensor_proto(value)
        found = from_proto(wire.Tensor.FromString(theirs.SerializeToString()))
        np.testing.assert_array_equal(found, tf.make_ndarray(theirs))
        back = tensor_pb2.TensorProto.FromString(to_proto(found).SerializeToString())
        np.testing.assert_array_equal(tf.make_ndarray(back), found)
    filled = tensor_pb2.TensorProto(dtype=1, float_val=[7.0])
    filled.tensor_shape.dim.add(size=4)
    assert from_proto(wire.Tensor.FromString(filled.SerializeToString())).tolist() == [7.0] * 4
