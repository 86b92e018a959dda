"""Verdict: is the model good enough, and what tells so.

Vocabulary:
    BLESSED: every threshold that can stop the model was met.
    NOT_BLESSED: at least one was missed, or there is nothing to judge by.
    INCONCLUSIVE: none was missed, but some could not be decided; the model is not blessed.
    rubber stamp: the first model of its kind, which has nothing to be compared with.
    forced: blessed by order, whatever the thresholds say.

Example:
    >>> verdict = conclude([], Circumstances(has_thresholds=False))
    >>> verdict.status, verdict.validation_ok
    ('NOT_BLESSED', False)
    >>> verdict.summary.split(",")[0]
    'NOT BLESSED: the config has no thresholds'
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from evaluator_component.keys import OVERALL, CrossSliceKey, SliceKey
from evaluator_component.validation.attribution import Attribution
from evaluator_component.validation.decide import SliceCount
from evaluator_component.validation.decision import Decision
from evaluator_component.validation.judgement import FAILED, INCONCLUSIVE, PASSED, SKIPPED
from evaluator_component.validation.numbers import plural
from evaluator_component.validation.policy import BLESS, Policy
from evaluator_component.validation.slice_sets import CrossSliceSet, SliceSet
from evaluator_component.validation.weak_slices import WeakSlice

__all__ = ["BLESSED", "NOT_BLESSED", "Circumstances", "Verdict", "conclude"]

BLESSED = "BLESSED"
NOT_BLESSED = "NOT_BLESSED"

#: Decisions kept at the most; passed ones are dropped first. All are counted.
MAX_DECISIONS = 50_000


@dataclass(frozen=True)
class Circumstances:
    """What the verdict depends on besides the decisions.

    Attributes:
        policy: of the config.
        has_thresholds: whether any threshold applies.
        has_examples: whether any example was evaluated.
        rubber_stamp: whether the model may be blessed without comparison.
        forced_reason: why it is blessed by order; "" if it is not.
        forced_by: who ordered it.
    """

    policy: Policy = field(default_factory=Policy)
    has_thresholds: bool = True
    has_examples: bool = True
    rubber_stamp: bool = False
    forced_reason: str = ""
    forced_by: str = ""


@dataclass(frozen=True)
class Verdict:
    """The outcome of validation. Fields have the names of the message `ValidationResult`.

    Attributes:
        status: BLESSED, NOT_BLESSED or INCONCLUSIVE.
        summary: the verdict in words.
        decisions: the gravest first.
        rubber_stamp: the model may be blessed without comparison, for want of a baseline.
        missing_thresholds: there is no threshold, and that is not excused.
        missing_slices: slice sets of thresholds that matched no slice.
        missing_cross_slices: comparisons of slices likewise.
        slicing_details: how many slices each slice set of a threshold matched.
        forced_reason: why the model is blessed by order; "" if it is not.
        forced_by: who ordered it.
        num_passed: decisions by outcome. Failed ones of severity WARN are `num_warnings`.
        num_failed: see `num_passed`; the others likewise.
        notes: what a reader should know besides.
        attribution: what overall changes are made of.
        weak_slices: slices on which the model does worse than elsewhere.
    """

    status: str
    summary: str = ""
    decisions: tuple[Decision, ...] = ()
    rubber_stamp: bool = False
    missing_thresholds: bool = False
    missing_slices: tuple[SliceSet, ...] = ()
    missing_cross_slices: tuple[CrossSliceSet, ...] = ()
    slicing_details: tuple[tuple[SliceSet | CrossSliceSet, int], ...] = ()
    forced_reason: str = ""
    forced_by: str = ""
    num_passed: int = 0
    num_failed: int = 0
    num_inconclusive: int = 0
    num_skipped: int = 0
    num_warnings: int = 0
    notes: tuple[str, ...] = ()
    attribution: tuple[Attribution, ...] = ()
    weak_slices: tuple[WeakSlice, ...] = ()

    @property
    def validation_ok(self) -> bool:
        """Whether the model is blessed."""
        return self.status == BLESSED

    @property
    def counts(self) -> dict[str, int]:
        """Number of decisions by what came out."""
        names = ("passed", "failed", "inconclusive", "skipped", "warnings")
        return {name: int(getattr(self, f"num_{name}")) for name in names}

    @property
    def reasons(self) -> tuple[str, ...]:
        """The summary, then what failed, was undecided or warns, the gravest first."""
        told = [each.sentence for each in self.decisions if each.gravity < 3]
        return (self.summary, *told)

    def failures_by_slice(
        self,
    ) -> dict[tuple[str, SliceKey | CrossSliceKey], tuple[Decision, ...]]:
        """Returns the decisions that block, by dataset and slice; those without a slice: overall.

        Missing slices are not among them: they are in `missing_slices`.
        """
        found: dict[tuple[str, SliceKey | CrossSliceKey], tuple[Decision, ...]] = {}
        for decision in self.decisions:
            if not decision.blocks or (decision.slice_key is None and decision.metric_key is None):
                continue
            slice_key = OVERALL if decision.slice_key is None else decision.slice_key
            place = (decision.dataset, slice_key)
            found[place] = (*found.get(place, ()), decision)
        return found

    def to_dict(self) -> dict[str, Any]:
        """Returns the verdict as JSON values (no NaN, no infinity)."""
        return {
            "verdict": self.status,
            "validation_ok": self.validation_ok,
            "summary": self.summary,
            "counts": self.counts,
            "rubber_stamp": self.rubber_stamp,
            "missing_thresholds": self.missing_thresholds,
            "missing_slices": [str(each) for each in self.missing_slices],
            "missing_cross_slices": [str(each) for each in self.missing_cross_slices],
            "forced_reason": self.forced_reason,
            "forced_by": self.forced_by,
            "notes": list(self.notes),
            "decisions": [each.to_dict() for each in self.decisions],
            "attribution": [each.to_dict() for each in self.attribution],
            "weak_slices": [each.to_dict() for each in self.weak_slices],
        }


def conclude(
    decisions: Sequence[Decision],
    circumstances: Circumstances,
    *,
    slice_counts: Sequence[SliceCount] = (),
    notes: Sequence[str] = (),
) -> Verdict:
    """Draws the conclusion from all decisions.

    A failed decision of severity BLOCK: NOT_BLESSED. Else an inconclusive one of severity BLOCK:
    INCONCLUSIVE, unless the policy is to bless. Else BLESSED.

    Args:
        decisions: of all thresholds.
        circumstances: policy, rubber stamp, order to bless.
        slice_counts: how many slices each slice set of a threshold matched.
        notes: what a reader should know besides.
    """
    ordered = sorted(decisions, key=_order)
    status, summary = _status(ordered, circumstances)
    missing = not circumstances.has_thresholds and not circumstances.rubber_stamp
    counted = Counter(each.outcome for each in ordered if not each.warns)
    told = list(notes)
    if len(ordered) > MAX_DECISIONS:
        left_out = len(ordered) - MAX_DECISIONS
        told.append(f"{plural(left_out, 'decision')} are counted and not listed")
    absent = [each.slices for each in slice_counts if not each.count]
    verdict = Verdict(
        status=status,
        summary=summary,
        decisions=tuple(ordered[:MAX_DECISIONS]),
        rubber_stamp=circumstances.rubber_stamp,
        missing_thresholds=missing and not circumstances.policy.ignores_missing_thresholds,
        missing_slices=tuple(dict.fromkeys(each for each in absent if isinstance(each, SliceSet))),
        missing_cross_slices=tuple(
            dict.fromkeys(each for each in absent if isinstance(each, CrossSliceSet))
        ),
        slicing_details=_details(slice_counts),
        notes=tuple(told),
        num_passed=counted[PASSED],
        num_failed=counted[FAILED],
        num_inconclusive=counted[INCONCLUSIVE],
        num_skipped=counted[SKIPPED],
        num_warnings=sum(each.warns for each in ordered),
    )
    return _forced(verdict, circumstances)


def _order(decision: Decision) -> tuple[Any, ...]:
    margin = decision.margin
    bound = abs(decision.bound or 0.0) or 1.0
    miss = 0.0 if margin is None or margin != margin else margin / bound
    return (decision.gravity, decision.check != "PRESENCE", miss)


def _details(
    counts: Sequence[SliceCount],
) -> tuple[tuple[SliceSet | CrossSliceSet, int], ...]:
    total: dict[tuple[SliceSet | CrossSliceSet, str], int] = {}
    for each in counts:
        total[each.slices, each.dataset] = each.count
    by_set: dict[SliceSet | CrossSliceSet, int] = {}
    for (slices, _), count in total.items():
        by_set[slices] = by_set.get(slices, 0) + count
    return tuple((slices, count) for slices, count in by_set.items() if count)


def _status(decisions: Sequence[Decision], around: Circumstances) -> tuple[str, str]:
    policy = around.policy
    if not around.has_examples:
        return NOT_BLESSED, "NOT BLESSED: no example was evaluated."
    if not around.has_thresholds:
        nothing = "nothing tells whether the model is good enough"
        if around.rubber_stamp:
            return BLESSED, (
                "BLESSED by rubber stamp: it is the first model, and no threshold judges it by "
                "itself."
            )
        if policy.ignores_missing_thresholds:
            return BLESSED, (
                "BLESSED because decision.missing_thresholds says IGNORE: the config has no "
                f"thresholds, so that {nothing}."
            )
        return NOT_BLESSED, (f"NOT BLESSED: the config has no thresholds, so that {nothing}.")
    blocking = [each for each in decisions if each.blocks]
    judged = sum(each.outcome != SKIPPED for each in decisions)
    warned = sum(each.warns for each in decisions)
    ends = f" {plural(warned, 'warning')}." if warned else ""
    if blocking:
        checks = f"{len(blocking):,} of {plural(judged, 'check')} failed"
        return NOT_BLESSED, f"NOT BLESSED: {checks}. {blocking[0].sentence}{ends}"
    unsure = [
        each for each in decisions if each.outcome == INCONCLUSIVE and each.severity == "BLOCK"
    ]
    if unsure and policy.inconclusive != BLESS:
        checks = f"{len(unsure):,} of {plural(judged, 'check')} could not be decided, none failed"
        return INCONCLUSIVE, f"INCONCLUSIVE: {checks}. {unsure[0].sentence}{ends}"
    passed = sum(each.outcome == PASSED for each in decisions)
    if not judged and not around.rubber_stamp:
        return INCONCLUSIVE, "INCONCLUSIVE: every check was skipped, so that nothing was judged."
    by = " by rubber stamp" if around.rubber_stamp and not passed else ""
    said = f"BLESSED{by}: {plural(passed, 'check')} passed, none failed."
    skipped = sum(each.outcome == SKIPPED for each in decisions)
    if skipped:
        said = f"{said[:-1]}, {skipped:,} skipped."
    if unsure:
        said += (
            f" {plural(len(unsure), 'check')} could not be decided, which decision.inconclusive "
            "lets pass."
        )
    return BLESSED, said + ends


def _forced(verdict: Verdict, around: Circumstances) -> Verdict:
    if not around.forced_reason:
        return verdict
    by = f" by {around.forced_by}" if around.forced_by else ""
    return replace(
        verdict,
        status=BLESSED,
        forced_reason=around.forced_reason,
        forced_by=around.forced_by,
        summary=(f"BLESSED by order{by}: {around.forced_reason} (Without it: {verdict.summary})"),
    )
