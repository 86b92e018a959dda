"""Decision: one check of one threshold on one slice of one dataset, with its reasons.

Example:
    >>> decision = Decision("floor", MetricKey("auc"), (), outcome="FAILED", value=0.7, bound=0.8)
    >>> decision.to_dict()["metric"], decision.to_dict()["slice"], decision.to_dict()["value"]
    ('auc', 'Overall', 0.7)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from evaluator_component.keys import CrossSliceKey, MetricKey, SliceKey, slice_name
from evaluator_component.validation.judgement import FAILED, INCONCLUSIVE, PASSED, SKIPPED
from evaluator_component.validation.quantities import PRESENCE
from evaluator_component.validation.thresholds import BLOCK, Threshold

__all__ = ["Decision", "jsonable"]


@dataclass(frozen=True)
class Decision:
    """What one threshold says about one metric of one slice.

    Fields have the names and meanings of the message `Decision` of `validation_result.proto`. A
    number that there is none of is None; a metric that is not a number is NaN.

    Attributes:
        threshold_name: name of the threshold, or its place in the config.
        metric_key: the metric; None where a threshold as a whole could not be applied.
        slice_key: the slice; None where the decision is not about one slice.
        dataset: its name; "" where there is one only.
        check: LOWER_BOUND, UPPER_BOUND, ABSOLUTE_CHANGE, RELATIVE_CHANGE or PRESENCE.
        outcome: PASSED, FAILED, INCONCLUSIVE or SKIPPED.
        severity: BLOCK or WARN.
        value: of the candidate.
        baseline: value of the baseline.
        difference: what was compared with the bound.
        bound: in the same units.
        margin: distance from the bound; negative when on the wrong side.
        lower: of the interval of `difference`.
        upper: of the interval of `difference`.
        standard_error: of `difference`.
        confidence_level: of the interval.
        p_value: two-sided.
        adjusted_p_value: corrected for the number of slices.
        num_examples: on which it rests.
        num_examples_needed: how many would probably decide it.
        sentence: the decision in words.
        part: which entry of a metric of several numbers.
        message: what the user wanted readers to be told when the threshold is missed.
        threshold: the threshold itself.
    """

    threshold_name: str
    metric_key: MetricKey | None
    slice_key: SliceKey | CrossSliceKey | None
    dataset: str = ""
    check: str = PRESENCE
    outcome: str = PASSED
    severity: str = BLOCK
    value: float | None = None
    baseline: float | None = None
    difference: float | None = None
    bound: float | None = None
    margin: float | None = None
    lower: float | None = None
    upper: float | None = None
    standard_error: float | None = None
    confidence_level: float | None = None
    p_value: float | None = None
    adjusted_p_value: float | None = None
    num_examples: int | None = None
    num_examples_needed: int | None = None
    sentence: str = ""
    part: str = ""
    message: str = ""
    threshold: Threshold | None = field(default=None, compare=False, repr=False)

    @property
    def blocks(self) -> bool:
        """Whether the decision by itself keeps the model from being blessed."""
        return self.outcome == FAILED and self.severity == BLOCK

    @property
    def warns(self) -> bool:
        """Whether the decision is a failure that changes nothing."""
        return self.outcome == FAILED and self.severity != BLOCK

    @property
    def gravity(self) -> int:
        """Orders decisions from the gravest (0) on."""
        if self.outcome in (FAILED, INCONCLUSIVE) and self.severity != BLOCK:
            return 2
        return {FAILED: 0, INCONCLUSIVE: 1, SKIPPED: 3}.get(self.outcome, 4)

    def to_dict(self) -> dict[str, Any]:
        """Returns the decision as JSON values; metric and slice as people read them."""
        key = self.metric_key
        numbers = (
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
        return {
            "threshold_name": self.threshold_name,
            "metric": "" if key is None else str(key),
            "metric_name": "" if key is None else key.name,
            "model_name": "" if key is None else key.model_name,
            "output_name": "" if key is None else key.output_name,
            "part": self.part,
            "slice": None if self.slice_key is None else slice_name(self.slice_key),
            "dataset": self.dataset,
            "check": self.check,
            "outcome": self.outcome,
            "severity": self.severity,
            **{name: jsonable(getattr(self, name)) for name in numbers},
            "message": self.message,
            "sentence": self.sentence,
        }


def jsonable(value: Any) -> Any:
    """Returns a number as JSON has it: NaN becomes None, infinities become strings.

    Example:
        >>> jsonable(float("nan")), jsonable(float("-inf")), jsonable(2)
        (None, '-Infinity', 2)
    """
    if isinstance(value, float):
        if math.isnan(value):
            return None
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
    return value
