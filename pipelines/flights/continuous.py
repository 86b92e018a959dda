"""Watches the model that is being served: evaluates it on each month of flights as it comes.

    python -m pipelines.flights.local                     # trains, evaluates, pushes
    python -m pipelines.flights.continuous --months 6     # watches

Nothing is trained. Each run takes one span of examples and the latest blessed model; the store
keeps the time series.

    ImportExampleGen (one span) -> [latest blessed model] -> Evaluator
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evaluator_component.errors import EvaluatorError, InputError
from evaluator_component.quiet import muted_stderr, quiet_libraries

__all__ = ["create_monitor", "main", "monitor"]

NODE = "Monitor"
#: The metrics of the time series that is printed.
SHOWN = ("auc", "calibration", "examples")


def create_monitor(
    *,
    name: str,
    root: str,
    data: str,
    span: int,
    eval_config: Any,
    metadata: Any,
    beam_pipeline_args: Sequence[str] = (),
) -> Any:
    """Returns the TFX pipeline that evaluates the served model on one span.

    Args:
        name: name of the pipeline that blesses models; its blessings are looked up.
        root: folder for everything the pipeline makes.
        data: folder with `span-<number>/eval/` TFRecords.
        span: which span.
        eval_config: what to evaluate.
        metadata: an MLMD connection config.
        beam_pipeline_args: passed to every step that runs Beam.
    """
    from tfx.components.example_gen.import_example_gen.component import ImportExampleGen
    from tfx.orchestration.pipeline import Pipeline
    from tfx.proto import example_gen_pb2, range_config_pb2

    from evaluator_component.component import Evaluator
    from pipelines.flights.pipeline import RESOLVE, baseline_node

    split = example_gen_pb2.Input.Split(name="eval", pattern="span-{SPAN}/eval/*")
    only = range_config_pb2.StaticRange(start_span_number=span, end_span_number=span)
    flights = ImportExampleGen(
        input_base=data,
        input_config=example_gen_pb2.Input(splits=[split]),
        range_config=range_config_pb2.RangeConfig(static_range=only),
    ).with_id("NewFlights")
    served = baseline_node(RESOLVE)
    evaluator = Evaluator(
        examples=flights.outputs["examples"],
        model=served.outputs["model"],
        eval_config=eval_config,
    ).with_id(NODE)
    return Pipeline(
        pipeline_name=name,
        pipeline_root=root,
        components=[flights, served, evaluator],
        metadata_connection_config=metadata,
        beam_pipeline_args=list(beam_pipeline_args),
        enable_cache=True,
    )


def monitor(root: Path, months: Sequence[int], *, one_in: int = 6) -> None:
    """Runs the pipeline for each month.

    Args:
        root: the folder in which the flights pipeline ran.
        months: 1 to 12.
        one_in: of how many flights one is used.

    Raises:
        InputError: no model was blessed yet.
    """
    from tfx.orchestration import metadata

    from evaluator_component.component.history import history
    from evaluator_component.component.local import run_locally
    from pipelines.flights.data import write_spans
    from pipelines.flights.local import PIPELINE
    from pipelines.flights.pipeline import EVAL_CONFIG

    store = root / "metadata.sqlite"
    if not any(found.blessed for found in history(store, pipeline=PIPELINE)):
        raise InputError(f"no model was blessed yet in {os.path.relpath(store)}")
    data = write_spans(root / "data", months=months, one_in=one_in)
    for month in months:
        pipeline = create_monitor(
            name=PIPELINE,
            root=str(root / "pipeline"),
            data=str(data),
            span=month,
            eval_config=EVAL_CONFIG,
            metadata=metadata.sqlite_metadata_connection_config(str(store)),
        )
        run_locally(pipeline)


def main(arguments: Sequence[str] | None = None) -> int:
    """Watches the first months of the year; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.flights.continuous")
    parser.add_argument("--root", type=Path, default=Path("demo"))
    parser.add_argument("--months", type=int, default=3, help="how many months")
    parser.add_argument("-v", "--verbose", action="store_true")
    given = parser.parse_args(arguments)
    quiet_libraries(given.verbose)
    root = given.root.resolve()
    try:
        with muted_stderr(given.verbose):
            monitor(root, range(1, given.months + 1))
    except EvaluatorError as error:
        if given.verbose:
            raise
        print(error)
        return 2
    print_series(root)
    return 0


def print_series(root: Path) -> None:
    """Prints the time series that the store now holds."""
    from rich.console import Console
    from rich.table import Table

    from evaluator_component.component.history import history

    table = Table(title="The served model, month by month")
    for column in ("month", "model", "verdict", *SHOWN):
        table.add_column(column, justify="right")
    for found in history(root / "metadata.sqlite", node=NODE):
        span = str(found.lineage.get("examples_span", "?"))
        model = ", ".join(f"#{artifact.id}" for artifact in found.inputs.get("model", ()))
        values = (f"{found.metrics[name]:g}" if name in found.metrics else "-" for name in SHOWN)
        table.add_row(span, model, found.verdict, *values)
    Console(highlight=False).print(table)


if __name__ == "__main__":
    sys.exit(main())
