"""A model that runs in TensorFlow Serving, called over gRPC.

The address is "grpc://host:port/model", with "/versions/3" or "/labels/stable" behind it if wanted;
"grpcs://" for TLS. Only `grpc` is needed, neither TensorFlow nor tensorflow-serving-api.

What the server says about the model (its signature) decides how it is called: Predict with
features or with serialized examples, Classify, or Regress. A batch is cut into requests; a bounded
number of them is on the way at once. A request that fails for a passing reason is sent again, later
and later; one that is too large is halved.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from evaluator_component.errors import ModelError
from evaluator_component.inputs.prediction_log import response_arrays
from evaluator_component.inputs.tensor_protos import dtype_name, to_proto
from evaluator_component.protos import serving_wire_pb2 as wire
from evaluator_component.saved_model import robust
from evaluator_component.saved_model.model import (
    SERIALIZED,
    Extracts,
    Prediction,
    input_records,
    pick_feature,
)
from evaluator_component.saved_model.signature import choose_signature, first_line, record_input
from evaluator_component.saved_model.tensors import TensorInfo, dense, serialized

__all__ = ["Address", "ServingModel", "signature_infos"]

_SERVICE = "/tensorflow.serving.PredictionService/"
_METHODS = {
    "tensorflow/serving/predict": "Predict",
    "tensorflow/serving/classify": "Classify",
    "tensorflow/serving/regress": "Regress",
}
_MESSAGES = {
    "Predict": (wire.PredictRequest, wire.PredictResponse, "predict_log"),
    "Classify": (wire.ExamplesRequest, wire.ClassificationResponse, "classify_log"),
    "Regress": (wire.ExamplesRequest, wire.RegressionResponse, "regress_log"),
    "GetModelMetadata": (wire.GetModelMetadataRequest, wire.GetModelMetadataResponse, ""),
}
#: Failures that may pass.
_PASSING = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "ABORTED", "RESOURCE_EXHAUSTED")


class Address:
    """A server's address, taken apart.

    Example:
        >>> address = Address("grpc://localhost:8500/flights/versions/3")
        >>> address.target, address.model, address.version, address.secure
        ('localhost:8500', 'flights', 3, False)
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        names = [part for part in parts.path.split("/") if part]
        if parts.scheme not in ("grpc", "grpcs") or not parts.netloc or not names:
            raise ModelError(
                f"{url!r} is no address of a served model; it looks like grpc://host:8500/name, "
                "maybe with /versions/3 or /labels/stable"
            )
        self.url = url
        self.target = parts.netloc
        self.secure = parts.scheme == "grpcs"
        self.model = names[0]
        self.version: int | None = None
        self.label = ""
        if len(names) == 3 and names[1] == "versions" and names[2].isdigit():
            self.version = int(names[2])
        elif len(names) == 3 and names[1] == "labels":
            self.label = names[2]
        elif len(names) != 1:
            raise ModelError(f"{url!r}: after the model's name only /versions/N or /labels/NAME")

    def spec(self, signature: str = "") -> Any:
        """Returns the ModelSpec message."""
        spec = wire.ModelSpec(name=self.model, signature_name=signature)
        if self.version is not None:
            spec.version.value = self.version
        elif self.label:
            spec.version_label = self.label
        return spec


def signature_infos(signature: Any) -> tuple[dict[str, TensorInfo], dict[str, TensorInfo]]:
    """Returns the inputs and outputs of a SignatureDef message."""

    def infos(tensors: Any) -> dict[str, TensorInfo]:
        return {
            name: TensorInfo(name, dtype_name(tensor.dtype), _shape(tensor.tensor_shape))
            for name, tensor in sorted(tensors.items())
        }

    return infos(signature.inputs), infos(signature.outputs)


def _shape(message: Any) -> tuple[int | None, ...] | None:
    if message.unknown_rank:
        return None
    return tuple(None if dim.size < 0 else dim.size for dim in message.dim)


