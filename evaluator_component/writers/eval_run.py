"""`eval_config.json`: the config of an evaluation and what it was run on.

TensorFlow Model Analysis refuses a config with fields it does not know. `eval_config.json` is
therefore written without our additions (fields from 1000 up); the whole config is in `run.json`.

Example:
    >>> config = pb.EvalConfig(datasets=[pb.DatasetSpec(name="eval")])
    >>> config.metrics_specs.add().metrics.add(class_name="AUC")
    class_name: "AUC"
    <BLANKLINE>
    >>> [field.name for field, _ in without_additions(config).ListFields()]
    ['metrics_specs']
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

from evaluator_component.config.identity import hash_of
from evaluator_component.errors import ResultError
from evaluator_component.protos import eval_config_pb2 as pb
from evaluator_component.version import __version__

__all__ = [
    "PROGRAM",
    "config_from_dict",
    "config_hash",
    "config_to_dict",
    "eval_run_json",
    "parse_eval_run",
    "without_additions",
]

#: Stands before our version in `eval_config.json`, to tell our folders from those of others.
PROGRAM = "evaluator_component"

_FIRST_ADDITION = 1000


def _our_config(config: Message | None) -> pb.EvalConfig:
    """Returns a copy of a config, whichever program's proto it is."""
    if config is None:
        return pb.EvalConfig()
    return pb.EvalConfig.FromString(config.SerializeToString())


def without_additions(config: Message | None) -> pb.EvalConfig:
    """Returns a copy of a config without fields that TensorFlow Model Analysis does not know."""
    ours = _our_config(config)
    _clear_additions(ours)
    return ours


def _clear_additions(message: Any) -> None:
    for field, value in message.ListFields():
        if field.number >= _FIRST_ADDITION:
            message.ClearField(field.name)
        elif field.message_type is not None:
            for part in _messages(value):
                _clear_additions(part)


def _messages(value: Any) -> list[Any]:
    """Returns the messages in the value of a field: one message, several, or a map's values."""
    if isinstance(value, Message):
        return [value]
    parts = value.values() if isinstance(value, Mapping) or hasattr(value, "values") else value
    return [part for part in parts if isinstance(part, Message)]


def config_to_dict(config: Message | None) -> dict[str, Any]:
    """Returns a whole config as JSON-able values."""
    converted: dict[str, Any] = json_format.MessageToDict(
        _our_config(config), preserving_proto_field_name=True
    )
    return converted


def config_from_dict(values: Mapping[str, Any]) -> pb.EvalConfig:
    """Returns the config that `config_to_dict` was given; unknown fields are left out."""
    return json_format.ParseDict(dict(values), pb.EvalConfig(), ignore_unknown_fields=True)


def config_hash(config: Message | None) -> str:
    """Returns hexadecimal digits that are equal for equal configs."""
    return hash_of(_our_config(config))


def eval_run_json(
    config: Message | None,
    data_location: str = "",
    file_format: str = "",
    model_locations: Mapping[str, str] | None = None,
) -> str:
    """Returns the content of `eval_config.json`.

    Args:
        config: the eval config, ours or TensorFlow Model Analysis'.
        data_location: where the data came from, for display.
        file_format: how they were stored, for display.
        model_locations: where the models came from, by model name, for display.
    """
    run = pb.EvalRun(
        eval_config=without_additions(config),
        version=f"{PROGRAM} {__version__}",
        data_location=data_location or "<user provided PCollection>",
        file_format=file_format or "<unknown>",
        model_locations=dict(model_locations or {"": "<unknown>"}),
    )
    return json_format.MessageToJson(run) + "\n"


def parse_eval_run(content: bytes | str, path: str) -> pb.EvalRun:
    """Returns the content of an `eval_config.json`, of whichever program.

    Raises:
        ResultError: it is no such file.
    """
    try:
        return json_format.Parse(content, pb.EvalRun(), ignore_unknown_fields=True)
    except (json_format.ParseError, UnicodeDecodeError) as error:
        raise ResultError(f"{path}: not the config of an evaluation ({error})") from error
