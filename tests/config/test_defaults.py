"""Defaults say what a config means where it says nothing, and never change the config."""

from __future__ import annotations

import pytest

from evaluator_component.config import (
    BASELINE,
    CANDIDATE,
    has_change_threshold,
    parse_config,
    prepare_config,
    with_defaults,
)
from evaluator_component.errors import ConfigError

CHANGE = {"change_threshold": {"absolute": 0, "direction": "HIGHER_IS_BETTER"}}
VALUE = {"value_threshold": {"lower_bound": 0.5}}
NAMED = [{"name": "new"}, {"name": "old", "is_baseline": True}]


def filled(source, **settings):
    return with_defaults(parse_config(source), **settings)


def test_the_argument_is_not_changed():
    config = parse_config(
        {
            "model_specs": NAMED,
            "metrics_specs": [{"metrics": [{"class_name": "AUC", "threshold": CHANGE}]}],
        }
    )
    before = config.SerializeToString(deterministic=True)
    with_defaults(config, has_baseline=False, rubber_stamp=True)
    assert config.SerializeToString(deterministic=True) == before


def test_defaults_of_an_empty_config():
    config = filled({})
    assert [spec.name for spec in config.model_specs] == [""]
    assert len(config.slicing_specs) == 1
    assert config.options.include_default_metrics.value is True
    assert config.options.min_slice_size.value == 1
    assert config.options.max_bad_records.value == 0
    assert config.options.compute_confidence_intervals.value is False
    assert not config.options.HasField("confidence_intervals")
    assert config.decision.tolerance.value == 1e-9


def test_defaults_of_defaults_are_the_same():
    once = filled({"metrics_specs": [{"metrics": [{"class_name": "AUC"}]}]}, has_baseline=True)
    assert with_defaults(once, has_baseline=True) == once
    assert with_defaults(once) == once


def test_a_single_model_has_no_name_anywhere():
    config = filled({"model_specs": [{"name": "m"}], "metrics_specs": [{"model_names": ["m"]}, {}]})
    assert config.model_specs[0].name == ""
    assert [list(spec.model_names) for spec in config.metrics_specs] == [[""], [""]]


def test_an_unnamed_model_and_its_baseline_get_names():
    config = filled({"model_specs": [{"label_key": "y"}], "metrics_specs": [{}]}, has_baseline=True)
    assert [spec.name for spec in config.model_specs] == [CANDIDATE, BASELINE]
    assert [spec.is_baseline for spec in config.model_specs] == [False, True]
    assert [spec.label_key for spec in config.model_specs] == ["y", "y"]
    assert list(config.metrics_specs[0].model_names) == [CANDIDATE, BASELINE]


def test_named_models_keep_their_names():
    config = filled({"model_specs": NAMED, "metrics_specs": [{}]}, has_baseline=True)
    assert list(config.metrics_specs[0].model_names) == ["new", "old"]


def test_a_baseline_that_was_not_given_goes_with_all_that_is_about_it_alone():
    config = filled(
        {
            "model_specs": NAMED,
            "metrics_specs": [{"model_names": ["old"]}, {"model_names": ["old", "new"]}, {}],
        },
        has_baseline=False,
    )
    assert [spec.name for spec in config.model_specs] == [""]
    assert [list(spec.model_names) for spec in config.metrics_specs] == [[""], [""]]


def test_the_candidates_of_several_keep_their_names_when_the_baseline_goes():
    models = [*NAMED, {"name": "third"}]
    config = filled({"model_specs": models, "metrics_specs": [{}]}, has_baseline=False)
    assert list(config.metrics_specs[0].model_names) == ["new", "third"]


EVERYWHERE = {
    "metrics_specs": [
        {
            "metrics": [
                {
                    "class_name": "AUC",
                    "threshold": {**CHANGE, **VALUE},
                    "per_slice_thresholds": [
                        {"slicing_specs": [{}], "threshold": CHANGE},
                        {"slicing_specs": [{}], "threshold": {**CHANGE, **VALUE}},
                    ],
                    "cross_slice_thresholds": [{"cross_slicing_specs": [{}], "threshold": CHANGE}],
                },
                {"class_name": "Recall", "threshold": CHANGE},
            ],
            "thresholds": {"a": CHANGE, "b": VALUE},
            "per_slice_thresholds": {"a": {"thresholds": [{"threshold": CHANGE}]}},
            "cross_slice_thresholds": {
                "a": {"thresholds": [{"threshold": CHANGE}, {"threshold": VALUE}]}
            },
        }
    ]
}


