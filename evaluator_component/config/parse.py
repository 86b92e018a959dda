"""Configs read from whatever people write them in.

A source is one of:
    - an EvalConfig (of this package or of TensorFlow Model Analysis), or an EvalRun around it;
    - a dict, or a tree of dicts and messages;
    - text: JSON, YAML or text proto;
    - bytes of a serialized EvalConfig;
    - a path of a file that holds any of these (.json .yaml .yml .pbtxt .textproto .txtpb .txt .pb).

What a source names and the config does not have is an error, and all errors come at once.

Example:
    >>> parse_config("model_specs { label_key: 'tip' }").model_specs[0].label_key
    'tip'
    >>> parse_config({"modelSpecs": [{"labelKey": "tip"}], "optoins": {}})
    Traceback (most recent call last):
    ...
    evaluator_component.errors.ConfigError: 1 problem in the configuration:
      optoins: unknown field (did you mean 'options'?)
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, TypeAlias

from google.protobuf import text_format
from google.protobuf.message import DecodeError, Message

from evaluator_component.config.text import note_unknown_fields
from evaluator_component.config.tree import read_tree
from evaluator_component.errors import Problems
from evaluator_component.protos import eval_config_pb2

__all__ = ["ConfigSource", "parse_config", "parse_run"]

ConfigSource: TypeAlias = "Message | Mapping[str, Any] | str | bytes | os.PathLike[str]"

_SUFFIXES = (".json", ".yaml", ".yml", ".pbtxt", ".textproto", ".txtpb", ".txt", ".pb")
_RUN_KEYS = {"eval_config", "evalConfig"}


def parse_config(source: ConfigSource) -> eval_config_pb2.EvalConfig:
    """Reads a config from a message, a dict, text, bytes or a file.

    Args:
        source: see the module's docstring. A message is copied, never changed.

    Raises:
        ConfigError: naming every field that does not exist and every value that does not fit.
    """
    return parse_run(source).eval_config


def parse_run(source: ConfigSource) -> eval_config_pb2.EvalRun:
    """Reads a config with what it was run on; `eval_config` alone is set for a bare config.

    Args:
        source: as for `parse_config`.

    Raises:
        ConfigError: as for `parse_config`.
    """
    run = eval_config_pb2.EvalRun()
    problems = Problems()
    _read(source, run, problems)
    problems.raise_if_any()
    return run


def _read(source: ConfigSource, run: eval_config_pb2.EvalRun, problems: Problems) -> None:
    if isinstance(source, Message):
        _read_message(source, run, problems)
    elif isinstance(source, Mapping):
        _read_tree(source, run, problems)
    elif isinstance(source, bytes | bytearray | memoryview):
        _read_bytes(bytes(source), run, problems)
    elif isinstance(source, os.PathLike):
        _read_file(os.fspath(source), run, problems)
    elif isinstance(source, str):
        if _is_path(source):
            _read_file(source, run, problems)
        else:
            _read_text(source, run, problems)
    elif hasattr(source, "SerializeToString") and hasattr(source, "DESCRIPTOR"):
        _read_message(source, run, problems)
    else:
        kinds = "a message, dict, text, bytes or path"
        problems.add("", f"cannot read a config from {type(source).__name__}, only from {kinds}")


def _read_message(source: Any, run: eval_config_pb2.EvalRun, problems: Problems) -> None:
    name = source.DESCRIPTOR.name
    message: Message
    if name == "EvalConfig":
        message = run.eval_config
    elif name == "EvalRun":
        message = run
    elif name == "EvalConfigAndVersion":
        message = eval_config_pb2.EvalConfigAndVersion()
    else:
        problems.add("", f"expected an EvalConfig, got the message {source.DESCRIPTOR.full_name}")
        return
    # A message of another package has another class; the wire format is what they share.
    message.ParseFromString(source.SerializeToString())
    _note_unknown_numbers(message, name, problems)
    if isinstance(message, eval_config_pb2.EvalConfigAndVersion):
        run.eval_config.CopyFrom(message.eval_config)
        run.version = message.version


def _read_bytes(source: bytes, run: eval_config_pb2.EvalRun, problems: Problems) -> None:
    # "{" cannot begin a serialized config, so JSON is never taken for one.
    if not source.lstrip().startswith(b"{"):
        binary = Problems()
        try:
            run.eval_config.ParseFromString(source)
            _note_unknown_numbers(run.eval_config, "EvalConfig", binary)
        except DecodeError as error:
            binary.add("", f"not a serialized EvalConfig: {error}")
        if not binary:
            return
        run.Clear()
        if not _is_printable(source):
            problems.found.extend(binary.found)
            return
    try:
        _read_text(source.decode("utf-8-sig"), run, problems)
    except UnicodeDecodeError as error:
        problems.add("", f"neither a serialized EvalConfig nor text in UTF-8: {error}")


def _is_printable(source: bytes) -> bool:
    return all(byte >= 32 or byte in b"\t\n\r" for byte in source)


def _is_path(source: str) -> bool:
    stripped = source.strip()
    if not stripped or "\n" in stripped or "{" in stripped:
        return False
    return stripped.lower().endswith(_SUFFIXES) or os.path.isfile(stripped)


def _read_file(path: str, run: eval_config_pb2.EvalRun, problems: Problems) -> None:
    try:
        content = _content(path.strip())
    except OSError as error:
        problems.add(path, f"cannot read the file: {error.strerror or error}")
        return
    inside = Problems()
    suffix = PurePath(path.strip()).suffix.lower()
    if suffix == ".json":
        _read_json(content.decode("utf-8-sig"), run, inside)
    elif suffix in (".yaml", ".yml"):
        _read_yaml(content.decode("utf-8-sig"), run, inside)
    else:
        _read_bytes(content, run, inside)
    for problem in inside.found:
        problems.add(problem.where, f"{problem.what} [{path}]")


def _content(path: str) -> bytes:
    if "://" not in path:
        with open(path, "rb") as file:
            return file.read()
    from apache_beam.io.filesystems import FileSystems

    try:
        with FileSystems.open(path) as file:
            return bytes(file.read())
    except Exception as error:  # Beam raises a kind of its own for each file system
        raise OSError(str(error)) from error


def _read_text(source: str, run: eval_config_pb2.EvalRun, problems: Problems) -> None:
    if not source.strip():
        problems.add("", "the config is empty text")
        return
    if source.lstrip().startswith("{"):
        _read_json(source, run, problems)
        return
    try:
        text_format.Parse(source, run.eval_config)
        return
    except text_format.ParseError as error:
        run.Clear()
        reason = str(error)
    as_yaml = Problems()
    tree = _yaml_tree(source, as_yaml)
    if isinstance(tree, Mapping):
        _read_tree(tree, run, problems)
        return
    before = len(problems.found)
    if "{" in source or "<" in source:
        note_unknown_fields(source, run.eval_config.DESCRIPTOR, problems)
    if len(problems.found) == before:
        other = as_yaml.found[0].what if as_yaml else "not a mapping"
        problems.add("", f"neither text proto ({reason}) nor YAML ({other})")


def _read_json(source: str, run: eval_config_pb2.EvalRun, problems: Problems) -> None:
    try:
        tree = json.loads(source, object_pairs_hook=lambda pairs: _unique(pairs, problems))
    except ValueError as error:
        problems.add("", f"not valid JSON: {error}")
        return
    _read_tree(tree, run, problems)


def _unique(pairs: list[tuple[str, Any]], problems: Problems) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key, value in pairs:
        if key in tree:
            problems.add(key, "is given twice in one object")
        tree[key] = value
    return tree


def _read_yaml(source: str, run: eval_config_pb2.EvalRun, problems: Problems) -> None:
    tree = _yaml_tree(source, problems)
    if tree is not None:
        _read_tree(tree, run, problems)


def _yaml_tree(source: str, problems: Problems) -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """Refuses a key that a mapping has twice, of which YAML would keep the last."""

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            keys = [self.construct_object(key, deep=True) for key, _ in node.value]
            twice = {repr(key) for key in keys if keys.count(key) > 1}
            if twice:
                mark = node.start_mark
                raise yaml.MarkedYAMLError(problem=f"{min(twice)} given twice", problem_mark=mark)
            return super().construct_mapping(node, deep)

    try:
        # The loader is a safe one.
        return yaml.load(source, Loader)
    except yaml.YAMLError as error:
        problems.add("", f"not valid YAML: {' '.join(str(error).split())}")
        return None


def _read_tree(tree: Any, run: eval_config_pb2.EvalRun, problems: Problems) -> None:
    if isinstance(tree, Mapping) and _RUN_KEYS & set(tree):
        read_tree(tree, run, problems)
        for number, problem in enumerate(problems.found):
            place = problem.where.removeprefix("eval_config.")
            problems.found[number] = type(problem)(place, problem.what)
    else:
        read_tree(tree, run.eval_config, problems)


def _note_unknown_numbers(message: Message, name: str, problems: Problems) -> None:
    """Notes fields that a binary config has and this version of the message has not."""
    for where, number in _unknown_numbers(message, name):
        problems.add(where, f"unknown field number {number}: written by a newer version?")


def _unknown_numbers(message: Message, where: str) -> list[tuple[str, int]]:
    try:
        from google.protobuf.unknown_fields import UnknownFieldSet
    except ImportError:  # protobuf 3.20
        unknown = message.UnknownFields()
    else:
        unknown = UnknownFieldSet(message)
    found = [(where, unknown[i].field_number) for i in range(len(unknown))]
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        place = f"{where}.{field.name}"
        if field.message_type.GetOptions().map_entry:
            kind = field.message_type.fields_by_name["value"].message_type
            items = value.values() if kind is not None else ()
        else:
            items = value if hasattr(value, "append") or hasattr(value, "add") else (value,)
        for item in items:
            found.extend(_unknown_numbers(item, place))
    return found
