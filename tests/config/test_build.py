"""Configs are built in few words; specs and hashes mean what they say."""

from __future__ import annotations

import subprocess
import sys

import pytest

import evaluator_component.config as api
from evaluator_component.config import (
    BinarizationOptions,
    CrossSliceSpec,
    EvalConfig,
    MetricConfig,
    MetricThreshold,
    SliceSpec,
    at_least,
    at_most,
    between,
    check_config,
    config,
    each_threshold,
    hash_of,
    no_worse,
    on_slices,
    parse_config,
)
from evaluator_component.errors import ConfigError, Problems


def test_a_built_config_breaks_no_rule():
    built = config(
        label_key="y",
        example_weight_key="w",
        class_names=["no", "yes"],
        metrics=["AUC", ("Precision", {"thresholds": 0.5}), MetricConfig(class_name="Recall")],
        slices=["hour", {"company": "A", "hour": None}, SliceSpec(sql="SELECT 1"), ("a", "b")],
        thresholds={
            "AUC": [
                at_least(0.7, severity="WARN"),
                no_worse(relative=0.05),
                on_slices(at_least(0.6), {"hour": "7"}, "hour"),
            ],
            "Precision": between(0.1, 0.9),
            "Recall": at_most(1.0),
        },
        class_ids=[0, 1],
        confidence_intervals=True,
        options={"min_slice_size": 10},
        decision={"correction": "HOLM", "confidence_level": 0.95},
    )
    problems = Problems()
    check_config(built, problems, ["AUC", "Precision", "Recall"], has_baseline=True)
    assert problems.found == []
    assert built.options.min_slice_size.value == 10
    assert built.options.compute_confidence_intervals.value is True
    whole, by_class = built.metrics_specs
    assert list(by_class.binarize.class_ids.values) == [0, 1]
    auc = whole.metrics[0]
    assert auc.threshold.value_threshold.lower_bound.value == 0.7
    assert auc.threshold.change_threshold.relative.value == -0.05
    assert auc.threshold.severity == MetricThreshold.WARN
    assert len(auc.per_slice_thresholds[0].slicing_specs) == 2
    assert len(list(each_threshold(built))) == 4


def test_a_loss_gets_worse_upwards():
    change = no_worse(0.1, higher_is_better=False).change_threshold
    assert change.absolute.value == 0.1
    assert change.direction == api.MetricDirection.LOWER_IS_BETTER
    assert no_worse().change_threshold.absolute.value == 0.0


def test_mistakes_of_builders_are_config_errors():
    with pytest.raises(ConfigError, match="did you mean 'AUC'"):
        config(metrics=["AUC"], thresholds={"AUCC": at_least(1)})
    with pytest.raises(ConfigError, match="did you mean 'severity'"):
        at_least(1, severty="WARN")
    with pytest.raises(ConfigError, match="is a margin"):
        no_worse(-0.1)
    with pytest.raises(ConfigError, match="did you mean 'decision'"):
        config(decison={})
    with pytest.raises(ConfigError, match="did you mean 'min_slice_size'"):
        config(options={"min_slicesize": 2})


def test_models_can_be_given_in_full():
    built = config(model_specs=[{"name": "a"}, {"name": "b", "is_baseline": True}])
    assert [spec.name for spec in built.model_specs] == ["a", "b"]


def test_spec_round_trip_and_equality():
    spec = SliceSpec(("b", "a"), (("d", "1"), ("c", "2")))
    assert spec == SliceSpec(("a", "b"), (("c", "2"), ("d", "1")))
    assert hash(spec) == hash(SliceSpec.from_proto(spec.to_proto()))
    assert SliceSpec.from_proto(spec.to_proto()) == spec
    assert not spec.is_overall
    assert SliceSpec().is_overall
    cross = CrossSliceSpec(SliceSpec(), (spec,))
    assert CrossSliceSpec.from_proto(cross.to_proto()) == cross
    assert str(cross) == "Overall vs c=2, d=1, each a x b"


@pytest.mark.parametrize(
    ("first", "second", "covers"),
    [
        (SliceSpec(), SliceSpec(), True),
        (SliceSpec(("a",)), SliceSpec(("a",)), True),
        (SliceSpec(("a", "b")), SliceSpec(("a",), (("b", "1"),)), True),
        (SliceSpec((), (("a", "1"),)), SliceSpec(("a",)), True),
        (SliceSpec((), (("a", "1"),)), SliceSpec((), (("a", "2"),)), False),
        (SliceSpec(("a",)), SliceSpec(("a", "b")), False),
        (SliceSpec(sql="SELECT 1"), SliceSpec(("a",)), True),
    ],
)
def test_slices_of_two_specs_may_be_the_same(first, second, covers):
    assert first.covers(second) is covers
    assert second.covers(first) is covers


def test_the_hash_tells_configs_apart_and_ignores_how_they_are_written():
    text = "slicing_specs { feature_values { key: 'a' value: '1' } %s }"
    pair = "feature_values { key: 'b' value: '2' }"
    one = parse_config(text % pair)
    other = parse_config({"slicingSpecs": [{"featureValues": {"b": 2, "a": 1}}]})
    assert hash_of(one) == hash_of(other)
    assert hash_of(one) != hash_of(parse_config(text % ""))
    assert hash_of(EvalConfig()) == "44136fa355b3678a1146ad16f7e8649e"


def test_all_is_sorted_and_complete():
    assert all(hasattr(api, name) for name in api.__all__)
    peer = """AggregationOptions BinarizationOptions ConfidenceIntervalOptions
        CrossSliceMetricThreshold CrossSliceMetricThresholds CrossSlicingSpec EvalConfig
        ExampleWeightOptions GenericChangeThreshold GenericValueThreshold MetricConfig
        MetricDirection MetricsSpec MetricThreshold ModelSpec Options PaddingOptions
        PerSliceMetricThreshold PerSliceMetricThresholds RepeatedInt32Value RepeatedStringValue
        SlicingSpec"""
    assert set(peer.split()) <= set(api.__all__)
    assert BinarizationOptions(class_ids={"values": [1]}).class_ids.values == [1]


def test_importing_config_loads_nothing_heavy():
    script = (
        "import sys, evaluator_component.config;"
        "heavy = {'tensorflow', 'apache_beam', 'tfx', 'pandas', 'pyarrow', 'yaml', 'numpy'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