@pytest.mark.parametrize(
    ("more", "settings"),
    [
        ({}, {"rubber_stamp": True}),
        ({"baseline_policy": {"missing": "EVALUATE_WITHOUT"}}, {}),
    ],
)
def test_change_thresholds_go_where_there_is_an_excuse_for_no_baseline(more, settings):
    config = filled({**EVERYWHERE, **more}, has_baseline=False, **settings)
    assert not has_change_threshold(config)
    (spec,) = config.metrics_specs
    auc, recall = spec.metrics
    assert auc.threshold.HasField("value_threshold")
    assert len(auc.per_slice_thresholds) == 1
    assert not auc.cross_slice_thresholds
    assert not recall.HasField("threshold")
    assert list(spec.thresholds) == ["b"]
    assert not spec.per_slice_thresholds
    assert len(spec.cross_slice_thresholds["a"].thresholds) == 1


def test_change_thresholds_stay_without_excuse_and_with_a_baseline():
    assert has_change_threshold(filled(EVERYWHERE, has_baseline=False))
    assert has_change_threshold(filled(EVERYWHERE, has_baseline=True, rubber_stamp=True))


def test_a_baseline_that_nothing_needs_is_skipped_on_request():
    source = {
        "baseline_policy": {"unused": "SKIP"},
        "metrics_specs": [{"metrics": [{"class_name": "FlipRate"}]}],
    }
    assert len(filled(source, has_baseline=True).model_specs) == 1
    needed = filled(source, has_baseline=True, comparison_metrics=["FlipRate"])
    assert len(needed.model_specs) == 2
    del source["baseline_policy"]
    assert len(filled(source, has_baseline=True).model_specs) == 2


def test_metrics_are_weighted_if_their_models_have_weights():
    source = {
        "model_specs": [{"name": "a", "example_weight_keys": {"o": "w"}}, {"name": "b"}],
        "metrics_specs": [
            {},
            {"model_names": ["a"]},
            {"model_names": ["b"]},
            {"example_weights": {"unweighted": True}},
            {"example_weights": {"weighted": True, "unweighted": True}},
        ],
    }
    options = [spec.example_weights for spec in filled(source).metrics_specs]
    assert [(one.weighted, one.unweighted) for one in options] == [
        (True, False),
        (True, False),
        (False, True),
        (False, True),
        (True, True),
    ]


@pytest.mark.parametrize(
    ("source", "method", "replicates"),
    [
        ({"options": {"compute_confidence_intervals": True}}, "JACKKNIFE", 20),
        (
            {"options": {"confidence_intervals": {"method": "POISSON_BOOTSTRAP"}}},
            "POISSON_BOOTSTRAP",
            100,
        ),
        ({"options": {"confidence_intervals": {"num_replicates": 7}}}, "JACKKNIFE", 7),
        (
            {"metrics_specs": [{"thresholds": {"a": {**VALUE, "confidence_level": 0.9}}}]},
            "JACKKNIFE",
            20,
        ),
        (
            {
                "decision": {"confidence_level": 0.9},
                "metrics_specs": [{"thresholds": {"a": VALUE}}],
            },
            "JACKKNIFE",
            20,
        ),
    ],
)
def test_confidence_intervals_are_computed_where_something_asks_for_them(
    source, method, replicates
):
    options = filled(source).options
    assert options.compute_confidence_intervals.value is True
    intervals = options.confidence_intervals
    assert intervals.ConfidenceIntervalMethod.Name(intervals.method) == method
    assert intervals.num_replicates.value == replicates
    assert intervals.confidence_level.value == 0.95


def test_confidence_intervals_that_are_switched_off_stay_off():
    source = {
        "options": {
            "compute_confidence_intervals": False,
            "confidence_intervals": {"method": "JACKKNIFE"},
        }
    }
    options = filled(source).options
    assert options.compute_confidence_intervals.value is False
    assert not options.confidence_intervals.HasField("num_replicates")


def test_searches_get_their_numbers_and_stay_off_where_they_are_not_asked_for():
    assert not filled({}).HasField("weak_slices")
    search = filled({"weak_slices": {"alpha": 0.2}}).weak_slices
    assert (search.max_depth, search.min_examples, search.alpha) == (2, 100, 0.2)
    assert (search.max_results, search.num_bins) == (20, 8)


def test_prepare_reads_checks_and_fills():
    config = prepare_config("metrics_specs { metrics { class_name: 'AUC' } }", ["AUC"])
    assert config.model_specs
    with pytest.raises(ConfigError, match="did you mean 'AUC'"):
        prepare_config("metrics_specs { metrics { class_name: 'AUCC' } }", ["AUC"])
    with pytest.raises(ConfigError, match="no baseline to compare with"):
        prepare_config({"metrics_specs": [{"thresholds": {"a": CHANGE}}]})
