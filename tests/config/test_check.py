"""Static rules of configs: one case per rule, and configs that break none."""

from __future__ import annotations

import copy

import pytest

from evaluator_component.config import check_config, parse_config, with_defaults
from evaluator_component.errors import Problems

METRICS = ["AUC", "ExampleCount", "MeanSquaredError", "Precision", "Recall"]
MODELS = [{"name": "candidate"}, {"name": "baseline", "is_baseline": True}]


def problems_of(source, **settings) -> list[str]:
    problems = Problems()
    check_config(parse_config(source), problems, METRICS, **settings)
    return [str(problem) for problem in problems.found]


def auc(**fields):
    return {"metrics": [{"class_name": "AUC", **fields}]}


def value(low=None, high=None, **more):
    bounds = {"lower_bound": low, "upper_bound": high}
    return {"value_threshold": {k: v for k, v in bounds.items() if v is not None}, **more}


def change(direction="HIGHER_IS_BETTER", **bounds):
    return {"change_threshold": {"direction": direction, **(bounds or {"absolute": 0})}}


GOOD = {
    "model_specs": [
        {"name": "candidate", "label_keys": {"a": "x", "b": "y"}, "example_weight_key": "w"},
        {"name": "baseline", "label_keys": {"a": "x", "b": "y"}, "is_baseline": True},
    ],
    "datasets": [{"name": "eval"}, {"name": "golden", "splits": ["g1", "g2"]}],
    "derived_columns": [
        {"name": "part", "sql": "hour / 6"},
        {"name": "fare", "quantile_bins": {"key": "fare", "num_bins": 4}},
        {"name": "age", "fixed_bins": {"key": "age", "edges": [18, 65], "labels": list("abc")}},
    ],
    "slicing_specs": [{}, {"feature_keys": ["hour"]}, {"feature_values": {"company": "A"}}],
    "cross_slicing_specs": [
        {"baseline_spec": {}, "slicing_specs": [{"feature_keys": ["company"]}]},
        {"baseline_spec": {"feature_values": {"hour": "1"}}},
    ],
    "metrics_specs": [
        {
            "metrics": [
                {
                    "class_name": "AUC",
                    "config": '"num_thresholds": 10',
                    "threshold": {**value(0.5, 1.0, name="floor"), **change()},
                    "per_slice_thresholds": [
                        {
                            "slicing_specs": [{"feature_values": {"hour": "7"}}],
                            "threshold": value(0.4),
                        },
                        {
                            "slicing_specs": [{"feature_values": {"company": "B"}}],
                            "threshold": change(relative=-0.1),
                        },
                    ],
                    "cross_slice_thresholds": [
                        {
                            "cross_slicing_specs": [
                                {"slicing_specs": [{"feature_values": {"company": "B"}}]}
                            ],
                            "threshold": value(-0.1, 0.1),
                        }
                    ],
                },
                {"class_name": "Mine", "module": "my.metrics"},
            ],
            "model_names": ["candidate"],
            "output_names": ["a"],
            "output_weights": {"a": 1},
            "dataset_names": ["golden"],
            "binarize": {"class_ids": [0, 1]},
            "aggregate": {"macro_average": True, "class_weights": {0: 1, 1: 2}},
            "example_weights": {"weighted": True, "unweighted": True},
        },
        {"thresholds": {"loss": value(high=0.7)}},
    ],
    "options": {
        "min_slice_size": 5,
        "max_bad_records": -1,
        "compute_confidence_intervals": True,
        "confidence_intervals": {"num_replicates": 20, "confidence_level": 0.9},
        "disabled_outputs": ["plots", "eval_config.json"],
    },
    "decision": {"correction": "HOLM", "tolerance": 1e-6, "confidence_level": 0.95},
    "weak_slices": {"feature_keys": ["hour"], "alpha": 0.1},
    "worst_examples": {"num_examples": 5},
    "force_bless": {"reason": "an emergency"},
}


def test_a_config_that_uses_everything_breaks_no_rule():
    assert problems_of(GOOD, split_names=["eval", "g1", "g2"]) == []


