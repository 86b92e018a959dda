"""What is printed: tables for people, JSON for programs."""

from __future__ import annotations

import dataclasses
import io
import json
import sys
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from evaluator_component.errors import ResultError
from evaluator_component.keys import MetricKey
from evaluator_component.metrics_table import Column, MetricsTable
from evaluator_component.results.eval_result import EvalResult
from evaluator_component.results.terminal import (
    print_comparison,
    print_history,
    print_result,
)
from evaluator_component.results.terminal_text import shown_number
from evaluator_component.writers import RunInfo

sys.path.insert(0, str(Path(__file__).parent.parent / "writers"))
import small_tables


def result(**changes: Any) -> EvalResult:
    info = RunInfo(name="nightly", rows_read={"": 1000}, started="2024-05-01T00:00:00+00:00")
    given = {"verdict": small_tables.verdict(), "config": small_tables.config(), "run": info}
    return EvalResult([small_tables.table().sorted()], **{**given, **changes})


def printed(show: Any, *args: Any, width: int = 200, **options: Any) -> str:
    stream = io.StringIO()
    show(*args, console=Console(file=stream, width=width, highlight=False), **options)
    return stream.getvalue()


def rows(text: str) -> list[str]:
    """The names in the first column of a printed table."""
    lines = [line for line in text.splitlines() if line.startswith("│")]
    return [line.split("│")[1].strip() for line in lines]


def test_the_verdict_comes_first_then_a_row_per_slice() -> None:
    text = printed(print_result, result())
    lines = text.splitlines()
    assert lines[0] == "nightly · 2024-05-01T00:00:00+00:00 · 1,000 examples · 5 slices"
    assert lines[1] == "NOT BLESSED: 1 of 2 checks failed."
    assert lines[2].strip().startswith("carrier=UA: AUC is 0.8, which is below 0.85")
    assert "note: the baseline is 3 weeks old" in text
    assert rows(text) == ["Overall", "carrier=UA", "hour=3", "hour=7", "carrier=UA vs Overall"]


def test_a_cell_has_interval_difference_and_mark() -> None:
    text = printed(print_result, result(), metrics=["candidate/auc (weighted)"])
    (united,) = [line for line in text.splitlines() if line.startswith("│ carrier=UA  ")]
    assert "0.8 ±0.04 (-0.02) ✗" in united
    assert "60" in united


def test_small_slices_tell_why_they_have_no_metrics() -> None:
    text = printed(print_result, result(), metrics=["auc"])
    assert "hour=3: 2 examples, fewer than the 10" in text
    table = small_tables.table()
    notes = {key: "few" for key in table.slices}
    text = printed(print_result, EvalResult([dataclasses.replace(table, notes=notes)]))
    assert "Overall, carrier=UA, hour=7 and 2 more: few" in text


def test_slices_are_filtered_sorted_and_limited() -> None:
    shown = printed(print_result, result(), slices="HOUR")
    assert rows(shown) == ["hour=3", "hour=7"]
    shown = printed(print_result, result(), sort="auc", min_examples=10)
    assert rows(shown) == ["carrier=UA vs Overall", "hour=7", "carrier=UA", "Overall"]
    shown = printed(print_result, result(), sort="-auc", limit=2)
    assert rows(shown) == ["Overall", "carrier=UA"]
    assert "3 more slices" in shown


def test_losses_are_sorted_with_the_largest_first() -> None:
    values = np.array([0.2, 0.9, np.nan, 0.5])
    names = tuple((("hour", hour),) for hour in range(4))
    columns = {MetricKey("loss"): Column(values, direction=-1)}
    table = MetricsTable(names, np.ones(4, dtype=int), np.ones(4), columns)
    assert rows(printed(print_result, EvalResult([table]), sort="loss")) == [
        "hour=1",
        "hour=3",
        "hour=0",
        "hour=2",
    ]


def test_metrics_that_do_not_fit_are_named() -> None:
    columns = {MetricKey(f"metric_{i}"): Column(np.array([float(i)])) for i in range(20)}
    table = MetricsTable(((),), np.array([1]), np.array([1.0]), columns)
    text = printed(print_result, EvalResult([table]), width=100)
    assert "17 more metrics (--metrics): metric_3, metric_4" in text
    assert all(len(line) <= 100 for line in text.splitlines())


