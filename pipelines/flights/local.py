"""Runs the flights pipeline on this machine, twice, and says what came of it.

    python -m pipelines.flights.local [--all-rows] [--keep] [-v]

The first run has nothing to compare with. The second trains another model, which is compared with
the first by way of the latest-blessed resolver. Both run in this one process: starting one costs
more than a run. All that is made lies under `demo/`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evaluator_component.errors import EvaluatorError
from evaluator_component.quiet import muted_stderr, quiet_libraries

__all__ = ["main", "run"]

#: Of how many flights one is used, by default.
ONE_IN = 6
PIPELINE = "flights"
#: The model of each run: the second is trained for longer.
TRAININGS: tuple[dict[str, Any], ...] = ({"epochs": 1, "seed": 1}, {"epochs": 4, "seed": 2})


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the demo; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.flights.local", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path("demo"), help="folder for everything")
    parser.add_argument("--all-rows", action="store_true", help="all flights, not one in six")
    parser.add_argument("--keep", action="store_true", help="add to the runs of an earlier call")
    parser.add_argument("-v", "--verbose", action="store_true", help="show what libraries log")
    given = parser.parse_args(arguments)
    quiet_libraries(given.verbose)
    one_in = 1 if given.all_rows else ONE_IN
    root = given.root.resolve()
    if not given.keep:
        clear(root)

    from rich.console import Console

    console = Console(highlight=False)
    started = time.monotonic()
    try:
        with muted_stderr(given.verbose):
            run_twice(root, one_in, console)
    except EvaluatorError as error:
        if given.verbose:
            raise
        console.print(str(error), style="red", markup=False)
        return 2
    from pipelines.flights.summary import print_summary

    print_summary(root, console)
    console.print(f"[dim]{time.monotonic() - started:.0f} s in all. Everything is in {root}[/]")
    return 0


def run_twice(root: Path, one_in: int, console: Any) -> None:
    """Writes the data and runs the pipeline with each of `TRAININGS`, telling what it does."""
    console.print("[bold]1[/]  Flights from New York, 2013: writing examples, loading TFX")
    data = write_data(root, one_in, console)
    for number, training in enumerate(TRAININGS, 1):
        told = ", ".join(f"{name} {value}" for name, value in training.items())
        console.print(f"[bold]{number + 1}[/]  Run {number} (model: {told})")
        console.print(
            "   ImportExampleGen > Trainer > latest blessed model > Evaluator > Pusher ...", end=" "
        )
        console.print(f"{run(root, data, training):.0f} s")


def clear(root: Path) -> None:
    """Removes what an earlier call made, all but the data."""
    for path in root.glob("*"):
        if path.name == "data":
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def write_data(root: Path, one_in: int, console: Any = None) -> Path:
    """Writes the examples, once; returns their folder."""
    from pipelines.flights.data import write_records

    folder = write_records(root / "data", one_in=one_in)
    if console is not None:
        share = f"one flight in {one_in}" if one_in > 1 else "all flights"
        console.print(f"   {share} that landed, in {os.path.relpath(folder)}")
    return folder


def run(root: Path, data: Path, training: dict[str, Any], **settings: Any) -> float:
    """Runs the pipeline once; returns the seconds that it took.

    Args:
        root: folder for the store, the pipeline's root and the pushed models.
        data: folder with the examples.
        training: what makes this run's model differ from others.
        settings: further arguments of `create_pipeline`.
    """
    from tfx.orchestration import metadata

    from evaluator_component.component.local import run_locally
    from pipelines.flights.pipeline import create_pipeline

    # Loading TFX resets absl's level.
    quiet_libraries("-v" in sys.argv or "--verbose" in sys.argv)
    root.mkdir(parents=True, exist_ok=True)
    store = metadata.sqlite_metadata_connection_config(str(root / "metadata.sqlite"))
    pipeline = create_pipeline(
        name=PIPELINE,
        root=str(root / "pipeline"),
        data=str(data),
        serving=str(root / "serving"),
        training=training,
        metadata=store,
        **settings,
    )
    started = time.monotonic()
    run_locally(pipeline)
    return time.monotonic() - started


if __name__ == "__main__":
    sys.exit(main())
