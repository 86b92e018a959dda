"""Decisions find the cells that they judge."""

from __future__ import annotations

import numpy as np

from evaluator_component.keys import MetricKey, SubKey
from evaluator_component.metrics_table import Column, MetricsTable
from evaluator_component.validation.decision import Decision
from evaluator_component.validation.slice_sets import SliceSet
from evaluator_component.validation.verdict import Verdict
from evaluator_component.views import Run
from evaluator_component.views.judgement import MAX_LISTED, verdict_payload
from evaluator_component.views.payload import report_payload

KEY = MetricKey("recall", "new", "head", SubKey(class_id=2), example_weighted=True)


def table(dataset: str = "") -> MetricsTable:
    values = Column(np.zeros((2, 2)), labels=("0.1", "0.5"))
    slices = ((), (("hour", 7),))
    return MetricsTable(
        slices, np.ones(2, int), np.ones(2), {KEY: values, KEY.diff(): values}, dataset=dataset
    )


def test_a_decision_is_placed_on_its_cell() -> None:
    decision = Decision("t", KEY.diff(), (("hour", 7),), "golden", part="0.5", outcome="FAILED")
    payload = verdict_payload(
        Verdict("NOT_BLESSED", decisions=(decision,)).to_dict(),
        (table("test"), table("golden")),
        [],
    )
    placed = payload["decisions"][0]
    assert (placed["dataset_index"], placed["row"], placed["status"]) == (1, 1, "fail")
    assert placed["at"] == {
        "metric": "recall",
        "output": "head",
        "sub": "class_id=2",
        "weighted": True,
        "part": "0.5",
    }
    assert placed["metric"] == "head/recall@class_id=2 (weighted)[0.5]"


def test_what_concerns_no_slice_is_placed_nowhere() -> None:
    decision = Decision("t", None, None, outcome="FAILED", sentence="no slice matches.")
    verdict = Verdict(
        "NOT_BLESSED", decisions=(decision,), missing_slices=(SliceSet(("carrier",)),)
    )
    payload = verdict_payload(verdict.to_dict(), (table(),), [])
    placed = payload["decisions"][0]
    assert (placed["row"], placed["at"], placed["slice"]) == (None, None, "")
    assert len(payload["notes"]) == 1
    assert "carrier" in payload["notes"][0]


def test_the_gravest_come_first_and_all_are_counted() -> None:
    outcomes = ("PASSED", "SKIPPED", "INCONCLUSIVE", "FAILED")
    decisions = [Decision("t", KEY, (), outcome=outcome) for outcome in outcomes]
    decisions.append(Decision("t", KEY, (), outcome="FAILED", severity="WARN"))
    payload = verdict_payload({"decisions": [d.to_dict() for d in decisions]}, (table(),), [])
    statuses = [one["status"] for one in payload["decisions"]]
    assert statuses == ["fail", "unclear", "warn", "skip", "pass"]
    assert set(payload["counts"].values()) == {1}


def test_thousands_of_passed_decisions_are_counted_but_not_listed() -> None:
    omitted: list[str] = []
    passed = Decision("t", KEY, ()).to_dict()
    payload = verdict_payload({"decisions": [passed] * 5_000}, (table(),), omitted)
    assert payload["counts"]["pass"] == 5_000
    assert len(payload["decisions"]) == MAX_LISTED["pass"]
    assert omitted == ["4,600 decisions"]


def test_attribution_and_weak_slices_lead_to_their_slices(flights: Run) -> None:
    verdict = report_payload(flights)["verdict"]
    names = flights.tables[0].names()
    part = verdict["attribution"][0]["contributions"][0]
    assert names[part["row"]] == part["slice"]
    weak = verdict["weak_slices"][0]
    assert names[weak["row"]] == weak["slice"]
