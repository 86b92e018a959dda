"""Verdict, plots, history and examples, driven in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evaluator_component.keys import MetricKey
from evaluator_component.views import Run, render_plot, render_time_series, report_of

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect
pytestmark = pytest.mark.slow

Open = Callable[..., Any]


def test_the_verdict_comes_first_with_its_reasons(open_page: Open, flights: Run) -> None:
    page = open_page(report_of(flights))
    assert page.locator(".hero h2").inner_text() == "Not blessed"
    assert "1 of 38 checks failed" in page.locator(".hero").inner_text()
    blocking = page.locator("section.reasons").first
    assert "Blocking" in blocking.inner_text()
    assert "carrier=MQ" in blocking.inner_text()
    assert "8,780" in blocking.inner_text()
    assert blocking.locator("svg.strip .bound").count() == 1
    page.locator("details.reasons summary").click()
    assert page.locator("details.reasons li").count() == 10
    assert "Why it changed" in page.locator("main").inner_text()
    assert "Weak slices" in page.locator("main").inner_text()


def test_a_reason_leads_to_its_slice(open_page: Open, flights: Run) -> None:
    page = open_page(report_of(flights))
    page.get_by_role("button", name="carrier=MQ").first.click()
    assert page.locator(".tabs [aria-current=page]").inner_text() == "Slices"
    assert "carrier=MQ" in page.locator("ul.chips").inner_text()
    assert "missed by" in page.locator("ul.judgement").inner_text()


def test_a_verdict_without_decisions_says_so(open_page: Open, flights: Run) -> None:
    verdict = {"verdict": "NOT_BLESSED", "summary": "NOT BLESSED: the config has no thresholds."}
    page = open_page(report_of(replace(flights, verdict=verdict)))
    assert "The config has no thresholds." in page.locator(".hero").inner_text()


def test_every_plot_is_drawn_for_both_models(open_page: Open, flights: Run) -> None:
    page = open_page(report_of(flights), "#view=plots")
    titles = page.locator(".plot h3").all_inner_texts()
    assert titles == [
        "ROC",
        "Precision and recall",
        "Calibration",
        "Calibration error",
        "Prediction distribution",
        "Gain",
        "Lift",
        "Confusion matrix",
        "By decision threshold",
    ]
    assert page.locator(".plot .chart[role=img] svg").count() == 9
    assert page.locator("ul.legend li").count() == 2
    page.get_by_role("checkbox", name="baseline 15").uncheck()
    assert page.locator("ul.legend li").count() == 1


def test_slices_are_laid_over_each_other(open_page: Open, flights: Run) -> None:
    page = open_page(report_of(flights), "#view=plots")
    page.get_by_label("Add a slice").select_option(label="carrier=MQ")
    page.get_by_label("Add a slice").select_option(label="carrier=AA")
    assert page.locator("ul.legend li").count() == 6
    lines = page.locator(".plot").first.locator(".mark-line path").count()
    assert lines >= 6
    page.get_by_role("button", name="Remove Overall").click()
    assert page.locator("ul.legend li").count() == 4


def test_the_decision_threshold_moves_every_chart(open_page: Open, flights: Run) -> None:
    page = open_page(report_of(flights), "#view=plots")
    matrix = page.locator(".plot", has_text="Confusion matrix")
    before = matrix.locator("svg").text_content()
    page.get_by_role("slider", name="Decision threshold").fill("0.9")
    expect(page).to_have_url(re.compile("cut=0.9"))
    expect(matrix.locator("svg")).not_to_have_text(before)


def test_classes_have_their_names_in_the_matrix(open_page: Open, zoo: Run) -> None:
    page = open_page(report_of(zoo), "#view=plots&output=taste")
    text = page.locator(".plot", has_text="Confusion matrix").locator("svg").text_content()
    assert all(name in text for name in ("bitter", "sweet", "salty", "sour"))
    assert "%" in text
    assert "ndcg" in page.locator("main").inner_text()


def test_a_plot_alone_has_no_tabs(open_page: Open, flights: Run) -> None:
    page = open_page(render_plot(flights, (("carrier", "MQ"),)))
    assert page.locator("nav.tabs").is_hidden()
    assert page.locator(".plot").count() == 9


def test_history_shows_values_intervals_thresholds_and_verdicts(
    open_page: Open, runs: list[Run]
) -> None:
    page = open_page(render_time_series(runs))
    assert page.locator(".plot h3").all_inner_texts()[:2] == ["auc", "accuracy"]
    auc = page.locator(".plot").first
    assert auc.locator(".mark-symbol path").count() == 40
    assert auc.locator(".mark-area path").count() == 2
    assert auc.locator(".role-mark.mark-rule line").count() == 1
    rows = page.locator("table.runs tbody tr")
    assert rows.count() == 20
    value = runs[-1].tables[0].value(MetricKey("auc", "candidate", example_weighted=False))
    assert f"{value:.4f}" in rows.first.inner_text()
    assert rows.first.locator("a").get_attribute("href") == "run-20/report.html"
    assert "Not blessed" in rows.nth(6).inner_text()


def test_history_is_shown_for_any_slice(open_page: Open, runs: list[Run]) -> None:
    page = open_page(render_time_series(runs))
    page.get_by_label("Slice").select_option("carrier=AA")
    assert page.locator("main h3", has_text="Runs, carrier=AA").count() == 1


def test_a_point_opens_the_report_of_its_run(
    open_page: Open, runs: list[Run], tmp_path: Path
) -> None:
    (tmp_path / "run-3").mkdir()
    (tmp_path / "run-3" / "report.html").write_text("<title>the third</title>")
    page = open_page(render_time_series(runs[:5]))
    labels = page.locator(".plot").first.locator(".mark-symbol path")
    with page.context.expect_page() as opened:
        for at in range(labels.count()):
            if at % 5 == 2:
                labels.nth(at).click(force=True)
                break
    opened.value.wait_for_load_state()
    assert opened.value.title() == "the third"


def test_worst_examples_are_filtered_and_sorted(open_page: Open, flights: Run) -> None:
    page = open_page(report_of(flights), "#view=examples")
    assert "88 examples" in page.locator(".tally-line").inner_text()
    slice_label = page.get_by_label("Slice").locator("option").nth(1).inner_text()
    page.get_by_label("Slice").select_option(slice_label)
    page.get_by_role("button", name="loss").click()
    losses = page.locator("table.examples tbody tr td:nth-child(4)").all_inner_texts()
    assert len(losses) == 8
    assert [float(x) for x in losses] == sorted((float(x) for x in losses), reverse=True)


def test_light_and_dark_follow_the_system_and_the_reader(open_page: Open, flights: Run) -> None:
    page = open_page(report_of(flights), "#view=slices", scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) == "rgb(19, 20, 23)"
    page.get_by_label("Switch between light and dark").click()
    assert page.evaluate(ground) == "rgb(246, 246, 244)"
    assert "theme=light" in page.url
    assert page.locator(".chart svg").count() == 2


def test_a_page_is_printed_light_and_with_its_rows(
    open_page: Open, flights: Run, tmp_path: Path
) -> None:
    page = open_page(report_of(flights), "#view=slices", scheme="dark")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("tbody:not(.pinned) tr[aria-rowindex]").count() == 78
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.pdf(path=tmp_path / "printed.pdf").startswith(b"%PDF")


@pytest.mark.parametrize("width", [1280, 900, 480])
def test_no_view_is_wider_than_the_window(open_page: Open, flights: Run, width: int) -> None:
    page = open_page(report_of(flights))
    page.set_viewport_size({"width": width, "height": 800})
    for name in ("verdict", "slices", "plots", "examples"):
        page.evaluate(f"location.hash = '#view={name}'")
        page.locator(f"main.view-{name}").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name


def test_results_with_little_in_them_are_shown(open_page: Open, flights: Run) -> None:
    page = open_page(report_of(Run(())))
    assert "holds no metrics" in page.locator("main").inner_text()
    bare = replace(flights.tables[0].take([0]), columns={}, plots={}, notes={})
    page = open_page(report_of(Run((bare,))))
    assert "No metric to draw" in page.locator("main").inner_text()
    assert "24,000" in page.locator("tbody.pinned").inner_text()
    verdict = {"verdict": "NOT_BLESSED", "summary": "NOT BLESSED: no example was evaluated."}
    page = open_page(report_of(Run((), verdict=verdict)))
    assert "No example was evaluated." in page.locator("main").inner_text()


def test_a_damaged_page_says_so_in_one_line(open_page: Open, flights: Run) -> None:
    page_text = re.sub(r'(id="payload" data-packed>).{40}', r"\1", report_of(flights).html)
    context = open_page("<p>ok</p>").context
    page = context.new_page()
    page.set_content(page_text)
    page.wait_for_selector("html[data-ready=failed]")
    assert page.get_by_role("alert").inner_text()
