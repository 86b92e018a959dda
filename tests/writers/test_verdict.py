"""The verdict comes back as it was, and TensorFlow Model Analysis finds its fields."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluator_component.errors import ResultError
from evaluator_component.keys import CrossSliceKey, MetricKey, SubKey
from evaluator_component.protos import validation_result_pb2 as pb
from evaluator_component.results.load import load_eval_result, load_verdict
from evaluator_component.results.records import load_validation_result
from evaluator_component.validation import attribution, weak_slices
from evaluator_component.validation.decision import Decision
from evaluator_component.validation.slice_sets import CrossSliceSet, SliceSet
from evaluator_component.validation.verdict import Verdict
from evaluator_component.writers.judgements import Judgement, bound_in_words, judge_numbers
from evaluator_component.writers.store import write_results, write_verdict
from evaluator_component.writers.verdict_protos import verdict_of, verdict_proto

sys.path.insert(0, str(Path(__file__).parent))
import small_tables
from small_tables import AUC, UA


def full_verdict() -> Verdict:
    """A verdict with every field set."""
    key = MetricKey("auc", "candidate", "tip", SubKey(3), "micro", True)
    contribution = attribution.Contribution(
        **{
            field.name: UA if field.name == "slice_key" else 0.25
            for field in dataclasses.fields(attribution.Contribution)
        }
    )
    return dataclasses.replace(
        small_tables.verdict(),
        decisions=(
            *small_tables.verdict().decisions,
            Decision(
                "everything",
                key,
                CrossSliceKey(UA, ()),
                dataset="golden",
                check="RELATIVE_CHANGE",
                outcome="INCONCLUSIVE",
                severity="WARN",
                value=0.5,
                baseline=0.4,
                difference=0.25,
                bound=0.1,
                margin=0.15,
                lower=-0.1,
                upper=float("inf"),
                standard_error=0.0,
                confidence_level=0.9,
                p_value=0.5,
                adjusted_p_value=1.0,
                num_examples=10,
                num_examples_needed=1000,
                sentence="a sentence",
                part="0.5",
                message="a message",
            ),
            Decision("nowhere", None, None, outcome="FAILED", sentence="no such metric"),
        ),
        rubber_stamp=True,
        missing_thresholds=True,
        missing_slices=(SliceSet(("hour",), (("carrier", "UA"),)), SliceSet(sql="SELECT 1")),
        missing_cross_slices=(CrossSliceSet(SliceSet(), (SliceSet(("hour",)),)),),
        slicing_details=((SliceSet(), 1), (CrossSliceSet(SliceSet()), 3)),
        forced_reason="the demo is tomorrow",
        forced_by="ada",
        num_inconclusive=1,
        num_skipped=2,
        num_warnings=3,
        attribution=(
            attribution.Attribution(
                metric_key=key,
                features=("hour",),
                dataset="",
                before=0.8,
                after=0.9,
                mix=0.05,
                performance=0.05,
                reversal=False,
                everywhere=True,
                contributions=(contribution,),
                sentence="up",
            ),
        ),
        weak_slices=tuple(_weak_slices()),
    )


def _weak_slices() -> Any:
    sums = weak_slices.SliceSums(
        ((), (("hour", 7),), (("hour", 8),)),
        count=[2000, 500, 500],
        total=[250.0, 100.0, 50.0],
        squares=[250.0, 100.0, 50.0],
    )
    return weak_slices.find_weak_slices(sums)


def test_every_field_of_a_verdict_comes_back() -> None:
    verdict = full_verdict()
    for field in dataclasses.fields(Verdict):
        assert getattr(verdict, field.name) not in ("", (), 0, False, None), field.name
    proto = pb.ValidationResult.FromString(verdict_proto(verdict).SerializeToString())
    assert verdict_of(proto) == verdict


def test_a_value_that_is_no_number_stays_apart_from_none_at_all() -> None:
    nan = Decision("floor", AUC, (), value=float("nan"))
    none = Decision("floor", AUC, (), value=None)
    verdict = Verdict("NOT_BLESSED", summary="NOT BLESSED.", decisions=(nan, none))
    read = verdict_of(verdict_proto(verdict)).decisions
    assert np.isnan(read[0].value)
    assert read[1].value is None


def test_failures_stand_where_others_look_for_them() -> None:
    proto = verdict_proto(small_tables.verdict())
    assert not proto.validation_ok
    (of_slice,) = proto.metric_validations_per_slice
    assert of_slice.slice_key.single_slice_keys[0].bytes_value == b"UA"
    (failure,) = of_slice.failures
    assert failure.metric_key.name == "auc"
    assert failure.metric_value.double_value.value == 0.8
    assert failure.message.startswith("UA is our largest carrier carrier=UA: AUC is 0.8")


def test_the_verdict_is_written_and_loaded(tmp_path: Path) -> None:
    verdict = full_verdict()
    write_results(str(tmp_path), [small_tables.table()], verdict=verdict)
    assert load_verdict(tmp_path) == verdict
    assert load_eval_result(tmp_path).verdict == verdict
    assert load_validation_result(str(tmp_path)).verdict == pb.ValidationResult.NOT_BLESSED
    found = json.loads((tmp_path / "verdict.json").read_text(encoding="utf-8"))
    assert found["verdict"] == "NOT_BLESSED"
    assert found["decisions"][2]["upper"] == "Infinity"


def test_no_verdict_is_told(tmp_path: Path) -> None:
    write_results(str(tmp_path), [small_tables.table()])
    assert load_eval_result(tmp_path).verdict is None
    with pytest.raises(ResultError, match="no verdict"):
        load_verdict(tmp_path)


def test_the_verdict_of_another_program_is_read() -> None:
    proto = pb.ValidationResult(validation_ok=False)
    proto.missing_slices.add(feature_keys=["hour"])
    of_slice = proto.metric_validations_per_slice.add()
    of_slice.slice_key.SetInParent()
    for value, message in ((0.5, ""), (2.0, "")):
        failure = of_slice.failures.add(message=message)
        failure.metric_key.name = "auc"
        failure.metric_value.double_value.value = value
        bounds = failure.metric_threshold.value_threshold
        bounds.lower_bound.value, bounds.upper_bound.value = 0.8, 1.0
    changed = of_slice.failures.add()
    changed.metric_key.name = "auc"
    changed.metric_value.double_value.value = -0.1
    changed.metric_threshold.change_threshold.absolute.value = 0.0
    verdict = verdict_of(proto)
    assert verdict.status == "NOT_BLESSED"
    assert verdict.summary == "NOT BLESSED: 3 failed, 1 missing."
    checks = [(each.check, each.bound) for each in verdict.decisions]
    assert checks == [("LOWER_BOUND", 0.8), ("UPPER_BOUND", 1.0), ("ABSOLUTE_CHANGE", 0.0)]
    assert verdict.num_failed == 3
    assert verdict_of(pb.ValidationResult(validation_ok=True)).summary == "BLESSED."


def test_several_decisions_about_one_number_are_joined() -> None:
    low = Decision("a", AUC, UA, check="LOWER_BOUND", outcome="PASSED", bound=0.5)
    high = Decision("b", AUC, UA, check="UPPER_BOUND", outcome="FAILED", bound=0.9)
    warned = dataclasses.replace(high, severity="WARN")
    unknown = Decision("c", AUC, (), outcome="FAILED")
    assert judge_numbers([low, high, unknown]) == {
        ("", AUC, UA): Judgement(">= 0.5; <= 0.9", "FAILED"),
        ("", AUC, ()): Judgement("", "FAILED"),
    }
    assert judge_numbers([low, warned])["", AUC, UA].outcome == "WARNING"


@pytest.mark.parametrize(
    ("check", "bound", "difference", "margin", "words"),
    [
        ("RELATIVE_CHANGE", -0.05, -0.01, 0.04, "relative change >= -5 %"),
        ("RELATIVE_CHANGE", 0.05, 0.01, 0.04, "relative change <= 5 %"),
        ("ABSOLUTE_CHANGE", 0.0, 0.1, -0.1, "change <= 0"),
        ("ABSOLUTE_CHANGE", 0.0, 0.0, 0.0, "change bounded by 0"),
        ("ABSOLUTE_CHANGE", 0.0, None, None, "change bounded by 0"),
    ],
)
def test_bounds_in_words(
    check: str, bound: float, difference: float | None, margin: float | None, words: str
) -> None:
    decision = Decision(
        "t", AUC, (), check=check, bound=bound, difference=difference, margin=margin
    )
    assert bound_in_words(decision) == words


def test_writing_a_verdict_twice_leaves_one(tmp_path: Path) -> None:
    write_verdict(str(tmp_path), small_tables.verdict())
    write_verdict(str(tmp_path), Verdict("BLESSED", summary="BLESSED."))
    assert load_validation_result(str(tmp_path / "validations.tfrecord")).validation_ok
