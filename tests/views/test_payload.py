"""The payload holds what the tables hold, and says what it leaves out."""

from __future__ import annotations

import json

import numpy as np
import pytest

from evaluator_component.errors import ResultError
from evaluator_component.keys import CrossSliceKey, MetricKey
from evaluator_component.metrics_table import Column, MetricsTable
from evaluator_component.views import Limits, Run
from evaluator_component.views.encoding import dumps
from evaluator_component.views.payload import report_payload
from evaluator_component.views.run import as_run, model_roles


def column(payload: dict, metric: str, model: str, diff: bool = False) -> dict:
    columns = payload["datasets"][0]["columns"]
    return next(c for c in columns if (c["metric"], c["model"], c["diff"]) == (metric, model, diff))


def test_payload_is_strict_json(flights: Run, zoo: Run, hostile: Run) -> None:
    for run in (flights, zoo, hostile):
        json.loads(dumps(report_payload(run)), parse_constant=pytest.fail)


def test_values_and_intervals_are_those_of_the_table(flights: Run) -> None:
    table = flights.tables[0]
    payload = report_payload(flights)
    stored = table.columns[MetricKey("auc", "candidate", example_weighted=False)]
    shown = column(payload, "auc", "candidate")
    np.testing.assert_allclose(shown["value"], stored.value, rtol=1e-6)
    np.testing.assert_allclose(shown["lower"], stored.lower, rtol=1e-4, atol=1e-4)
    assert payload["datasets"][0]["slices"]["names"] == table.names()
    assert payload["datasets"][0]["slices"]["examples"] == table.examples.tolist()


def test_a_payload_of_a_whole_report_has_every_tab(flights: Run, runs: list[Run]) -> None:
    tabs = report_payload(flights, runs)["tabs"]
    assert tabs == ["verdict", "slices", "plots", "history", "examples"]


def test_vectors_become_columns_and_structures_texts(zoo: Run) -> None:
    dataset = report_payload(zoo)["datasets"][0]
    assert [c["part"] for c in dataset["columns"] if c["metric"] == "recall_at"] == [
        "0.1",
        "0.5",
        "0.9",
    ]
    others = {other["metric"]: other["rows"] for other in dataset["others"]}
    assert others["sample"]["2"] == "example 2"
    assert json.loads(others["confusion"]["1"]) == {"cells": [[1, 1], [2, 3]]}


def test_undefined_numbers_are_null() -> None:
    value = np.array([0.5, np.nan, np.inf])
    table = MetricsTable(
        ((), (("a", 1),), (("a", 2),)),
        np.array([3, 1, 1]),
        np.array([3.0, 1.0, 1.0]),
        {MetricKey("auc"): Column(value)},
    )
    shown = report_payload(Run((table,)))["datasets"][0]["columns"][0]["value"]
    assert shown == [0.5, None, "Infinity"]


def test_comparisons_of_slices_are_shown_by_name() -> None:
    key = CrossSliceKey((("a", 1),), ())
    table = MetricsTable((key,), np.array([1]), np.array([1.0]), {})
    slices = report_payload(Run((table,)))["datasets"][0]["slices"]
    assert (slices["names"], slices["pairs"]) == (["a=1 vs Overall"], [None])


def test_small_slices_are_left_out_beyond_the_limit_but_judged_ones_stay(flights: Run) -> None:
    payload = report_payload(flights, limits=Limits(slices=45))
    names = payload["datasets"][0]["slices"]["names"]
    assert len(names) == 45
    judged = {one["slice"] for one in payload["verdict"]["decisions"]}
    assert judged <= set(names)
    assert "smaller slices" in payload["omitted"][0]
    for one in payload["verdict"]["decisions"]:
        assert names[one["row"]] == one["slice"]


def test_plots_beyond_the_budget_are_left_out_and_said(flights: Run) -> None:
    payload = report_payload(flights, limits=Limits(plot_numbers=8_000))
    plots = payload["datasets"][0]["plots"]
    assert all("0" in plot["rows"] for plot in plots)
    failed = payload["verdict"]["decisions"][0]["row"]
    assert all(str(failed) in plot["rows"] for plot in plots)
    assert any("plots of smaller slices" in sentence for sentence in payload["omitted"])


def test_examples_beyond_the_limit_are_left_out_and_said(flights: Run) -> None:
    payload = report_payload(flights, limits=Limits(examples=10))
    assert len(payload["examples"]["rows"]) == 10
    assert payload["omitted"] == ["78 of 88 examples"]
    assert payload["examples"]["columns"][:3] == ["label", "prediction", "loss"]


def test_facts_of_a_run_name_models_data_and_versions(flights: Run) -> None:
    run = report_payload(flights)["run"]
    assert [(m["name"], m["role"]) for m in run["models"]] == [
        ("candidate", "candidate"),
        ("baseline", "baseline"),
    ]
    assert run["data"] == [["eval", "examples/Split-eval/*.gz", "file format tfrecords, files 3"]]
    assert (run["rows"], run["bad_records"]) == (24_000, 2)
    assert run["versions"]["evaluator_component"] == "1.0.0"


def test_roles_follow_from_the_metadata_the_name_or_the_differences() -> None:
    keys = [MetricKey("auc", "a"), MetricKey("auc", "b")]
    assert model_roles({"baselines": ["a"]}, keys) == {"b": "candidate", "a": "baseline"}
    assert model_roles({}, [*keys, MetricKey("auc", "b").diff()]) == {
        "b": "candidate",
        "a": "baseline",
    }
    assert model_roles({}, keys) == {"a": "candidate", "b": "candidate"}
    assert model_roles({}, [MetricKey("auc")]) == {"": "candidate"}


def test_what_is_no_result_is_refused_in_one_line() -> None:
    with pytest.raises(ResultError, match="a dict cannot be shown: expected a loaded result"):
        as_run({"auc": 1})


def test_loaded_results_are_understood(flights: Run) -> None:
    from evaluator_component.results import EvalResult
    from evaluator_component.writers.run_info import RunInfo

    known = RunInfo("nightly", started="2026-11-22T14:03:11+00:00", models={"candidate": "/m/18"})
    result = EvalResult(flights.tables, run=known, path="out/nightly")
    result.config.model_specs.add(name="candidate")
    result.config.model_specs.add(name="baseline", is_baseline=True)
    payload = report_payload(as_run(result))
    assert payload["title"] == "nightly"
    assert payload["run"]["models"][1]["role"] == "baseline"
    assert payload["run"]["time"] == "2026-11-22T14:03:11+00:00"
