"""Colours and type of the page and of saved charts: one source for both.

`assets/theme.json` holds the colours of the light and the dark theme. The page gets them as CSS
custom properties, charts as tokens of their templates. Hues were chosen to stay apart for readers
with any colour blindness; good, bad and unsure always come with a sign or a word as well.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from evaluator_component.views.specs import fill

__all__ = ["ASSETS", "FONT", "chart_config", "colors", "css_variables", "themes"]

ASSETS = Path(__file__).parent / "assets"
#: Whatever clean sans serif the reader's machine has; no font travels with the page.
FONT = "Inter, 'Segoe UI', system-ui, -apple-system, 'Helvetica Neue', Arial, sans-serif"

#: Lines of the second, third, ... model; the first is solid.
DASHES = ([1, 0], [5, 3], [2, 2], [7, 2, 2, 2])


@lru_cache(maxsize=1)
def themes() -> Mapping[str, Mapping[str, Any]]:
    """Returns the colours of each theme by their names."""
    loaded: dict[str, dict[str, Any]] = json.loads(
        (ASSETS / "theme.json").read_text(encoding="utf-8")
    )
    return loaded


def colors(theme: str = "light") -> dict[str, Any]:
    """Returns one theme's colours, with those that follow from them."""
    colors = dict(themes()[theme])
    return {**colors, "font": FONT, "onramp": "#ffffff" if theme == "light" else "#0d1118"}


def chart_template_config() -> Mapping[str, Any]:
    """Returns the look of every chart, as a template."""
    template: dict[str, Any] = json.loads(
        (ASSETS / "chart_config.json").read_text(encoding="utf-8")
    )
    return template


def chart_config(theme: str = "light") -> dict[str, Any]:
    """Returns the look of every chart as a Vega-Lite config."""
    config: dict[str, Any] = fill(chart_template_config(), colors(theme))
    return config


def css_variables(theme: str) -> str:
    """Returns a theme's colours as CSS declarations.

    Example:
        >>> css_variables("light").split(";")[0]
        '--canvas: #f6f6f4'
    """
    plain = {name: value for name, value in themes()[theme].items() if isinstance(value, str)}
    lists = {
        f"{name}-{index}": value
        for name, values in themes()[theme].items()
        if isinstance(values, list)
        for index, value in enumerate(values)
    }
    return "; ".join(f"--{name}: {value}" for name, value in {**plain, **lists}.items()) + ";"
