"""Thresholds that judge nothing, found before the run."""

from __future__ import annotations

from evaluator_component.config import parse_config
from evaluator_component.errors import Problems
from evaluator_component.keys import MetricKey
from evaluator_component.validation import check_thresholds


def _problems(metric, keys, spec=None, models=({},), **more):
    config = parse_config(
        {"model_specs": list(models), "metrics_specs": [{"metrics": [metric], **(spec or {})}]}
    )
    problems = Problems()
    check_thresholds(config, keys, problems, **more)
    return [str(problem) for problem in problems.found]


VALUE = {"value_threshold": {"lower_bound": 0.5}}
AT = "metrics_specs[0].metrics[0]"


def test_a_metric_that_will_be_there_is_no_problem():
    metric = {"class_name": "MeanLabel", "threshold": VALUE}
    assert _problems(metric, [MetricKey("mean_label")]) == []


def test_a_metric_that_will_not_be_there_is_named_with_its_neighbour():
    metric = {"class_name": "MeanLabel", "threshold": VALUE}
    (found,) = _problems(metric, [MetricKey("mean_labels")])
    assert found == (
        f"{AT}.threshold: there will be no metric 'mean_label' (did you mean 'mean_labels'?)"
    )


def test_a_structured_metric_cannot_have_a_threshold():
    metric = {"class_name": "MeanLabel", "threshold": VALUE}
    key = MetricKey("mean_label")
    (found,) = _problems(metric, [key], kinds={key: "structured"})
    assert "is no number that could be compared (structured)" in found
    assert _problems(metric, [key], kinds={key: "vector"}) == []


def test_a_slice_that_the_data_do_not_have_is_named():
    one = {"slicing_specs": [{"feature_values": {"s": "z"}}], "threshold": VALUE}
    metric = {"class_name": "MeanLabel", "per_slice_thresholds": [one]}
    (found,) = _problems(metric, [MetricKey("mean_label")], slice_keys=[(), (("s", "a"),)])
    assert found == f"{AT}.per_slice_thresholds[0].threshold: no slice of the data is s=z"
    assert _problems(metric, [MetricKey("mean_label")]) == []


def test_a_threshold_for_the_baseline_judges_nothing():
    metric = {"class_name": "MeanLabel", "threshold": VALUE}
    models = [{"name": "new"}, {"name": "old", "is_baseline": True}]
    (found,) = _problems(metric, [], {"model_names": ["old"]}, models)
    assert "judges the baseline 'old', which is never judged" in found


def test_a_change_needs_a_direction_that_is_given_or_known():
    change = {"change_threshold": {"absolute": 0}}
    key = [MetricKey("mean_label"), MetricKey("mean_squared_error")]
    (found,) = _problems({"class_name": "MeanLabel", "threshold": change}, key)
    assert "tell whether HIGHER_IS_BETTER or LOWER_IS_BETTER" in found
    assert _problems({"class_name": "MeanSquaredError", "threshold": change}, key) == []


def test_a_gap_over_slices_has_no_value_on_a_slice():
    one = {"slicing_specs": [{"feature_keys": ["s"]}], "threshold": VALUE}
    metric = {
        "class_name": "MaxGap",
        "config": '"metric": "MeanLabel", "feature_keys": ["s"], "name": "gap"',
        "per_slice_thresholds": [one],
    }
    (found,) = _problems(metric, [MetricKey("gap")])
    assert "one value over all slices" in found


def test_a_metric_that_compares_models_has_no_relative_change():
    change = {"change_threshold": {"relative": 0.1, "direction": "LOWER_IS_BETTER"}}
    key = MetricKey("symmetric_flip_rate", "new", is_diff=True)
    models = [{"name": "new"}, {"name": "old", "is_baseline": True}]
    metric = {"class_name": "SymmetricFlipRate", "threshold": change}
    (found,) = _problems(metric, [key], {}, models, has_baseline=True)
    assert "it has no relative change" in found
