"""What thresholds said of each number: the columns `threshold` and `decision` of the tidy table.

Example:
    >>> from evaluator_component.keys import MetricKey
    >>> from evaluator_component.validation.decision import Decision
    >>> failed = Decision("floor", MetricKey("auc"), (), check="LOWER_BOUND", outcome="FAILED",
    ...                   bound=0.8)
    >>> judge_numbers([failed])
    {('', MetricKey(name='auc', model_name='', output_name='', sub_key=None, aggregation=None, \
example_weighted=None, is_diff=False), ()): Judgement(threshold='>= 0.8', outcome='FAILED')}
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from evaluator_component.keys import CrossSliceKey, MetricKey, SliceKey

__all__ = ["Judgement", "JudgementKey", "bound_in_words", "judge_numbers", "judgements_of"]

#: (dataset, metric, slice)
JudgementKey = tuple[str, MetricKey, SliceKey | CrossSliceKey]

_CHANGES = ("ABSOLUTE_CHANGE", "RELATIVE_CHANGE")


@dataclass(frozen=True)
class Judgement:
    """What all thresholds together said of one number.

    Attributes:
        threshold: what the number must satisfy, in words.
        outcome: the gravest: "FAILED", "INCONCLUSIVE", "WARNING", "SKIPPED" or "PASSED".
    """

    threshold: str
    outcome: str


def judgements_of(verdict: Any) -> dict[JudgementKey, Judgement]:
    """Returns what a `Verdict` said of each number that it judged."""
    return judge_numbers(verdict.decisions)


def judge_numbers(decisions: Iterable[Any]) -> dict[JudgementKey, Judgement]:
    """Joins the decisions about one number; a change is one about the difference, too."""
    found: dict[JudgementKey, list[Any]] = {}
    for decision in decisions:
        key = decision.metric_key
        if key is None or decision.slice_key is None:
            continue
        keys = (key, key.diff()) if decision.check in _CHANGES else (key,)
        for each in dict.fromkeys(keys):
            found.setdefault((decision.dataset, each, decision.slice_key), []).append(decision)
    return {key: _joined(several) for key, several in found.items()}


def _joined(decisions: list[Any]) -> Judgement:
    bounds = dict.fromkeys(bound_in_words(decision) for decision in decisions)
    gravest = min(decisions, key=lambda decision: decision.gravity)
    outcome = "WARNING" if gravest.warns else gravest.outcome
    return Judgement("; ".join(words for words in bounds if words), outcome)


def bound_in_words(decision: Any) -> str:
    """Returns what a decision asked for: ">= 0.8", "relative change <= 2 %"; "" if unknown."""
    if decision.bound is None:
        return ""
    side = _side(decision)
    sign = {1: ">=", -1: "<=", 0: "bounded by"}[side]
    if decision.check == "RELATIVE_CHANGE":
        return f"relative change {sign} {100 * decision.bound:.6g} %"
    words = f"{sign} {decision.bound:.6g}"
    return f"change {words}" if decision.check == "ABSOLUTE_CHANGE" else words


def _side(decision: Any) -> int:
    """Returns +1 where values above the bound are good, -1 where those below are, 0 if unknown."""
    if decision.check in ("LOWER_BOUND", "UPPER_BOUND"):
        return 1 if decision.check == "LOWER_BOUND" else -1
    if decision.threshold is not None and decision.threshold.direction:
        return 1 if decision.threshold.direction > 0 else -1
    if decision.difference is None or decision.margin is None:
        return 0
    lead = (decision.difference - decision.bound) * decision.margin
    return int(lead > 0) - int(lead < 0)
