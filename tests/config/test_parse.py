"""Configs are read from anything, and every mistake in them is named."""

from __future__ import annotations

import json

import numpy as np
import pytest
from google.protobuf import json_format

from evaluator_component.config import EvalConfig, EvalRun, parse_config, parse_run
from evaluator_component.config.messages import EvalConfigAndVersion, MetricConfig, MetricsSpec
from evaluator_component.errors import ConfigError

TEXT = """
model_specs { label_key: "tip" example_weight_key: "w" }
slicing_specs { }
slicing_specs { feature_keys: "hour" feature_values { key: "company" value: "A" } }
metrics_specs {
  metrics { class_name: "AUC" config: '{"num_thresholds": 100}'
    threshold { value_threshold { lower_bound { value: 0.5 } } } }
  binarize { class_ids { values: [1, 2] } }
  aggregate { macro_average: true class_weights { key: 0 value: 1.0 } }
}
options { min_slice_size { value: 10 } disabled_outputs { values: "plots" } }
"""
YAML = """
model_specs:
- label_key: tip
  example_weight_key: w
slicing_specs:
- {}
- feature_keys: [hour]
  feature_values: {company: A}
metrics_specs:
- metrics:
  - class_name: AUC
    config: {num_thresholds: 100}
    threshold: {value_threshold: {lower_bound: 0.5}}
  binarize: {class_ids: [1, 2]}
  aggregate: {macro_average: true, class_weights: {0: 1}}
options:
  min_slice_size: 10
  disabled_outputs: [plots]
"""


@pytest.fixture
def wanted() -> EvalConfig:
    return parse_config(TEXT)


def problems_of(source) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_config(source)
    return [line.strip() for line in str(caught.value).splitlines()[1:]]


def test_json_yaml_text_bytes_dict_and_message_give_the_same_config(wanted):
    camel = json_format.MessageToJson(wanted)
    snake = json_format.MessageToDict(wanted, preserving_proto_field_name=True)
    for source in (
        wanted,
        camel,
        camel.encode(),
        json.dumps(snake),
        json.dumps(snake, indent=2),
        snake,
        json.loads(camel),
        YAML,
        YAML.encode(),
        str(wanted),
        str(wanted).encode(),
        wanted.SerializeToString(),
        bytearray(wanted.SerializeToString()),
    ):
        assert parse_config(source) == wanted, source


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.textproto", TEXT),
        ("a.pbtxt", TEXT),
        ("a.txt", TEXT),
        ("a.txtpb", TEXT),
        ("a.yaml", YAML),
        ("a.yml", YAML),
        ("A.JSON", None),
        ("a.pb", None),
        ("without_suffix", TEXT),
    ],
)
def test_files_are_read_by_suffix_and_content(tmp_path, wanted, name, content):
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    elif name.endswith("JSON"):
        path.write_text(json_format.MessageToJson(wanted))
    else:
        path.write_bytes(wanted.SerializeToString())
    assert parse_config(path) == wanted
    assert parse_config(str(path)) == wanted


def test_a_message_is_copied_and_not_shared(wanted):
    read = parse_config(wanted)
    read.model_specs[0].label_key = "other"
    assert wanted.model_specs[0].label_key == "tip"


def test_a_run_gives_its_config_in_every_shape(wanted, tmp_path):
    run = EvalRun(eval_config=wanted, version="1", data_location="/data")
    run.model_locations[""] = "/model"
    path = tmp_path / "eval_config.json"
    path.write_text(json_format.MessageToJson(run))
    for source in (run, path, json_format.MessageToDict(run), json_format.MessageToJson(run)):
        assert parse_config(source) == wanted
        assert parse_run(source) == run
    versioned = EvalConfigAndVersion(eval_config=wanted, version="2")
    assert parse_config(versioned) == wanted
    assert parse_run(versioned).version == "2"


