"""What a model offers, told without loading it where that is possible.

Example::

    >>> print(describe("model/Format-TFMA"))         # doctest: +SKIP
    eval SavedModel at model/Format-TFMA
      signature eval: (examples: string (?)) -> features/hour: int64 (?), predictions: ...
      metric auc (AUC): 800 numbers of state, higher is better
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from evaluator_component.errors import ModelError
from evaluator_component.saved_model.loader import load_model, model_type_of, resolve_path
from evaluator_component.saved_model.metadata import read_metadata
from evaluator_component.saved_model.serving import signature_infos
from evaluator_component.saved_model.signature import choose_signature
from evaluator_component.saved_model.tensors import TensorInfo

__all__ = ["Description", "describe", "read_signatures"]

_TITLES = {
    "eval": "eval SavedModel",
    "legacy_eval": "eval SavedModel of TFMA's estimator era",
    "signature": "SavedModel",
    "keras": "Keras model",
    "tflite": "TFLite model",
    "python": "Python model",
    "sklearn": "scikit-learn model",
    "xgboost": "XGBoost model",
    "onnx": "ONNX model",
    "pytorch": "PyTorch model",
    "serving": "served model",
    "columns": "column of predictions",
}


@dataclass(frozen=True)
class Description:
    """What a model offers.

    Attributes:
        path: where it is.
        kind: what it is, such as "eval" or "signature".
        signatures: {name: (inputs, outputs)}.
        signature_name: the one that is called when none is named; "" if none can be chosen.
        inputs: what it is called with then.
        outputs: what it gives then.
        needs: "serialized", or the features it takes; None where that is not known.
        metadata: of an eval SavedModel.
        versions: of packages at the time of export.
        problem: why it cannot be used as it is; "" if it can.
    """

    path: str
    kind: str
    signatures: dict[str, tuple[dict[str, TensorInfo], dict[str, TensorInfo]]] = field(
        default_factory=dict
    )
    signature_name: str = ""
    inputs: dict[str, TensorInfo] = field(default_factory=dict)
    outputs: dict[str, TensorInfo] = field(default_factory=dict)
    needs: str | tuple[str, ...] | None = None
    metadata: Any = None
    versions: dict[str, str] = field(default_factory=dict)
    problem: str = ""

    def lines(self) -> list[str]:
        """Returns the description for people, a line each."""
        found = [f"{_TITLES.get(self.kind, self.kind)} at {self.path}"]
        if self.problem:
            found.append(f"  cannot be used as it is: {self.problem}")
        for name, (inputs, outputs) in self.signatures.items():
            mark = "*" if name == self.signature_name else " "
            found.append(f"{mark} signature {name}: {_tensors(inputs)} -> {_tensors(outputs)}")
        if not self.signatures:
            found += [f"  input {info}" for info in self.inputs.values()]
            found += [f"  output {info}" for info in self.outputs.values()]
        if self.metadata is not None:
            found += _metadata_lines(self.metadata)
        if self.versions:
            versions = (f"{name} {version}" for name, version in sorted(self.versions.items()))
            found.append(f"  written with {', '.join(versions)}")
        return found

    def __str__(self) -> str:
        return "\n".join(self.lines())


def _tensors(infos: Mapping[str, TensorInfo]) -> str:
    return ", ".join(str(info) for info in infos.values()) or "nothing"


def _metadata_lines(metadata: Any) -> list[str]:
    found = []
    for output in metadata.outputs:
        parts = [f"label {output.label_key!r}"] if output.label_key else []
        if output.example_weight_key:
            parts.append(f"weight {output.example_weight_key!r}")
        if output.class_names:
            shown = ", ".join(output.class_names[:5])
            parts.append(f"{len(output.class_names)} classes ({shown}, ...)")
        found.append(
            f"  output {output.name or '(the only one)'}: {', '.join(parts) or 'no label'}"
        )
    for feature in metadata.features:
        marks = [feature.tensor.dtype]
        if feature.analysis_only:
            marks.append("analysis only")
        if feature.optional:
            default = f", default {feature.default_value}" if feature.default_value else ""
            marks.append(f"may be missing{default}")
        found.append(f"  feature {feature.name}: {', '.join(marks)}")
    directions = {1: ", lower is better", 2: ", higher is better"}
    for metric in metadata.metrics:
        size = 0
        for state in metric.state:
            count = 1
            for length in state.tensor.shape:
                count *= length
            size += count
        found.append(
            f"  metric {metric.name} ({metric.class_name or 'loss'}): {size} numbers of state"
            f"{directions.get(metric.direction, '')}"
        )
    return found


def describe(path: str, model_type: str = "", signature_name: str = "") -> Description:
    """Returns what a model offers.

    SavedModels are not loaded: their description is read from the file. Servers are asked; files of
    other kinds are loaded.

    Args:
        path: see `load_model`.
        model_type: see `load_model`.
        signature_name: the signature of interest; "" for the usual one.

    Raises:
        ModelError: nothing is there, or it is of no known kind.
    """
    path = resolve_path(path, model_type)
    kind = model_type_of(path, model_type)
    if kind in ("eval", "legacy_eval", "signature"):
        return _describe_saved_model(path, kind, signature_name)
    try:
        model = load_model(path, signature_name, model_type)
    except ModelError as error:
        return Description(path, kind, problem=str(error))
    found = getattr(model, "signatures", None) or {}
    signatures = {name: signature_infos(entry) for name, entry in found.items()}
    return Description(
        path,
        kind,
        signatures if kind == "serving" else {},
        getattr(model, "signature_name", ""),
        model.inputs,
        model.outputs,
        model.needs,
    )


def _describe_saved_model(path: str, kind: str, wanted: str) -> Description:
    signatures, versions = read_signatures(path)
    metadata, problem, chosen = None, "", ""
    if kind == "eval":
        metadata = read_metadata(path)
        versions = dict(metadata.package_versions)
        wanted = wanted or metadata.predict_signature
        shown = {
            name: infos for name, infos in signatures.items() if not name.startswith("metric_")
        }
    else:
        shown = signatures
    try:
        chosen = choose_signature(list(signatures), wanted, path)
    except ModelError as error:
        problem = str(error)
    inputs, outputs = signatures.get(chosen, ({}, {}))
    from evaluator_component.saved_model.signature import record_input

    serialized = "serialized" if record_input(inputs, ()) else None
    needs = serialized or tuple(name.removesuffix("_input") for name in inputs)
    return Description(
        path, kind, shown, chosen, inputs, outputs, needs, metadata, versions, problem
    )


def read_signatures(
    path: str,
) -> tuple[dict[str, tuple[dict[str, TensorInfo], dict[str, TensorInfo]]], dict[str, str]]:
    """Returns the signatures of a SavedModel and the TensorFlow that wrote it, from its file.

    Raises:
        ModelError: the file is no SavedModel.
    """
    from google.protobuf.message import DecodeError

    from evaluator_component.inputs.files import open_binary
    from evaluator_component.protos import serving_wire_pb2 as wire

    file = os.path.join(path, "saved_model.pb")
    with open_binary(file) as stream:
        data = stream.read()
    try:
        saved = wire.SavedModel.FromString(data)
    except DecodeError as error:
        raise ModelError(f"{file!r} is no SavedModel: {error}") from error
    signatures: dict[str, Any] = {}
    versions: dict[str, str] = {}
    for graph in saved.meta_graphs:
        if graph.meta_info_def.tensorflow_version:
            versions["tensorflow"] = graph.meta_info_def.tensorflow_version
        for name, entry in sorted(graph.signature_def.items()):
            if not name.startswith("__"):
                signatures[name] = signature_infos(entry)
    return signatures, versions
