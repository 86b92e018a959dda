"""Writes the page: one HTML file with its data, its scripts and its policy inside.

The scripts are ES modules in `assets/js`, readable as they are. They are joined in the order of
their imports into one script (no bundler): `import` lines go, `export` words go, and a test keeps
their top-level names apart.

The page is ASCII only, so that it reads the same whatever encoding a server or a frame claims.

Nothing from data is ever markup. The payload is JSON in a data block, in which "<" is written as
an escape; big parts are gzip in base64. The page's policy lists the hash of every script it may
run, so a text that got into the page by any way could not run, and forbids every request.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from evaluator_component.version import __version__
from evaluator_component.views.encoding import dumps, pack
from evaluator_component.views.specs import CATALOGUE, TEMPLATES
from evaluator_component.views.theme import (
    ASSETS,
    FONT,
    chart_template_config,
    colors,
    css_variables,
)

__all__ = ["build_page", "embed_page", "module_names"]

#: Payloads longer than this are packed.
PACK_FROM = 60_000
STYLES = ("base.css", "layout.css")
VENDOR = ("vega", "vega-lite", "vega-interpreter")

_IMPORT = re.compile(r"^import\s*(?:\{[^}]*\}\s*from\s*)?[\"']([^\"']+)[\"'];\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?function|class|const|let)", re.MULTILINE)


def build_page(payload: Mapping[str, Any]) -> str:
    """Returns the whole page for a payload (see `payload`)."""
    from jinja2 import Template

    text = dumps(payload)
    packed = len(text) > PACK_FROM
    template = Template((ASSETS / "page.html").read_text(encoding="utf-8"), autoescape=False)
    page: str = template.render(
        script_hashes=" ".join(_policy_hashes()),
        version=html.escape(__version__),
        title=_text(payload.get("title") or "Evaluation"),
        style=_style(),
        packed=packed,
        payload=pack(text) if packed else _in_script(text),
        library=_in_script(dumps(_library())),
        packed_scripts=[(name, pack_vendor(name)) for name in VENDOR],
        app=_app(),
    )
    return page


def embed_page(page: str, height: int) -> str:
    """Returns a page inside a sandboxed frame, for notebooks and other pages.

    The frame has no address and no rights but to run its own scripts, to download an image that the
    reader asks for and to open a run's report in a new tab.

    Args:
        page: the page.
        height: of the frame in pixels; the reader can drag it.
    """
    style = f"width:100%;height:{height}px;border:0;display:block;resize:vertical;overflow:hidden"
    return (
        f'<iframe srcdoc="{html.escape(page)}" style="{style}" loading="lazy" '
        'sandbox="allow-scripts allow-downloads allow-popups" title="Evaluation"></iframe>'
    )


def _in_script(text: str) -> str:
    """Escapes JSON so that no text in it can end or change the script element around it."""
    return _ascii(text.replace("<", "\\u003c"))


def _ascii(text: str) -> str:
    """Writes what is not ASCII as escapes, as JSON and JavaScript know them in their strings."""
    return re.sub(r"[^\x00-\x7f]+", lambda found: json.dumps(found[0])[1:-1], text)


def _text(value: object) -> str:
    """Returns a text of data as markup that shows it."""
    escaped = html.escape(str(value)).encode("utf-8", "replace").decode("utf-8")
    return escaped.encode("ascii", "xmlcharrefreplace").decode("ascii")


@lru_cache(maxsize=1)
def module_names() -> tuple[str, ...]:
    """Returns the names of the page's modules, every one after those that it imports."""
    ordered: dict[str, None] = {}

    def visit(name: str) -> None:
        if name in ordered:
            return
        for imported in _IMPORT.findall(_source(name)):
            visit(imported.removeprefix("./"))
        ordered[name] = None

    visit("app.js")
    return tuple(ordered)


def _source(name: str) -> str:
    return (ASSETS / "js" / name).read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _app() -> str:
    modules = [_EXPORT.sub("", _IMPORT.sub("", _source(name))) for name in module_names()]
    code = _ascii('(() => {\n"use strict";\n\n' + "\n".join(modules) + "\n})();\n")
    if "</script" in code.lower() or "<!--" in code:
        raise ValueError("the page's scripts must not hold the end of a script element")
    return code


@lru_cache(maxsize=1)
def _style() -> str:
    variables = (
        f":root {{ {css_variables('light')} --font: {FONT}; }}\n"
        f':root[data-theme="dark"] {{ {css_variables("dark")} }}\n'
    )
    return variables + "\n".join(
        (ASSETS / "css" / name).read_text(encoding="utf-8") for name in STYLES
    )


@lru_cache(maxsize=1)
def _library() -> Mapping[str, Any]:
    return {
        "catalogue": [asdict(info) for info in CATALOGUE],
        "templates": TEMPLATES,
        "config": chart_template_config(),
        "themes": {name: colors(name) for name in ("light", "dark")},
    }


@lru_cache(maxsize=len(VENDOR))
def vendor_script(name: str) -> str:
    """Returns a charting script as it runs in the page."""
    if name != "vega-interpreter":
        return (ASSETS / "vendor" / f"{name}.min.js").read_text(encoding="utf-8")
    # Published as an ES module only: its one import is bound to Vega's global instead.
    source = (ASSETS / "vendor" / f"{name}.js").read_text(encoding="utf-8")
    source = re.sub(r"^import (\{[^}]*\}) from .*;$", r"const \1 = vega;", source, flags=re.M)
    source = re.sub(
        r"^export \{ (\w+) as (\w+) \};$",
        r"window.vegaInterpreter = { \2: \1 };",
        source,
        flags=re.M,
    )
    return f"(() => {{\n{source}\n}})();\n"


@lru_cache(maxsize=len(VENDOR))
def pack_vendor(name: str) -> str:
    """Returns a charting script, packed."""
    return pack(vendor_script(name))


@lru_cache(maxsize=1)
def _policy_hashes() -> tuple[str, ...]:
    scripts = [_app(), *(vendor_script(name) for name in VENDOR)]
    return tuple(f"'sha256-{_digest(script)}'" for script in scripts)


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
