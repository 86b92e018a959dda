"""The page is one file: no address in it is fetched, and no text in it can become a script."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path

from evaluator_component.views import Run, report_of
from evaluator_component.views.encoding import unpack
from evaluator_component.views.page import module_names, vendor_script
from evaluator_component.views.theme import ASSETS


class Elements(HTMLParser):
    """Collects elements with their attributes and the text of scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag == "script":
            self.inside = True
            self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            attributes, text = self.scripts[-1]
            self.scripts[-1] = (attributes, text + data)


def test_nothing_is_loaded_from_anywhere(flights: Run) -> None:
    elements = Elements(report_of(flights).html)
    for tag, attributes in elements.found:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base")
        assert not {"src", "href", "srcset", "data", "action"} & set(attributes)


def test_the_policy_lists_the_hash_of_every_script_that_runs(flights: Run) -> None:
    page = report_of(flights).html
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-eval" not in policy
    assert "'unsafe-inline'" not in policy.split(";")[1]
    run = [text for attributes, text in Elements(page).scripts if "type" not in attributes]
    assert len(run) == 1
    packed = {a["id"]: t for a, t in Elements(page).scripts if a.get("type") == "text/plain"}
    for script in [*run, *(unpack(text) for text in packed.values())]:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert sorted(packed) == ["vega", "vega-interpreter", "vega-lite"]


def test_the_page_is_ascii_whatever_is_in_it(hostile: Run, zoo: Run, flights: Run) -> None:
    umlauts = Run(zoo.tables[1:], {"name": "Flüge 🛫 \ud800"})
    for run in (hostile, umlauts, flights):
        report = report_of(run)
        assert report.html.isascii()
        assert report._repr_html_().isascii()
    page = report_of(umlauts).html
    assert "<title>Fl&#252;ge &#128747; ?</title>" in page
    assert '"title":"Fl\\u00fcge \\ud83d\\udeeb ?"' in page


def test_hostile_texts_make_no_element(hostile: Run) -> None:
    report = report_of(hostile)
    elements = Elements(report.html)
    tags = [tag for tag, _ in elements.found]
    expected = Elements(report_of(Run(hostile.tables[:0])).html)
    assert tags == [tag for tag, _ in expected.found]
    assert "<!--" not in report.html
    payload = next(text for a, text in elements.scripts if a.get("id") == "payload")
    assert json.loads(unpack(payload) if len(payload) < 60_000 and payload[0] != "{" else payload)


def test_small_payloads_are_readable_and_large_ones_packed(flights: Run, zoo: Run) -> None:
    small = report_of(Run(zoo.tables[1:])).html
    assert '<script type="application/json" id="payload">{"schema":1' in small
    assert '<script type="application/json" id="payload" data-packed>' in report_of(flights).html


def test_the_same_result_gives_the_same_page(flights: Run) -> None:
    assert report_of(flights).html == report_of(flights).html


def test_five_thousand_slices_of_twenty_metrics_stay_under_five_megabytes(many_slices) -> None:
    assert len(many_slices.tables[0]) == 5_000
    metrics = {key.name for key in many_slices.tables[0].columns}
    assert len(metrics) == 20
    assert len(report_of(many_slices).html.encode()) < 5_000_000


def test_a_report_in_a_notebook_is_escaped_once(zoo: Run) -> None:
    report = report_of(Run(zoo.tables[1:]))
    frame = Elements(report._repr_html_())
    assert [tag for tag, _ in frame.found] == ["iframe"]
    assert html.unescape(frame.found[0][1]["srcdoc"]) == html.unescape(report.html)


def test_modules_come_after_those_that_they_import() -> None:
    seen: set[str] = set()
    for name in module_names():
        source = (ASSETS / "js" / name).read_text(encoding="utf-8")
        imported = set(re.findall(r'from "\./([^"]+)"', source))
        assert imported <= seen, name
        seen.add(name)
    assert seen == {path.name for path in (ASSETS / "js").glob("*.js")}


def test_top_level_names_of_modules_are_apart() -> None:
    names: list[str] = []
    pattern = r"^(?:export )?(?:async )?(?:function|class|const|let) (?:([\w$]+)|\{([^}]*)\})"
    for path in sorted((ASSETS / "js").glob("*.js")):
        for single, several in re.findall(pattern, path.read_text(encoding="utf-8"), re.M):
            names += [single] if single else [part.strip() for part in several.split(",")]
    assert len(names) == len(set(names)), sorted(n for n in names if names.count(n) > 1)


def test_modules_import_what_they_use_and_use_what_they_import() -> None:
    sources = {path.name: path.read_text(encoding="utf-8") for path in (ASSETS / "js").glob("*.js")}
    exported = {
        name: set(
            re.findall(r"^export (?:async )?(?:function|class|const|let) ([\w$]+)", text, re.M)
        )
        for name, text in sources.items()
    }
    everything = {word: name for name, words in exported.items() for word in words}
    for name, text in sources.items():
        imports = dict(
            (word.strip(), home)
            for words, home in re.findall(r'import \{([^}]*)\} from "\./([^"]+)"', text)
            for word in words.split(",")
            if word.strip()
        )
        body = re.sub(r"^import [^;]*;", "", text, flags=re.M)
        body = re.sub(r"/\*.*?\*/|//[^\n]*|\"[^\"\n]*\"", "", body, flags=re.S)
        for word, home in imports.items():
            assert word in exported[home], f"{name} imports {word}, which {home} has not"
            assert re.search(rf"\b{re.escape(word)}\b", body), f"{name} does not use {word}"
        for word, home in everything.items():
            used = re.search(rf"(?<![.\w]){re.escape(word)}\(", body)
            own = re.search(rf"(?:function|class|const|let) {re.escape(word)}\b", text)
            own = own or re.search(rf"\{{[^{{}}]*\b{re.escape(word)}\b[^{{}}]*\}} =", body)
            method = re.search(rf"^\s+{re.escape(word)}\(.*\{{$", text, re.M)
            if used and home != name and not own and not method:
                assert word in imports, f"{name} uses {word} without importing it"


def test_scripts_parse_no_html_and_run_no_text() -> None:
    forbidden = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|https?:"
    )
    for path in sorted((ASSETS / "js").glob("*.js")):
        text = path.read_text(encoding="utf-8").replace('"http://www.w3.org/2000/svg"', "")
        assert not re.search(forbidden, text), path.name


def test_vendored_scripts_come_with_their_licences() -> None:
    licences = (ASSETS / "vendor" / "LICENSES.txt").read_text(encoding="utf-8")
    for path in (ASSETS / "vendor").glob("*.js"):
        assert path.name in licences
        assert "sourceMappingURL" not in path.read_text(encoding="utf-8")
    assert "University of Washington" in licences
    assert "Mike Bostock" in licences
    assert "import" not in vendor_script("vega-interpreter")


def test_assets_are_installed_with_the_package() -> None:
    setup = (Path(__file__).parents[2] / "setup.py").read_text(encoding="utf-8")
    assert "views/assets/**/*" in setup
