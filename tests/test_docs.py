"""Every Python example of README and docs runs, in order, in a folder of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sybil.parsers.markdown import PythonCodeBlockParser
from sybil.sybil import Sybil

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    path
    for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"), ROOT / "kubeflow" / "README.md")
    if path.exists() and "```python\n" in path.read_text(encoding="utf-8")
)


def write_flights(folder: Path) -> None:
    """Writes the made-up flights that the pages read."""
    random = np.random.default_rng(1)
    rows = 3000
    delay = random.normal(size=rows)
    label = (random.random(rows) < 1 / (1 + np.exp(-2 * delay))).astype(np.int64)
    pd.DataFrame(
        {
            "label": label,
            "prediction": 1 / (1 + np.exp(-1.8 * delay)),
            "old": 1 / (1 + np.exp(-1.5 * delay - 0.3 * random.normal(size=rows))),
            "origin": random.choice(["EWR", "JFK", "LGA"], rows),
            "carrier": random.choice(["AA", "B6", "DL", "UA"], rows),
            "hour": random.integers(5, 24, rows),
            "distance": random.integers(80, 3000, rows),
        }
    ).to_parquet(folder / "flights.parquet", index=False)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_examples_of_a_page_run(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_flights(tmp_path)
    monkeypatch.chdir(tmp_path)
    document = Sybil(parsers=[PythonCodeBlockParser()]).parse(page)
    examples = list(document.examples())
    assert examples
    for example in examples:
        example.evaluate()


def test_the_catalogue_of_metrics_is_that_of_the_code() -> None:
    # In a process of its own: the pages' examples register metrics, too.
    command = [sys.executable, "-m", "evaluator_component", "metrics", "--markdown"]
    table = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert page.endswith(table), "run: evaluator-component metrics --markdown"