def test_a_mistyped_metric_is_told() -> None:
    for options in ({"metrics": ["aoc"]}, {"sort": "aoc"}):
        with pytest.raises(ResultError, match="no metric 'aoc'"):
            printed(print_result, result(), **options)


def test_names_from_the_data_are_neither_markup_nor_commands() -> None:
    names = ((("carrier", "[red]x[/red]"),), (("carrier", "a\x1b[2Jb\r"),))
    columns = {MetricKey("[bold]m"): Column(np.array([1.0, 2.0]))}
    table = MetricsTable(names, np.ones(2, dtype=int), np.ones(2), columns)
    text = printed(print_result, EvalResult([table]))
    assert "carrier=[red]x[/red]" in text
    assert "[bold]m" in text
    assert "\x1b" not in text
    assert "\r" not in text


def test_json_has_everything(capsys: pytest.CaptureFixture[str]) -> None:
    print_result(result(), as_json=True, slices="carrier=UA", limit=1)
    found = json.loads(capsys.readouterr().out)
    assert found["run"] == "nightly"
    assert found["verdict"]["verdict"] == "NOT_BLESSED"
    (dataset,) = found["datasets"]
    assert dataset["num_slices"] == 2
    (united,) = dataset["slices"]
    assert united["examples"] == 60
    assert united["metrics"]["candidate/auc (weighted)"] == {
        "value": 0.8,
        "ci_low": 0.76,
        "ci_high": 0.84,
        "threshold": ">= 0.85",
        "decision": "FAILED",
    }
    assert united["metrics"]["candidate/tip/loss@class_id=3"] == {"value": "Infinity"}


def test_a_result_without_metrics_or_verdict_is_printed() -> None:
    assert "0 slices" in printed(print_result, EvalResult([], path="a/b"))


def test_a_comparison_shows_what_got_worse_first(capsys: pytest.CaptureFixture[str]) -> None:
    before = result()
    worse = small_tables.table().sorted()
    worse.columns[small_tables.UNWEIGHTED].value[:] -= 0.1
    after = result(run=RunInfo(name="today"))
    after = EvalResult([worse], config=after.config, run=after.run)
    text = printed(print_comparison, before, after)
    assert text.splitlines()[0].startswith("nightly → today: ")
    assert "3 worse" in text.splitlines()[0]
    assert rows(text)[:3] == ["Overall", "carrier=UA", "hour=7"]
    assert rows(printed(print_comparison, before, after, slices="UA", metrics=["auc"]))
    assert "more rows" in printed(print_comparison, before, after, limit=1)
    with pytest.raises(ResultError, match="did you mean 'auc'"):
        print_comparison(before, after, metrics=["aucc"])
    print_comparison(before, after, as_json=True, metrics=["loss"])
    found = json.loads(capsys.readouterr().out)
    assert {row["change"] for row in found["rows"]} <= {"same", ""}
    assert found["rows"][0]["class_id"] == 3


def test_history_prints_a_row_per_run(capsys: pytest.CaptureFixture[str]) -> None:
    stored = SimpleNamespace(
        run="run-1",
        time=datetime(2024, 5, 1, 12, tzinfo=timezone.utc),
        verdict="BLESSED",
        reason="fine",
        metrics={"auc": 0.9, "loss": 0.25},
    )
    text = printed(print_history, [stored, result()], metrics=["auc"])
    assert rows(text) == ["run-1", "nightly"]
    assert "2024-05-01 12:00" in text
    print_history([stored], as_json=True)
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    assert run["metrics"] == {"auc": 0.9, "loss": 0.25}
    with pytest.raises(ResultError, match="did you mean 'auc'"):
        print_history([stored], metrics=["acu"])
    assert "no evaluations" in printed(print_history, [])


def test_numbers_are_short() -> None:
    values = (0.0, -0.5, 12345.678, 1e20, float("inf"), None)
    assert [shown_number(value) for value in values] == [
        "0",
        "-0.5",
        "12,346",
        "1e+20",
        "inf",
        "undefined",
    ]
