"""The verdict as `ValidationResult`, and back; and as JSON.

TensorFlow Model Analysis reads `validation_ok`, the failures slice by slice, the missing slices and
the counts of slices; every decision, with its reasons, stands in fields of ours.

Example:
    >>> verdict = Verdict("BLESSED", summary="BLESSED: 1 check passed, none failed.", num_passed=1)
    >>> verdict_proto(verdict).validation_ok
    True
    >>> verdict_of(verdict_proto(verdict)) == verdict
    True
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from evaluator_component.keys import CrossSliceKey, MetricKey, SliceKey, SubKey
from evaluator_component.protos import eval_config_pb2
from evaluator_component.protos import validation_result_pb2 as pb
from evaluator_component.validation.attribution import Attribution, Contribution
from evaluator_component.validation.decision import Decision
from evaluator_component.validation.slice_sets import CrossSliceSet, SliceSet
from evaluator_component.validation.verdict import Verdict
from evaluator_component.validation.weak_slices import WeakSlice
from evaluator_component.writers import tagged_json
from evaluator_component.writers.key_protos import (
    fill_any_slice_key,
    metric_key_of,
    metric_key_proto,
    record_slice_key,
    slice_key_of,
)
from evaluator_component.writers.value_protos import number_of

__all__ = ["verdict_json", "verdict_of", "verdict_proto"]

_NUMBERS = (
    "value",
    "baseline",
    "difference",
    "bound",
    "margin",
    "lower",
    "upper",
    "standard_error",
    "confidence_level",
    "p_value",
    "adjusted_p_value",
    "num_examples",
    "num_examples_needed",
)
_TEXTS = ("threshold_name", "dataset", "sentence", "part", "message")
_COUNTS = ("num_passed", "num_failed", "num_inconclusive", "num_skipped", "num_warnings")
_SEVERITY = eval_config_pb2.MetricThreshold.Severity
#: What `findings` is made of.
_TYPES = {
    kind.__name__: kind
    for kind in (Attribution, Contribution, WeakSlice, CrossSliceKey, MetricKey, SubKey)
}


def verdict_json(verdict: Verdict) -> str:
    """Returns the content of `verdict.json`."""
    return json.dumps(verdict.to_dict(), indent=1, ensure_ascii=False) + "\n"


# -------------------------------------------------------------------------------------------------
# To a proto


def verdict_proto(verdict: Verdict) -> pb.ValidationResult:
    """Returns a verdict as a proto."""
    proto = pb.ValidationResult(
        validation_ok=verdict.validation_ok,
        missing_thresholds=verdict.missing_thresholds,
        rubber_stamp=verdict.rubber_stamp,
        verdict=pb.ValidationResult.Verdict.Value(verdict.status),
        forced_reason=verdict.forced_reason,
        forced_by=verdict.forced_by,
        summary=verdict.summary,
        notes=verdict.notes,
        **{name: getattr(verdict, name) for name in _COUNTS},
    )
    for (dataset, slice_key), decisions in verdict.failures_by_slice().items():
        of_slice = proto.metric_validations_per_slice.add(dataset=dataset)
        fill_any_slice_key(slice_key, of_slice)
        for decision in decisions:
            _fill_failure(decision, of_slice.failures.add())
    for missing in verdict.missing_slices:
        _fill_slices(missing, proto.missing_slices.add())
    for missing_pair in verdict.missing_cross_slices:
        _fill_cross_slices(missing_pair, proto.missing_cross_slices.add())
    for slices, count in verdict.slicing_details:
        details = proto.validation_details.slicing_details.add(num_matching_slices=count)
        if isinstance(slices, CrossSliceSet):
            _fill_cross_slices(slices, details.cross_slicing_spec)
        else:
            details.slicing_spec.SetInParent()
            _fill_slices(slices, details.slicing_spec)
    for decision in verdict.decisions:
        _fill_decision(decision, proto.decisions.add())
    if verdict.attribution or verdict.weak_slices:
        found = {"attribution": verdict.attribution, "weak_slices": verdict.weak_slices}
        proto.findings = tagged_json.dumps(found, types=_TYPES)
    return proto


def _fill_failure(decision: Decision, proto: pb.ValidationFailure) -> None:
    if decision.metric_key is not None:
        proto.metric_key.CopyFrom(metric_key_proto(decision.metric_key))
    source = getattr(decision.threshold, "source", None)
    if source is not None:
        proto.metric_threshold.MergeFromString(source.SerializeToString())
    if decision.value is not None:
        proto.metric_value.double_value.value = decision.value
    proto.message = " ".join(text for text in (decision.message, decision.sentence) if text)


def _fill_decision(decision: Decision, proto: pb.Decision) -> None:
    for name in _TEXTS:
        setattr(proto, name, getattr(decision, name))
    if decision.metric_key is not None:
        proto.metric_key.CopyFrom(metric_key_proto(decision.metric_key))
    if decision.slice_key is not None:
        fill_any_slice_key(decision.slice_key, proto)
    proto.check = pb.Decision.Check.Value(decision.check)
    proto.outcome = pb.Decision.Outcome.Value(decision.outcome)
    proto.severity = _SEVERITY.Value(decision.severity)
    for name in _NUMBERS:
        number = getattr(decision, name)
        if number is not None:
            getattr(proto, name).value = number


def _fill_slices(slices: SliceSet, proto: eval_config_pb2.SlicingSpec) -> None:
    proto.feature_keys.extend(slices.feature_keys)
    proto.feature_values.update(dict(slices.feature_values))
    proto.slice_keys_sql = slices.sql


def _fill_cross_slices(slices: CrossSliceSet, proto: eval_config_pb2.CrossSlicingSpec) -> None:
    proto.baseline_spec.SetInParent()
    _fill_slices(slices.baseline, proto.baseline_spec)
    for comparison in slices.comparisons:
        _fill_slices(comparison, proto.slicing_specs.add())


# -------------------------------------------------------------------------------------------------
# From a proto


def verdict_of(proto: pb.ValidationResult) -> Verdict:
    """Returns the verdict that a proto holds.

    One that another program wrote tells failures only: these become the decisions.
    """
    ours = proto.verdict != pb.ValidationResult.VERDICT_UNKNOWN
    status = pb.ValidationResult.Verdict.Name(proto.verdict)
    if not ours:
        status = "BLESSED" if proto.validation_ok else "NOT_BLESSED"
    decisions = (
        tuple(map(_decision_of, proto.decisions)) if ours else tuple(_foreign_decisions(proto))
    )
    counts = {name: getattr(proto, name) for name in _COUNTS}
    if not ours:
        counts["num_failed"] = len(decisions)
    found: dict[str, Any] = {}
    if proto.findings:
        found = tagged_json.loads(proto.findings, types=_TYPES)
    return Verdict(
        status=status,
        summary=proto.summary or _foreign_summary(proto, decisions),
        decisions=decisions,
        rubber_stamp=proto.rubber_stamp,
        missing_thresholds=proto.missing_thresholds,
        missing_slices=tuple(map(SliceSet.read, proto.missing_slices)),
        missing_cross_slices=tuple(map(CrossSliceSet.read, proto.missing_cross_slices)),
        slicing_details=tuple(
            (_slices_of(details), details.num_matching_slices)
            for details in proto.validation_details.slicing_details
        ),
        forced_reason=proto.forced_reason,
        forced_by=proto.forced_by,
        notes=tuple(proto.notes),
        attribution=tuple(found.get("attribution", ())),
        weak_slices=tuple(found.get("weak_slices", ())),
        **counts,
    )


def _slices_of(details: pb.SlicingDetails) -> SliceSet | CrossSliceSet:
    if details.HasField("cross_slicing_spec"):
        return CrossSliceSet.read(details.cross_slicing_spec)
    return SliceSet.read(details.slicing_spec)


def _decision_of(proto: pb.Decision) -> Decision:
    slice_key: SliceKey | CrossSliceKey | None = None
    if proto.WhichOneof("slice"):
        slice_key = record_slice_key(proto)
    numbers = {name: getattr(proto, name).value for name in _NUMBERS if proto.HasField(name)}
    return Decision(
        metric_key=metric_key_of(proto.metric_key) if proto.HasField("metric_key") else None,
        slice_key=slice_key,
        check=pb.Decision.Check.Name(proto.check),
        outcome=pb.Decision.Outcome.Name(proto.outcome),
        severity=_SEVERITY.Name(proto.severity),
        **{name: getattr(proto, name) for name in _TEXTS},
        **numbers,
    )


def _foreign_decisions(proto: pb.ValidationResult) -> list[Decision]:
    found = []
    for of_slice in proto.metric_validations_per_slice:
        if of_slice.HasField("cross_slice_key"):
            slice_key: SliceKey | CrossSliceKey = record_slice_key(of_slice)
        else:
            slice_key = slice_key_of(of_slice.slice_key)
        for failure in of_slice.failures:
            decision = Decision(
                threshold_name="",
                metric_key=metric_key_of(failure.metric_key),
                slice_key=slice_key,
                outcome="FAILED",
                value=number_of(failure.metric_value),
                sentence=failure.message,
            )
            found.append(dataclasses.replace(decision, **_bound_of(failure)))
    return found


def _bound_of(failure: pb.ValidationFailure) -> dict[str, Any]:
    """Returns which bound was missed, as far as a failure of another program tells."""
    threshold = failure.metric_threshold.value_threshold
    value = number_of(failure.metric_value)
    if value is None:
        return {}
    lower, upper = threshold.lower_bound, threshold.upper_bound
    if threshold.HasField("lower_bound") and not value >= lower.value:
        return {"check": "LOWER_BOUND", "bound": lower.value, "margin": value - lower.value}
    if threshold.HasField("upper_bound") and not value <= upper.value:
        return {"check": "UPPER_BOUND", "bound": upper.value, "margin": upper.value - value}
    change = failure.metric_threshold.change_threshold
    if change.HasField("absolute"):
        return {"check": "ABSOLUTE_CHANGE", "bound": change.absolute.value}
    if change.HasField("relative"):
        return {"check": "RELATIVE_CHANGE", "bound": change.relative.value}
    return {}


def _foreign_summary(proto: pb.ValidationResult, decisions: tuple[Decision, ...]) -> str:
    if proto.validation_ok:
        return "BLESSED."
    if proto.missing_thresholds:
        return "NOT BLESSED: the config has no thresholds."
    missing = len(proto.missing_slices) + len(proto.missing_cross_slices)
    what = [
        f"{len(decisions)} failed" if decisions else "",
        f"{missing} missing" if missing else "",
    ]
    return f"NOT BLESSED: {', '.join(part for part in what if part) or 'no reason given'}."
