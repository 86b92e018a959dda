"""Sentences: a decision in words, the same on the terminal, in the report and in the metadata.

A sentence says what was measured, what is asked, the outcome with its numbers, and on how many
examples it rests:

    auc on carrier=UA fell by 0.0213 (0.8921 to 0.8708); it may fall by at most 0.01: missed by
    0.0113 (4,120 examples).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from evaluator_component.keys import CrossSliceKey, MetricKey, SliceKey, slice_name
from evaluator_component.validation.judgement import (
    FAILED,
    OUTCOMES,
    PASSED,
    SKIPPED,
    Judgement,
    Why,
)
from evaluator_component.validation.numbers import percent, plural, shown
from evaluator_component.validation.quantities import (
    ABSOLUTE_CHANGE,
    LOWER_BOUND,
    RELATIVE_CHANGE,
    UPPER_BOUND,
)

__all__ = ["Subject", "metric_text", "sentence"]

#: The candidate's name where the config names none: it needs no mention.
_UNNAMED = ("", "candidate")


def metric_text(key: MetricKey, part: str = "") -> str:
    """Returns a metric's name in sentences: without the default candidate's name.

    Example:
        >>> metric_text(MetricKey("auc", "candidate", is_diff=True))
        'auc'
        >>> metric_text(MetricKey("recall", "small"), "0.5")
        'small/recall[0.5]'
    """
    name = "" if key.model_name in _UNNAMED else key.model_name
    text = str(replace(key, model_name=name, is_diff=False))
    return f"{text}[{part}]" if part else text


@dataclass(frozen=True)
class Subject:
    """What a sentence is about."""

    key: MetricKey
    slice_key: SliceKey | CrossSliceKey
    dataset: str = ""
    part: str = ""

    def __str__(self) -> str:
        of = f" of {self.dataset}" if self.dataset else ""
        return f"{metric_text(self.key, self.part)} on {slice_name(self.slice_key)}{of}"


@dataclass(frozen=True)
class _Row:
    """One slice of a judgement, as plain numbers."""

    check: str
    bound: float
    side: int
    value: float
    baseline: float
    compared: float
    margin: float
    lower: float
    upper: float
    level: float
    p: float
    adjusted: float
    examples: int
    needed: float
    outcome: str
    why: int

    @classmethod
    def of(cls, judged: Judgement, row: int) -> _Row:
        names = ("value", "baseline", "compared", "margin", "lower", "upper", "level")
        picked = {name: float(getattr(judged, name)[row]) for name in names}
        return cls(
            check=judged.check,
            bound=judged.bound,
            side=judged.side,
            p=float(judged.p[row]),
            adjusted=float(judged.adjusted[row]),
            examples=int(judged.examples[row]),
            needed=float(judged.needed[row]),
            outcome=OUTCOMES[int(judged.outcome[row])],
            why=int(judged.why[row]),
            **picked,
        )

    @property
    def is_change(self) -> bool:
        return self.check in (ABSOLUTE_CHANGE, RELATIVE_CHANGE)

    def text(self, number: float, *others: float) -> str:
        """A number in the units of what is compared."""
        if self.check == RELATIVE_CHANGE:
            return percent(number, *others)
        return shown(number, *others)


def sentence(subject: Subject, judged: Judgement, row: int, tests: int, message: str = "") -> str:
    """Says one decision in words.

    Args:
        subject: what it is about.
        judged: the settled judgement.
        row: which of its slices.
        tests: number of p-values that were corrected together.
        message: the user's own words, added where the threshold is not met.
    """
    it = _Row.of(judged, row)
    if it.why == Why.UNDEFINED:
        said = _undefined(it)
    elif it.outcome == SKIPPED:
        said = f"has only {plural(it.examples, 'example')}: not judged"
    else:
        said = f"{_measured(it)}; {_asked(it)}: {_found(it, tests)}"
    text = f"{subject} {said}."
    return f"{text} {message}" if message and it.outcome != PASSED else text


def _measured(it: _Row) -> str:
    if not it.is_change:
        return f"is {shown(it.value, it.bound)}"
    if math.isnan(it.value) or math.isnan(it.baseline):
        return f"has the difference {it.text(it.compared, it.bound)}"
    ends = f"{shown(it.baseline, it.value)} to {shown(it.value, it.baseline)}"
    if it.value == it.baseline or it.compared == 0:
        return f"did not change ({shown(it.value)})"
    verb = "rose" if it.value > it.baseline else "fell"
    if not math.isfinite(it.compared):
        return f"{verb} ({ends})"
    return f"{verb} by {it.text(abs(it.compared), abs(it.bound))} ({ends})"


def _asked(it: _Row) -> str:
    bound = it.text(abs(it.bound), abs(it.compared))
    if it.check == LOWER_BOUND:
        return f"at least {shown(it.bound, it.value)} is asked for"
    if it.check == UPPER_BOUND:
        return f"at most {shown(it.bound, it.value)} is asked for"
    if it.bound == 0:
        return f"it must not {'fall' if it.side > 0 else 'rise'}"
    if (it.bound < 0) == (it.side > 0):
        return f"it may {'fall' if it.side > 0 else 'rise'} by at most {bound}"
    return f"it must {'rise' if it.side > 0 else 'fall'} by at least {bound}"


def _found(it: _Row, tests: int) -> str:
    on = plural(it.examples, "example")
    if it.why == Why.COMPARED:
        return _compared(it, on)
    if it.why == Why.AGREES:
        return f"{_met(it)}, the models agree everywhere ({on})"
    if it.why == Why.UNDECIDED_BUT_COMPARED:
        return f"{_compared(it, on)}, which too few examples leave unsure"
    if it.why == Why.NO_INTERVAL:
        return f"undecided, no interval from {on}"
    interval = f"{it.level:.4g} interval"
    if it.level == it.level:
        low, high = it.text(it.lower, it.bound, it.upper), it.text(it.upper, it.bound, it.lower)
        interval = f"{percent(it.level)} interval {low} to {high}"
    needed = "" if math.isnan(it.needed) else f"; about {it.needed:,.0f} would decide"
    if it.outcome == PASSED:
        return f"met, {interval} ({on})"
    if it.outcome == FAILED:
        return f"missed by {_gap(it)}, {interval}, {_p(it, tests)} ({on})"
    if it.why == Why.CORRECTED:
        return f"undecided, {interval}, {_p(it, tests)} ({on}{needed})"
    return f"undecided, {interval} ({on}{needed})"


def _compared(it: _Row, on: str) -> str:
    return f"met ({on})" if it.outcome == PASSED else f"missed by {_gap(it)} ({on})"


def _met(it: _Row) -> str:
    return "met" if it.outcome == PASSED else f"missed by {_gap(it)}"


def _gap(it: _Row) -> str:
    if not math.isfinite(it.margin):
        return "any measure"
    return it.text(abs(it.margin))


def _p(it: _Row, tests: int) -> str:
    corrected = f", corrected for {tests} tests {_probability(it.adjusted)}" if tests > 1 else ""
    return f"p {_probability(it.p)}{corrected}"


def _probability(p: float) -> str:
    # Resamples do not tell more than that about the far tail.
    return "< 1e-6" if p < 1e-6 else f"= {p:.2g}"


def _undefined(it: _Row) -> str:
    on = f"({plural(it.examples, 'example')})"
    end = "not judged" if it.outcome == SKIPPED else "nothing can be said"
    if not it.is_change:
        return f"is not a number {on}: {end}"
    missing = [math.isnan(number) for number in (it.value, it.baseline)]
    if all(missing):
        return f"is not a number for candidate and baseline {on}: {end}"
    if any(missing):
        who = "candidate" if missing[0] else "baseline"
        return f"is not a number for the {who} {on}: {end}"
    both = f"{shown(it.baseline)} to {shown(it.value)}"
    return f"has a change that is not a number ({both}) {on}: {end}"