def test_all_unknown_names_of_a_tree_come_at_once_with_place_and_nearest_name():
    source = {
        "model_spec": [],
        "metricsSpecs": [
            {"metrics": [{"class_name": "AUC", "treshold": {}}, {"clas_name": "x"}]},
            {"binarize": {"class_id": [1]}},
        ],
        "options": {"confidence_intervals": {"methud": 1}},
    }
    assert problems_of(source) == [
        "model_spec: unknown field (did you mean 'model_specs'?)",
        "metrics_specs[0].metrics[0].treshold: unknown field (did you mean 'threshold'?)",
        "metrics_specs[0].metrics[1].clas_name: unknown field (did you mean 'class_name'?)",
        "metrics_specs[1].binarize.class_id: unknown field (did you mean 'class_ids'?)",
        "options.confidence_intervals.methud: unknown field (did you mean 'method'?)",
    ]
    assert problems_of(json.dumps(source)) == problems_of(source)


def test_a_mistake_in_a_run_is_placed_in_its_config():
    (problem,) = problems_of({"evalConfig": {"modelSpecs": [{"labelKy": "y"}]}})
    assert problem == "model_specs[0].labelKy: unknown field (did you mean 'label_key'?)"


def test_all_unknown_names_of_a_text_proto_come_at_once_with_line_and_nearest_name():
    source = """# a comment with { braces and unknown: 1
        model_specs { lable_key: "tip {" name: "a" }
        model_specs < labelkey: 'x' >  # the other brackets
        metrics_specs {
          metrics { class_name: "AUC" }
          metrics { class_name: "AUC" treshold { value_threshold { lower: 1 } } }
          thresholds { key: "auc" value { value_treshold { } } }
          model_names: ["a", "b"]  unknown: [1, 2]
        }
        sliceing_specs: { feature_keys: ["a", "b"] }
    """
    assert problems_of(source) == [
        "model_specs[0].lable_key: unknown field, line 2 (did you mean 'label_key'?)",
        "model_specs[1].labelkey: unknown field, line 3 (did you mean 'label_key'?)",
        "metrics_specs[0].metrics[1].treshold: unknown field, line 6 (did you mean 'threshold'?)",
        "metrics_specs[0].thresholds.value.value_treshold: unknown field, line 7 "
        "(did you mean 'value_threshold'?)",
        "metrics_specs[0].unknown: unknown field, line 8 (have 'aggregate', 'binarize', "
        "'cross_slice_thresholds', 'dataset_names', 'example_weights', 'metrics', 'model_names', "
        "'output_names' and 4 more)",
        "sliceing_specs: unknown field, line 10 (did you mean 'slicing_specs'?)",
    ]


def test_a_text_proto_that_is_wrong_otherwise_shows_the_parser_s_reason():
    (problem,) = problems_of('model_specs { is_baseline: "maybe" }')
    assert "1:30" in problem or "maybe" in problem


def test_values_of_the_wrong_kind_are_named_with_what_was_expected():
    source = {
        "model_specs": [{"is_baseline": "yes", "label_key": 3, "inference_batch_size": 1.5}],
        "slicing_specs": {"feature_keys": ["a"]},
        "metrics_specs": [
            {
                "model_names": "a",
                "output_weights": {"o": "much"},
                "metrics": ["AUC"],
                "aggregate": {"class_weights": {"first": 1}},
            },
            {"aggregate": {"micro_average": True, "macro_average": True}},
        ],
        "options": {
            "min_slice_size": 2**40,
            "non_finite": "IGNORE",
            "confidence_intervals": {"method": ["JACKKNIFE"], "num_replicates": {"val": 3}},
            "include_default_metrics": 1,
        },
        "decision": {"tolerance": True},
    }
    found = problems_of(source)
    for part in (
        "model_specs[0].is_baseline: expected true or false, got 'yes'",
        "model_specs[0].label_key: expected text, got 3",
        "model_specs[0].inference_batch_size: expected a whole number, got 1.5",
        "slicing_specs: expected a list, got {'feature_keys': ['a']}",
        "metrics_specs[0].model_names: expected a list, got 'a'",
        "metrics_specs[0].output_weights['o']: expected a number, got 'much'",
        "metrics_specs[0].aggregate.class_weights['first']: expected a whole number, got 'first'",
        "metrics_specs[1].aggregate.macro_average: excludes 'micro_average', which is given, too",
        "options.min_slice_size: expected a whole number of 32 bits, got 1099511627776",
        "options.non_finite: unknown value 'IGNORE' (have 'EXCLUDE', 'FAIL')",
        "options.confidence_intervals.num_replicates: expected a value, got {'val': 3}",
        "options.include_default_metrics: expected true or false, got 1",
        "decision.tolerance: expected a number, got True",
    ):
        assert part in found, (part, found)
    assert any(p.startswith("metrics_specs[0].metrics[0]: expected the fields of") for p in found)
    assert any(p.startswith("options.confidence_intervals.method: unknown value") for p in found)
    assert len(found) == 15


