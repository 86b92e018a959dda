"""Submitting, with Kubeflow's own client, to a server that keeps what it is sent."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml

pytest.importorskip("kfp", reason="kfp is not there: pip install 'evaluator_component[kubeflow]'")
pytestmark = pytest.mark.slow

MODEL = "minio://mlpipeline/v2/artifacts/flights/1/Trainer/2/model"


@pytest.fixture
def api():
    """A server that answers as Kubeflow Pipelines' API does; gives its address and its runs."""
    runs = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path.startswith("/apis/v2beta1/healthz"):
                return self.answer({"multi_user": False})
            if self.path.startswith("/apis/v2beta1/experiments"):
                known = {"experiment_id": "7", "display_name": "flights"}
                return self.answer({"experiments": [known], "total_size": 1})
            return self.answer({"error": f"not expected: {self.path}"}, 404)

        def do_POST(self):
            sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path.startswith("/apis/v2beta1/runs"):
                runs.append(sent)
                return self.answer({**sent, "run_id": "a-run"})
            return self.answer({"error": f"not expected: {self.path}"}, 404)

        def answer(self, body, status=200):
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", runs
    server.shutdown()
    server.server_close()


def test_a_run_is_submitted_with_its_baseline_resources_and_volumes(
    api, tmp_path, monkeypatch, capsys
):
    from pipelines.kubeflow.flights import main

    # The client looks for a cluster's configuration, and keeps what it found, in the home folder.
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    host, runs = api
    (tmp_path / "steps.yaml").write_text("Pusher: {memory: 2Gi, volumes: {/serving: claim}}\n")
    code = main(
        [
            "submit",
            "--image=registry/flights:1",
            f"--host={host}",
            f"--output={tmp_path / 'flights.yaml'}",
            f"--steps={tmp_path / 'steps.yaml'}",
            f"--baseline={MODEL}",
        ]
    )
    assert code == 0
    assert "a-run" in capsys.readouterr().out
    ((run),) = runs
    assert run["experiment_id"] == "7"
    sent = run["pipeline_spec"]
    spec, platform = yaml.safe_load_all((tmp_path / "flights.yaml").read_text())
    assert sent == {"pipeline_spec": spec, "platform_spec": platform}
    assert MODEL in json.dumps(spec)
    assert "claim" in json.dumps(platform)


def test_a_mistake_is_told_without_a_traceback(tmp_path, capsys):
    from pipelines.kubeflow.flights import main

    arguments = ["compile", "--image=i", "--name=Flights", f"--output={tmp_path / 'f.yaml'}"]
    assert main(arguments) == 2
    assert "only lower case letters" in capsys.readouterr().err


def test_a_metadata_store_that_does_not_answer_is_told(tmp_path, capsys):
    from pipelines.kubeflow.flights import main

    arguments = ["--image=i", "--metadata=gprc://localhost:8080", f"--output={tmp_path / 'f'}"]
    assert main(["compile", *arguments]) == 2
    assert "did you mean 'grpc'?" in capsys.readouterr().err
