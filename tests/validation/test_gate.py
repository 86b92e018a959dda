"""The gate against the table of cases, and what its verdict says."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest

from evaluator_component.errors import ConfigError
from evaluator_component.keys import MetricKey, SubKey
from evaluator_component.metrics_table import Column, MetricsTable
from evaluator_component.validation import validate

sys.path.insert(0, str(Path(__file__).parent))

from validation_cases import CASES, NAN, OVERALL, A, B, Case, bounds, change, on

STATUS = {True: "BLESSED", False: "NOT_BLESSED", None: "INCONCLUSIVE"}


def _verdict(case: Case, **more):
    return validate(
        [case.table()],
        case.eval_config(),
        rubber_stamp=case.rubber_stamp,
        has_baseline=case.baseline is not None,
        **more,
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_verdict_is_the_one_derived_by_hand(case):
    verdict = _verdict(case)
    assert verdict.status == STATUS[case.blessed], verdict.reasons
    assert verdict.validation_ok == (case.blessed is True)
    assert case.says in " ".join(verdict.reasons)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_verdict_is_json_and_counts_its_decisions(case):
    verdict = _verdict(case)
    text = json.dumps(verdict.to_dict(), allow_nan=False)
    read = json.loads(text)
    assert read["verdict"] == verdict.status
    assert sum(read["counts"].values()) == len(read["decisions"])
    for decision in verdict.decisions:
        assert decision.sentence.endswith(".")
        assert decision.outcome in ("PASSED", "FAILED", "INCONCLUSIVE", "SKIPPED")


def test_case_names_are_different():
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names) >= 90


def test_a_decision_tells_value_baseline_difference_bound_and_margin():
    case = Case("", False, change("up", relative=-0.05), {OVERALL: 0.7}, {OVERALL: 0.8})
    decision = _verdict(case).decisions[0]
    assert decision.check == "RELATIVE_CHANGE"
    assert decision.value == 0.7
    assert decision.baseline == 0.8
    assert decision.difference == pytest.approx(-0.125)
    assert decision.bound == -0.05
    assert decision.margin == pytest.approx(-0.075)
    assert decision.num_examples == 1000
    assert decision.sentence == (
        "mean_label on Overall fell by 12.5 % (0.8 to 0.7); it may fall by at most 5 %: missed by "
        "7.5 % (1,000 examples)."
    )


def test_the_gravest_decision_comes_first_and_into_the_summary():
    values = {OVERALL: 0.79, A: 0.3, B: 0.9}
    verdict = _verdict(Case("", False, bounds(0.8), values))
    assert [each.slice_key for each in verdict.decisions] == [A, OVERALL, B]
    assert verdict.summary.startswith("NOT BLESSED: 2 of 3 checks failed. mean_label on s=a is 0.3")
    assert verdict.reasons[1:] == tuple(each.sentence for each in verdict.decisions[:2])


def test_names_and_messages_of_the_user_are_told_where_the_threshold_is_missed():
    threshold = bounds(0.8, name="floor", message="Ask the ads team.")
    verdict = _verdict(Case("", False, threshold, {OVERALL: 0.7, A: 0.9}))
    failed, passed = verdict.decisions
    assert failed.threshold_name == passed.threshold_name == "floor"
    assert failed.sentence.endswith("(1,000 examples). Ask the ads team.")
    assert "Ask" not in passed.sentence


def test_a_threshold_without_a_name_is_named_by_its_place():
    verdict = _verdict(Case("", True, bounds(0.8), {OVERALL: 0.9}))
    assert verdict.decisions[0].threshold_name == "metrics_specs[0].metrics[0].threshold"


def test_warnings_are_counted_and_told_and_do_not_block():
    verdict = _verdict(Case("", True, bounds(0.8, severity="WARN"), {OVERALL: 0.7}))
    assert verdict.counts["warnings"] == 1
    assert verdict.counts["failed"] == 0
    assert verdict.summary == "BLESSED: 0 checks passed, none failed. 1 warning."
    assert len(verdict.reasons) == 2


def test_an_undefined_value_says_whose_it_is():
    said = []
    for new, old in ((NAN, 0.8), (0.8, NAN), (NAN, NAN), (math.inf, math.inf)):
        case = Case("", False, change("up", 0.0), {OVERALL: new}, {OVERALL: old})
        decision = _verdict(case).decisions[0]
        assert decision.check == "PRESENCE"
        said.append(decision.sentence)
    assert "not a number for the candidate (1,000" in said[0]
    assert "not a number for the baseline" in said[1]
    assert "not a number for candidate and baseline" in said[2]
    assert "a change that is not a number (infinity to infinity)" in said[3]


def test_missing_slices_are_listed_with_how_many_the_others_matched():
    spec = {"feature_values": {"s": "z"}}
    case = Case("", False, on(bounds(0.8), spec, {"feature_keys": ["s"]}), {A: 0.9, B: 0.9})
    verdict = _verdict(case)
    assert [str(each) for each in verdict.missing_slices] == ["s=z"]
    assert [(str(each), count) for each, count in verdict.slicing_details] == [("each s", 2)]
    assert verdict.failures_by_slice() == {}


def test_a_missing_metric_is_a_failure_that_names_the_nearest():
    case = Case("", False, bounds(0.8), {OVERALL: 0.9})
    table = case.table()
    columns = {MetricKey("mean_labels"): Column(np.array([0.9]))}
    table = MetricsTable(table.slices, table.examples, table.weights, columns)
    verdict = validate([table], case.eval_config(), rubber_stamp=False, has_baseline=False)
    assert verdict.status == "NOT_BLESSED"
    assert "no metric 'mean_label' (did you mean 'mean_labels'?)" in verdict.summary
    ((place, failures),) = verdict.failures_by_slice().items()
    assert place == ("", OVERALL)
    assert len(failures) == 1


def test_without_a_baseline_change_thresholds_fail_unless_excused():
    case = Case("", None, change("up", 0.0), {OVERALL: 0.9}, {OVERALL: 0.8})
    config = case.eval_config()

    def judged(rubber_stamp, **policy):
        config.baseline_policy.Clear()
        for name, value in policy.items():
            setattr(config.baseline_policy, name, value)
        return lambda **more: validate(
            [case.table()], config, rubber_stamp=rubber_stamp, has_baseline=False, **more
        )

    plain = judged(False)()
    assert plain.status == "NOT_BLESSED"
    assert "the change cannot be judged: no baseline was given" in plain.summary
    stamped = judged(True)()
    assert stamped.status == "BLESSED"
    assert stamped.rubber_stamp
    assert stamped.summary.startswith("BLESSED by rubber stamp")
    assert stamped.counts["skipped"] == 1
    excused = judged(False, missing=1)()
    assert excused.status == "NOT_BLESSED"
    assert excused.missing_thresholds
    broken = judged(False)(baseline_problem="no signature 'serving_default'")
    assert broken.status == "NOT_BLESSED"
    assert "no signature 'serving_default'" in broken.summary
    both = bounds(0.5)["threshold"] | change("up", 0.0)["threshold"]
    config = Case("", None, {"threshold": both}, {OVERALL: 0.9}, {OVERALL: 0.8}).eval_config()
    survived = judged(False, unloadable=1)(baseline_problem="gone")
    assert survived.status == "BLESSED"
    assert survived.notes == ("the baseline could not be used: gone",)
    assert (survived.num_passed, survived.num_skipped) == (1, 1)


def test_an_order_to_bless_needs_a_reason_and_is_recorded():
    case = Case("", False, bounds(0.8), {OVERALL: 0.7})
    for empty in ("", "  "):
        with pytest.raises(ConfigError, match="needs a reason"):
            _verdict(case, force_bless=empty)
    verdict = _verdict(case, force_bless="rollback of 7", forced_by="mia")
    assert verdict.status == "BLESSED"
    assert (verdict.forced_reason, verdict.forced_by) == ("rollback of 7", "mia")
    assert verdict.summary.startswith("BLESSED by order by mia: rollback of 7 (Without it: NOT BL")
    assert verdict.num_failed == 1


def test_the_baseline_itself_is_never_judged():
    verdict = _verdict(Case("", True, bounds(0.85), {OVERALL: 0.9}, {OVERALL: 0.8}))
    assert verdict.status == "BLESSED"
    assert verdict.num_passed == 1


def test_a_vector_metric_is_judged_by_its_worst_entry():
    case = Case("", False, bounds(0.8), {OVERALL: 0.0, A: 0.0})
    key = case.keys()[0]
    values = np.array([[0.9, 0.7, 0.75], [0.9, 0.85, 0.8]])
    table = case.table()
    columns = {key: Column(values, labels=("0.1", "0.5", "0.9"))}
    table = MetricsTable(table.slices, table.examples, table.weights, columns)
    verdict = validate([table], case.eval_config(), rubber_stamp=False, has_baseline=False)
    assert verdict.status == "NOT_BLESSED"
    failed, passed = verdict.decisions
    assert (failed.part, failed.value) == ("0.5", 0.7)
    assert failed.sentence.startswith("mean_label[0.5] on Overall is 0.7;")
    assert (passed.part, passed.value) == ("0.9", 0.8)
    values[0, 2] = NAN
    verdict = validate([table], case.eval_config(), rubber_stamp=False, has_baseline=False)
    assert verdict.decisions[0].check == "PRESENCE"


def test_a_structured_metric_fails_with_a_reason():
    case = Case("", False, bounds(0.8), {OVERALL: 0.0})
    columns = {case.keys()[0]: Column(np.array([{"matrix": 1}], dtype=object))}
    table = MetricsTable(((),), np.array([9]), np.array([9.0]), columns)
    verdict = validate([table], case.eval_config(), rubber_stamp=False, has_baseline=False)
    assert "the metric has no number to compare" in verdict.summary


def test_the_direction_of_the_metric_fills_in_for_an_unknown_one():
    for direction, status in ((1, "NOT_BLESSED"), (-1, "BLESSED")):
        case = Case("", None, change("?", 0.0), {OVERALL: 0.7}, {OVERALL: 0.8})
        table = case.table()
        for key, column in table.columns.items():
            table.columns[key] = Column(column.value, direction=direction)
        verdict = validate([table], case.eval_config(), rubber_stamp=False, has_baseline=True)
        assert verdict.status == status


def test_a_change_is_computed_from_both_models_where_the_table_has_none():
    case = Case("", False, change("up", 0.0), {OVERALL: 0.7}, {OVERALL: 0.8})
    table = case.table()
    del table.columns[case.keys()[0].diff()]
    verdict = validate([table], case.eval_config(), rubber_stamp=False, has_baseline=True)
    assert verdict.status == "NOT_BLESSED"
    assert verdict.decisions[0].difference == pytest.approx(-0.1)


def test_a_class_is_judged_by_the_thresholds_of_its_spec_only():
    case = Case("", None, bounds(0.8), {OVERALL: 0.9})
    config = case.eval_config()
    config.metrics_specs[0].binarize.class_ids.values.extend([1, 2])
    table = case.table()
    key = case.keys()[0]
    named = {
        MetricKey(key.name, sub_key=SubKey(class_id=n), example_weighted=False): Column(
            np.array([value])
        )
        for n, value in ((1, 0.9), (2, 0.7))
    }
    columns = {key: Column(np.array([0.1])), **named}
    table = MetricsTable(table.slices, table.examples, table.weights, columns)
    verdict = validate([table], config, rubber_stamp=False, has_baseline=False)
    assert [each.metric_key.sub_key.class_id for each in verdict.decisions] == [2, 1]
    assert "mean_label@class_id=2 on Overall is 0.7" in verdict.summary
    del columns[next(iter(named))]
    verdict = validate([table], config, rubber_stamp=False, has_baseline=False)
    assert any("no metric 'mean_label@class_id=1'" in each for each in verdict.reasons)


def test_weighted_and_unweighted_values_are_told_apart():
    case = Case("", None, bounds(0.8), {OVERALL: 0.9})
    config = case.eval_config()
    table = case.table()
    weighted = MetricKey("mean_label", example_weighted=True)
    columns = {**table.columns, weighted: Column(np.array([0.5]))}
    table = MetricsTable(table.slices, table.examples, table.weights, columns)
    for options, status in (({"unweighted": True}, "BLESSED"), ({"weighted": True}, "NOT_BLESSED")):
        config.metrics_specs[0].example_weights.Clear()
        for name, value in options.items():
            setattr(config.metrics_specs[0].example_weights, name, value)
        verdict = validate([table], config, rubber_stamp=False, has_baseline=False)
        assert verdict.status == status


def test_datasets_have_their_own_thresholds_and_decisions():
    case = Case("", None, bounds(0.8, dataset_names=["golden"]), {OVERALL: 0.9})
    config = case.eval_config()

    def table(name, value):
        columns = {case.keys()[0]: Column(np.array([value]))}
        return MetricsTable(((),), np.array([9]), np.array([9.0]), columns, dataset=name)

    tables = [table("golden", 0.9), table("eval", 0.1)]
    verdict = validate(tables, config, rubber_stamp=False, has_baseline=False)
    assert verdict.status == "BLESSED"
    assert [each.dataset for each in verdict.decisions] == ["golden"]
    assert " of golden " in verdict.decisions[0].sentence
    verdict = validate(tables[1:], config, rubber_stamp=False, has_baseline=False)
    assert verdict.status == "NOT_BLESSED"
    assert "there is no dataset 'golden'" in verdict.summary


def test_metrics_of_the_model_take_thresholds_by_name():
    case = Case("", None, {}, {OVERALL: 0.9, A: 0.5})
    config = case.eval_config()
    spec = config.metrics_specs[0]
    spec.thresholds["accuracy"].value_threshold.lower_bound.value = 0.8
    many = spec.per_slice_thresholds["accuracy"].thresholds.add()
    many.slicing_specs.add().feature_values["s"] = "a"
    many.threshold.value_threshold.upper_bound.value = 0.6
    table = case.table()
    columns = {MetricKey("accuracy", example_weighted=None): Column(np.array([0.9, 0.5]))}
    table = MetricsTable(table.slices, table.examples, table.weights, columns)
    verdict = validate([table], config, rubber_stamp=False, has_baseline=False)
    assert (verdict.num_passed, verdict.num_failed) == (2, 1)


def test_a_metric_that_compares_models_is_judged_by_its_own_value():
    config = Case(
        "", None, {"class_name": "SymmetricFlipRate"}, {OVERALL: 0.0}, {OVERALL: 0.0}
    ).eval_config()
    threshold = config.metrics_specs[0].metrics[0].threshold.change_threshold
    threshold.absolute.value, threshold.direction = 0.1, 1
    key = MetricKey("symmetric_flip_rate", "candidate", example_weighted=False, is_diff=True)
    for value, status in ((0.05, "BLESSED"), (0.2, "NOT_BLESSED")):
        columns = {key: Column(np.array([value]))}
        table = MetricsTable(((),), np.array([9]), np.array([9.0]), columns)
        verdict = validate([table], config, rubber_stamp=False, has_baseline=True)
        assert verdict.status == status
        assert "has the difference" in verdict.decisions[0].sentence


def test_a_gap_over_slices_is_judged_at_the_overall_slice_only():
    case = Case("", None, bounds(None, 0.1), {OVERALL: 0.05, A: NAN, B: NAN})
    config = case.eval_config()
    metric = config.metrics_specs[0].metrics[0]
    metric.class_name = "MaxGap"
    metric.config = '"metric": "MeanLabel", "feature_keys": ["s"]'
    table = case.table()
    from evaluator_component.metrics import registry

    name = registry.create("MaxGap", "", metric.config).key_name
    columns = {MetricKey(name, example_weighted=False): Column(np.array([0.05, NAN, NAN]))}
    table = MetricsTable(table.slices, table.examples, table.weights, columns)
    verdict = validate([table], config, rubber_stamp=False, has_baseline=False)
    assert verdict.status == "BLESSED", verdict.reasons
    assert len(verdict.decisions) == 1


def test_a_tfma_message_without_our_fields_reads_as_unset():
    class Old:
        """A message that lacks every field from 1000 up."""

        def __init__(self, message):
            self._message = message

        def HasField(self, name):
            if name in ("name", "severity", "tolerance", "confidence_level", "min_examples"):
                raise ValueError(f"no field {name}")
            return self._message.HasField(name)

        def __getattr__(self, name):
            if name in ("name", "message", "severity", "dataset_names"):
                raise AttributeError(name)
            return getattr(self._message, name)

    from evaluator_component.validation import reading

    old = Old(Case("", None, bounds(0.8, severity="WARN"), {}).eval_config())
    assert reading.number(old, "tolerance") is None
    assert reading.text(old, "name") == ""
    assert reading.enum_name(old, "severity", ("BLOCK", "WARN")) == "BLOCK"


def test_five_thousand_slices_are_judged_in_one_go():
    rng = np.random.default_rng(0)
    values = {(("s", i),): float(v) for i, v in enumerate(rng.normal(0.9, 0.02, 5000))}
    verdict = _verdict(Case("", None, bounds(0.8), values))
    assert verdict.num_passed + verdict.num_failed == 5000
