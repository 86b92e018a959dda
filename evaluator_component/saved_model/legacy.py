"""The eval SavedModels of the estimator era: TensorFlow 1 graphs with the tag and signature "eval".

Their graph takes serialized examples and holds features, labels and predictions, which are read
here as from a new eval SavedModel. Their metrics are TensorFlow 1 update ops over hidden variables
and are not run: name the same metrics in the eval config, or export anew.

Layout of the signature: inputs `inputs/examples` (the placeholder), `features/<name>`,
`labels` or `labels/<name>`, `input_refs` (the row of each example, where rows multiply);
outputs `predictions` or `predictions/<name>`, `metrics/<name>/value` and `/update_op`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np

from evaluator_component.errors import ModelError
from evaluator_component.saved_model import robust
from evaluator_component.saved_model.model import (
    SERIALIZED,
    Extracts,
    Prediction,
    input_records,
)
from evaluator_component.saved_model.signature import first_line
from evaluator_component.saved_model.tensors import TensorInfo, serialized

__all__ = ["LegacyEvalModel", "is_legacy_eval_model"]

_TAG = "eval"
_SIGNATURE = "eval"
_WHAT_TO_DO = (
    "export the model anew with export_eval_savedmodel, or evaluate its serving SavedModel "
    "(model_type 'tf_generic')"
)


def is_legacy_eval_model(path: str) -> bool:
    """Tells whether a SavedModel has a graph with the tag "eval" of the old exporter."""
    from evaluator_component.inputs.files import open_binary
    from evaluator_component.protos import serving_wire_pb2 as wire

    file = os.path.join(path, "saved_model.pb")
    if "://" not in path and not os.path.exists(file):
        return False
    with open_binary(file) as stream:
        data = stream.read()
    try:
        graphs = wire.SavedModel.FromString(data).meta_graphs
    except Exception:  # told by whoever loads it
        return False
    return any(
        list(graph.meta_info_def.tags) == [_TAG] and _SIGNATURE in graph.signature_def
        for graph in graphs
    )


class LegacyEvalModel:
    """An old eval SavedModel, run in a TensorFlow 1 session.

    Args:
        path: its folder.

    Raises:
        ModelError: this TensorFlow cannot load it, or it lacks the parts named above.
    """

    def __init__(self, path: str) -> None:
        import tensorflow as tf

        self.name = path
        self.metadata = None
        self.needs: str | tuple[str, ...] = SERIALIZED
        graph = tf.Graph()
        v1 = tf.compat.v1
        try:
            with graph.as_default():
                self._session = v1.Session(graph=graph)
                loaded = v1.saved_model.load(self._session, [_TAG], path)
        except Exception as error:
            raise ModelError(
                f"{path!r} is an eval SavedModel of the estimator era that this TensorFlow cannot "
                f"load ({first_line(error)}): {_WHAT_TO_DO}"
            ) from error
        signature = loaded.signature_def[_SIGNATURE]
        if "inputs/examples" not in signature.inputs:
            raise ModelError(
                f"{path!r} is an eval SavedModel without the input inputs/examples: {_WHAT_TO_DO}"
            )
        tensor_of = v1.saved_model.utils.get_tensor_from_tensor_info

        def tensors(infos: Mapping[str, Any], group: str) -> dict[str, Any]:
            return {
                name: tensor_of(info, graph)
                for name, info in sorted(infos.items())
                if name == group or name.startswith(f"{group}/")
            }

        self._examples = tensor_of(signature.inputs["inputs/examples"], graph)
        self._inputs = {
            **tensors(signature.inputs, "features"),
            **tensors(signature.inputs, "labels"),
        }
        self._predictions = tensors(signature.outputs, "predictions")
        rows = tensors(signature.inputs, "input_refs")
        self._rows = rows.get("input_refs")
        self.metric_names = sorted(
            name.split("/")[1] for name in signature.outputs if name.endswith("/value")
        )
        self.inputs = {"examples": TensorInfo("examples", "string", (None,))}
        self.outputs = {
            name: TensorInfo(name, tensor.dtype.name, None)
            for name, tensor in self._predictions.items()
        }
        self.metrics: dict[str, Any] = {}
        self.sizer = robust.Sizer()
        self._lock = threading.Lock()

    def predict(self, extracts: Extracts) -> Prediction:
        """Returns the predictions for a batch."""
        found = self._run(extracts, self._predictions)
        return found.get("predictions", next(iter(found.values()), None))

    def extract(self, extracts: Extracts) -> Extracts:
        """Returns features, labels and predictions for a batch."""
        return self._run(extracts, {**self._inputs, **self._predictions})

    def _run(self, extracts: Extracts, tensors: dict[str, Any]) -> dict[str, Any]:
        records = serialized(input_records(extracts, self.name))

        def call(start: int, stop: int) -> dict[str, Any]:
            fetches = {name: _pieces(tensor) for name, tensor in tensors.items()}
            if self._rows is not None:
                fetches["input_refs"] = [self._rows]
            with self._lock:
                given = self._session.run(fetches, {self._examples: records[start:stop]})
            rows = given.pop("input_refs", None)
            if rows is not None and not np.array_equal(rows[0], np.arange(stop - start)):
                raise ModelError(
                    f"{self.name}: it makes several rows of an example, which is not supported: "
                    f"{_WHAT_TO_DO}"
                )
            return {name: _whole(parts, stop - start) for name, parts in given.items()}

        try:
            flat = self.sizer.call(call, len(records))
        except ModelError:
            raise
        except Exception as error:
            raise ModelError(f"{self.name}: {type(error).__name__}: {first_line(error)}") from error
        grouped: dict[str, Any] = {}
        for name, array in flat.items():
            group, slash, inner = name.partition("/")
            if slash:
                grouped.setdefault(group, {})[inner] = array
            else:
                grouped[name] = array
        return grouped


def _pieces(tensor: Any) -> list[Any]:
    """A sparse tensor is fetched as its indices and values."""
    import tensorflow as tf

    if isinstance(tensor, tf.SparseTensor):
        return [tensor.indices, tensor.values]
    return [tensor]


def _whole(parts: list[Any], rows: int) -> Any:
    """Returns what was fetched as an array, or as an object array of one array per row."""
    if len(parts) == 1:
        return parts[0]
    indices, values = parts
    split = np.split(values, np.searchsorted(indices[:, 0], np.arange(1, rows)))
    whole = np.empty(rows, dtype=object)
    whole[:] = split
    return whole
