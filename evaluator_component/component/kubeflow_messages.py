"""Takes Kubeflow's messages to TFX's artifacts and parameters, and artifacts back to messages.

TFX has functions for this; importing them imports every component of TFX, TFMA among them, which
takes longer than many evaluations. And they refuse properties that a store would refuse, so that a
step fails after its work is done.

Vocabulary:
    ExecutorInput: what Kubeflow's launcher tells a step: parameters, inputs, outputs to make.
    ExecutorOutput: what a step tells the launcher: its outputs with their metadata.
    name: the id of an artifact in Kubeflow's store, a text. TFX wants a number, so a hash of the
        name stands for it within a step.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from evaluator_component.component.properties import safe_properties
from evaluator_component.errors import InputError

__all__ = ["read_artifacts", "read_parameters", "write_report"]

#: Ids are whole numbers of 64 bits with a sign.
IDS = 2**63
#: Put by TFX before a custom property that has the name of a property of the type.
CUSTOM_PREFIX = "custom:"
#: TFX's key of a value in a Struct that is no object.
SINGLE_VALUE = "__value__"


def read_artifacts(given: Mapping[str, Any], name_of: dict[int, str]) -> dict[str, list[Any]]:
    """Returns TFX's artifacts by key.

    Args:
        given: Kubeflow's ArtifactLists by key, as JSON values.
        name_of: names by the numbers that stand for them; is added to.
    """
    return {
        key: [_artifact(message, name_of) for message in listed.get("artifacts", ())]
        for key, listed in given.items()
    }


def _artifact(message: Mapping[str, Any], name_of: dict[int, str]) -> Any:
    from tfx.utils import import_utils

    artifact = import_utils.import_class_by_path(_class_path(message.get("type", {})))()
    artifact.uri = message.get("uri", "")
    name = message.get("name")
    if name:
        artifact.id = int(hashlib.sha256(name.encode()).hexdigest(), 16) % IDS
        name_of[artifact.id] = name
    declared = artifact.PROPERTIES or {}
    stored = artifact.mlmd_artifact
    for key, value in message.get("metadata", {}).items():
        if key in declared and _set_declared(stored, key, declared[key], value):
            continue
        bare = key.removeprefix(CUSTOM_PREFIX)
        whole = value if isinstance(value, dict) else {SINGLE_VALUE: value}
        stored.custom_properties[bare if bare in declared else key].struct_value.update(whole)
    # Set once more: TFX keeps copies of some properties, made when a message is set.
    artifact.set_mlmd_artifact(stored)
    return artifact


def _set_declared(stored: Any, key: str, declared: Any, value: Any) -> bool:
    """Sets a property as its type declares it; tells whether the value was of that type."""
    kind = declared.type.name
    if kind == "INT" and isinstance(value, int | float):
        stored.properties[key].int_value = int(value)
    elif kind == "FLOAT" and isinstance(value, int | float):
        stored.properties[key].double_value = value
    elif kind == "STRING" and isinstance(value, str):
        stored.properties[key].string_value = value
    else:
        return False
    return True


def _class_path(artifact_type: Mapping[str, str]) -> str:
    """Returns the import path of an artifact type's class; of a custom type it is the name."""
    import yaml
    from tfx.orchestration.kubeflow.v2 import compiler_utils

    from evaluator_component.component.artifacts import SYSTEM_ARTIFACTS

    title = artifact_type.get("schemaTitle") or ""
    if "instanceSchema" in artifact_type:
        title = yaml.safe_load(artifact_type["instanceSchema"]).get("title", "tfx.Artifact")
    paths = {**compiler_utils.TITLE_TO_CLASS_PATH, **SYSTEM_ARTIFACTS}
    path = paths.get(title, title)
    if "." not in path:
        raise InputError(f"an artifact has the type {title!r}, which names no class")
    return path


def read_parameters(
    values: Mapping[str, Any], declared: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    """Returns parameters with their declared types; JSON knows no whole numbers.

    Args:
        values: by name, as JSON values.
        declared: Kubeflow's ParameterSpecs by name, as JSON values.

    Example:
        >>> read_parameters({"n": 3.0, "x": 3.0}, {"n": {"parameterType": "NUMBER_INTEGER"}})
        {'n': 3, 'x': 3.0}
    """
    whole = {
        name for name, spec in declared.items() if spec.get("parameterType") == "NUMBER_INTEGER"
    }
    return {name: int(value) if name in whole else value for name, value in values.items()}


def write_report(
    outputs: Mapping[str, Iterable[Any]],
    path: str,
    *,
    name_of: Mapping[int, str] | None = None,
    to_remote: Callable[[str], str] = str,
) -> None:
    """Writes the ExecutorOutput of a step.

    Args:
        outputs: TFX's artifacts by output key.
        path: the file to write.
        name_of: names of artifacts by the numbers that stand for them.
        to_remote: takes local paths, in URIs and in properties, to remote URIs.
    """
    report = {
        key: {
            "artifacts": [_reported(artifact, name_of or {}, to_remote) for artifact in artifacts]
        }
        for key, artifacts in outputs.items()
    }
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"artifacts": report}, file, allow_nan=False)


def _reported(
    artifact: Any, name_of: Mapping[int, str], to_remote: Callable[[str], str]
) -> dict[str, Any]:
    """Returns an artifact's message, its properties in forms that can be stored."""
    message = artifact.mlmd_artifact
    values = {name: _value(value) for name, value in message.properties.items()}
    for name, value in message.custom_properties.items():
        declared = name in (artifact.PROPERTIES or ())
        values[f"{CUSTOM_PREFIX}{name}" if declared else name] = _value(value)
    reported: dict[str, Any] = {
        "uri": to_remote(artifact.uri),
        "metadata": {
            name: to_remote(value) if isinstance(value, str) else value
            for name, value in safe_properties(values).items()
        },
    }
    if message.id in name_of:
        reported["name"] = name_of[message.id]
    return reported


def _value(value: Any) -> Any:
    """Returns a property as a Python value, None for what has none."""
    kind = value.WhichOneof("value")
    if kind == "struct_value":
        found = _struct(value.struct_value)
        return found.get(SINGLE_VALUE, found)
    return getattr(value, kind) if kind and kind != "proto_value" else None


def _struct(struct: Any) -> dict[str, Any]:
    """Returns a Struct as a dict; protobuf's own way fails on numbers that are not finite."""
    return {name: _struct_value(value) for name, value in struct.fields.items()}


def _struct_value(value: Any) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return _struct(value.struct_value)
    if kind == "list_value":
        return [_struct_value(part) for part in value.list_value.values]
    return None if kind in (None, "null_value") else getattr(value, kind)
