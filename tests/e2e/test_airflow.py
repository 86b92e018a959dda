"""Runs compiled pipelines with a real Airflow, 2 and 3, to the end."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SMALL = ROOT / "tests" / "component"

pytestmark = pytest.mark.slow

DAG_FILE = """
# Airflow only looks into files in which its name occurs.
from datetime import timedelta
from compiled_dag import dag_of
dag = dag_of({folder!r}, retries=1, retry_delay=timedelta(0), environment={environment!r})
"""


class Airflow:
    """An Airflow with a home of its own."""

    def __init__(self, version: int, home: Path) -> None:
        self.program = ROOT / f".venv-airflow-{version}" / "bin" / "airflow"
        if not self.program.exists():
            pytest.skip(f"{self.program.parent.parent.name} is not there: run `make airflow`")
        self.version, self.home, self.port = version, home, free_port()
        self.running: dict[str, subprocess.Popen] = {}
        self.dags = home / "dags"
        self.dags.mkdir(parents=True)
        (self.dags / "compiled_dag.py").symlink_to(ROOT / "pipelines/airflow/compiled_dag.py")
        self.environment = {
            **{name: value for name, value in os.environ.items() if "AIRFLOW" not in name},
            "AIRFLOW_HOME": str(home),
            # The scheduler starts `airflow` by its name.
            "PATH": f"{self.program.parent}:{os.environ['PATH']}",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "AIRFLOW__SCHEDULER__DAG_DIR_LIST_INTERVAL": "5",
            # Airflow 3: where tasks find the server, and what they show it to be let in.
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{self.port}/execution/",
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
        }
        self.run("db", "migrate")

    def run(self, *arguments: str) -> str:
        """Runs a command of Airflow; returns what it printed."""
        done = subprocess.run(
            [str(self.program), *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=900,
        )
        assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
        return done.stdout + done.stderr

    @contextlib.contextmanager
    def services(self) -> Iterator[None]:
        """Runs what it takes for triggered DAGs to run."""
        wanted = [["scheduler"]]
        if self.version > 2:
            # Tasks tell the server by HTTP what became of them; only this process reads DAG files.
            wanted += [["api-server", "--port", str(self.port)], ["dag-processor"]]
        try:
            self.running = {command[0]: self._start(*command) for command in wanted}
            yield
        finally:
            for process in self.running.values():
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGTERM)
            for process in self.running.values():
                process.wait(timeout=60)

    def _start(self, *arguments: str) -> subprocess.Popen:
        with (self.home / f"{arguments[0]}.log").open("w") as log:
            return subprocess.Popen(
                [str(self.program), *arguments],
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def check_services(self) -> None:
        """Fails where a service has ended, with the end of its log."""
        for name, process in self.running.items():
            assert process.poll() is None, (self.home / f"{name}.log").read_text()[-5000:]

    def states(self) -> dict[str, str]:
        """Returns the state of every task of the last run."""
        with sqlite3.connect(self.home / "airflow.db") as database:
            return dict(
                database.execute("select task_id, state from task_instance order by start_date")
            )

    def run_states(self) -> list[str]:
        """Returns the states of all runs."""
        with sqlite3.connect(self.home / "airflow.db") as database:
            return [state for (state,) in database.execute("select state from dag_run")]


def free_port() -> int:
    """Returns a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(params=[2, 3])
def airflow(request, tmp_path):
    return Airflow(request.param, tmp_path / "airflow")


def compile_small(tmp_path, best="good"):
    """Compiles the small pipeline in a process of its own: its name is taken by other tests."""
    code = (
        "import sys; from pathlib import Path\n"
        "from evaluator_component.component.compiled import compile_pipeline\n"
        "import small_pipeline\n"
        f"root = Path({str(tmp_path)!r})\n"
        f"compile_pipeline(small_pipeline.make(root, {best!r}), root / 'compiled')\n"
    )
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{SMALL}"}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True)
    return tmp_path / "compiled"


def write_dag(airflow, folder, tmp_path):
    environment = {"PYTHONPATH": f"{ROOT}:{SMALL}", "FAULT_FILE": str(tmp_path / "fault")}
    text = DAG_FILE.format(folder=str(folder), environment=environment)
    (airflow.dags / "small_dag.py").write_text(text)


def executions(tmp_path):
    from evaluator_component.component.stores import open_store

    store = open_store(tmp_path / "metadata.sqlite")
    found = sorted(store.get_executions(), key=lambda execution: execution.id)
    return [
        (
            e.type.rpartition(".")[2].removesuffix("_Executor"),
            type(e).State.Name(e.last_known_state),
        )
        for e in found
    ]


def test_a_killed_task_is_tried_again_and_an_unmet_condition_skips_the_push(airflow, tmp_path):
    write_dag(airflow, compile_small(tmp_path, best="better"), tmp_path)
    (tmp_path / "fault").write_text("kill")
    airflow.run("dags", "test", "small")
    assert airflow.states() == {"Writer": "success", "Judge": "success", "Push": "skipped"}
    assert airflow.run_states() == ["success"]
    assert executions(tmp_path) == [
        ("Writer", "FAILED"),
        ("Writer", "COMPLETE"),
        ("Judge", "COMPLETE"),
    ]


def test_airflow_parses_the_dag_without_tfx(airflow, tmp_path):
    write_dag(airflow, compile_small(tmp_path), tmp_path)
    code = (
        f"import sys; sys.path.insert(0, {str(airflow.dags)!r})\n"
        "import small_dag, json\n"
        "found = sorted(small_dag.dag.task_ids)\n"
        "heavy = [name for name in ('tfx', 'tensorflow', 'apache_beam') if name in sys.modules]\n"
        "print(json.dumps([found, heavy]))\n"
    )
    python = airflow.program.with_name("python")
    done = subprocess.run(
        [str(python), "-W", "ignore", "-c", code],
        env=airflow.environment,
        capture_output=True,
        text=True,
    )
    assert json.loads(done.stdout.splitlines()[-1]) == [["Judge", "Push", "Writer"], []]


def test_the_scheduler_runs_a_triggered_dag(airflow, tmp_path):
    write_dag(airflow, compile_small(tmp_path), tmp_path)
    airflow.run("dags", "reserialize")
    airflow.run("dags", "unpause", "small")
    airflow.run("dags", "trigger", "small")
    with airflow.services():
        deadline = time.monotonic() + 420
        while airflow.run_states() not in (["success"], ["failed"]):
            airflow.check_services()
            assert time.monotonic() < deadline, airflow.states()
            time.sleep(2)
    assert airflow.states() == {"Writer": "success", "Judge": "success", "Push": "success"}
    assert executions(tmp_path) == [
        ("Writer", "COMPLETE"),
        ("Judge", "COMPLETE"),
        ("Push", "COMPLETE"),
    ]
