"""The page where it must be safe: hostile data, sandboxed frames, notebooks; and for everyone."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluator_component.views import Run, render_time_series, report_of

pytestmark = pytest.mark.slow

Open = Callable[..., Any]
TABS = ("verdict", "slices", "plots", "history", "examples")


def visit(page: Any) -> None:
    for tab in page.locator(".tabs button").all():
        tab.click()
        page.wait_for_timeout(150)


def test_hostile_data_stay_text_in_every_view(open_page: Open, hostile: Run) -> None:
    page = open_page(report_of(hostile, hostile))
    visit(page)
    page.locator(".tabs [data-view=slices]").click()
    for at in range(4):
        page.locator("tbody:not(.pinned) tr[aria-rowindex]").nth(at).click()
        page.wait_for_timeout(50)
    page.locator(".charts-row .mark-rect path").first.hover(force=True)
    names = page.locator("table.grid tbody th").all_inner_texts()
    assert any("<img src=x onerror=" in name for name in names)
    assert page.evaluate("window.hacked") is None
    assert page.locator("img, main script, iframe").count() == 0


def test_scripts_of_addresses_are_no_links(open_page: Open, hostile: Run) -> None:
    page = open_page(render_time_series([hostile, hostile]))
    assert page.locator("table.runs tbody tr").count() == 2
    assert page.locator("table.runs a").count() == 0


def test_a_script_that_got_into_the_page_would_not_run(flights: Run, chromium: Any) -> None:
    html = report_of(flights).html.replace("<main", "<script>window.hacked = 1</script><main")
    page = chromium.new_page()
    page.set_content(html)
    page.wait_for_selector("html[data-ready=yes]")
    assert page.evaluate("window.hacked") is None
    page.close()


def test_requests_are_refused_by_the_page_itself(flights: Run, chromium: Any) -> None:
    page = chromium.new_page()
    page.set_content(report_of(flights).html)
    page.wait_for_selector("html[data-ready=yes]")
    fetched = page.evaluate(
        "fetch('https://example.invalid/').then(() => 'sent', (e) => e.message)"
    )
    assert fetched != "sent"
    page.close()


def test_a_notebook_frame_needs_no_address_of_its_own(open_page: Open, flights: Run) -> None:
    page = open_page(f"<!doctype html><title>nb</title>{report_of(flights)._repr_html_()}")
    frame = page.frame_locator("iframe")
    frame.locator("html[data-ready=yes]").wait_for()
    frame.get_by_role("button", name="Slices").click()
    frame.get_by_label("Search slices").fill("jfk")
    frame.locator("tbody:not(.pinned) tr[aria-rowindex]").first.click()
    assert frame.locator("ul.chips li").count() == 1
    for tab in ("Plots", "Examples", "Verdict"):
        frame.get_by_role("button", name=tab, exact=True).click()
    frame.get_by_label("Switch between light and dark").click()
    assert page.url.endswith(".html")


def test_a_frame_with_nothing_but_scripts_works(open_page: Open, flights: Run) -> None:
    shown = report_of(flights)._repr_html_()
    bare = shown.replace("allow-scripts allow-downloads allow-popups", "allow-scripts")
    page = open_page(f"<!doctype html><title>kfp</title>{bare}")
    frame = page.frame_locator("iframe")
    frame.locator("html[data-ready=yes]").wait_for()
    frame.get_by_role("button", name="Plots").click()
    assert frame.locator(".plot svg").count() == 9


def test_an_executed_notebook_shows_the_report_in_its_export(
    open_page: Open, tmp_path: Path
) -> None:
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    nbconvert = pytest.importorskip("nbconvert", reason="nbconvert is not installed")
    preprocessors = pytest.importorskip("nbconvert.preprocessors")
    code = """
import numpy as np
from evaluator_component.keys import MetricKey
from evaluator_component.metrics_table import Column, MetricsTable
from evaluator_component.views import render_slicing_metrics
slices = ((), (("carrier", "AA"),), (("carrier", "UA"),))
columns = {MetricKey("auc"): Column(np.array([0.8, 0.9, 0.7]), direction=1)}
counts = np.array([30, 20, 10])
table = MetricsTable(slices, counts, counts * 1.0, columns)
render_slicing_metrics(table, slicing_column="carrier")
"""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    root = Path(__file__).parents[2]
    os.environ["PYTHONPATH"] = str(root)
    executor = preprocessors.ExecutePreprocessor(timeout=120, kernel_name="python3")
    try:
        executor.preprocess(notebook, {"metadata": {"path": str(tmp_path)}})
    except Exception as error:  # the kernel's own trouble, such as no kernel installed
        if "kernel" in str(error).lower():
            pytest.skip(f"no notebook kernel: {error}")
        raise
    finally:
        del os.environ["PYTHONPATH"]
    exporter = nbconvert.HTMLExporter(
        mathjax_url="", require_js_url="", jquery_url="", mermaid_js_url="", template_name="basic"
    )
    html, _ = exporter.from_notebook_node(notebook)
    page = open_page(f"<!doctype html><title>notebook</title>{html}")
    frame = page.frame_locator("iframe")
    frame.locator("html[data-ready=yes]").wait_for()
    assert "carrier UA" in frame.locator("table.grid").inner_text()


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core, from npm, kept in the user's cache."""
    if not shutil.which("npm"):
        pytest.skip("no npm to fetch axe-core with")
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "evaluator_component")
    source = cache / "node_modules" / "axe-core" / "axe.min.js"
    if not source.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--prefix", str(cache), "--ignore-scripts", "axe-core@4"]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=120)
        except (subprocess.SubprocessError, OSError) as error:
            pytest.skip(f"axe-core cannot be fetched: {error}")
    return source.read_text(encoding="utf-8")


def findings(page: Any, axe: str) -> list[str]:
    """Serious findings of axe-core, with the first place of each."""
    page.evaluate(axe)
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    return [
        f"{each['id']} ({each['impact']}): {each['nodes'][0]['html'][:160]}"
        for each in found
        if each["impact"] in ("serious", "critical", "moderate")
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", [*TABS, "slices&sel=carrier%3DMQ&sel=carrier%3DAA"])
def test_axe_finds_nothing_serious(
    open_page: Open, flights: Run, runs: list[Run], axe: str, view: str, scheme: str
) -> None:
    page = open_page(
        report_of(*runs[:3], flights, examples=flights.examples),
        f"#view={view}",
        scheme,
        bypass_csp=True,
    )
    assert findings(page, axe) == []


def test_axe_finds_nothing_serious_in_other_kinds_of_results(
    open_page: Open, zoo: Run, axe: str
) -> None:
    for fragment in ("#view=slices&sel=kind%3Dtea", "#view=plots&output=taste"):
        page = open_page(report_of(zoo), fragment, bypass_csp=True)
        assert findings(page, axe) == []