def test_a_config_with_defaults_breaks_no_rule_either():
    config = with_defaults(parse_config(GOOD), has_baseline=True)
    problems = Problems()
    check_config(config, problems, METRICS, has_baseline=True)
    assert problems.found == []


def test_the_empty_config_breaks_no_rule():
    assert problems_of({}) == []


def test_checking_does_not_change_the_config():
    config = parse_config(GOOD)
    kept = copy.deepcopy(config)
    check_config(config, Problems(), METRICS)
    assert config == kept


#: (name of the rule, config, where, part of what)
BROKEN = [
    ("two baselines", {"model_specs": [*MODELS, {"name": "c", "is_baseline": True}]},
     "model_specs[2].is_baseline", "model_specs[1] is it already"),
    ("only a baseline", {"model_specs": [{"is_baseline": True}]},
     "model_specs[0].is_baseline", "no model to compare"),
    ("same name twice", {"model_specs": [{"name": "a"}, {"name": "a"}]},
     "model_specs[1].name", "'a' is given twice, first at model_specs[0]"),
    ("no name", {"model_specs": [{"name": "a"}, {}]},
     "model_specs[1].name", "needs a name"),
    ("label_key and label_keys", {"model_specs": [{"label_key": "y", "label_keys": {"a": "b"}}]},
     "model_specs[0].label_keys", "excludes 'label_key'"),
    ("prediction_key and keys",
     {"model_specs": [{"prediction_key": "y", "prediction_keys": {"a": "b"}}]},
     "model_specs[0].prediction_keys", "excludes 'prediction_key'"),
    ("weight key and keys",
     {"model_specs": [{"example_weight_key": "y", "example_weight_keys": {"a": "b"}}]},
     "model_specs[0].example_weight_keys", "excludes 'example_weight_key'"),
    ("class names twice over",
     {"model_specs": [{"class_names": ["y"], "output_class_names": {"a": ["b"]}}]},
     "model_specs[0].output_class_names", "excludes 'class_names'"),
    ("same class twice", {"model_specs": [{"output_class_names": {"o": ["a", "b", "a"]}}]},
     "model_specs[0].output_class_names['o']", "class 'a' is given 2 times"),
    ("empty key", {"model_specs": [{"label_keys": {"a": ""}}]},
     "model_specs[0].label_keys['a']", "empty"),
    ("model type", {"model_specs": [{"model_type": "tf_kears"}]},
     "model_specs[0].model_type", "did you mean 'tf_keras'"),
    ("batch size", {"model_specs": [{"inference_batch_size": -1}]},
     "model_specs[0].inference_batch_size", "-1"),
    ("timeout", {"model_specs": [{"request_timeout_seconds": 0}]},
     "model_specs[0].request_timeout_seconds", "above 0"),
    ("dataset twice", {"datasets": [{"name": "a"}, {"name": "a"}]}, "datasets[1].name", "twice"),
    ("dataset without name", {"datasets": [{}]}, "datasets[0].name", "needs a name"),
    ("dataset of a spec", {"datasets": [{"name": "eval"}],
                           "metrics_specs": [{**auc(), "dataset_names": ["evl"]}]},
     "metrics_specs[0].dataset_names[0]", "unknown dataset 'evl' (did you mean 'eval'?)"),
    ("dataset of a threshold",
     {"metrics_specs": [auc(threshold=value(0.5, dataset_names=["x"]))]},
     "metrics_specs[0].metrics[0].threshold.dataset_names[0]", "unknown dataset 'x' (there are no"),
    ("column without name", {"derived_columns": [{"sql": "1"}]},
     "derived_columns[0].name", "needs a name"),
    ("column twice", {"derived_columns": [{"name": "a", "sql": "1"}, {"name": "a", "sql": "2"}]},
     "derived_columns[1].name", "defined twice"),
    ("column without kind", {"derived_columns": [{"name": "a"}]}, "derived_columns[0]", "one of"),
    ("empty sql", {"derived_columns": [{"name": "a", "sql": " "}]},
     "derived_columns[0].sql", "empty"),
    ("one quantile bin",
     {"derived_columns": [{"name": "a", "quantile_bins": {"key": "k", "num_bins": 1}}]},
     "derived_columns[0].quantile_bins.num_bins", "at least 2, got 1"),
    ("quantiles of nothing", {"derived_columns": [{"name": "a", "quantile_bins": {"num_bins": 2}}]},
     "derived_columns[0].quantile_bins.key", "names no feature"),
    ("edges that fall",
     {"derived_columns": [{"name": "a", "fixed_bins": {"key": "k", "edges": [2, 1]}}]},
     "derived_columns[0].fixed_bins.edges", "must increase"),
    ("edges that stay",
     {"derived_columns": [{"name": "a", "fixed_bins": {"key": "k", "edges": [1, 1]}}]},
     "derived_columns[0].fixed_bins.edges", "must increase"),
    ("edges at infinity",
     {"derived_columns": [{"name": "a", "fixed_bins": {"key": "k", "edges": ["inf"]}}]},
     "derived_columns[0].fixed_bins.edges", "finite"),
    ("no edges", {"derived_columns": [{"name": "a", "fixed_bins": {"key": "k"}}]},
     "derived_columns[0].fixed_bins.edges", "at least one"),
    ("labels of bins",
     {"derived_columns": [{"name": "a", "fixed_bins":
                           {"key": "k", "edges": [1, 2], "labels": ["a", "b"]}}]},
     "derived_columns[0].fixed_bins.labels", "2 edges make 3 bins, got 2 labels"),
    ("key and value", {"slicing_specs": [{"feature_keys": ["a"], "feature_values": {"a": "1"}}]},
     "slicing_specs[0].feature_keys", "'a' is fixed by feature_values"),
    ("key twice", {"slicing_specs": [{"feature_keys": ["a", "a"]}]},
     "slicing_specs[0].feature_keys", "2 times"),
    ("empty key of slices", {"slicing_specs": [{"feature_keys": [""]}]},
     "slicing_specs[0].feature_keys", "needs a name"),
    ("sql and keys", {"slicing_specs": [{"feature_keys": ["a"], "slice_keys_sql": "SELECT 1"}]},
     "slicing_specs[0].slice_keys_sql", "excludes"),
    ("slice against itself",
     {"cross_slicing_specs": [{"baseline_spec": {"feature_values": {"a": "1"}},
                               "slicing_specs": [{"feature_values": {"a": "1"}}]}]},
     "cross_slicing_specs[0].slicing_specs[0]", "compares the slice 'a=1' with itself"),
    ("cross spec inside", {"cross_slicing_specs": [
        {"baseline_spec": {"feature_keys": ["a", "a"]}}]},
     "cross_slicing_specs[0].baseline_spec.feature_keys", "2 times"),
    ("nothing at all", {"options": {"include_default_metrics": False}},
     "metrics_specs", "nothing to compute"),
    ("spec without metrics", {"metrics_specs": [{}]}, "metrics_specs[0]", "neither metrics nor"),
    ("metric without name", {"metrics_specs": [{"metrics": [{}]}]},
     "metrics_specs[0].metrics[0].class_name", "needs a class name"),
    ("unknown metric", {"metrics_specs": [{"metrics": [{"class_name": "Precison"}]}]},
     "metrics_specs[0].metrics[0].class_name",
     "unknown metric 'Precison' (did you mean 'Precision'?)"),
    ("broken settings", {"metrics_specs": [auc(config='{"a": ')]},
     "metrics_specs[0].metrics[0].config", "not the JSON of settings"),
    ("settings that are a list", {"metrics_specs": [auc(config="[1]")]},
     "metrics_specs[0].metrics[0].config", "not the JSON of settings"),
    ("unknown setting", {"metrics_specs": [auc(config='{"num_treshold": 1}')]},
     "metrics_specs[0].metrics[0].config", "(did you mean 'num_thresholds'?)"),
    ("unknown model", {"model_specs": MODELS,
                       "metrics_specs": [{**auc(), "model_names": ["candidat"]}]},
     "metrics_specs[0].model_names[0]", "(did you mean 'candidate'?)"),
    ("unknown output", {"model_specs": [{"label_keys": {"first": "a"}}],
                        "metrics_specs": [{**auc(), "output_names": ["frist"]}]},
     "metrics_specs[0].output_names[0]", "unknown output 'frist' (did you mean 'first'?)"),
    ("weight of unknown output", {"metrics_specs": [
        {**auc(), "output_names": ["a"], "output_weights": {"b": 1}}]},
     "metrics_specs[0].output_weights['b']", "unknown output 'b'"),
    ("negative output weight", {"metrics_specs": [{**auc(), "output_weights": {"b": -1}}]},
     "metrics_specs[0].output_weights['b']", "not negative, got -1"),
    ("zero output weights", {"metrics_specs": [{**auc(), "output_weights": {"b": 0}}]},
     "metrics_specs[0].output_weights", "all outputs are 0"),
    ("empty binarize", {"metrics_specs": [{**auc(), "binarize": {}}]},
     "metrics_specs[0].binarize", "names nothing"),
    ("negative class", {"metrics_specs": [{**auc(), "binarize": {"class_ids": [-1]}}]},
     "metrics_specs[0].binarize.class_ids", "at least 0, got [-1]"),
    ("class too far", {"model_specs": [{"class_names": ["a", "b"]}],
                       "metrics_specs": [{**auc(), "binarize": {"class_ids": [2]}}]},
     "metrics_specs[0].binarize.class_ids", "2 classes, ids 0 to 1, got [2]"),
    ("k of zero", {"metrics_specs": [{**auc(), "binarize": {"k_list": [0]}}]},
     "metrics_specs[0].binarize.k_list", "at least 1"),
    ("top k of zero", {"metrics_specs": [{**auc(), "binarize": {"top_k_list": [0]}}]},
     "metrics_specs[0].binarize.top_k_list", "at least 1"),
    ("class twice", {"metrics_specs": [{**auc(), "binarize": {"class_ids": [1, 1]}}]},
     "metrics_specs[0].binarize.class_ids", "twice"),
    ("aggregate of no type", {"metrics_specs": [{**auc(), "aggregate": {"top_k_list": [1]}}]},
     "metrics_specs[0].aggregate", "needs one of micro_average"),
    ("aggregate that is false", {"metrics_specs": [
        {**auc(), "aggregate": {"micro_average": False}}]},
     "metrics_specs[0].aggregate", "to be true"),
    ("macro without weights", {"metrics_specs": [{**auc(), "aggregate": {"macro_average": True}}]},
     "metrics_specs[0].aggregate", "macro_average needs class_weights"),
    ("weights and top k", {"metrics_specs": [{**auc(), "aggregate":
     {"macro_average": True, "class_weights": {0: 1}, "top_k_list": [1]}}]},
     "metrics_specs[0].aggregate.top_k_list", "excludes 'class_weights'"),
    ("negative class weight", {"metrics_specs": [{**auc(), "aggregate":
     {"macro_average": True, "class_weights": {0: -1}}}]},
     "metrics_specs[0].aggregate.class_weights[0]", "not negative, got -1"),
    ("negative weighted class", {"metrics_specs": [{**auc(), "aggregate":
     {"macro_average": True, "class_weights": {-1: 1}}}]},
     "metrics_specs[0].aggregate.class_weights[-1]", "a class id must not be negative"),
    ("zero class weights", {"metrics_specs": [{**auc(), "aggregate":
     {"macro_average": True, "class_weights": {0: 0}}}]},
     "metrics_specs[0].aggregate.class_weights", "all classes are 0"),
    ("weighted by nothing", {"metrics_specs": [{**auc(), "example_weights": {"weighted": True}}]},
     "metrics_specs[0].example_weights.weighted", "example_weight_key"),
    ("empty threshold", {"metrics_specs": [auc(threshold={})]},
     "metrics_specs[0].metrics[0].threshold", "needs a value_threshold or a change_threshold"),
    ("no bound", {"metrics_specs": [auc(threshold=value())]},
     "metrics_specs[0].metrics[0].threshold.value_threshold", "lower_bound or an upper_bound"),
    ("crossed bounds", {"metrics_specs": [auc(threshold=value(0.9, 0.8))]},
     "metrics_specs[0].metrics[0].threshold.value_threshold",
     "lower_bound 0.9 is above upper_bound 0.8"),
    ("bound NaN", {"metrics_specs": [{"thresholds": {"loss": value("NaN")}}]},
     "metrics_specs[0].thresholds['loss'].value_threshold", "NaN"),
    ("empty change", {"model_specs": MODELS, "metrics_specs": [
        auc(threshold={"change_threshold": {"direction": 1}})]},
     "metrics_specs[0].metrics[0].threshold.change_threshold", "needs 'absolute' or 'relative'"),
    ("change NaN", {"model_specs": MODELS, "metrics_specs": [
        auc(threshold=change(relative="NaN"))]},
     "metrics_specs[0].metrics[0].threshold.change_threshold.relative", "NaN"),
    ("no direction", {"model_specs": MODELS,
                      "metrics_specs": [auc(threshold=change("UNKNOWN"))]},
     "metrics_specs[0].metrics[0].threshold.change_threshold.direction", "HIGHER_IS_BETTER or"),
    ("no baseline", {"metrics_specs": [auc(threshold=change())]},
     "metrics_specs[0].metrics[0].threshold.change_threshold", "no baseline to compare with"),
    ("level of a threshold", {"metrics_specs": [auc(threshold=value(0.5, confidence_level=95))]},
     "metrics_specs[0].metrics[0].threshold.confidence_level", "(did you mean 0.95?)"),
    ("tolerance", {"metrics_specs": [auc(threshold=value(0.5, tolerance=-1))]},
     "metrics_specs[0].metrics[0].threshold.tolerance", "at least 0"),
    ("min examples", {"metrics_specs": [auc(threshold=value(0.5, min_examples=-1))]},
     "metrics_specs[0].metrics[0].threshold.min_examples", "not be negative"),
    ("per slice without slices", {"metrics_specs": [
        auc(per_slice_thresholds=[{"threshold": value(0.5)}])]},
     "metrics_specs[0].metrics[0].per_slice_thresholds[0].slicing_specs", "names no slices"),
    ("per slice in the model", {"metrics_specs": [
        {"per_slice_thresholds": {"loss": {"thresholds": [{"threshold": value(0.5)}]}}}]},
     "metrics_specs[0].per_slice_thresholds['loss'].thresholds[0].slicing_specs", "no slices"),
    ("slices that are not made", {"slicing_specs": [{"feature_keys": ["hour"]}], "metrics_specs": [
        auc(per_slice_thresholds=[{"slicing_specs": [{}], "threshold": value(0.5)}])]},
     "metrics_specs[0].metrics[0].per_slice_thresholds[0].slicing_specs[0]",
     "no slicing spec makes the slices 'Overall', only 'each hour'"),
    ("value that is not made",
     {"slicing_specs": [{"feature_values": {"a": "1"}}], "metrics_specs": [
        auc(per_slice_thresholds=[{"slicing_specs": [{"feature_values": {"a": "2"}}],
                                   "threshold": value(0.5)}])]},
     "metrics_specs[0].metrics[0].per_slice_thresholds[0].slicing_specs[0]",
     "no slicing spec makes the slices 'a=2', only 'a=1'"),
    ("cross without specs", {"metrics_specs": [
        auc(cross_slice_thresholds=[{"threshold": value(0.5)}])]},
     "metrics_specs[0].metrics[0].cross_slice_thresholds[0].cross_slicing_specs",
     "names no comparisons"),
    ("cross that is not made", {"metrics_specs": [
        auc(cross_slice_thresholds=[{"cross_slicing_specs": [{"baseline_spec": {}}],
                                     "threshold": value(0.5)}])]},
     "metrics_specs[0].metrics[0].cross_slice_thresholds[0].cross_slicing_specs[0]",
     "'Overall vs all others' is not among cross_slicing_specs (none)"),
    ("contradiction", {"metrics_specs": [
        auc(threshold=value(0.9), per_slice_thresholds=[
            {"slicing_specs": [{}], "threshold": value(high=0.8)}])]},
     "metrics_specs[0].metrics[0].per_slice_thresholds[0].threshold",
     "no value of AUC can satisfy both this and metrics_specs[0].metrics[0].threshold"),
    ("contradiction of specs", {"metrics_specs": [
        auc(threshold=value(0.9), config="{}"), auc(threshold=value(high=0.8))]},
     "metrics_specs[1].metrics[0].threshold", "no value of AUC can satisfy both"),
    ("opposite directions", {"model_specs": MODELS, "metrics_specs": [
        auc(threshold=change()), auc(threshold=change("LOWER_IS_BETTER"))]},
     "metrics_specs[1].metrics[0].threshold.change_threshold.direction", "opposite"),
    ("slice size", {"options": {"min_slice_size": 0}}, "options.min_slice_size", "at least 1"),
    ("bad records", {"options": {"max_bad_records": -2}}, "options.max_bad_records", "-2"),
    ("output", {"options": {"disabled_outputs": ["plot"]}},
     "options.disabled_outputs.values[0]", "(did you mean 'plots'?)"),
    ("replicates", {"options": {"confidence_intervals": {"num_replicates": 1}}},
     "options.confidence_intervals.num_replicates", "at least 2"),
    ("level", {"options": {"confidence_intervals": {"confidence_level": 1}}},
     "options.confidence_intervals.confidence_level", "below 1, got 1"),
    ("tolerance of all", {"decision": {"tolerance": 1}}, "decision.tolerance", "below 1"),
    ("level of all", {"decision": {"confidence_level": 0.05}},
     "decision.confidence_level", "at least 0.5"),
    ("correction of nothing", {"decision": {"correction": "HOLM"}},
     "decision.correction", "has no effect"),
    ("inconclusive nothing", {"decision": {"inconclusive": "BLESS"}},
     "decision.inconclusive", "has no effect"),
    ("tests without intervals",
     {"options": {"compute_confidence_intervals": False},
      "metrics_specs": [auc(threshold=value(0.5, confidence_level=0.9))]},
     "options.compute_confidence_intervals", "metrics_specs[0].metrics[0].threshold asks for"),
    ("alpha", {"weak_slices": {"alpha": 1}}, "weak_slices.alpha", "below 1"),
    ("depth", {"weak_slices": {"max_depth": -1}}, "weak_slices.max_depth", "not be negative"),
    ("bins", {"weak_slices": {"num_bins": 1}}, "weak_slices.num_bins", "at least 2"),
    ("features", {"weak_slices": {"feature_keys": ["a", "a"]}},
     "weak_slices.feature_keys", "twice"),
    ("no worst examples", {"worst_examples": {}}, "worst_examples.num_examples", "at least 1"),
    ("no reason", {"force_bless": {"requested_by": "me"}}, "force_bless.reason", "a reason"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "where", "what"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN]
)
def test_each_broken_rule_is_named_with_its_place_and_alone(source, where, what):
    found = problems_of(source, metric_arguments={"AUC": ["name", "num_thresholds"]})
    assert len(found) == 1, found
    assert found[0].startswith(f"{where}: "), found
    assert what in found[0], found


