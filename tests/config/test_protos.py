"""Our messages carry those of TensorFlow Model Analysis: same names, numbers and types."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

#: Registers TFMA's messages without running TFMA's `__init__` (a minute), beside ours.
BARE_IMPORT = """
import importlib, sys, types
from google.protobuf import wrappers_pb2
for name, path in (("tensorflow_model_analysis", {root!r}),
                   ("tensorflow_model_analysis.proto", {root!r} + "/proto")):
    module = types.ModuleType(name)
    module.__path__ = [path]
    sys.modules[name] = module
theirs = {{name: importlib.import_module("tensorflow_model_analysis.proto." + name)
          for name in ("config_pb2", "metrics_for_slice_pb2", "validation_result_pb2")}}
from evaluator_component.protos import eval_config_pb2, metrics_for_slice_pb2, validation_result_pb2
pairs = [(theirs["config_pb2"], eval_config_pb2),
         (theirs["metrics_for_slice_pb2"], metrics_for_slice_pb2),
         (theirs["validation_result_pb2"], validation_result_pb2)]
"""

COMPARE = """
OWN = 1000

def enum(theirs, ours, where):
    for value in theirs.values:
        assert ours.values_by_name[value.name].number == value.number, (where, value.name)
    for value in ours.values:
        assert value.name in theirs.values_by_name, (where, value.name)

def message(theirs, ours, where):
    numbers = {field.number: field for field in ours.fields}
    for field in theirs.fields:
        mine = numbers.pop(field.number)
        place = where + "." + field.name
        assert mine.name == field.name, place
        assert mine.type == field.type, place
        assert mine.json_name == field.json_name, place
        assert mine.has_presence == field.has_presence, place
        oneof = field.containing_oneof and field.containing_oneof.name
        assert (mine.containing_oneof and mine.containing_oneof.name) == oneof, place
        if field.message_type is not None:
            assert mine.message_type.name == field.message_type.name, place
            kinds = [one.message_type.GetOptions().map_entry for one in (mine, field)]
            assert kinds[0] == kinds[1], place
        if field.enum_type is not None:
            assert mine.enum_type.name == field.enum_type.name, place
    assert all(number >= OWN for number in numbers), (where, sorted(numbers))
    for nested in theirs.nested_types:
        message(nested, ours.nested_types_by_name[nested.name], where + "." + nested.name)
    for nested in theirs.enum_types:
        enum(nested, ours.enum_types_by_name[nested.name], where + "." + nested.name)
    return 1

count = 0
for their_file, our_file in pairs:
    for name, theirs in their_file.DESCRIPTOR.message_types_by_name.items():
        count += message(theirs, our_file.DESCRIPTOR.message_types_by_name[name], name)
    for name, theirs in their_file.DESCRIPTOR.enum_types_by_name.items():
        enum(theirs, our_file.DESCRIPTOR.enum_types_by_name[name], name)
print(count, "messages")
"""

#: Gives every field of a TFMA message a value, then carries it over and back.
ROUND_TRIP = """
from google.protobuf import json_format

def fill(message, depth=0, seed=[0]):
    for field in message.DESCRIPTOR.fields:
        seed[0] += 1
        repeated = getattr(field, "is_repeated", None)
        repeated = field.label == 3 if repeated is None else repeated
        scalar = {"string": f"s{seed[0]}", "bytes": b"b%d" % seed[0], "int": seed[0] % 100 + 1,
                  "float": seed[0] * 0.25, "bool": True}
        kind = {1: "float", 2: "float", 3: "int", 5: "int", 8: "bool", 9: "string", 12: "bytes"}
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            key, value = (field.message_type.fields_by_name[name] for name in ("key", "value"))
            at = scalar[kind[key.type]]
            if value.message_type is None:
                getattr(message, field.name)[at] = scalar[kind[value.type]]
            elif depth < 6:
                fill(getattr(message, field.name)[at], depth + 1)
        elif field.message_type is not None:
            if depth < 6:
                inner = getattr(message, field.name)
                fill(inner.add() if repeated else inner, depth + 1)
        elif field.type == 14:
            setattr(message, field.name, field.enum_type.values[-1].number)
        elif repeated:
            getattr(message, field.name).append(scalar[kind[field.type]])
        else:
            setattr(message, field.name, scalar[kind[field.type]])
    return message

