"""Runs line up over time."""

from __future__ import annotations

from dataclasses import replace

from evaluator_component.keys import MetricKey
from evaluator_component.views import Run, render_time_series, report_of
from evaluator_component.views.history import MAX_SLICES, history_payload


def test_runs_are_sorted_by_time_and_keep_their_verdicts(runs: list[Run]) -> None:
    history = history_payload(runs[::-1])
    assert [run["name"] for run in history["runs"]] == [run.name for run in runs]
    blocked = [run["name"] for run in history["runs"] if run["verdict"] == "NOT_BLESSED"]
    assert blocked == ["week 7", "week 14"]
    assert history["runs"][2]["model"] == "3"


def test_series_hold_the_values_of_each_run(runs: list[Run]) -> None:
    dataset = history_payload(runs)["datasets"][0]
    row = dataset["slices"].index("Overall")
    auc = next(c for c in dataset["columns"] if c["metric"] == "auc" and c["role"] == "candidate")
    key = MetricKey("auc", "candidate", example_weighted=False)
    for index, run in enumerate(runs):
        assert abs(auc["value"][row][index] - run.tables[0].value(key)) < 1e-6


def test_models_are_followed_by_their_role_when_names_change(runs: list[Run]) -> None:
    renamed = []
    for index, run in enumerate(runs[:3]):
        table = run.tables[0]
        columns = {
            replace(key, model_name=f"v{index}" if key.model_name == "candidate" else "old"): column
            for key, column in table.columns.items()
        }
        renamed.append(replace(run, tables=(replace(table, columns=columns),), metadata={}))
    dataset = history_payload(renamed)["datasets"][0]
    roles = {c["role"] for c in dataset["columns"] if c["metric"] == "auc" and not c["diff"]}
    assert roles == {"candidate", "baseline"}


def test_a_run_without_a_slice_has_a_gap(runs: list[Run]) -> None:
    short = replace(runs[1], tables=(runs[1].tables[0].take([0]),))
    dataset = history_payload([runs[0], short, runs[2]])["datasets"][0]
    row = next(row for row, name in enumerate(dataset["slices"]) if name != "Overall")
    auc = next(c for c in dataset["columns"] if c["metric"] == "auc")
    assert auc["value"][row][1] is None
    assert auc["value"][row][2] is not None


def test_thresholds_are_drawn_from_the_last_verdict(runs: list[Run]) -> None:
    bounds = history_payload(runs)["datasets"][0]["bounds"]
    assert [(b["metric"], b["slice"], b["bound"]) for b in bounds] == [("auc", "Overall", 0.6)]


def test_many_slices_are_limited_and_said(many_slices: Run) -> None:
    omitted: list[str] = []
    dataset = history_payload([many_slices, many_slices], omitted=omitted)["datasets"][0]
    assert len(dataset["slices"]) == MAX_SLICES
    assert dataset["slices"][0] == "Overall"
    assert omitted == ["the history of 4,800 smaller slices"]


def test_a_report_of_several_runs_is_about_the_last_one(runs: list[Run]) -> None:
    report = report_of(*runs[::-1])
    assert report.payload["title"] == "week 20"
    assert len(report.payload["history"]["runs"]) == 20


def test_saved_histories_link_to_the_reports_of_their_runs(runs, tmp_path) -> None:
    folders = [tmp_path / "a", tmp_path / "deep" / "b"]
    linked = []
    for folder, run in zip(folders, runs[:2], strict=True):
        folder.mkdir(parents=True)
        (folder / "report.html").write_text("")
        linked.append(replace(run, folder=str(folder), href=""))
    report = render_time_series(linked)
    hrefs = [
        run["href"] for run in report._linked_from(tmp_path / "deep").payload["history"]["runs"]
    ]
    assert hrefs == ["../a/report.html", "b/report.html"]
    assert str(tmp_path) not in report.html


def test_evaluations_of_the_metadata_store_make_a_time_series() -> None:
    from datetime import datetime, timezone

    from evaluator_component.component.history import Artifact, Evaluation

    def evaluation(week: int, verdict: str) -> Evaluation:
        return Evaluation(
            pipeline="flights",
            run=f"run-{week}",
            node="Evaluator",
            time=datetime(2026, 11, week, tzinfo=timezone.utc),
            blessed=verdict == "BLESSED",
            verdict=verdict,
            reason=f"{verdict}: so it is.\nauc on Overall is low.",
            metrics={"auc": 0.7 + week / 100, "baseline/auc": 0.7, "auc difference": week / 100}
            | {"examples": 100.0},
            by_slice={"carrier=A, B, origin=JFK": {"auc": 0.6, "examples": 9.0}},
            checks={"passed": 2},
            inputs={"model": (Artifact(1, f"/serving/{week}"),)},
            outputs={"report": (Artifact(2, f"/report/{week}"),)},
            execution_id=week,
        )

    report = render_time_series([evaluation(2, "BLESSED"), evaluation(1, "NOT_BLESSED")])
    history = report.payload["history"]
    assert [run["verdict"] for run in history["runs"]] == ["NOT_BLESSED", "BLESSED"]
    assert [run["model"] for run in history["runs"]] == ["1", "2"]
    dataset = history["datasets"][0]
    assert dataset["slices"] == ["Overall", "carrier=A, B, origin=JFK"]
    series = {(c["metric"], c["role"], c["diff"]): c["value"] for c in dataset["columns"]}
    assert series["auc", "candidate", False][0] == [0.71, 0.72]
    assert series["auc", "baseline", False] == [[0.7, 0.7], [None, None]]
    assert series["auc", "candidate", False][1] == [0.6, 0.6]
    assert ("examples", "candidate", False) not in series
