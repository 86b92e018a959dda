"""Keeps doctests of modules that import TFX out of the unit layer: loading TFX takes longer."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

HEAVY_FOLDER = Path(__file__).parent / "evaluator_component" / "component"


@functools.cache
def is_heavy(path: Path) -> bool:
    """Tells whether a module of the component imports TFX when it is imported itself."""
    if path.suffix != ".py" or path.parent != HEAVY_FOLDER:
        return False
    return any(
        line.startswith(("from tfx", "import tfx"))
        for line in path.read_text(encoding="utf-8").splitlines()
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Does not even import heavy modules where slow tests are left out."""
    if config.option.markexpr == "not slow" and is_heavy(collection_path):
        return True
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the doctests of heavy modules as slow."""
    for item in items:
        if is_heavy(item.path):
            item.add_marker(pytest.mark.slow)
