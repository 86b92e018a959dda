"""The slicing browser, driven in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from evaluator_component.keys import MetricKey, slice_name
from evaluator_component.views import Run, render_slicing_metrics, report_of

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect
pytestmark = pytest.mark.slow

AUC = MetricKey("auc", "candidate", example_weighted=False)


@pytest.fixture
def slices(open_page: Callable[..., Any], flights: Run) -> Any:
    return open_page(report_of(flights), "#view=slices")


def shown_slices(page: Any) -> list[str]:
    """Names of the rows in sight, without the pinned overall one, as `slice_name` writes them."""
    script = """rows => rows.map(row => row.querySelector('th').title.replace(/ \\(.*/, ''))"""
    return page.eval_on_selector_all("tbody:not(.pinned) tr[aria-rowindex]", script)


def shows(page: Any, rows: int) -> None:
    """Waits until the table has so many rows, not counting its head and the overall slice."""
    expect(page.locator("table.grid")).to_have_attribute("aria-rowcount", str(rows + 2))


def row_count(page: Any) -> int:
    return int(page.locator("table.grid").get_attribute("aria-rowcount")) - 2


def overall_first(run: Run, rows: Any) -> list[str]:
    table = run.tables[0]
    return [slice_name(table.slices[row]) for row in rows if table.slices[row] != ()]


def sort_by(page: Any, group: str, label: str) -> None:
    heads = page.locator("tr.heads th")
    groups = page.locator("tr.groups > *")
    place = 0
    for at in range(groups.count()):
        span = int(groups.nth(at).get_attribute("colspan") or 1)
        if groups.nth(at).inner_text() == group:
            names = [heads.nth(place + i).inner_text().strip("↑↓ \n") for i in range(span)]
            heads.nth(place + names.index(label)).locator("button").click()
            return
        place += span
    raise AssertionError(f"no group {group}")


def test_large_slices_sorted_by_auc_the_lowest_first(slices: Any, flights: Run) -> None:
    table = flights.tables[0]
    slices.get_by_label("Fewest examples", exact=True).fill("100")
    large = np.flatnonzero((table.examples >= 100) & (np.arange(len(table)) > 0))
    shows(slices, len(large))
    sort_by(slices, "auc", "Candidate")
    values = table.columns[AUC].value[large]
    expected = overall_first(flights, large[np.argsort(values, kind="stable")])
    assert shown_slices(slices)[:8] == expected[:8]
    slices.locator("tbody:not(.pinned) tr[aria-rowindex]").first.click()
    details = slices.locator("aside.details")
    assert expected[0] in details.inner_text()
    assert f"{values.min():.4f}" in details.inner_text()
    assert details.locator(".chart svg").count() == 2
    assert "min=100" in slices.url
    assert "sort=auc%3Avalue" in slices.url


def test_a_second_press_sorts_the_other_way_and_undefined_comes_last(slices: Any) -> None:
    sort_by(slices, "auc", "Candidate")
    sort_by(slices, "auc", "Candidate")
    head = slices.locator("th[aria-sort=descending]")
    assert head.inner_text().startswith("Candidate")
    values = slices.eval_on_selector_all(
        "tbody:not(.pinned) tr[aria-rowindex]",
        "rows => rows.map(row => parseFloat(row.children[3].textContent))",
    )
    assert values == sorted(values, reverse=True)


def test_searching_keeps_slices_with_every_word(slices: Any) -> None:
    slices.get_by_label("Search slices").fill("carrier jfk")
    expect(slices.locator(".tally-line")).to_contain_text(" of 78 slices")
    names = shown_slices(slices)
    assert names
    assert all("carrier=" in name and "origin=JFK" in name for name in names)
    slices.get_by_role("button", name="Clear filters").click()
    shows(slices, 78)


def test_slices_are_picked_by_feature(slices: Any) -> None:
    slices.get_by_label("Sliced by").select_option("origin")
    assert sorted(shown_slices(slices)) == ["origin=EWR", "origin=JFK", "origin=LGA"]


def test_what_does_not_pass_is_marked_and_can_be_kept(slices: Any) -> None:
    assert slices.locator("tr.row-fail th").inner_text() == "carrier MQ"
    slices.get_by_label("Thresholds").select_option("failing")
    assert 0 < row_count(slices) < 78
    marks = slices.locator("tbody:not(.pinned) td .sign")
    assert marks.count() == len(shown_slices(slices))
    assert "missed by" in marks.first.get_attribute("aria-label") or "cannot tell"


def test_brushing_the_histogram_keeps_a_range(slices: Any, flights: Run) -> None:
    box = slices.locator(".charts-row .panel:nth-child(2) .chart").bounding_box()
    x, y = box["x"], box["y"] + box["height"] / 2
    slices.mouse.move(x + box["width"] * 0.4, y)
    slices.mouse.down()
    slices.mouse.move(x + box["width"] * 0.5, y, steps=4)
    slices.mouse.move(x + box["width"] * 0.7, y, steps=4)
    slices.mouse.up()
    slices.wait_for_timeout(300)
    low, high = (
        float(slices.get_by_label(end, exact=True).input_value()) for end in ("from", "to")
    )
    values = flights.tables[0].columns[AUC].value[1:]
    expected = int(((values >= low) & (values <= high)).sum())
    assert 0 < expected < 78
    assert row_count(slices) == pytest.approx(expected, abs=1)
    assert "range=" in slices.url
    slices.locator(".chip").click()
    shows(slices, 78)


def test_the_range_can_be_typed(slices: Any, flights: Run) -> None:
    slices.get_by_label("to", exact=True).fill("0.6")
    slices.wait_for_selector(".chip")
    values = flights.tables[0].columns[AUC].value[1:]
    assert row_count(slices) == int((values <= 0.6).sum())


def test_switching_models_shows_that_models_values(slices: Any, flights: Run) -> None:
    slices.get_by_label("Models").select_option("baseline")
    value = flights.tables[0].value(MetricKey("auc", "baseline", example_weighted=False))
    assert f"{value:.4f}" in slices.locator("tbody.pinned").inner_text()
    heads = slices.locator("tr.heads").inner_text()
    assert "Baseline" not in heads
    assert "log_loss" in heads
    slices.get_by_label("Models").select_option("candidate vs baseline")
    assert "Difference" in slices.locator("tr.heads").inner_text()


def test_metrics_are_chosen_from_a_list(slices: Any) -> None:
    slices.locator("summary", has_text="Metrics").click()
    slices.locator(".menu-panel label", has_text="auc").locator("input").uncheck()
    slices.locator(".menu-panel label", has_text="log_loss").locator("input").check()
    groups = slices.locator("tr.groups").inner_text()
    assert "auc" not in groups
    assert "log_loss" in groups
    slices.keyboard.press("Escape")
    assert slices.locator(".menu-panel").is_hidden()


def test_several_slices_are_laid_side_by_side(slices: Any) -> None:
    slices.get_by_label("Select carrier=MQ", exact=True).check()
    slices.get_by_label("Select carrier=AA", exact=True).check()
    details = slices.locator("aside.details")
    assert details.locator("ul.chips li").count() == 2
    slices.get_by_role("button", name="Remove carrier=MQ").click()
    assert "carrier=AA" in details.inner_text()
    slices.get_by_role("button", name="All plots of these slices").click()
    assert slices.locator("main.view-plots .plot").count() == 9


def test_a_link_opens_the_same_view(open_page: Callable[..., Any], flights: Run) -> None:
    report = report_of(flights)
    first = open_page(report, "#view=slices")
    first.get_by_label("Search slices").fill("hour")
    sort_by(first, "accuracy", "Difference")
    first.locator("tbody:not(.pinned) tr[aria-rowindex]").nth(2).click()
    expect(first).to_have_url(re.compile("q=hour"))
    second = open_page(report, "#" + first.url.split("#")[1])
    assert shown_slices(second) == shown_slices(first)
    assert second.locator("ul.chips").inner_text() == first.locator("ul.chips").inner_text()


def test_the_table_is_driven_by_keys(slices: Any) -> None:
    slices.locator("table.grid").focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp"):
        slices.keyboard.press(key)
    active = slices.locator("table.grid").get_attribute("aria-activedescendant")
    name = slices.locator(f"#{active} th").get_attribute("title")
    slices.keyboard.press("Space")
    assert slices.locator(f"#{active}").get_attribute("aria-selected") == "true"
    assert name in slices.locator("ul.chips").inner_text()
    slices.keyboard.press("End")
    last = slices.locator("tr.active")
    assert int(last.get_attribute("aria-rowindex")) == 80
    assert last.is_visible()


def test_outputs_classes_weights_and_datasets_are_chosen(
    open_page: Callable[..., Any], zoo: Run
) -> None:
    page = open_page(report_of(zoo))
    assert page.get_by_label("Output").input_value() == "price"
    assert page.get_by_label("Examples", exact=True).input_value() == "true"
    page.get_by_label("Output").select_option("taste")
    page.get_by_label("Class").select_option("class_id=1")
    assert page.get_by_label("Class").locator("option:checked").inner_text() == "sweet"
    value = zoo.tables[0].columns
    key = next(
        key for key in value if key.name == "f1" and key.sub_key and key.sub_key.class_id == 1
    )
    assert f"{value[key].value[0]:.4f}" in page.locator("tbody.pinned").inner_text()
    page.get_by_label("Dataset").select_option("golden")
    assert row_count(page) == 1


def test_a_bar_of_the_overview_opens_its_slice(slices: Any) -> None:
    sort_by(slices, "auc", "Candidate")
    bar = slices.locator(".charts-row .panel:first-child .mark-rect.role-mark path").first
    bar.click(position={"x": 2, "y": 5})
    assert slices.locator("ul.chips li").inner_text().startswith(shown_slices(slices)[0])


def test_five_thousand_slices_react_within_a_second(
    open_page: Callable[..., Any], many_slices: Run
) -> None:
    page = open_page(render_slicing_metrics(many_slices))
    assert row_count(page) == 4_999
    assert page.locator("tbody tr[aria-rowindex]").count() < 80
    measured = page.evaluate(
        """async () => {
          const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
          const time = async (act, wait = 0) => {
            const start = performance.now();
            act();
            if (wait) await new Promise((done) => setTimeout(done, wait));
            await frame();
            return performance.now() - start - wait;
          };
          const sort = [...document.querySelectorAll('button.sort')];
          const table = document.querySelector('.table-scroll');
          const search = document.querySelector('input[type=search]');
          return {
            sort: await time(() => sort[2].click()),
            scroll: await time(() => { table.scrollTop = 90000; }),
            search: await time(() => {
              search.value = 'route=R01';
              search.dispatchEvent(new Event('input'));
            }, 100),
          };
        }"""
    )
    # Not a benchmark: on any machine, a view that draws every row would take many seconds.
    assert max(measured.values()) < 1_000, measured
    assert all("route=R01" in name for name in shown_slices(page))


def test_scrolling_reaches_the_last_row(open_page: Callable[..., Any], many_slices: Run) -> None:
    page = open_page(render_slicing_metrics(many_slices))
    page.eval_on_selector(".table-scroll", "element => { element.scrollTop = 1e9; }")
    expect(page.locator("tr[aria-rowindex='5001']")).to_have_count(1)
    assert "route=R4999" in shown_slices(page)[-1]
