"""Policy: what a config wants done where a threshold cannot simply be answered with yes or no.

Example:
    >>> from evaluator_component.config import config
    >>> Policy.read(config(decision={"correction": "HOLM", "inconclusive": "BLESS"})).correction
    'HOLM'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from evaluator_component.validation.multiplicity import BENJAMINI_HOCHBERG, HOLM, NONE
from evaluator_component.validation.reading import enum_name, has, integer, number

__all__ = ["BLESS", "BLOCK", "POINT_ESTIMATE", "Policy"]

BLOCK = "BLOCK"
BLESS = "BLESS"
POINT_ESTIMATE = "POINT_ESTIMATE"

DEFAULT_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Policy:
    """The parts of a config that are about the verdict as a whole.

    Attributes:
        inconclusive: "BLOCK", "BLESS" or "POINT_ESTIMATE": what an undecided threshold does.
        correction: "NONE", "HOLM" or "BENJAMINI_HOCHBERG", of one threshold's p-values.
        tolerance: of thresholds that name none.
        confidence_level: of thresholds that name none; None: they compare numbers.
        ignores_missing_slices: slices that the data do not have change nothing.
        ignores_missing_thresholds: no threshold at all is no reason not to bless.
        ignores_undefined_values: a metric that is not a number on a slice changes nothing.
        judges_without_baseline: change thresholds are left out where no baseline was given.
        judges_with_bad_baseline: change thresholds are left out where it cannot be used.
        min_slice_size: smaller slices have no metrics.
        forced_reason: why the model is blessed whatever the thresholds say; "" if it is not.
        forced_by: who asked for that.
    """

    inconclusive: str = BLOCK
    correction: str = NONE
    tolerance: float = DEFAULT_TOLERANCE
    confidence_level: float | None = None
    ignores_missing_slices: bool = False
    ignores_missing_thresholds: bool = False
    ignores_undefined_values: bool = False
    judges_without_baseline: bool = False
    judges_with_bad_baseline: bool = False
    min_slice_size: int = 1
    forced_reason: str = ""
    forced_by: str = ""

    @classmethod
    def read(cls, eval_config: Any) -> Policy:
        """Reads the policy of an EvalConfig; what the config does not say has its default."""
        min_slice_size = integer(eval_config.options, "min_slice_size") or 1
        decision = getattr(eval_config, "decision", None)
        if decision is None:
            return cls(min_slice_size=min_slice_size)
        baseline, forced = eval_config.baseline_policy, eval_config.force_bless
        tolerance = number(decision, "tolerance")
        return cls(
            inconclusive=enum_name(decision, "inconclusive", (BLOCK, BLESS, POINT_ESTIMATE)),
            correction=enum_name(decision, "correction", (NONE, HOLM, BENJAMINI_HOCHBERG)),
            tolerance=DEFAULT_TOLERANCE if tolerance is None else tolerance,
            confidence_level=number(decision, "confidence_level"),
            ignores_missing_slices=bool(decision.missing_slices),
            ignores_missing_thresholds=bool(decision.missing_thresholds),
            ignores_undefined_values=bool(getattr(decision, "undefined_values", 0)),
            judges_without_baseline=bool(baseline.missing),
            judges_with_bad_baseline=bool(baseline.unloadable),
            min_slice_size=min_slice_size,
            forced_reason=forced.reason if has(eval_config, "force_bless") else "",
            forced_by=forced.requested_by if has(eval_config, "force_bless") else "",
        )
