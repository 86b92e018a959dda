"""Progress: a line on a terminal that ends with the rows read, nothing elsewhere."""

from __future__ import annotations

import logging
import os
import pty
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evaluator_component.api import progress
from evaluator_component.api.datasets import datasets_of
from evaluator_component.inputs.tally import TALLY, Tally

ROWS = 60_000
CONFIG = """
model_specs { label_key: "label" prediction_key: "score" }
metrics_specs { metrics { class_name: "AUC" } }
options { max_bad_records { value: 5 } }
"""
PROGRAM = """
import sys
import evaluator_component as ec
from evaluator_component.api import progress
progress._DRAWN_EVERY = 0.01
ec.evaluate(sys.argv[1], sys.argv[2], output_path=sys.argv[3], report=False, progress=True)
"""


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two files of rows; one row of the second is bad."""
    folder = tmp_path_factory.mktemp("rows")
    random = np.random.default_rng(1)
    for number in range(2):
        label = random.integers(0, 2, ROWS // 2)
        score = random.random(ROWS // 2)
        frame = pd.DataFrame({"label": label, "score": score})
        frame.to_csv(folder / f"{number}.csv", index=False)
    with open(folder / "1.csv", "a") as file:
        file.write("1,much\n")
    (folder / "eval.textproto").write_text(CONFIG)
    return folder


def terminal_output(command: list[str], cwd: Path) -> tuple[int, str]:
    """Runs a command whose stderr is a terminal; returns its exit code and what was shown."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command,
        cwd=cwd,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env={**os.environ, "COLUMNS": "100", "TERM": "xterm", "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    os.close(theirs)
    shown = bytearray()
    while True:
        try:
            shown += os.read(ours, 1 << 16)
        except OSError:  # the other end is closed
            break
    os.close(ours)
    return process.wait(), shown.decode()


@pytest.mark.slow
def test_a_terminal_shows_a_line_that_ends_with_all_rows(rows: Path) -> None:
    arguments = ["eval.textproto", "*.csv", "out"]
    code, shown = terminal_output([sys.executable, "-c", PROGRAM, *arguments], rows)
    assert code == 0, shown
    drawn = [int(n.replace(",", "")) for n in re.findall(r"([\d,]+) rows, [\d,]+ rows/s", shown)]
    assert len(drawn) > 2
    assert drawn == sorted(drawn)
    assert drawn[-1] == ROWS
    assert re.search(r"\d:\d\d left|finishing", shown)
    last = shown.rstrip().splitlines()[-1]
    assert re.search(r"60,000 rows, [\d,]+ rows/s, 1 bad record$", last), last


@pytest.mark.slow
def test_the_command_shows_nothing_when_it_is_told_not_to(rows: Path) -> None:
    command = [sys.executable, "-m", "evaluator_component", "evaluate", "--no-progress"]
    command += ["--config", "eval.textproto", "--data", "*.csv", "--output", "quiet"]
    code, shown = terminal_output(command, rows)
    assert (code, shown) == (1, "")  # without thresholds nothing is blessed


def test_without_a_terminal_lines_are_logged_and_nothing_is_printed(
    rows: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(progress, "_LOGGED_EVERY", 0.01)
    caplog.set_level(logging.INFO, "evaluator_component")
    with progress.Progress(datasets_of(str(rows / "*.csv"))):
        TALLY.add(rows=ROWS, size=100)
        wait_for(lambda: "60,000 rows" in caplog.text)
    assert any("left" in message for message in caplog.messages)
    assert re.fullmatch("60,000 rows, [0-9,]+ rows/s", caplog.messages[-1])
    assert capfd.readouterr() == ("", "")


def test_callers_of_the_library_are_shown_nothing_unless_they_ask(
    rows: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "evaluator_component")
    threads = threading.active_count()
    with progress.Progress(datasets_of(str(rows / "*.csv")), wanted=False):
        assert threading.active_count() == threads
    assert not caplog.messages


def test_a_runner_with_workers_elsewhere_is_asked_for_its_counters(
    caplog: pytest.LogCaptureFixture,
) -> None:
    import apache_beam as beam

    from evaluator_component.inputs.read import COUNTERS

    def count(number: int) -> None:
        beam.metrics.Metrics.counter(COUNTERS, "rows").inc(number)
        beam.metrics.Metrics.counter(COUNTERS, "bytes").inc(10 * number)

    pipeline = beam.Pipeline(runner="FnApiRunner")
    _ = pipeline | beam.Create([7, 8]) | beam.Map(count)
    caplog.set_level(logging.INFO, "evaluator_component")
    with progress.Progress(()) as shown:
        shown.watch(pipeline.run())
    assert caplog.messages[-1].startswith("15 rows, ")


def test_a_runner_that_cannot_tell_does_no_harm(caplog: pytest.LogCaptureFixture) -> None:
    class Silent:
        def metrics(self) -> Any:
            raise NotImplementedError

    caplog.set_level(logging.INFO, "evaluator_component")
    with progress.Progress(()) as shown:
        shown.watch(Silent())
    assert caplog.messages[-1].startswith("0 rows")


def test_one_bad_record_is_singular() -> None:
    assert progress.describe(Tally(rows=2, bad_records=1), 1.0, 4000) == (
        "2 rows, 2 rows/s, 1 bad record, 1:06:40 left"
    )


def wait_for(condition: Any) -> None:
    import time

    for _ in range(500):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("waited five seconds")
