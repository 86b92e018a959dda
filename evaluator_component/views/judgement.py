"""Puts each decision of a verdict on the cell of the table that it judges.

A verdict names metrics and slices in words. The page marks failing cells, draws bounds and jumps
from a reason to its slice; so every decision gets `row` (of the slice) and `metric_name`, `model`,
`sub` (of the metric) in the vocabulary of `columns`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evaluator_component.keys import MetricKey, SliceKey, slice_name, sorted_slice_key
from evaluator_component.metrics_table import MetricsTable
from evaluator_component.views.columns import column_identity
from evaluator_component.views.encoding import jsonable

__all__ = ["decision_status", "slice_text", "verdict_payload"]

#: How decisions are told apart in the page, from the worst on.
STATUSES = ("fail", "warn", "unclear", "pass")
_FAILED = {"fail", "failed", "block", "blocked", "not_blessed", "worse", "missing", "error"}
_UNCLEAR = {"inconclusive", "unclear", "undecided", "too_few"}
_WARNED = {"warn", "warned", "warning"}


def decision_status(decision: Mapping[str, Any]) -> str:
    """Returns one of `STATUSES` for a decision.

    A failure whose severity is "warn" warns.

    Example:
        >>> decision_status({"decision": "FAIL", "severity": "block"})
        'fail'
        >>> decision_status({"decision": "FAIL", "severity": "warn"})
        'warn'
    """
    word = str(decision.get("decision", "")).strip().lower().replace(" ", "_")
    if word in _UNCLEAR:
        return "unclear"
    if word in _WARNED:
        return "warn"
    if word in _FAILED:
        return "warn" if str(decision.get("severity", "")).lower() in _WARNED else "fail"
    return "pass"


def verdict_payload(
    verdict: Mapping[str, Any] | None, tables: Sequence[MetricsTable]
) -> dict[str, Any] | None:
    """Returns the verdict as JSON, its decisions placed and sorted from the worst on."""
    if verdict is None:
        return None
    payload = jsonable(dict(verdict))
    places = _Places(tables)
    decisions = [places.place(decision) for decision in payload.get("decisions") or ()]
    payload["decisions"] = sorted(decisions, key=lambda item: STATUSES.index(item["status"]))
    for part in ("attribution", "weak_slices"):
        entries = payload.get(part) or []
        entries = [entries] if isinstance(entries, Mapping) else entries
        payload[part] = [places.place(entry) for entry in entries if isinstance(entry, Mapping)]
    return payload


class _Places:
    """Finds rows and metrics by the words that a verdict uses for them."""

    def __init__(self, tables: Sequence[MetricsTable]) -> None:
        self.datasets = [table.dataset for table in tables]
        self.rows = [{slice_name(key): row for key, row in t.row_of.items()} for t in tables]
        self.metrics: dict[str, MetricKey] = {}
        keys = [key for table in tables for key in table.columns]
        # Fuller names win: they are entered last. Differences come first: values win over them.
        for key in sorted(keys, key=lambda key: not key.is_diff):
            self.metrics.setdefault(key.name, key)
        for key in keys:
            if not key.is_diff:
                self.metrics[_without_model(key)] = key
        for key in keys:
            self.metrics[str(key)] = key

    def place(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        placed = dict(entry)
        name = slice_text(entry.get("slice"))
        dataset = str(entry.get("dataset") or "")
        index = self.datasets.index(dataset) if dataset in self.datasets else 0
        placed.update(slice=name, dataset=dataset, dataset_index=index)
        placed["row"] = self.rows[index].get(name) if self.rows else None
        placed["status"] = decision_status(entry)
        metric = str(entry.get("metric") or "")
        key = self.metrics.get(metric)
        if key is None:
            key = next((k for text, k in self.metrics.items() if text.endswith("/" + metric)), None)
        placed["at"] = column_identity(key) if key else None
        return placed


def _without_model(key: MetricKey) -> str:
    return str(key).removeprefix(f"{key.model_name}/") if key.model_name else str(key)


def slice_text(value: Any) -> str:
    """Returns a slice's name from any form it takes in JSON: a name, pairs, a mapping or nothing.

    Example:
        >>> slice_text([["hour", 7], ["carrier", "UA"]])
        'carrier=UA, hour=7'
        >>> slice_text(None)
        'Overall'
    """
    if isinstance(value, str):
        return value or slice_name(())
    pairs = list(value.items()) if isinstance(value, Mapping) else list(value or ())
    key: SliceKey = sorted_slice_key((str(feature), part) for feature, part in pairs)
    return slice_name(key)
