"""Runs that die, runs side by side, and what notebooks show."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from steps import Steps

from evaluator_component.component.history import history
from evaluator_component.component.unfinished import unfinished

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
ROOT = HERE.parent.parent

#: A user's module whose hook kills the process in the middle of an evaluation.
DEADLY = """
import os, signal

def writers(defaults, output_path):
    open(os.path.join(output_path, "half.txt"), "w").write("half")
    if os.environ.get("DEADLY"):
        os.kill(os.getpid(), signal.SIGKILL)
    return defaults
"""

#: A user's module whose hook waits while a file is there.
SLOW = """
import os, time

def writers(defaults):
    waits = os.environ["WAITS"]
    open(waits, "w").close()
    while os.path.exists(waits):
        time.sleep(0.1)
    return defaults
"""

RUN = """
import sys
from pathlib import Path
from steps import Steps
steps = Steps.__new__(Steps)
steps.root = Path(sys.argv[1])
steps.store, steps.serving = steps.root / "metadata.sqlite", steps.root / sys.argv[2]
steps.splits, steps.examples = {"eval": 400}, steps.root / "examples"
module = sys.argv[3] if len(sys.argv) > 3 else None
found = steps.run(module_file=module)
print(found.verdict)
"""


def start(steps, serving, *arguments, **environment):
    return subprocess.Popen(
        [sys.executable, "-c", RUN, str(steps.root), serving, *arguments],
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{HERE}", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def steps(tmp_path):
    made = Steps(tmp_path)
    made.model(1.0)
    return made


def test_a_run_that_is_killed_half_way_leaves_nothing_that_is_taken_for_a_result(steps, tmp_path):
    module = tmp_path / "code" / "deadly.py"
    module.parent.mkdir()
    module.write_text(DEADLY)
    killed = start(steps, "serving", str(module), DEADLY="1")
    killed.communicate(timeout=600)
    assert killed.returncode == -signal.SIGKILL
    assert history(steps.store) == []
    assert [attempt.state for attempt in unfinished(steps.store)] == ["RUNNING"]
    assert not (steps.root / "serving").exists()

    again = start(steps, "serving", str(module))
    out, err = again.communicate(timeout=600)
    assert out.splitlines()[-1] == "BLESSED", err
    (found,) = history(steps.store)
    assert found.verdict == "BLESSED"
    (attempt,) = unfinished(steps.store, pipeline="steps", node="Evaluator")
    assert attempt.state == "FAILED"
    assert attempt.run != found.run
    assert str(attempt).startswith(f"{attempt.run} Evaluator: failed, since 20")


def test_a_run_that_is_still_at_work_is_not_taken_for_dead(steps, tmp_path):
    module = tmp_path / "code" / "slow.py"
    module.parent.mkdir()
    module.write_text(SLOW)
    slow = start(steps, "serving", str(module), WAITS=str(tmp_path / "waits"))
    deadline = time.monotonic() + 300
    while not (tmp_path / "waits").exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    quick = start(steps, "serving2")
    out, err = quick.communicate(timeout=600)
    assert out.splitlines()[-1:] == ["BLESSED"], err
    assert [attempt.state for attempt in unfinished(steps.store)] == ["RUNNING"]
    (tmp_path / "waits").unlink()
    out, err = slow.communicate(timeout=600)
    assert out.splitlines()[-1:] == ["BLESSED"], err
    assert unfinished(steps.store) == []


def test_two_runs_at_once_on_one_store_do_not_disturb_each_other(steps):
    runs = [start(steps, f"serving{number}") for number in range(2)]
    results = [run.communicate(timeout=600) for run in runs]
    for out, err in results:
        assert out.splitlines()[-1:] == ["BLESSED"], err
    found = history(steps.store)
    assert len(found) == 2
    assert len({each.run for each in found}) == 2
    assert len({each.outputs["evaluation"][0].uri for each in found}) == 2


def test_a_notebook_shows_the_report(steps, monkeypatch, tmp_path):
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    InteractiveShell.instance()
    try:
        from tfx.dsl.components.common.importer import Importer
        from tfx.orchestration.experimental.interactive.interactive_context import (
            InteractiveContext,
        )
        from tfx.types import standard_artifacts

        context = InteractiveContext(
            pipeline_name="notebook",
            pipeline_root=str(tmp_path / "notebook"),
        )
        from steps import CONFIG

        from evaluator_component.component import Evaluator

        examples = Importer(
            source_uri=str(steps.examples),
            artifact_type=standard_artifacts.Examples,
            properties={"split_names": '["eval"]'},
        ).with_id("examples")
        model = Importer(
            source_uri=str(steps.model(1.0)), artifact_type=standard_artifacts.Model
        ).with_id("model")
        context.run(examples)
        context.run(model)
        evaluator = Evaluator(
            examples=examples.outputs["result"], model=model.outputs["result"], eval_config=CONFIG
        )
        context.run(evaluator)
        for key in ("evaluation", "report"):
            with capture_output() as shown:
                context.show(evaluator.outputs[key])
            pages = [output.data.get("text/html", "") for output in shown.outputs]
            assert any("<iframe sandbox=" in page and "srcdoc=" in page for page in pages), key
    finally:
        InteractiveShell.clear_instance()
