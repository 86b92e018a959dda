"""Every engine finds the same numbers as one process on this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cases import CASES, Case, assert_same
from engines import ENGINES, Engine

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("name", ENGINES)
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