def test_shorthands_are_understood():
    config = parse_config(
        {
            "options": {"min_slice_size": {"value": 3}, "max_bad_records": "5"},
            "slicing_specs": [{"feature_values": {"hour": 7, "late": True}}],
            "metrics_specs": [
                MetricsSpec(model_names=["m"]),
                {
                    "metrics": [
                        MetricConfig(class_name="AUC"),
                        {
                            "class_name": "Recall",
                            "config": {"thresholds": [0.5]},
                            "threshold": {
                                "value_threshold": {
                                    "lower_bound": "-inf",
                                    "upper_bound": np.float64(0.5),
                                }
                            },
                        },
                    ],
                    "binarize": {"class_ids": range(3), "k_list": {"values": [1]}},
                    "query_key": None,
                },
            ],
        }
    )
    assert config.options.min_slice_size.value == 3
    assert config.options.max_bad_records.value == 5
    assert dict(config.slicing_specs[0].feature_values) == {"hour": "7", "late": "true"}
    metric = config.metrics_specs[1].metrics[1]
    assert json.loads(metric.config) == {"thresholds": [0.5]}
    assert metric.threshold.value_threshold.lower_bound.value == float("-inf")
    assert metric.threshold.value_threshold.upper_bound.value == 0.5
    assert list(config.metrics_specs[1].binarize.class_ids.values) == [0, 1, 2]


def test_a_key_given_twice_is_an_error_in_json_yaml_and_in_both_spellings():
    (found,) = problems_of('{"options": {}, "options": {"minSliceSize": 2}}')
    assert found == "options: is given twice in one object"
    assert "given twice" in "".join(
        problems_of("options:\n  {}\noptions:\n  {min_slice_size: 2}\n")
    )
    assert problems_of({"model_specs": [], "modelSpecs": []}) == ["model_specs: is given twice"]


def test_repeated_blocks_with_a_colon_are_text_proto_and_not_yaml():
    config = parse_config("model_specs: { name: 'a' }\nmodel_specs: { name: 'b' }\n")
    assert [spec.name for spec in config.model_specs] == ["a", "b"]


def test_unknown_field_numbers_of_a_binary_config_are_errors(wanted):
    newer = wanted.SerializeToString() + bytes([0xA2, 0x7D, 0x01, 0x61])  # field 2004
    assert "unknown field number 2004" in "".join(problems_of(newer))
    nested = EvalConfig(options={}).SerializeToString()[:-1] + b"\x03\xaa\x7d\x00"
    assert "EvalConfig.options" in "".join(problems_of(nested))


@pytest.mark.parametrize(
    ("source", "part"),
    [
        ("", "empty"),
        ("  \n", "empty"),
        ("{", "not valid JSON"),
        ("[]", "neither text proto ("),
        (b"\xff\xfe\x00", "not a serialized EvalConfig"),
        (None, "cannot read a config from NoneType"),
        (7, "cannot read a config from int"),
        (MetricConfig(), "expected an EvalConfig, got the message"),
        ("/nowhere/config.yaml", "cannot read the file: No such file"),
        ("- a\n- b\n", "neither text proto ("),
    ],
)
def test_what_is_no_config_is_an_error_that_says_so(source, part):
    assert part in "".join(problems_of(source))


def test_a_mistake_in_a_file_names_the_file(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("optoins: {}\n")
    assert problems_of(path) == [
        f"optoins: unknown field (did you mean 'options'?) [{path}]",
    ]
    path.write_text("a: [\n")
    assert "not valid YAML" in problems_of(path)[0]


def test_an_empty_config_is_a_config():
    assert parse_config({}) == EvalConfig()
    assert parse_config("{}") == EvalConfig()
    assert parse_config(b"") == EvalConfig()
