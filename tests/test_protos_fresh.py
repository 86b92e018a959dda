"""The checked-in message classes are those that `proto/` makes, with protoc of the 4.25 line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CHECKED_IN = ROOT / "evaluator_component" / "protos"


def _generator() -> str | None:
    """Returns a Python that has protoc 25, or None."""
    asked = os.environ.get("PROTO_PYTHON")
    for python in (asked, str(ROOT / ".venv-proto" / "bin" / "python"), sys.executable):
        if not python or not Path(python).exists():
            continue
        command = [python, "-m", "grpc_tools.protoc", "--version"]
        version = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        if version.startswith("libprotoc 25."):
            return python
    return None


def test_generated_code_is_what_the_sources_make(tmp_path):
    python = _generator()
    if python is None:
        pytest.skip("no protoc 25 (grpcio-tools 1.62): proto/generate.sh makes .venv-proto with it")
    subprocess.run(
        ["sh", str(ROOT / "proto" / "generate.sh"), str(tmp_path)],
        env={**os.environ, "PROTO_PYTHON": python},
        check=True,
    )
    fresh = tmp_path / "evaluator_component" / "protos"
    made = {path.name: path.read_text() for path in fresh.iterdir()}
    kept = {path.name: path.read_text() for path in CHECKED_IN.glob("*_pb2.py*")}
    assert sorted(made) == sorted(kept)
    stale = [name for name in made if made[name] != kept[name]]
    assert not stale, f"run proto/generate.sh: {stale}"


def test_every_source_has_generated_code():
    sources = {path.stem for path in (ROOT / "proto").glob("*.proto")}
    assert {path.name.removesuffix("_pb2.py") for path in CHECKED_IN.glob("*_pb2.py")} == sources


def test_generated_code_does_not_need_a_newer_protobuf():
    """Code of protoc 5 and later names a runtime version that protobuf 3.20 does not have."""
    for path in CHECKED_IN.glob("*_pb2.py"):
        assert "runtime_version" not in path.read_text(), path.name


def test_proto_folder_is_no_package():
    """A package called proto would hide proto-plus, on which the clients of Google Cloud stand."""
    assert not list((ROOT / "proto").glob("*.py"))