def test_all_problems_come_together():
    source = {
        "model_specs": [{"model_type": "x"}],
        "metrics_specs": [{"metrics": [{"class_name": "Acu"}]}],
        "options": {"min_slice_size": 0},
    }
    assert len(problems_of(source)) == 3


def test_splits_are_checked_where_they_are_known():
    source = {"datasets": [{"name": "evl"}, {"name": "g", "splits": ["gold"]}]}
    assert problems_of(source) == []
    assert problems_of(source, split_names=["eval", "golden"]) == [
        "datasets[0].name: unknown split 'evl' (did you mean 'eval'?)",
        "datasets[1].splits[0]: unknown split 'gold' (did you mean 'golden'?)",
    ]


def test_metric_names_are_not_checked_where_they_are_not_known():
    problems = Problems()
    config = parse_config({"metrics_specs": [{"metrics": [{"class_name": "Anything"}]}]})
    check_config(config, problems)
    assert not problems


def test_direction_may_be_left_out_where_the_metric_has_one():
    source = {"model_specs": MODELS, "metrics_specs": [auc(threshold=change("UNKNOWN"))]}
    assert problems_of(source, metric_directions={"AUC": 1}) == []
    assert len(problems_of(source, metric_directions={"AUC": 0})) == 1


def test_change_thresholds_need_a_baseline_or_an_excuse():
    source = {"metrics_specs": [auc(threshold=change())]}
    assert len(problems_of(source, has_baseline=False)) == 1
    assert problems_of(source, has_baseline=True) == []
    assert problems_of(source, rubber_stamp=True) == []
    assert problems_of({**source, "baseline_policy": {"missing": "EVALUATE_WITHOUT"}}) == []
    # A baseline that the config promises and the run does not bring.
    assert len(problems_of({**source, "model_specs": MODELS}, has_baseline=False)) == 1


