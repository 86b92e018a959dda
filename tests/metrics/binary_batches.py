"""Random batches for binary metrics: what scores, labels and weights look like in real life."""

from __future__ import annotations

from typing import Any

import numpy as np

from evaluator_component.batch import Batch

__all__ = ["SCENARIOS", "hardened", "make"]

SCENARIOS = (
    "probabilities",
    "ties",
    "weights",
    "fractional labels",
    "zeros and ones",
    "tiny probabilities",
    "near one",
    "logits",
    "one row",
    "positives only",
    "negatives only",
)


def make(scenario: str, seed: int = 0, rows: int = 400) -> Batch:
    """Returns a batch; scores differ by 0.1 % at least where they differ."""
    random = np.random.default_rng([seed, SCENARIOS.index(scenario)])
    rows = 1 if scenario == "one row" else rows
    hidden = random.normal(-0.5, 1.5, rows)
    label = (random.random(rows) < 1 / (1 + np.exp(-hidden))).astype(float)
    score = np.round(1 / (1 + np.exp(-hidden - random.normal(0, 1, rows))), 3)
    weight = np.ones(rows)
    if scenario == "ties":
        score = np.round(score, 1)
    elif scenario == "weights":
        weight = random.exponential(2, rows) * (random.random(rows) < 0.9)
    elif scenario == "fractional labels":
        label = np.where(random.random(rows) < 0.5, np.round(random.random(rows), 2), label)
        weight = random.exponential(2, rows)
    elif scenario == "zeros and ones":
        score = np.where(random.random(rows) < 0.3, np.round(score), score)
    elif scenario == "tiny probabilities":
        score = np.round(score * 1e-4, 7)
    elif scenario == "near one":
        score = 1 - np.round(score * 1e-4, 7)
    elif scenario == "logits":
        score = np.round(hidden * 4, 1)
    elif scenario == "positives only":
        label = np.ones(rows)
    elif scenario == "negatives only":
        label = np.zeros(rows)
    return Batch(label=label, prediction=score, weight=weight)


def hardened(batch: Batch) -> tuple[Any, Any, Any]:
    """Returns labels 0 and 1, scores and weights: a fractional label becomes two rows."""
    label = np.concatenate([np.ones(len(batch)), np.zeros(len(batch))])
    score = np.tile(batch.prediction, 2)
    weight = np.concatenate([batch.weight * batch.label, batch.weight * (1 - batch.label)])
    kept = weight > 0
    return label[kept], score[kept], weight[kept]
