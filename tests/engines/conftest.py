"""The engines, each started once, and the results of the cases on this machine to compare with."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cases
import engines
import job_server

Start = Callable[[str], engines.Engine]


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the records and the models of the cases."""
    folder = tmp_path_factory.mktemp("files")
    cases.write_files(folder)
    return folder


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """A function that starts an engine, or returns the one that runs; skips where it cannot."""
    running: dict[str, engines.Engine] = {}
    with ExitStack() as stack:

        def begin(name: str) -> engines.Engine:
            if name not in running:
                try:
                    engine = engines.ENGINES[name](tmp_path_factory.mktemp(name))
                    running[name] = stack.enter_context(engine)
                except job_server.Unavailable as error:
                    if name in os.environ.get("REQUIRED_ENGINES", "").split(","):
                        pytest.fail(f"{name}: {error}")
                    pytest.skip(f"{name}: {error}")
            return running[name]

        yield begin


@pytest.fixture(scope="session")
def local(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[cases.Case], Any]:
    """A function that returns the result of a case in this process."""
    known: dict[str, Any] = {}

    def result(case: cases.Case) -> Any:
        if case.name not in known:
            known[case.name] = case.evaluate(files, tmp_path_factory.mktemp("local") / "out", [])
        return known[case.name]

    return result
