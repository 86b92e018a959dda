"""Which slices and metrics a threshold is for."""

from __future__ import annotations

import pytest

from evaluator_component.config import parse_config
from evaluator_component.keys import CrossSliceKey, MetricKey, SubKey
from evaluator_component.validation import CrossSliceSet, SliceSet, read_thresholds

UA7 = (("carrier", "UA"), ("hour", 7))


@pytest.mark.parametrize(
    ("keys", "values", "slice_key", "expected"),
    [
        ((), (), (), True),
        ((), (), UA7, False),
        (("carrier",), (), (), False),
        (("carrier",), (), (("carrier", "UA"),), True),
        (("carrier",), (), UA7, False),
        (("hour", "carrier"), (), UA7, True),
        (("hour",), (("carrier", "UA"),), UA7, True),
        (("hour",), (("carrier", "AA"),), UA7, False),
        ((), (("carrier", "UA"), ("hour", "7")), UA7, True),
        ((), (("carrier", "UA"), ("hour", "7.0")), UA7, True),
        ((), (("carrier", "UA"), ("hour", "8")), UA7, False),
        ((), (("hour", "7"),), (("hour", "07"),), False),
        ((), (("share", "0.1"),), (("share", 0.1),), True),
    ],
)
def test_a_slicing_spec_matches_the_slices_that_it_makes(keys, values, slice_key, expected):
    assert SliceSet(tuple(keys), tuple(values)).matches(slice_key) == expected


def test_cross_slices_match_in_their_order():
    ua, aa = SliceSet((), (("c", "UA"),)), SliceSet((), (("c", "AA"),))
    pair = CrossSliceKey((("c", "UA"),), (("c", "AA"),))
    assert CrossSliceSet(ua, (aa,)).matches(pair)
    assert CrossSliceSet(ua).matches(pair)
    assert CrossSliceSet(ua, (SliceSet(("c",)),)).matches(pair)
    assert not CrossSliceSet(aa, (ua,)).matches(pair)
    assert not CrossSliceSet(ua, (aa,)).matches((("c", "UA"),))
    assert not ua.matches(pair)
    assert str(CrossSliceSet(ua)) == "c=UA vs all others"


def _slots(spec, models=({},), metric=None):
    metric = metric or {"class_name": "MeanLabel"}
    metric = {**metric, "threshold": {"value_threshold": {"lower_bound": 0}}}
    spec = {"metrics": [metric], **spec}
    (threshold,) = read_thresholds(
        parse_config({"model_specs": list(models), "metrics_specs": [spec]})
    )
    return threshold.slots


def _matched(slots, *keys):
    return [any(slot.matches(key) for slot in slots) for key in keys]


def test_classes_and_aggregations_each_have_a_slot():
    binarize = {"class_ids": [1, 2], "top_k_list": [3]}
    slots = _slots(
        {
            "binarize": binarize,
            "aggregate": {"macro_average": True, "class_weights": {1: 1.0, 2: 1.0}},
        },
        metric={"class_name": "Precision"},
    )
    found = {(slot.sub_key, slot.aggregation) for slot in slots}
    assert found == {
        (SubKey(class_id=1), None),
        (SubKey(class_id=2), None),
        (SubKey(top_k=3), None),
        (None, "macro"),
    }


def test_every_candidate_has_a_slot_and_the_baseline_none():
    models = [{"name": "x"}, {"name": "y"}, {"name": "old", "is_baseline": True}]
    (slot,) = _slots({}, models)
    assert slot.model_names == ("x", "y")
    assert _matched([slot], MetricKey("mean_label", "x"), MetricKey("mean_label", "old")) == [
        True,
        False,
    ]
    (slot,) = _slots({"model_names": ["y", "old"]}, models)
    assert slot.model_names == ("y",)


def test_outputs_are_any_unless_named():
    (slot,) = _slots({})
    assert _matched([slot], MetricKey("mean_label", output_name="ctr")) == [True]
    (slot,) = _slots({"output_names": ["cvr"]})
    assert _matched([slot], MetricKey("mean_label", output_name="ctr")) == [False]


def test_a_keras_metric_is_named_by_its_class_or_its_argument():
    (slot,) = _slots({}, metric={"class_name": "HingeAccuracy", "module": "tf_keras.metrics"})
    assert slot.name == "hinge_accuracy"
    metric = {"class_name": "HingeAccuracy", "module": "tf_keras.metrics", "config": '"name": "h"'}
    (slot,) = _slots({}, metric=metric)
    assert slot.name == "h"


def test_thresholds_restricted_to_datasets_stay_within_those_of_their_spec():
    def datasets(own, of_spec):
        value = {"value_threshold": {"lower_bound": 0}, "dataset_names": own}
        config = parse_config(
            {
                "metrics_specs": [
                    {
                        "metrics": [{"class_name": "MeanLabel", "threshold": value}],
                        "dataset_names": of_spec,
                    }
                ]
            }
        )
        return read_thresholds(config)[0].datasets

    assert datasets([], []) == ()
    assert datasets(["a"], []) == ("a",)
    assert datasets([], ["a", "b"]) == ("a", "b")
    assert datasets(["a"], ["a", "b"]) == ("a",)
