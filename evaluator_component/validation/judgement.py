"""Judgement: one check of a threshold on many slices at once, as arrays.

`judge` compares or tests; `settle` corrects the p-values of all checks of a threshold together and
decides each slice. Words are made later, one slice at a time.

How a test at a level decides (alpha = 1 - level, p two-sided):

============  =====================================================================================
PASSED        the lead is positive and p <= alpha: all of the interval is on the good side. No
              correction for many slices: the model passes only if every slice passes, so the chance
              of passing one that is worse on some slice is that of this slice: alpha / 2 (up to
              alpha where the metric rests on a handful of events)
FAILED        the lead is negative and p, corrected for the number of slices, is <= alpha
INCONCLUSIVE  anything else: the interval holds the bound, or there is no interval
============  =====================================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.validation import policy as policies
from evaluator_component.validation.evidence import examples_needed, weigh
from evaluator_component.validation.multiplicity import NONE, adjust
from evaluator_component.validation.policy import Policy
from evaluator_component.validation.quantities import Quantity

__all__ = [
    "FAILED",
    "INCONCLUSIVE",
    "OUTCOMES",
    "PASSED",
    "SKIPPED",
    "Judgement",
    "Why",
    "judge",
    "settle",
    "worst",
]

Array = npt.NDArray[Any]

PASSED = "PASSED"
FAILED = "FAILED"
INCONCLUSIVE = "INCONCLUSIVE"
SKIPPED = "SKIPPED"
#: Outcomes by the code that judgements hold.
OUTCOMES = ("", PASSED, FAILED, INCONCLUSIVE, SKIPPED)
_PASSED, _FAILED, _INCONCLUSIVE, _SKIPPED = 1, 2, 3, 4


class Why:
    """Codes of what an outcome rests on."""

    COMPARED = 0  # the number was compared with the bound
    TESTED = 1  # the interval lies on one side of the bound
    CROSSES = 2  # the interval holds the bound
    CORRECTED = 3  # the interval lies on the bad side, which may be chance among so many slices
    NO_VARIATION = 4  # no resample moves the value
    NO_INTERVAL = 5  # resamples cannot tell (too few examples)
    AGREES = 6  # the two models have the same value everywhere
    UNDEFINED = 7  # not a number
    FEW = 8  # fewer examples than the threshold asks for
    SMALL = 9  # a slice too small to have metrics
    UNDECIDED_BUT_COMPARED = 10  # a test did not decide; by the policy, the number did


@dataclass(frozen=True)
class Judgement:
    """One check on some slices; arrays have one entry per slice.

    Attributes:
        check: the bound that is checked.
        bound: in units of `compared`.
        side: +1 where values above the bound are good, -1 where those below are.
        rows: of the table.
        examples: number of examples.
        value, baseline, compared, margin: see `Quantity`; margin = lead in units of `compared`.
        lower, upper, error: interval and standard error of `compared`.
        level: of the interval; NaN where there is none.
        lead, slack, lead_error: what was compared, the tolerance, and the standard error of the
            lead, in units of the metric.
        p, harm, adjusted: p-values: two-sided, of harm, and of harm corrected.
        needed: how many examples would probably decide it.
        outcome: index into `OUTCOMES`; 0 until settled.
        why: codes of `Why`.
        part: index of the entry of a vector metric.
    """

    check: str
    bound: float
    side: int
    rows: Array
    examples: Array
    value: Array
    baseline: Array
    compared: Array
    margin: Array
    lower: Array
    upper: Array
    error: Array
    level: Array
    lead: Array
    slack: Array
    lead_error: Array
    p: Array
    harm: Array
    adjusted: Array
    needed: Array
    outcome: Array
    why: Array
    part: Array

    def __len__(self) -> int:
        return len(self.rows)


def judge(
    quantity: Quantity,
    rows: Array,
    examples: Array,
    *,
    tolerance: float,
    level: float | None,
    min_examples: int = 0,
    policy: Policy,
) -> Judgement:
    """Compares or tests one quantity on some slices.

    Args:
        quantity: of all slices of a table.
        rows: int64, the slices to judge.
        examples: int64 (slices of the table,).
        tolerance: share of the numbers compared by which a bound may be missed.
        level: of the test; None compares numbers. A metric without resamples is compared, too.
        min_examples: slices with fewer are skipped.
        policy: for slices without a value.
    """
    lead, count = quantity.lead[rows], examples[rows]
    slack = tolerance * np.nan_to_num(quantity.scale[rows], posinf=0.0)
    outcome = np.zeros(len(rows), dtype=np.int64)
    why = np.zeros(len(rows), dtype=np.int64)
    none = np.full(len(rows), np.nan)
    p, harm, lead_error = none, none, none
    unit = quantity.unit[rows]
    error, lower, upper = (array[rows] for array in quantity.shown_interval())
    shown_level = np.where(np.isnan(lower), np.nan, quantity.column.confidence_level or np.nan)
    passes = np.where(lead >= -slack, _PASSED, _FAILED)
    found = quantity.moments(examples) if level is not None else None
    if level is None or found is None:
        outcome[:] = passes
    elif quantity.agrees:
        outcome[:], why[:] = passes, Why.AGREES
        lower, upper, error = quantity.compared[rows], quantity.compared[rows], np.zeros(len(rows))
        shown_level = np.full(len(rows), level)
    else:
        evidence = weigh(
            lead,
            found.standard_error[rows],
            found.degrees_of_freedom[rows],
            found.skewness[rows],
            examples=count,
            level=level,
            scale=quantity.scale[rows],
        )
        p, harm, lead_error = evidence.p_value, evidence.harm, evidence.standard_error
        why = np.where(evidence.no_variation, Why.NO_VARIATION, Why.TESTED)
        why = np.where(np.isnan(p), Why.NO_INTERVAL, why)
        with np.errstate(divide="ignore", invalid="ignore"):
            error = lead_error / unit
            ends = [
                quantity.bound + quantity.side * end / unit
                for end in (evidence.lower, evidence.upper)
            ]
        lower, upper = np.fmin(*ends), np.fmax(*ends)
        shown_level = np.where(np.isnan(lower), np.nan, level)
    undefined = np.isnan(lead)
    outcome[undefined] = _SKIPPED if policy.ignores_undefined_values else _FAILED
    why[undefined] = Why.UNDEFINED
    small = undefined & (count < policy.min_slice_size)
    few = count < min_examples
    outcome[small | few], why[small], why[few] = _SKIPPED, Why.SMALL, Why.FEW
    harm = np.where(outcome > 0, np.nan, harm)
    with np.errstate(divide="ignore", invalid="ignore"):
        margin = np.where(unit == 0, np.nan, lead / unit)
    return Judgement(
        check=quantity.check,
        bound=quantity.bound,
        side=quantity.side,
        rows=rows,
        examples=count,
        value=quantity.value[rows],
        baseline=quantity.baseline[rows],
        compared=quantity.compared[rows],
        margin=margin,
        lower=lower,
        upper=upper,
        error=error,
        level=shown_level,
        lead=lead,
        slack=slack,
        lead_error=lead_error,
        p=p,
        harm=harm,
        adjusted=none,
        needed=none,
        outcome=outcome,
        why=why,
        part=np.zeros(len(rows), dtype=np.int64),
    )


def worst(judgements: Sequence[Judgement]) -> Judgement:
    """Joins the judgements of the entries of a vector metric: per slice, that of the worst entry.

    All entries must be on the good side; the entry that is farthest on the bad side, in standard
    errors where these are known, speaks for all. Its p-value of harm is multiplied by the number of
    entries (Bonferroni), because it was picked out of them.
    """
    if len(judgements) == 1:
        return judgements[0]
    lead, slack, p, harm = (
        np.stack([getattr(each, name) for each in judgements])
        for name in ("lead", "slack", "p", "harm")
    )
    untested = np.where(np.isnan(lead), -1.0, np.where(lead < -slack, 0.0, 1.0))
    badness = np.where(np.isnan(harm), untested, harm)
    chosen = np.lexsort((lead, -np.nan_to_num(p), badness), axis=0)[0]
    across = np.arange(len(judgements[0]))
    picked = {
        field.name: np.stack([getattr(each, field.name) for each in judgements])[chosen, across]
        for field in fields(Judgement)
        if field.name not in ("check", "bound", "side")
    }
    picked["part"] = chosen
    picked["harm"] = np.minimum(picked["harm"] * len(judgements), 1.0)
    return replace(judgements[0], **picked)


def settle(judgements: Sequence[Judgement], level: float | None, policy: Policy) -> list[Judgement]:
    """Corrects the p-values of one threshold together, and decides what is not decided yet."""
    if level is None or not judgements:
        return list(judgements)
    family = np.concatenate([each.harm for each in judgements])
    adjusted = adjust(family, policy.correction)
    tests = int(np.count_nonzero(~np.isnan(family))) if policy.correction != NONE else 1
    stops = np.cumsum([len(each) for each in judgements])
    settled = []
    for each, part in zip(judgements, np.split(adjusted, stops[:-1]), strict=True):
        settled.append(_settled(each, part, level, policy, tests))
    return settled


def _settled(
    each: Judgement, adjusted: Array, level: float, policy: Policy, tests: int
) -> Judgement:
    alpha = 1.0 - level + 1e-12
    open_ = each.outcome == 0
    passed = open_ & (each.lead > 0) & (each.p <= alpha)
    failed = open_ & (each.lead < 0) & (adjusted <= alpha)
    undecided = open_ & ~passed & ~failed
    codes = [_PASSED, _FAILED, _INCONCLUSIVE]
    outcome = np.select([passed, failed, undecided], codes, each.outcome)
    unsure = undecided & (each.why == Why.TESTED)
    bad_side = unsure & (each.lead < 0) & (each.p <= alpha)
    why = np.select([bad_side, unsure], [Why.CORRECTED, Why.CROSSES], each.why)
    if policy.inconclusive == policies.POINT_ESTIMATE:
        compared = np.where(each.lead >= -each.slack, _PASSED, _FAILED)
        outcome = np.where(undecided, compared, outcome)
        why = np.where(undecided, Why.UNDECIDED_BUT_COMPARED, why)
    needed = examples_needed(
        each.lead, each.lead_error, examples=each.examples, level=level, tests=tests
    )
    needed = np.where(undecided & (needed > each.examples), needed, np.nan)
    corrected = np.where(each.lead < 0, adjusted, each.p)
    return replace(each, outcome=outcome, why=why, adjusted=corrected, needed=needed)
