"""Compiles the flights pipeline for Airflow, in TFX's environment.

python -m pipelines.airflow.compile_flights --root demo/airflow [--one-in 6]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evaluator_component.quiet import muted_stderr, quiet_libraries

__all__ = ["compile_flights", "main"]


def compile_flights(root: Path, *, one_in: int = 6, **settings: Any) -> Path:
    """Writes data and compiled pipeline under `root`; returns the folder of the latter.

    Args:
        root: folder for everything.
        one_in: of how many flights one is used.
        settings: further arguments of `create_pipeline`.
    """
    from tfx.orchestration import metadata

    from evaluator_component.component.compiled import compile_pipeline
    from pipelines.flights.data import write_records
    from pipelines.flights.pipeline import create_pipeline

    root = root.resolve()
    data = write_records(root / "data", one_in=one_in)
    defaults: dict[str, Any] = {
        "name": "flights",
        "root": str(root / "pipeline"),
        "data": str(data),
        "serving": str(root / "serving"),
        "metadata": metadata.sqlite_metadata_connection_config(str(root / "metadata.sqlite")),
    }
    return compile_pipeline(create_pipeline(**{**defaults, **settings}), root / "compiled")


def main(arguments: Sequence[str] | None = None) -> int:
    """Compiles; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.airflow.compile_flights")
    parser.add_argument("--root", type=Path, default=Path("demo/airflow"))
    parser.add_argument("--one-in", type=int, default=6)
    parser.add_argument("-v", "--verbose", action="store_true")
    given = parser.parse_args(arguments)
    quiet_libraries(given.verbose)
    with muted_stderr(given.verbose):
        folder = compile_flights(given.root, one_in=given.one_in)
    print(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
