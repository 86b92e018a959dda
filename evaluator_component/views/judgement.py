"""Puts each decision of a verdict on the cell of the table that it judges.

A verdict names metrics and slices in words. The page marks cells, draws bounds and jumps from a
reason to its slice; so every decision gets a `status`, the `row` of its slice and `at`: its metric
in the vocabulary of `columns`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from evaluator_component.keys import MetricKey, SliceKey, slice_name, sorted_slice_key
from evaluator_component.metrics_table import MetricsTable
from evaluator_component.views.columns import column_identity
from evaluator_component.views.encoding import jsonable

__all__ = ["STATUSES", "decision_status", "slice_text", "verdict_payload"]

#: How decisions are told apart in the page, from the gravest on.
STATUSES = ("fail", "unclear", "warn", "skip", "pass")
#: Decisions of each status that a page lists; all are counted.
MAX_LISTED = {"fail": 2_000, "unclear": 1_000, "warn": 1_000, "skip": 200, "pass": 400}

_OUTCOMES = {"FAILED": "fail", "FAIL": "fail", "INCONCLUSIVE": "unclear", "SKIPPED": "skip"}
_COUNTS = {
    "failed": "fail",
    "inconclusive": "unclear",
    "warnings": "warn",
    "skipped": "skip",
    "passed": "pass",
}
#: Fields of a decision that the page shows, under its own name and the names they come by.
_FIELDS = {
    "name": ("threshold_name", "name"),
    "dataset": ("dataset",),
    "check": ("check", "threshold"),
    "value": ("value",),
    "baseline": ("baseline",),
    "difference": ("difference",),
    "bound": ("bound",),
    "lower": ("lower",),
    "upper": ("upper",),
    "level": ("confidence_level",),
    "n": ("num_examples", "n"),
    "n_needed": ("num_examples_needed", "n_needed"),
    "p_value": ("adjusted_p_value", "p_value"),
    "sentence": ("sentence",),
}


def decision_status(decision: Mapping[str, Any]) -> str:
    """Returns one of `STATUSES` for a decision; a failure of severity WARN warns.

    Example:
        >>> decision_status({"outcome": "FAILED", "severity": "BLOCK"})
        'fail'
        >>> decision_status({"outcome": "FAILED", "severity": "WARN"})
        'warn'
    """
    word = str(decision.get("outcome") or decision.get("decision") or "").upper()
    status = _OUTCOMES.get(word, "pass")
    warns = str(decision.get("severity") or "").upper() == "WARN"
    return "warn" if status == "fail" and warns else status


def verdict_payload(
    verdict: Mapping[str, Any] | None, tables: Sequence[MetricsTable], omitted: list[str]
) -> dict[str, Any] | None:
    """Returns the verdict as JSON, its decisions placed and sorted from the gravest on.

    Args:
        verdict: what `verdict.json` holds.
        tables: the tables that the page shows.
        omitted: a sentence about decisions that are not listed is added here.
    """
    if verdict is None:
        return None
    payload = jsonable(dict(verdict))
    places = _Places(tables)
    listed: dict[str, list[dict[str, Any]]] = {status: [] for status in STATUSES}
    counts = dict.fromkeys(STATUSES, 0)
    for decision in payload.get("decisions") or ():
        status = decision_status(decision)
        counts[status] += 1
        if len(listed[status]) < MAX_LISTED[status]:
            listed[status].append(places.decision(decision, status))
    told = payload.get("counts") or {}
    counts.update({_COUNTS[name]: number for name, number in told.items() if name in _COUNTS})
    decisions = [decision for status in STATUSES for decision in listed[status]]
    left_out = sum(counts.values()) - len(decisions)
    if left_out > 0:
        omitted.append(f"{left_out:,} decisions")
    return {
        "verdict": payload.get("verdict") or "",
        "summary": payload.get("summary") or "",
        "counts": counts,
        "forced_reason": payload.get("forced_reason") or "",
        "notes": [*_missing(payload), *(str(note) for note in payload.get("notes") or ())],
        "decisions": decisions,
        "attribution": [places.attribution(entry) for entry in _entries(payload, "attribution")],
        "weak_slices": [places.about(entry) for entry in _entries(payload, "weak_slices")],
    }


def _entries(payload: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    return [entry for entry in payload.get(name) or () if isinstance(entry, Mapping)]


def _missing(payload: Mapping[str, Any]) -> Iterable[str]:
    for name, what in (("missing_slices", "slice"), ("missing_cross_slices", "pair of slices")):
        for spec in payload.get(name) or ():
            yield f"A threshold asks for {spec}, but no {what} is like that."


class _Places:
    """Finds rows and metrics by the words that a verdict uses for them."""

    def __init__(self, tables: Sequence[MetricsTable]) -> None:
        self.datasets = [table.dataset for table in tables]
        self.rows = [{slice_name(key): row for key, row in t.row_of.items()} for t in tables]
        self.metrics: dict[str, MetricKey] = {}
        keys = [key for table in tables for key in table.columns]
        # A fuller name wins over a shorter one, a value over a difference of the same name.
        for name_of in (lambda key: key.name, _without_model, str):
            for key in sorted(keys, key=lambda key: not key.is_diff):
                self.metrics[name_of(key)] = key

    def about(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """Returns an entry with its dataset's number, its slice's name and row."""
        dataset = str(entry.get("dataset") or "")
        index = self.datasets.index(dataset) if dataset in self.datasets else 0
        name = "" if entry.get("slice") is None else slice_text(entry["slice"])
        row = self.rows[index].get(name) if self.rows else None
        return {**entry, "slice": name, "dataset": dataset, "dataset_index": index, "row": row}

    def decision(self, decision: Mapping[str, Any], status: str) -> dict[str, Any]:
        """Returns a decision in the page's own words."""
        key = self.metrics.get(str(decision.get("metric") or ""))
        part = str(decision.get("part") or "")
        told: dict[str, Any] = {}
        for field, names in _FIELDS.items():
            known = [decision[name] for name in names if decision.get(name) not in (None, "")]
            told[field] = known[0] if known else None
        identity = None
        if key is not None:
            identity = column_identity(key)
            identity = {name: identity[name] for name in ("metric", "output", "sub", "weighted")}
            identity["part"] = part
        label = str(decision.get("metric") or "") if key is None else _label(key, part)
        return {
            **self.about({**told, "slice": decision.get("slice")}),
            "status": status,
            "metric": label,
            "at": identity,
        }

    def attribution(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """Returns an attribution with its contributions placed."""
        key = self.metrics.get(str(entry.get("metric") or ""))
        dataset = entry.get("dataset")
        contributions = [
            self.about({**part, "dataset": dataset}) for part in _entries(entry, "contributions")
        ]
        label = _label(key) if key is not None else entry.get("metric")
        return {**entry, "metric": label, "contributions": contributions}


def _without_model(key: MetricKey) -> str:
    return str(key).removeprefix(f"{key.model_name}/") if key.model_name else str(key)


def _label(key: MetricKey, part: str = "") -> str:
    """A metric's name without the model's and without "difference"; the reader sees which."""
    name = _without_model(key).removesuffix(" difference")
    return f"{name}[{part}]" if part else name


def slice_text(value: Any) -> str:
    """Returns a slice's name from any form it takes in JSON: a name, pairs or a mapping.

    Example:
        >>> slice_text([["hour", 7], ["carrier", "UA"]])
        'carrier=UA, hour=7'
        >>> slice_text([])
        'Overall'
    """
    if isinstance(value, str):
        return value or slice_name(())
    pairs = list(value.items()) if isinstance(value, Mapping) else list(value or ())
    key: SliceKey = sorted_slice_key((str(feature), part) for feature, part in pairs)
    return slice_name(key)