size = 0
for their_file, our_file in pairs:
    for name in their_file.DESCRIPTOR.message_types_by_name:
        theirs = fill(getattr(their_file, name)())
        wire = theirs.SerializeToString(deterministic=True)
        size += len(wire)
        ours = getattr(our_file, name).FromString(wire)
        assert ours.SerializeToString(deterministic=True) == wire, name
        text = json_format.MessageToJson(theirs, sort_keys=True)
        assert json_format.MessageToJson(ours, sort_keys=True) == text, name
        assert json_format.Parse(text, getattr(our_file, name)()) == ours, name
        assert str(ours) == str(theirs), name
print(size, "bytes")
"""

PARSE = """
from evaluator_component.config import parse_config
theirs = pairs[0][0].EvalConfig(model_specs=[{"label_key": "y"}])
metric = theirs.metrics_specs.add().metrics.add(class_name="AUC")
metric.threshold.value_threshold.lower_bound.value = 0.5
ours = parse_config(theirs)
assert type(ours) is eval_config_pb2.EvalConfig
assert ours.SerializeToString(deterministic=True) == theirs.SerializeToString(deterministic=True)
"""


def _run(*parts: str) -> str:
    spec = importlib.util.find_spec("tensorflow_model_analysis")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("tensorflow_model_analysis is not installed")
    root = str(Path(next(iter(spec.submodule_search_locations))))
    script = BARE_IMPORT.format(root=root) + "".join(parts)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_every_field_of_the_peer_is_ours_with_its_number_type_and_name():
    assert int(_run(COMPARE).split()[0]) > 40


def test_every_message_of_the_peer_survives_wire_json_and_text_both_ways():
    assert int(_run(ROUND_TRIP).split()[0]) > 1000


def test_peer_config_is_read_from_its_own_class():
    _run(PARSE)


@pytest.mark.slow
def test_the_real_peer_lives_in_one_process_with_us():
    if importlib.util.find_spec("tensorflow_model_analysis") is None:
        pytest.skip("tensorflow_model_analysis is not installed")
    script = """
        import tfx.components
        import tensorflow_model_analysis as tfma
        from evaluator_component.config import parse_config, hash_of
        from evaluator_component.protos import (
            eval_config_pb2, eval_model_pb2, metrics_for_slice_pb2, validation_result_pb2)
        from google.protobuf import json_format
        theirs = tfma.EvalConfig(
            model_specs=[tfma.ModelSpec(label_key="tip", example_weight_key="w")],
            slicing_specs=[tfma.SlicingSpec(), tfma.SlicingSpec(feature_keys=["hour"])],
            metrics_specs=[tfma.MetricsSpec(metrics=[tfma.MetricConfig(
                class_name="AUC", config='"num_thresholds": 100',
                threshold=tfma.MetricThreshold(
                    value_threshold=tfma.GenericValueThreshold(lower_bound={"value": 0.5}),
                    change_threshold=tfma.GenericChangeThreshold(
                        absolute={"value": -1e-3},
                        direction=tfma.MetricDirection.HIGHER_IS_BETTER)))])])
        ours = parse_config(theirs)
        wire = ours.SerializeToString(deterministic=True)
        assert wire == theirs.SerializeToString(deterministic=True)
        assert tfma.EvalConfig.FromString(wire) == theirs
        text = json_format.MessageToJson(theirs, sort_keys=True)
        assert json_format.MessageToJson(ours, sort_keys=True) == text
        assert parse_config(text) == ours and parse_config(str(theirs)) == ours
        # What is new in ours passes through theirs.
        ours.force_bless.reason = "because"
        through = tfma.EvalConfig.FromString(ours.SerializeToString()).SerializeToString()
        assert eval_config_pb2.EvalConfig.FromString(through).force_bless.reason == "because"
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert done.returncode == 0, done.stderr[-3000:]
