"""Trees of plain values (from JSON, YAML or Python) read into a message, by its descriptor.

Everything that does not fit is noted, with its place and the nearest name, instead of stopping at
the first. Some shorthands are understood that JSON for protos does not have:

    - a number or a bool where a wrapper is declared, and `{"value": 10}` as well;
    - a bare list for a repeated value (`class_ids: [1, 2]`);
    - an object where a string of JSON is expected (`config: {thresholds: [0.5]}`);
    - a number as the value of a feature (`feature_values: {hour: 7}`).

Example:
    >>> from evaluator_component.errors import Problems
    >>> from evaluator_component.protos import eval_config_pb2
    >>> problems = Problems()
    >>> message = eval_config_pb2.EvalConfig()
    >>> read_tree({"model_specs": [{"lable_key": "y"}]}, message, problems)
    >>> print(problems.found[0])
    model_specs[0].lable_key: unknown field (did you mean 'label_key'?)
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from evaluator_component.errors import Problems, did_you_mean

__all__ = ["field_names", "is_map", "is_repeated", "message_type", "read_tree"]

_INTEGERS = {FieldDescriptor.CPPTYPE_INT32: 32, FieldDescriptor.CPPTYPE_INT64: 64}
_FLOATS = (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT)
#: Marks a value that was noted as a problem and is left out.
_BAD = object()


def read_tree(tree: Any, message: Message, problems: Problems, where: str = "") -> None:
    """Fills a message from a tree of dicts, lists and scalars; notes all that does not fit.

    Args:
        tree: the values; names of fields in snake_case or camelCase.
        message: is filled in place, with those values that fit.
        problems: collects what does not.
        where: path of the tree, put before every place.
    """
    cleaned = _object(tree, message.DESCRIPTOR, problems, where)
    if cleaned is _BAD:
        return
    try:
        json_format.ParseDict(cleaned, message)
    except json_format.ParseError as error:
        problems.add(where, str(error))


def is_map(field: FieldDescriptor) -> bool:
    """Tells whether a field is a map."""
    kind = field.message_type
    return kind is not None and bool(kind.GetOptions().map_entry)


def is_repeated(field: FieldDescriptor) -> bool:
    """Tells whether a field is a list (or a map)."""
    # `label` is deprecated in protobuf 6, whose `is_repeated` protobuf 3.20 does not have.
    repeated = getattr(field, "is_repeated", None)
    return bool(field.label == FieldDescriptor.LABEL_REPEATED if repeated is None else repeated)


def field_names(descriptor: Descriptor) -> dict[str, FieldDescriptor]:
    """Returns the fields of a message by both of their names, snake_case and camelCase."""
    by_name = {field.name: field for field in descriptor.fields}
    return by_name | {field.json_name: field for field in descriptor.fields}


def message_type(field: FieldDescriptor) -> Descriptor | None:
    """Returns the message a field holds (for maps: their values); None where it holds scalars."""
    if is_map(field):
        return message_type(field.message_type.fields_by_name["value"])
    return field.message_type


def _place(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _object(tree: Any, descriptor: Descriptor, problems: Problems, where: str) -> Any:
    if not isinstance(tree, Mapping):
        what = f"expected the fields of {descriptor.name}, got {_shown(tree)}"
        problems.add(where, what, did_you_mean("", [field.name for field in descriptor.fields]))
        return _BAD
    known = field_names(descriptor)
    cleaned: dict[str, Any] = {}
    oneofs: dict[str, str] = {}
    for name, value in tree.items():
        field = known.get(name)
        if field is None:
            names = [field.name for field in descriptor.fields]
            problems.add(_place(where, str(name)), "unknown field", did_you_mean(name, names))
            continue
        place = _place(where, field.name)
        if value is None:
            continue
        if field.name in cleaned:
            problems.add(place, "is given twice")
            continue
        if field.containing_oneof is not None:
            other = oneofs.setdefault(field.containing_oneof.name, field.name)
            if other != field.name:
                problems.add(place, f"excludes {other!r}, which is given, too")
                continue
        read = _field(value, field, problems, place)
        if read is not _BAD:
            cleaned[field.name] = read
    return cleaned


def _field(value: Any, field: FieldDescriptor, problems: Problems, where: str) -> Any:
    if is_map(field):
        return _map(value, field, problems, where)
    if not is_repeated(field):
        return _single(value, field, problems, where)
    if isinstance(value, str | bytes | Mapping) or not hasattr(value, "__iter__"):
        problems.add(where, f"expected a list, got {_shown(value)}")
        return _BAD
    items = [_single(item, field, problems, f"{where}[{i}]") for i, item in enumerate(value)]
    return [item for item in items if item is not _BAD]


def _map(value: Any, field: FieldDescriptor, problems: Problems, where: str) -> Any:
    if not isinstance(value, Mapping):
        problems.add(where, f"expected a mapping, got {_shown(value)}")
        return _BAD
    keys = field.message_type.fields_by_name["key"]
    values = field.message_type.fields_by_name["value"]
    cleaned = {}
    for key, item in value.items():
        place = f"{where}[{key!r}]"
        if keys.cpp_type in _INTEGERS:
            key = _integer(key, _INTEGERS[keys.cpp_type], problems, place)
        elif isinstance(item, bool | int | float) and values.cpp_type == values.CPPTYPE_STRING:
            item = str(item).lower() if isinstance(item, bool) else str(item)
        read = _single(item, values, problems, place)
        if key is not _BAD and read is not _BAD:
            cleaned[str(key)] = read
    return cleaned


def _single(value: Any, field: FieldDescriptor, problems: Problems, where: str) -> Any:
    if field.message_type is not None:
        return _message(value, field.message_type, problems, where)
    if field.enum_type is not None:
        return _enum(value, field, problems, where)
    return _scalar(value, field, problems, where)


def _message(value: Any, descriptor: Descriptor, problems: Problems, where: str) -> Any:
    if isinstance(value, Message):
        if value.DESCRIPTOR.name != descriptor.name:
            got = value.DESCRIPTOR.name
            problems.add(where, f"expected the message {descriptor.name}, got {got}")
            return _BAD
        value = json_format.MessageToDict(value, preserving_proto_field_name=True)
    if descriptor.file.name == "google/protobuf/wrappers.proto":
        if isinstance(value, Mapping):
            if set(value) != {"value"}:
                problems.add(where, f"expected a value, got {_shown(value)}")
                return _BAD
            value = value["value"]
        return _scalar(value, descriptor.fields_by_name["value"], problems, where)
    only = descriptor.fields[0]
    if len(descriptor.fields) == 1 and only.name == "values" and not isinstance(value, Mapping):
        value = {"values": value}
    return _object(value, descriptor, problems, where)


def _enum(value: Any, field: FieldDescriptor, problems: Problems, where: str) -> Any:
    names = field.enum_type.values_by_name
    if isinstance(value, str) and value in names:
        return value
    numbers = field.enum_type.values_by_number
    if isinstance(value, int) and not isinstance(value, bool) and value in numbers:
        return value
    problems.add(where, f"unknown value {value!r}", did_you_mean(value, names))
    return _BAD


def _scalar(value: Any, field: FieldDescriptor, problems: Problems, where: str) -> Any:
    kind = field.cpp_type
    if hasattr(value, "item") and not hasattr(value, "__len__"):
        value = value.item()  # a NumPy scalar
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return value if isinstance(value, bool) else _wrong("true or false", value, problems, where)
    if kind in _INTEGERS:
        return _integer(value, _INTEGERS[kind], problems, where)
    if kind in _FLOATS:
        return _float(value, problems, where)
    if isinstance(value, Mapping) and field.full_name.endswith(".MetricConfig.config"):
        return _json(value, problems, where)
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            return _wrong("text", value, problems, where)
    return value if isinstance(value, str) else _wrong("text", value, problems, where)


def _json(value: Any, problems: Problems, where: str) -> Any:
    try:
        return json.dumps(value)
    except (TypeError, ValueError) as error:
        problems.add(where, f"cannot be written as JSON: {error}")
        return _BAD


def _integer(value: Any, bits: int, problems: Problems, where: str) -> Any:
    number = value
    if isinstance(value, str):
        try:
            number = int(value)
        except ValueError:
            return _wrong("a whole number", value, problems, where)
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if isinstance(number, bool) or not isinstance(number, int):
        return _wrong("a whole number", value, problems, where)
    if not -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
        return _wrong(f"a whole number of {bits} bits", value, problems, where)
    return number


def _float(value: Any, problems: Problems, where: str) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return _wrong("a number", value, problems, where)
    try:
        number = float(value)
    except ValueError:
        return _wrong("a number", value, problems, where)
    # JSON for protos spells numbers that are not finite as strings.
    if math.isnan(number):
        return "NaN"
    return number if math.isfinite(number) else ("Infinity" if number > 0 else "-Infinity")


def _wrong(expected: str, value: Any, problems: Problems, where: str) -> Any:
    problems.add(where, f"expected {expected}, got {_shown(value)}")
    return _BAD