def test_thresholds_that_cannot_meet_do_not_contradict():
    one, other = {"feature_values": {"a": "1"}}, {"feature_values": {"a": "2"}}
    low, high = value(0.9), value(high=0.8)
    for specs in (
        [auc(threshold=low, config='{"a": 1}'), auc(threshold=high)],
        [auc(threshold=low), {**auc(threshold=high), "binarize": {"class_ids": [1]}}],
        [
            auc(
                per_slice_thresholds=[
                    {"slicing_specs": [one], "threshold": low},
                    {"slicing_specs": [other], "threshold": high},
                ]
            )
        ],
        [
            auc(
                threshold={**low, "dataset_names": ["a"]},
                per_slice_thresholds=[
                    {"slicing_specs": [one], "threshold": {**high, "dataset_names": ["b"]}}
                ],
            )
        ],
        [
            auc(
                threshold=low,
                cross_slice_thresholds=[
                    {
                        "cross_slicing_specs": [{"baseline_spec": {}}],
                        "threshold": value(-0.1, 0.1),
                    }
                ],
            )
        ],
    ):
        source = {
            "datasets": [{"name": "a"}, {"name": "b"}],
            "slicing_specs": [{}, {"feature_keys": ["a"]}],
            "cross_slicing_specs": [{"baseline_spec": {}}],
            "metrics_specs": specs,
        }
        assert problems_of(source) == []


def test_slices_of_comparisons_and_of_sql_can_have_thresholds():
    threshold = {"slicing_specs": [{"feature_values": {"a": "1"}}], "threshold": value(0.5)}
    specs = [auc(per_slice_thresholds=[threshold])]
    for more in (
        {"cross_slicing_specs": [{"slicing_specs": [{"feature_keys": ["a"]}]}]},
        {"slicing_specs": [{"slice_keys_sql": "SELECT STRUCT(a)"}]},
    ):
        assert problems_of({"metrics_specs": specs, **more}) == []


def test_a_single_model_can_be_named_in_metrics_specs():
    source = {"model_specs": [{"name": "m"}], "metrics_specs": [{**auc(), "model_names": ["m"]}]}
    assert problems_of(source) == []
    source["metrics_specs"][0]["model_names"] = ["n"]
    assert len(problems_of(source)) == 1


@pytest.mark.parametrize("name", ["tfma_eval", "eval", "TF_KERAS", "scikit-learn", "tf_js"])
def test_every_name_of_a_kind_of_model_is_known(name):
    problems = Problems()
    config = parse_config({"model_specs": [{"label_key": "y", "model_type": name}]})
    check_config(config, problems, ["AUC"])
    assert problems.found == []
