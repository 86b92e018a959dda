"""Validation: from metrics and thresholds to a verdict with reasons.

NumPy only: configs are read by their fields, whatever class of message they are.

Vocabulary:
    threshold: what some metrics must satisfy on some slices.
    decision: one threshold on one slice: passed, failed, inconclusive or skipped, and why.
    verdict: BLESSED, NOT_BLESSED or INCONCLUSIVE.

Synopsis:
    >>> import numpy as np
    >>> from evaluator_component.config import config, no_worse
    >>> from evaluator_component.keys import MetricKey
    >>> from evaluator_component.metrics_table import Column, MetricsTable
    >>> new, old = MetricKey("mean_label", "candidate"), MetricKey("mean_label", "baseline")
    >>> columns = {new: Column(np.array([-0.5])), old: Column(np.array([-0.2]))}
    >>> table = MetricsTable(((),), np.array([1000]), np.array([1000.0]), columns)
    >>> asked = config(
    ...     metrics=["MeanLabel"],
    ...     thresholds={"MeanLabel": no_worse(relative=0.05)},
    ...     model_specs=[{"name": "candidate"}, {"name": "baseline", "is_baseline": True}],
    ... )
    >>> verdict = validate([table], asked, rubber_stamp=False, has_baseline=True)
    >>> verdict.status
    'NOT_BLESSED'
    >>> for part in verdict.decisions[0].sentence.split("; "):
    ...     print(part)
    mean_label on Overall fell by 150 % (-0.2 to -0.5)
    it may fall by at most 5 %: missed by 145 % (1,000 examples).
"""

from __future__ import annotations

from evaluator_component.validation.attribution import (
    Attribution,
    Contribution,
    attribute,
    partitions,
    split_change,
)
from evaluator_component.validation.decision import Decision
from evaluator_component.validation.gate import validate
from evaluator_component.validation.judgement import FAILED, INCONCLUSIVE, PASSED, SKIPPED
from evaluator_component.validation.metric_sets import MetricSlot
from evaluator_component.validation.multiplicity import adjust, benjamini_hochberg, holm
from evaluator_component.validation.policy import Policy
from evaluator_component.validation.preflight import check_thresholds
from evaluator_component.validation.slice_sets import CrossSliceSet, SliceSet
from evaluator_component.validation.thresholds import Threshold, read_thresholds
from evaluator_component.validation.verdict import BLESSED, NOT_BLESSED, Verdict
from evaluator_component.validation.weak_slices import SliceSums, WeakSlice, find_weak_slices

__all__ = [
    "BLESSED",
    "FAILED",
    "INCONCLUSIVE",
    "NOT_BLESSED",
    "PASSED",
    "SKIPPED",
    "Attribution",
    "Contribution",
    "CrossSliceSet",
    "Decision",
    "MetricSlot",
    "Policy",
    "SliceSet",
    "SliceSums",
    "Threshold",
    "Verdict",
    "WeakSlice",
    "adjust",
    "attribute",
    "benjamini_hochberg",
    "check_thresholds",
    "find_weak_slices",
    "holm",
    "partitions",
    "read_thresholds",
    "split_change",
    "validate",
]
