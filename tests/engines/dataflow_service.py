"""A stand-in of the Dataflow service on this machine: takes a job, and executes what was shipped.

Beam's own `DataflowRunner` submits: it stages packages and the pipeline in a folder, and asks over
HTTP how the job is doing. The job runs in a process that has the packages of this environment, as
Dataflow's container would, but neither this checkout nor anything else that was not staged: a
module that was not shipped is missing there, too.

Synopsis::

    with DataflowService(folder, packages=[source_distribution(folder)]) as service:
        evaluate(..., pipeline_options=service.flags())
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from processes import free_port

__all__ = ["DataflowService", "source_distribution"]

ROOT = Path(__file__).parent.parent.parent
_DONE, _FAILED = "JOB_STATE_DONE", "JOB_STATE_FAILED"


def source_distribution(folder: Path, version: str = "") -> Path:
    """Builds the package's sdist, as `python -m build --sdist` would; returns its path.

    Args:
        folder: where to build.
        version: of the package, where it is to be another one.
    """
    copy = folder / f"source{version}"
    copy.mkdir()
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    skipped = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "evaluator_component", copy / "evaluator_component", ignore=skipped)
    if version:
        (copy / "evaluator_component" / "version.py").write_text(f'__version__ = "{version}"\n')
    command = [sys.executable, "setup.py", "--quiet", "sdist", "--dist-dir", str(folder)]
    subprocess.run(command, cwd=copy, check=True, capture_output=True)
    (built,) = folder.glob(f"evaluator_component-{version}*.tar.gz")
    return built


class DataflowService:
    """The service: its address, and the jobs that it was given.

    Args:
        folder: for what is staged, and for the workers' environments.
        packages: what the submitter ships.
    """

    def __init__(self, folder: Path, packages: Sequence[Path] = ()) -> None:
        self._folder, self._packages = folder, packages
        self._port = free_port()
        self.jobs: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> DataflowService:
        for name in ("staging", "temp"):
            (self._folder / name).mkdir()
        self._server = ThreadingHTTPServer(("localhost", self._port), _handler(self))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def flags(self) -> list[str]:
        """Returns the Beam flags that submit a pipeline to it."""
        flags = [
            "--runner=DataflowRunner",
            "--project=project",
            "--region=us-central1",
            "--job_name=evaluation",
            f"--temp_location={self._folder / 'temp'}",
            f"--staging_location={self._folder / 'staging'}",
            "--no_auth",
            "--sdk_location=container",
            f"--dataflow_endpoint=http://localhost:{self._port}",
        ]
        return [*flags, *(f"--extra_package={path}" for path in self._packages)]

    def submit(self, job: dict[str, Any]) -> dict[str, Any]:
        """Takes a job and starts it."""
        number = str(len(self.jobs))
        job.update(id=number, currentState="JOB_STATE_RUNNING", jobMessages=[], metrics=[])
        self.jobs[number] = job
        threading.Thread(target=self._run, args=[job], daemon=True).start()
        return job

    def _run(self, job: dict[str, Any]) -> None:
        options = job["environment"]["sdkPipelineOptions"]["options"]
        staged = Path(options["pipelineUrl"]).parent
        worker = self._folder / f"worker-{job['id']}"
        worker.mkdir()
        try:
            self._install(staged, worker / "packages")
            command = [sys.executable, "-I", "-S", str(Path(__file__).with_name("dataflow_job.py"))]
            command += [str(worker / "packages"), sysconfig.get_path("purelib")]
            command += [options["pipelineUrl"], str(worker / "metrics.json")]
            subprocess.run(command, cwd=worker, check=True, capture_output=True, text=True)
            job["metrics"] = json.loads((worker / "metrics.json").read_text())
            job["currentState"] = _DONE
        except subprocess.CalledProcessError as error:
            text = {"messageImportance": "JOB_MESSAGE_ERROR", "messageText": error.stderr[-20_000:]}
            job["jobMessages"] = [{"id": "1", "time": "2000-01-01T00:00:00Z", **text}]
            job["currentState"] = _FAILED

    def _install(self, staged: Path, target: Path) -> None:
        """Installs the staged packages, as the start of a worker's container does."""
        target.mkdir()
        listed = staged / "extra_packages.txt"
        for name in listed.read_text().split() if listed.exists() else ():
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
            command += ["--no-build-isolation", "--no-index", "--no-compile"]
            command += ["--target", str(target), str(staged / name)]
            subprocess.run(command, check=True, capture_output=True, text=True)


def _handler(service: DataflowService) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """`POST .../jobs`, `GET .../jobs/<id>`, `.../jobs/<id>/messages`, `.../metrics`."""

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            self._reply(service.submit(json.loads(self.rfile.read(length))))

        def do_GET(self) -> None:
            parts = self.path.split("?")[0].split("/jobs/")[1].split("/")
            job = service.jobs[parts[0]]
            asked = parts[1] if len(parts) > 1 else ""
            names = {"messages": "jobMessages", "metrics": "metrics"}
            self._reply({names[asked]: job[names[asked]]} if asked else job)

        def _reply(self, content: Any) -> None:
            hidden = ("jobMessages", "metrics") if "id" in content else ()
            shown = {name: value for name, value in content.items() if name not in hidden}
            body = json.dumps(shown).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
