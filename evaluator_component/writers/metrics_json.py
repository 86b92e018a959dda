"""`metrics.json`: the metrics as nested JSON, for programs that know nothing of this package.

::

    {"schema_version": 1, "run": "nightly", "datasets": [
      {"dataset": "", "slices": [
        {"slice": {"carrier": "UA"}, "name": "carrier=UA", "examples": 10, "weight": 10.0,
         "metrics": [
           {"metric": "auc", "model": "candidate", "value": 0.9, "ci_low": 0.85, "ci_high": 0.95},
           ...

What is empty is left out, except `value`, which is null where it is undefined. A pair of slices has
"baseline" and "comparison" in place of "slice".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from evaluator_component.keys import CrossSliceKey, MetricKey, SliceKey, slice_name
from evaluator_component.metrics_table import Column, MetricsTable
from evaluator_component.writers.judgements import Judgement, JudgementKey
from evaluator_component.writers.plain_json import plain
from evaluator_component.writers.run_info import SCHEMA_VERSION

__all__ = ["metrics_json"]

_INTERVAL = {"lower": "ci_low", "upper": "ci_high", "standard_error": "standard_error"}


def metrics_json(
    tables: Sequence[MetricsTable],
    *,
    run: str = "",
    judgements: Mapping[JudgementKey, Judgement] | None = None,
) -> Iterator[str]:
    """Yields the file piece by piece: one line per slice.

    Args:
        tables: one or several per dataset.
        run: name of the run.
        judgements: what thresholds said.
    """
    head = json.dumps({"schema_version": SCHEMA_VERSION, "run": run}, ensure_ascii=False)[:-1]
    yield f'{head}, "datasets": ['
    for place, table in enumerate(tables):
        dataset = json.dumps(table.dataset, ensure_ascii=False)
        yield f'{"," if place else ""}\n{{"dataset": {dataset}, "slices": ['
        judged = _by_metric(judgements or {}, table.dataset)
        metrics = [
            _Metric(key, column, judged.get(key, {})) for key, column in table.columns.items()
        ]
        for row, key in enumerate(table.slices):
            described = _slice(table, row, key)
            described["metrics"] = [found for metric in metrics if (found := metric.at(row, key))]
            yield f"{',' if row else ''}\n{json.dumps(described, ensure_ascii=False)}"
        yield "]}"
    yield "]}\n"


def _slice(table: MetricsTable, row: int, key: SliceKey | CrossSliceKey) -> dict[str, Any]:
    if isinstance(key, CrossSliceKey):
        described: dict[str, Any] = {
            "baseline": plain(dict(key.baseline)),
            "comparison": plain(dict(key.comparison)),
        }
    else:
        described = {"slice": plain(dict(key))}
    described["name"] = slice_name(key)
    if table.examples[row] >= 0:
        described["examples"] = int(table.examples[row])
    described["weight"] = plain(float(table.weights[row]))
    if note := table.notes.get(key):
        described["note"] = note
    return described


def _by_metric(
    judgements: Mapping[JudgementKey, Judgement], dataset: str
) -> dict[MetricKey, dict[SliceKey | CrossSliceKey, Judgement]]:
    found: dict[MetricKey, dict[SliceKey | CrossSliceKey, Judgement]] = {}
    for (of_dataset, metric, slice_key), judgement in judgements.items():
        if of_dataset == dataset:
            found.setdefault(metric, {})[slice_key] = judgement
    return found


class _Metric:
    """One metric's values, ready to be written slice by slice."""

    def __init__(
        self,
        key: MetricKey,
        column: Column,
        judgements: Mapping[SliceKey | CrossSliceKey, Judgement],
    ) -> None:
        self._head = _key(key)
        self._value = _plain_list(column.value)
        if column.labels:
            self._head["labels"] = list(column.labels)
        bounds = {name: getattr(column, attribute) for attribute, name in _INTERVAL.items()}
        self._bounds = {name: _plain_list(a) for name, a in bounds.items() if a is not None}
        self._judgements = judgements
        self._skips_empty = column.value.dtype == object

    def at(self, row: int, slice_key: SliceKey | CrossSliceKey) -> dict[str, Any] | None:
        """Returns the metric of one slice; None where a structured value is absent."""
        value = self._value[row]
        if value is None and self._skips_empty:
            return None
        found = {**self._head, "value": value}
        for name, values in self._bounds.items():
            if values[row] is not None:
                found[name] = values[row]
        if judgement := self._judgements.get(slice_key):
            found["threshold"] = judgement.threshold
            found["decision"] = judgement.outcome
        return found


def _plain_list(values: np.ndarray[Any, Any]) -> list[Any]:
    """Returns the values of all rows as `plain` ones, quickly where they are finite numbers."""
    if values.dtype != object and np.isfinite(values).all():
        return list(values.tolist())
    return [plain(value) for value in values.tolist()]


def _key(key: MetricKey) -> dict[str, Any]:
    described: dict[str, Any] = {"metric": key.name}
    if key.model_name:
        described["model"] = key.model_name
    if key.output_name:
        described["output"] = key.output_name
    for part in ("class_id", "k", "top_k"):
        value = getattr(key.sub_key, part, None)
        if value is not None:
            described[part] = value
    if key.aggregation:
        described["aggregation"] = key.aggregation
    if key.example_weighted is not None:
        described["weighted"] = key.example_weighted
    if key.is_diff:
        described["is_diff"] = True
    return described
