"""The command line tool, as a shell would call it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

PASSES = """
model_specs { label_key: "label" prediction_key: "prediction" }
slicing_specs {} slicing_specs { feature_keys: "city" }
metrics_specs { metrics { class_name: "AUC"
  threshold { value_threshold { lower_bound { value: %s } } } } }
"""


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "evaluator_component", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "120"},
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    random = np.random.default_rng(0)
    score = random.random(500)
    pd.DataFrame(
        {
            "label": (random.random(500) < score).astype(int),
            "prediction": score,
            "city": random.choice(["Bergen", "Oslo"], 500),
        }
    ).to_csv(folder / "rows.csv", index=False)
    (folder / "good.textproto").write_text(PASSES % 0.6)
    (folder / "strict.textproto").write_text(PASSES % 0.99)
    return folder


def test_help_names_every_command(folder: Path) -> None:
    found = run("--help", cwd=folder)
    assert found.returncode == 0
    for command in ("check", "compare", "evaluate", "history", "inspect", "report", "show"):
        assert command in found.stdout


@pytest.mark.slow
def test_evaluate_exits_with_the_verdict_and_leaves_a_result(folder: Path) -> None:
    blessed = run(
        *("evaluate", "--config", "good.textproto", "--data", "rows.csv", "--output", "good"),
        cwd=folder,
    )
    assert blessed.returncode == 0, blessed.stderr
    assert blessed.stderr == ""
    assert "BLESSED" in blessed.stdout
    assert "city=Oslo" in blessed.stdout
    assert (folder / "good" / "report.html").stat().st_size > 10_000
    stopped = run(
        *("evaluate", "--config", "strict.textproto", "--data", "rows.csv", "--output", "strict"),
        cwd=folder,
    )
    assert stopped.returncode == 1
    assert "NOT BLESSED" in stopped.stdout
    assert "at least 0.99 is asked for" in stopped.stdout


@pytest.mark.slow
def test_results_are_shown_compared_and_reported(folder: Path) -> None:
    for name in ("one", "two"):
        run(
            *("evaluate", "--config", "good.textproto", "--data", "rows.csv", "--output", name),
            cwd=folder,
        )
    shown = run("show", "one", "--slices", "oslo", "--json", cwd=folder)
    assert shown.returncode == 0, shown.stderr
    assert "city=Oslo" in json.dumps(json.loads(shown.stdout))
    assert run("compare", "one", "two", cwd=folder).returncode == 0
    reported = run("report", "one", "two", "--output", "both.html", cwd=folder)
    assert reported.returncode == 0, reported.stderr
    assert (folder / "both.html").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("label_key", '"label"', '"lable"'), "no feature 'lable' (did you mean 'label'?)"),
        (("class_name", '"AUC"', '"AUK"'), "unknown metric 'AUK' (did you mean 'AUC'?)"),
        (("feature_keys", '"city"', '"ctiy"'), "no feature 'ctiy' (did you mean 'city'?)"),
    ],
)
def test_a_mistake_is_one_clear_line(
    folder: Path, change: tuple[str, str, str], sentence: str
) -> None:
    field, right, wrong = change
    text = (PASSES % 0.6).replace(f"{field}: {right}", f"{field}: {wrong}")
    (folder / "wrong.textproto").write_text(text)
    found = run(
        *("evaluate", "--config", "wrong.textproto", "--data", "rows.csv", "--output", "none"),
        cwd=folder,
    )
    assert found.returncode == 2
    assert sentence in found.stderr
    assert "Traceback" not in found.stderr
    assert not (folder / "none").exists()


@pytest.mark.slow
def test_files_that_are_not_there_are_named(folder: Path) -> None:
    found = run(
        *("evaluate", "--config", "good.textproto", "--data", "row.csv", "--output", "none"),
        cwd=folder,
    )
    assert found.returncode == 2
    assert "rows.csv" in found.stderr
    (folder / "empty.csv").write_text("label,prediction,city\n")
    empty = run(
        *("evaluate", "--config", "good.textproto", "--data", "empty.csv", "--output", "none"),
        cwd=folder,
    )
    assert empty.returncode == 2
    assert "no rows" in empty.stderr
    assert not (folder / "none").exists()
    assert run("show", ".", cwd=folder).returncode == 2


@pytest.mark.slow
def test_debug_shows_the_trace(folder: Path) -> None:
    found = run("--debug", "show", "nothing", cwd=folder)
    assert "Traceback" in found.stderr