class ServingModel:
    """A served model.

    Args:
        url: its address.
        signature_name: the signature to call; "" for the usual one.
        feature_names: the data's features (see `signature.SignatureModel`).
        defaults: what stands for missing values, by input name.
        batch_size: rows in a request.
        concurrency: requests on the way at once, of this process to this address.
        timeout_seconds: how long a request may take.
        attempts: how often a request is sent before giving up.
        backoff: seconds before the second attempt; doubles each time.

    Raises:
        ModelError: the server cannot be reached, or does not have the model.
    """

    def __init__(
        self,
        url: str,
        signature_name: str = "",
        *,
        feature_names: Collection[str] = (),
        defaults: Mapping[str, Any] | None = None,
        batch_size: int = 512,
        concurrency: int = 4,
        timeout_seconds: float = 60.0,
        attempts: int = 5,
        backoff: float = 0.5,
    ) -> None:
        self.name = url
        self.metadata = None
        self.address = Address(url)
        self.defaults = dict(defaults or {})
        self.timeout, self.attempts, self.backoff = timeout_seconds, attempts, backoff
        self.batch_size = batch_size
        self._channel = _channel(self.address)
        self._calls = {name: _call(self._channel, name) for name in _MESSAGES}
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="serving")
        self.sizer = robust.Sizer(rows=batch_size)
        signature = self._signature(signature_name)
        self.method = _METHODS.get(signature.method_name, "Predict")
        self.inputs, self.outputs = signature_infos(signature)
        self._record_input = (
            next(iter(self.inputs), "examples")
            if self.method != "Predict"
            else record_input(self.inputs, feature_names)
        )
        self.needs: str | tuple[str, ...] = (
            SERIALIZED
            if self._record_input
            else tuple(name.removesuffix("_input") for name in self.inputs)
        )

    def _signature(self, wanted: str) -> Any:
        request = wire.GetModelMetadataRequest(
            model_spec=self.address.spec(), metadata_field=["signature_def"]
        )
        response = self._send("GetModelMetadata", request)
        signatures = wire.SignatureDefMap.FromString(response.metadata["signature_def"].value)
        self.signatures = dict(signatures.signature_def)
        self.signature_name = choose_signature(list(self.signatures), wanted, self.name)
        return self.signatures[self.signature_name]

    def predict(self, extracts: Extracts) -> Prediction:
        """Asks the server for the predictions of a batch.

        Raises:
            ModelError: the server cannot be reached after all attempts, or refuses the request.
        """
        if self._record_input:
            arrays = {"": serialized(input_records(extracts, self.name))}
        else:
            arrays = {
                name: dense(pick_feature(extracts, name, self.name), info, self.defaults.get(name))
                for name, info in self.inputs.items()
            }
        rows = len(next(iter(arrays.values())))
        step = self.batch_size
        starts = range(0, max(rows, 1), step)
        futures = [
            self._threads.submit(self._piece, arrays, start, min(start + step, rows))
            for start in starts
        ]
        try:
            pieces = [future.result() for future in futures]
        finally:
            for future in futures:
                future.cancel()
        given = robust.concatenate_outputs(pieces)
        return next(iter(given.values())) if len(given) == 1 else given

    def _piece(self, arrays: dict[str, Any], start: int, stop: int) -> dict[str, Any]:
        return self.sizer.call(
            lambda low, high: self._request(arrays, start + low, start + high), stop - start
        )

    def _request(self, arrays: dict[str, Any], start: int, stop: int) -> dict[str, Any]:
        request, _, kind = _MESSAGES[self.method]
        message = request(model_spec=self.address.spec(self.signature_name))
        if self.method == "Predict":
            for name, array in arrays.items():
                message.inputs[name or self._record_input].CopyFrom(to_proto(array[start:stop]))
        else:
            message.input.example_list.examples.extend(arrays[""][start:stop].tolist())
        given = response_arrays(kind, self._send(self.method, message, stop - start))
        for name, array in given.items():
            if len(array) != stop - start:
                raise ModelError(
                    f"{self.name}: output {name!r} has {len(array)} rows for "
                    f"{stop - start} examples"
                )
        return given

    def _send(self, method: str, message: Any, rows: int = 0) -> Any:
        import grpc

        wait = self.backoff
        for attempt in range(1, self.attempts + 1):
            try:
                return self._calls[method](message, timeout=self.timeout)
            except grpc.RpcError as error:
                code = error.code().name
                if code == "RESOURCE_EXHAUSTED" and rows > 1:
                    raise MemoryError(error.details()) from error  # halved by the sizer
                if code not in _PASSING or attempt == self.attempts:
                    raise self._explained(error, attempt) from error
                time.sleep(wait * random.uniform(0.8, 1.2))
                wait *= 2
        raise AssertionError("unreachable")

    def _explained(self, error: Any, attempt: int) -> ModelError:
        code, details = error.code().name, error.details() or ""
        where = f"{self.name}: "
        if code == "NOT_FOUND":
            return ModelError(f"{where}the server has no such model or version: {details}")
        if code in _PASSING:
            return ModelError(
                f"{where}no answer after {attempt} attempt{'s' if attempt > 1 else ''} "
                f"({code}: {details})"
            )
        if code == "UNIMPLEMENTED":
            return ModelError(f"{where}no TensorFlow Serving there ({details})")
        return ModelError(f"{where}the server refuses ({code}): {first_line(details)}")


def _channel(address: Address) -> Any:
    import grpc

    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    if address.secure:
        return grpc.secure_channel(address.target, grpc.ssl_channel_credentials(), options=options)
    return grpc.insecure_channel(address.target, options=options)


def _call(channel: Any, method: str) -> Callable[..., Any]:
    request, response, _ = _MESSAGES[method]
    return channel.unary_unary(
        _SERVICE + method,
        request_serializer=request.SerializeToString,
        response_deserializer=response.FromString,
    )
