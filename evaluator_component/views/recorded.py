"""Runs out of the metadata store: what it recorded of an evaluation, as far as views can show it.

The store holds overall values and those of the largest slices by name ("auc", "baseline/auc",
"auc difference"; with several datasets "<dataset>: " before), the verdict and its reasons. That is
enough for a time series without any result folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from evaluator_component.keys import MetricKey, SliceKey
from evaluator_component.metrics_table import Column, MetricsTable
from evaluator_component.views.run import BASELINE, CANDIDATE, Run

__all__ = ["is_record", "run_of_record"]

_DIFFERENCE = " difference"


def is_record(result: Any) -> bool:
    """Tells whether an object is an evaluation as the metadata store recorded it."""
    return isinstance(getattr(result, "metrics", None), Mapping) and hasattr(result, "by_slice")


def run_of_record(record: Any) -> Run:
    """Returns a recorded evaluation as a run.

    Args:
        record: with metrics, by_slice, verdict, reason, time, run, inputs and outputs, as
            `component.history` reads it.
    """
    by_slice: dict[SliceKey, Mapping[str, float]] = {(): record.metrics}
    for name, values in record.by_slice.items():
        by_slice[_key(name)] = values
    names = list({name: None for values in by_slice.values() for name in values})
    datasets = list({_dataset(name): None for name in names})
    tables = [_table(dataset, by_slice, names) for dataset in datasets]
    reasons = str(record.reason or "").splitlines()
    models = [
        {"name": name, "role": name, "location": _uri(record.inputs.get(artifact))}
        for name, artifact in ((CANDIDATE, "model"), (BASELINE, "baseline_model"))
        if record.inputs.get(artifact)
    ]
    return Run(
        tuple(tables),
        metadata={
            "name": str(record.run),
            "started": record.time.isoformat(),
            "models": models,
            "data": _uri(record.inputs.get("examples")),
        },
        verdict={
            "verdict": record.verdict,
            "summary": reasons[0] if reasons else "",
            "counts": dict(record.checks),
        },
        folder=_uri(record.outputs.get("evaluation")) or _uri(record.outputs.get("report")),
    )


def _key(name: str) -> SliceKey:
    """A key of that name: where a value holds ", ", features could not be told apart."""
    feature, _, value = name.partition("=")
    return ((feature, value),)


def _uri(artifacts: Any) -> str:
    return str(artifacts[0].uri) if artifacts else ""


def _dataset(name: str) -> str:
    dataset, found, _ = name.partition(": ")
    return dataset if found else ""


def _table(
    dataset: str, by_slice: Mapping[SliceKey, Mapping[str, float]], names: list[str]
) -> MetricsTable:
    prefix = f"{dataset}: " if dataset else ""

    def column(name: str) -> Any:
        return np.array(
            [values.get(name, np.nan) for values in by_slice.values()], dtype=np.float64
        )

    examples = np.nan_to_num(column(f"{prefix}examples")).astype(np.int64)
    columns = {
        _metric(name.removeprefix(prefix)): Column(column(name))
        for name in names
        if _dataset(name) == dataset and name != f"{prefix}examples"
    }
    return MetricsTable(
        tuple(by_slice), examples, examples.astype(np.float64), columns, dataset=dataset
    )


def _metric(name: str) -> MetricKey:
    is_diff = name.endswith(_DIFFERENCE)
    name = name.removesuffix(_DIFFERENCE)
    of_baseline = name.startswith(f"{BASELINE}/")
    model = BASELINE if of_baseline else CANDIDATE
    return MetricKey(name.removeprefix(f"{BASELINE}/"), model, is_diff=is_diff)
