"""TFLite (LiteRT) models: flat files for phones, run by the interpreter of TensorFlow or LiteRT."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import numpy as np

from evaluator_component.errors import ModelError, did_you_mean
from evaluator_component.saved_model import robust
from evaluator_component.saved_model.model import (
    SERIALIZED,
    Extracts,
    Prediction,
    input_records,
    pick_feature,
)
from evaluator_component.saved_model.signature import record_input
from evaluator_component.saved_model.tensors import TensorInfo, dense, serialized

__all__ = ["TFLiteModel"]


class TFLiteModel:
    """A TFLite model, called on features by the names of its inputs.

    Quantised inputs and outputs are converted. The interpreter is not re-entrant: threads wait for
    each other.

    Args:
        path: the file.
        signature_name: one of its signatures; "" for the only one, or its plain inputs.
        defaults: what stands for missing values, by input name.

    Raises:
        ModelError: it cannot be loaded, or has no such signature.
    """

    def __init__(
        self, path: str, signature_name: str = "", defaults: Mapping[str, Any] | None = None
    ) -> None:
        self.name = path
        self.metadata = None
        self.defaults = dict(defaults or {})
        try:
            self._interpreter = _interpreter_class()(model_path=path, num_threads=1)
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"cannot load {path!r} as TFLite: {error}") from error
        signatures = self._interpreter.get_signature_list()
        self.signature_name = self._chosen(signatures, signature_name)
        self._names = signatures.get(self.signature_name)
        self._lock = threading.Lock()
        self._details_in = self._named("inputs", self._interpreter.get_input_details())
        self._details_out = self._named("outputs", self._interpreter.get_output_details())
        self.inputs = {key: _info(key, part) for key, part in self._details_in.items()}
        self.outputs = {key: _info(key, part) for key, part in self._details_out.items()}
        self._record_input = record_input(self.inputs, ())
        self.needs: str | tuple[str, ...] = SERIALIZED if self._record_input else tuple(self.inputs)
        self.sizer = robust.Sizer()

    def _chosen(self, signatures: Mapping[str, Any], wanted: str) -> str:
        if wanted and wanted not in signatures:
            hint = did_you_mean(wanted, signatures)
            raise ModelError(f"{self.name}: no signature {wanted!r} {hint}")
        return wanted or ("serving_default" if "serving_default" in signatures else
                          next(iter(signatures), ""))  # fmt: skip

    def _named(self, side: str, details: list[Any]) -> dict[str, Any]:
        if self._names:
            runner = self._interpreter.get_signature_runner(self.signature_name)
            found = runner.get_input_details() if side == "inputs" else runner.get_output_details()
            return dict(found)
        return {_plain_name(part["name"]): part for part in details}

    def predict(self, extracts: Extracts) -> Prediction:
        """Calls the model on a batch."""
        if self._record_input:
            arrays = {self._record_input: serialized(input_records(extracts, self.name))}
        else:
            arrays = {
                key: dense(pick_feature(extracts, key, self.name), info, self.defaults.get(key))
                for key, info in self.inputs.items()
            }
        rows = len(next(iter(arrays.values())))
        try:
            with self._lock:
                given = self.sizer.call(
                    lambda start, stop: self._run(
                        {key: array[start:stop] for key, array in arrays.items()}
                    ),
                    rows,
                )
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"{self.name}: {error}") from error
        return next(iter(given.values())) if len(given) == 1 else given

    def _run(self, arrays: dict[str, Any]) -> dict[str, np.ndarray]:
        given = {key: _quantised(array, self._details_in[key]) for key, array in arrays.items()}
        if self._names:
            runner = self._interpreter.get_signature_runner(self.signature_name)
            found = runner(**given)
        else:
            found = self._invoke(given)
        return {key: _restored(part, self._details_out[key]) for key, part in found.items()}

    def _invoke(self, arrays: dict[str, Any]) -> dict[str, np.ndarray]:
        engine = self._interpreter
        for key, array in arrays.items():
            engine.resize_tensor_input(self._details_in[key]["index"], array.shape)
        engine.allocate_tensors()
        for key, array in arrays.items():
            engine.set_tensor(self._details_in[key]["index"], array)
        engine.invoke()
        return {
            key: engine.get_tensor(part["index"]).copy() for key, part in self._details_out.items()
        }


def _interpreter_class() -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        import tensorflow as tf

        return tf.lite.Interpreter
    return Interpreter


def _plain_name(name: str) -> str:
    """Drops what converters put around an input's name: "serving_default_hour:0" -> "hour"."""
    return name.partition(":")[0].removeprefix("serving_default_")


def _info(name: str, details: Any) -> TensorInfo:
    scale = details["quantization"][0]
    kind = np.dtype(details["dtype"])
    dtype = "float32" if scale else ("string" if kind.kind in "OSV" else kind.name)
    signature = details.get("shape_signature")
    shape = details["shape"] if signature is None or not len(signature) else signature
    sizes = tuple(None if size < 0 else int(size) for size in shape)
    return TensorInfo(name, dtype, (None, *sizes[1:]) if sizes else (None,))


def _quantised(array: Any, details: Any) -> Any:
    scale, zero = details["quantization"]
    if not scale:
        return array
    kind = np.dtype(details["dtype"])
    limits = np.iinfo(kind)
    return np.clip(np.round(array / scale + zero), limits.min, limits.max).astype(kind)


def _restored(array: Any, details: Any) -> Any:
    scale, zero = details["quantization"]
    return (array.astype(np.float32) - zero) * scale if scale else array
