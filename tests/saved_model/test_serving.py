"""Models in a server: a real gRPC PredictionService that serves a SavedModel, in this process."""

from __future__ import annotations

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from evaluator_component.errors import ModelError
from evaluator_component.saved_model import clear_models, describe, load_model

sys.path.insert(0, str(Path(__file__).parent))
import tiny

pytestmark = pytest.mark.slow

DATA = tiny.rows(1000)
BATCH = tiny.batch(DATA)
ODDS = 1 / (1 + np.exp(1 - 0.1 * DATA["hour"]))


class Service:
    """What TensorFlow Serving does, with its own messages; and some misbehaviour on demand."""

    def __init__(self, tf, path):
        self.tf = tf
        self.path = path
        self.model = tf.saved_model.load(path)
        self.failures: list = []
        self.rows_limit = 10**9
        self.delay = 0.0
        self.requests: list[int] = []
        self.running = self.most_running = 0
        self.lock = threading.Lock()

    def check(self, request, context):
        import grpc

        if request.model_spec.name != "odds":
            context.abort(grpc.StatusCode.NOT_FOUND, "Servable not found for request")
        if self.failures:
            code = self.failures.pop(0)
            context.abort(code, "told to fail")

    def track(self, rows, context):
        import grpc

        self.requests.append(rows)
        with self.lock:
            self.running += 1
            self.most_running = max(self.most_running, self.running)
        time.sleep(self.delay)
        with self.lock:
            self.running -= 1
        if rows > self.rows_limit:
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too large")

    def GetModelMetadata(self, request, context):
        from tensorflow.core.protobuf import saved_model_pb2
        from tensorflow_serving.apis import get_model_metadata_pb2

        self.check(request, context)
        saved = saved_model_pb2.SavedModel()
        saved.ParseFromString(Path(self.path, "saved_model.pb").read_bytes())
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for name, entry in saved.meta_graphs[0].signature_def.items():
            signatures.signature_def[name].CopyFrom(entry)
        for method in ("classify", "regress"):
            served = signatures.signature_def[method]
            served.CopyFrom(saved.meta_graphs[0].signature_def["serving_default"])
            served.method_name = f"tensorflow/serving/{method}"
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.metadata["signature_def"].Pack(signatures)
        return response

    def Predict(self, request, context):
        import grpc
        from tensorflow_serving.apis import predict_pb2

        self.check(request, context)
        tensors = {name: self.tf.make_ndarray(part) for name, part in request.inputs.items()}
        self.track(len(next(iter(tensors.values()))), context)
        try:
            call = self.model.signatures[request.model_spec.signature_name]
            found = call(**{name: self.tf.constant(part) for name, part in tensors.items()})
        except self.tf.errors.InvalidArgumentError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, error.message)
        response = predict_pb2.PredictResponse()
        for name, tensor in found.items():
            response.outputs[name].CopyFrom(self.tf.make_tensor_proto(tensor))
        return response

    def scores(self, request):
        examples = [part.SerializeToString() for part in request.input.example_list.examples]
        call = self.model.signatures["serving_default"]
        return call(examples=self.tf.constant(examples))["late"].numpy()

    def Classify(self, request, context):
        from tensorflow_serving.apis import classification_pb2

        self.check(request, context)
        response = classification_pb2.ClassificationResponse()
        for score in self.scores(request):
            entry = response.result.classifications.add()
            entry.classes.add(label="no", score=1 - score)
            entry.classes.add(label="yes", score=score)
        return response

    def Regress(self, request, context):
        from tensorflow_serving.apis import regression_pb2

        self.check(request, context)
        response = regression_pb2.RegressionResponse()
        for score in self.scores(request):
            response.result.regressions.add(value=score)
        return response


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Returns the service and its address."""
    grpc = pytest.importorskip("grpc")
    pytest.importorskip("tensorflow_serving", reason="tensorflow-serving-api is not installed")
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_service_pb2_grpc

    class Odds(tf.Module):
        def odds(self, hour):
            return tf.sigmoid(0.1 * tf.cast(hour, tf.float32) - 1.0)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def serve(self, examples):
            spec = {"hour": tf.io.FixedLenFeature([], tf.int64)}
            return {"late": self.odds(tf.io.parse_example(examples, spec)["hour"])}

        @tf.function(input_signature=[tf.TensorSpec([None, 1], tf.int64, name="hour")])
        def by_feature(self, hour):
            return {"late": self.odds(hour), "hour_again": hour}

    module = Odds()
    path = str(tmp_path_factory.mktemp("served"))
    signatures = {"serving_default": module.serve, "by_feature": module.by_feature}
    tf.saved_model.save(module, path, signatures=signatures)
    service = Service(tf, path)
    server = grpc.server(ThreadPoolExecutor(8))
    service.MultiInference = None  # not asked for
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(service, server)
    port = server.add_insecure_port("localhost:0")
    server.start()
    yield service, f"grpc://localhost:{port}/odds"
    server.stop(None)


@pytest.fixture
def service(served):
    found, _ = served
    clear_models()
    found.failures, found.rows_limit, found.delay, found.requests = [], 10**9, 0.0, []
    found.most_running = 0
    return found


def test_predict_with_serialized_examples(service, served):
    model = load_model(served[1], options={"batch_size": 300})
    assert model.needs == "serialized"
    np.testing.assert_allclose(model.predict(BATCH), ODDS, rtol=1e-5)
    assert sorted(service.requests) == [100, 300, 300, 300]


def test_predict_with_features_gives_several_outputs(service, served):
    model = load_model(served[1], "by_feature")
    assert model.needs == ("hour",)
    found = model.predict(BATCH)
    np.testing.assert_allclose(found["late"][:, 0], ODDS, rtol=1e-5)
    np.testing.assert_array_equal(found["hour_again"][:, 0], DATA["hour"])


def test_classify_and_regress(service, served):
    found = load_model(served[1], "classify").predict(BATCH)
    np.testing.assert_allclose(found["scores"][:, 1], ODDS, rtol=1e-5)
    assert found["classes"][0].tolist() == ["no", "yes"]
    np.testing.assert_allclose(load_model(served[1], "regress").predict(BATCH), ODDS, rtol=1e-5)


def test_passing_failures_are_retried_and_then_told(service, served):
    import grpc

    model = load_model(served[1], options={"backoff": 0.01, "attempts": 3, "concurrency": 1})
    unavailable = grpc.StatusCode.UNAVAILABLE
    service.failures = [unavailable, unavailable]
    np.testing.assert_allclose(model.predict(BATCH), ODDS, rtol=1e-5)
    service.failures = [unavailable] * 9
    with pytest.raises(
        ModelError, match=r"no answer after 3 attempts \(UNAVAILABLE: told to fail\)"
    ):
        model.predict(BATCH)
    service.failures = []
    np.testing.assert_allclose(model.predict(BATCH), ODDS, rtol=1e-5)


def test_a_refusal_is_not_retried(service, served):
    import grpc

    model = load_model(served[1], options={"concurrency": 1})
    service.failures = [grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAVAILABLE]
    with pytest.raises(ModelError, match=r"refuses \(PERMISSION_DENIED\)"):
        model.predict(BATCH)
    assert len(service.failures) == 1
    service.failures = []
    broken = {"input": tiny.batch({"late": DATA["late"][:3]})["input"]}
    with pytest.raises(ModelError, match=r"INVALID_ARGUMENT.*hour"):
        model.predict(broken)


def test_requests_that_are_too_large_are_halved_and_the_size_remembered(service, served):
    model = load_model(served[1], options={"concurrency": 1})
    service.rows_limit = 200
    np.testing.assert_allclose(model.predict(BATCH), ODDS, rtol=1e-5)
    service.requests.clear()
    model.predict(BATCH)
    assert max(service.requests) <= 200


def test_a_bounded_number_of_requests_is_on_the_way(service, served):
    service.delay = 0.05
    model = load_model(served[1], options={"batch_size": 100, "concurrency": 3})
    model.predict(BATCH)
    assert service.most_running in (2, 3)


def test_a_deadline_is_kept(service, served):
    model = load_model(served[1], options={"timeout_seconds": 0.1, "attempts": 1})
    service.delay = 1.0
    with pytest.raises(ModelError, match=r"no answer after 1 attempt \(DEADLINE_EXCEEDED"):
        model.predict(BATCH)
    service.delay = 0.0


def test_no_server_no_model_and_no_address_are_different_mistakes(service, served):
    with pytest.raises(ModelError, match=r"no answer after 2 attempts \(UNAVAILABLE"):
        load_model("grpc://localhost:1/odds", options={"attempts": 2, "backoff": 0.01})
    with pytest.raises(ModelError, match="the server has no such model or version"):
        load_model(served[1].replace("/odds", "/evens"))
    with pytest.raises(ModelError, match="no address of a served model"):
        load_model("grpc://localhost")
    with pytest.raises(ModelError, match="only /versions/N"):
        load_model(served[1] + "/nonsense")
    with pytest.raises(ModelError, match="did you mean 'by_feature'"):
        load_model(served[1], "by_featur")


def test_a_served_model_is_described(service, served):
    text = str(describe(served[1]))
    assert "* signature serving_default: examples: string (?) -> late: float32 (?)" in text
    assert "signature by_feature" in text
