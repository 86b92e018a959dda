"""Drafts: judgements of many slices with what they are about, turned into decisions with words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from evaluator_component.keys import MetricKey
from evaluator_component.metrics_table import MetricsTable
from evaluator_component.validation.decision import Decision
from evaluator_component.validation.judgement import FAILED, OUTCOMES, Judgement, Why
from evaluator_component.validation.quantities import PRESENCE
from evaluator_component.validation.sentences import Subject, metric_text, sentence
from evaluator_component.validation.thresholds import Threshold

__all__ = ["Draft", "decisions_of", "presence"]


@dataclass(frozen=True)
class Draft:
    """A judgement with what it is about."""

    table: MetricsTable
    key: MetricKey
    judgement: Judgement
    labels: tuple[str, ...]


def presence(
    threshold: Threshold,
    key: MetricKey | None,
    dataset: str,
    said: str,
    outcome: str = FAILED,
) -> Decision:
    """Returns a decision about something that is there or not.

    Args:
        threshold: what needs it.
        key: the metric it is about; None for the threshold as a whole.
        dataset: where.
        said: what is or is not there, in words.
        outcome: of the decision.
    """
    of = f" of {dataset}" if dataset else ""
    name = threshold.metric if key is None else metric_text(key)
    text = f"{name}{of}: {said}."
    return Decision(
        threshold_name=threshold.name,
        metric_key=key,
        slice_key=None,
        dataset=dataset,
        check=PRESENCE,
        outcome=outcome,
        severity=threshold.severity,
        sentence=f"{text} {threshold.message}" if threshold.message else text,
        message=threshold.message,
        threshold=threshold,
    )


def decisions_of(threshold: Threshold, draft: Draft, tests: int) -> Iterator[Decision]:
    """Yields a decision for every slice of a settled judgement.

    Args:
        threshold: what was judged.
        draft: with its judgement settled.
        tests: number of p-values that were corrected together.
    """
    judged, table = draft.judgement, draft.table
    for row in range(len(judged)):
        part = draft.labels[int(judged.part[row])] if len(draft.labels) > 1 else ""
        slice_key = table.slices[int(judged.rows[row])]
        subject = Subject(draft.key, slice_key, table.dataset, part)
        undefined = int(judged.why[row]) == Why.UNDEFINED
        yield Decision(
            threshold_name=threshold.name,
            metric_key=draft.key,
            slice_key=slice_key,
            dataset=table.dataset,
            check=PRESENCE if undefined else judged.check,
            outcome=OUTCOMES[int(judged.outcome[row])],
            severity=threshold.severity,
            value=_own(judged.value[row], undefined),
            baseline=_own(judged.baseline[row]),
            difference=_own(judged.compared[row], undefined),
            bound=judged.bound if np.isfinite(judged.bound) else None,
            margin=_own(judged.margin[row]),
            lower=_own(judged.lower[row]),
            upper=_own(judged.upper[row]),
            standard_error=_own(judged.error[row]),
            confidence_level=_own(judged.level[row]),
            p_value=_own(judged.p[row]),
            adjusted_p_value=_own(judged.adjusted[row]),
            num_examples=int(judged.examples[row]),
            num_examples_needed=_whole(judged.needed[row]),
            sentence=sentence(subject, judged, row, tests, threshold.message),
            part=part,
            message=threshold.message,
            threshold=threshold,
        )


def _own(value: float, keeps_nan: bool = False) -> float | None:
    number = float(value)
    return None if number != number and not keeps_nan else number


def _whole(value: float) -> int | None:
    return None if value != value else int(value)
