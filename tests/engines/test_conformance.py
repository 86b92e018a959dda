"""Every engine finds the same numbers as one process on this machine.

The job service, which starts a job at once, gets every case; the others one of them all.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cases import CASES, EVERYTHING, Case, assert_same
from engines import ENGINES, Engine

pytestmark = pytest.mark.slow

PAIRS = [
    (name, case) for name in ENGINES for case in (CASES if name == "job service" else (EVERYTHING,))
]


@pytest.mark.parametrize(
    ("name", "case"), PAIRS, ids=[f"{name}: {case.name}" for name, case in PAIRS]
)
def test_an_engine_finds_the_same_numbers(
    name: str,
    case: Case,
    start: Callable[[str], Engine],
    local: Callable[[Case], Any],
    files: Path,
    tmp_path: Path,
) -> None:
    engine = start(name)
    assert_same(case.evaluate(files, tmp_path / "out", engine.flags()), local(case))
