"""Charts are valid specifications, and become images without a browser."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from evaluator_component.errors import EvaluatorError
from evaluator_component.views import (
    Run,
    render_plot,
    render_slicing_metrics,
    render_time_series,
    report_of,
)
from evaluator_component.views.plot_data import PLOT_KINDS
from evaluator_component.views.specs import CATALOGUE, TEMPLATES, fill
from evaluator_component.views.theme import chart_config, themes

vl_convert = pytest.importorskip("vl_convert", reason="images need the extra `images`")


def test_every_chart_of_the_catalogue_has_a_template_and_a_kind() -> None:
    for info in CATALOGUE:
        assert info.id in TEMPLATES
        assert info.kind in PLOT_KINDS
        assert info.caption.endswith(".")


def test_both_themes_have_the_same_colours() -> None:
    light, dark = themes()["light"], themes()["dark"]
    assert light.keys() == dark.keys()
    assert len(light["series"]) == len(dark["series"])
    assert chart_config("light") != chart_config("dark")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "ground"),
    [
        ("ink", "canvas"),
        ("muted", "canvas"),
        ("muted", "surface"),
        ("muted", "sunken"),
        ("accent", "surface"),
        ("accent", "wash"),
        ("good", "surface"),
        ("good", "goodwash"),
        ("bad", "surface"),
        ("bad", "badwash"),
        ("unsure", "unsurewash"),
    ],
)
def test_text_has_enough_contrast(theme: str, ink: str, ground: str) -> None:
    colors = themes()[theme]
    assert contrast(colors[ink], colors[ground]) >= 4.5


def contrast(one: str, other: str) -> float:
    lights = sorted((luminance(one), luminance(other)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_a_token_that_is_not_given_is_an_error() -> None:
    with pytest.raises(KeyError, match="accent"):
        fill({"color": "$accent"}, {})


def test_texts_of_data_are_never_taken_for_tokens() -> None:
    assert fill("$name", {"name": "$accent", "accent": "red"}) == "$accent"


def test_every_kind_of_plot_becomes_a_chart(flights: Run, zoo: Run) -> None:
    drawn = {info.kind for run in (flights, zoo) for info in charts_of(run)}
    assert drawn == set(PLOT_KINDS) - {"table", "gain"}


def charts_of(run: Run) -> list:
    known = {info.id: info for info in CATALOGUE}
    return [known[chart.id] for chart in render_plot(run).charts.values()]


@pytest.mark.slow
def test_every_chart_compiles_and_draws_marks(flights: Run, zoo: Run, runs: list[Run]) -> None:
    reports = [
        render_plot(flights),
        render_plot(zoo),
        render_slicing_metrics(flights),
        render_time_series(runs),
    ]
    for report in reports:
        for name, chart in report.charts.items():
            svg = vl_convert.vegalite_to_svg(chart.spec, vl_version="6.4")
            assert len(re.findall(r"<path ", svg)) > 3, name
            assert "NaN" not in svg, name


@pytest.mark.slow
def test_views_are_saved_as_images(flights: Run, runs: list[Run], tmp_path: Path) -> None:
    render_plot(flights).save(tmp_path / "plots.svg")
    assert (tmp_path / "plots.svg").read_text().startswith("<svg")
    render_time_series(runs).save(tmp_path / "new" / "history.png", scale=1)
    assert (tmp_path / "new" / "history.png").read_bytes().startswith(b"\x89PNG")
    roc = render_plot(flights).charts["roc"]
    roc.save(tmp_path / "roc.pdf")
    assert (tmp_path / "roc.pdf").read_bytes().startswith(b"%PDF")
    roc.save(tmp_path / "roc.json")
    assert json.loads((tmp_path / "roc.json").read_text())["$schema"].endswith("v6.json")


def test_an_unknown_ending_is_refused_with_those_that_exist(flights: Run, tmp_path: Path) -> None:
    with pytest.raises(EvaluatorError, match=r"'plot\.jpg' .did you mean '\.png'"):
        render_plot(flights).save(tmp_path / "plot.jpg")


def test_a_view_without_charts_is_no_image(flights: Run, tmp_path: Path) -> None:
    with pytest.raises(EvaluatorError, match=r"no chart to save as 'a\.svg'; save it as \.html"):
        report_of(flights).save(tmp_path / "a.svg")


def test_without_the_extra_the_message_names_it(
    flights: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "vl_convert", None)
    with pytest.raises(EvaluatorError, match=r"pip install 'evaluator_component\[images\]'"):
        render_plot(flights).charts["roc"].save(tmp_path / "roc.svg")
