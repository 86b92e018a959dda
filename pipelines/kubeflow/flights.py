"""Compiles the flights pipeline for Kubeflow Pipelines, and submits runs of it.

    python -m pipelines.kubeflow.flights compile --image registry/flights:1
    python -m pipelines.kubeflow.flights submit --image registry/flights:1 \
        --host http://localhost:8888 --metadata grpc://localhost:8080

Submitting asks the cluster's metadata store for the model that the pipeline blessed last, and hands
it in as the baseline, together with its own evaluation, whose statistics are reused. Where a run is
started by other means, such as a recurring run, `--baseline-parameter` makes the baseline a
parameter of the compiled pipeline.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluator_component.errors import EvaluatorError
from evaluator_component.quiet import muted_stderr, quiet_libraries

__all__ = ["BASELINE_PARAMETER", "compile_flights", "main", "submit"]

PIPELINE = "flights"
#: Where Kubeflow keeps artifacts unless it was told otherwise.
ROOT = "minio://mlpipeline/v2/artifacts"
#: Folders in the image, see `kubeflow/Dockerfile`.
DATA = "/data/flights"
SERVING = "/serving"
STEPS = Path(__file__).parent.parent.parent / "kubeflow" / "steps.yaml"
#: The pipeline's parameter that takes the URI of the baseline.
BASELINE_PARAMETER = "baseline"


def compile_flights(
    path: Path,
    *,
    image: str | Mapping[str, str],
    baseline: str | None = None,
    baseline_parameter: bool = False,
    earlier_evaluation: str | None = None,
    steps: Path | None = STEPS,
    **settings: Any,
) -> Path:
    """Writes the compiled pipeline; returns the path.

    Args:
        path: the YAML file to write.
        image: see `compile_for_kubeflow`.
        baseline: URI of the model to compare with; None: the first run has nothing to compare with.
        baseline_parameter: whether the URI is a parameter of the pipeline, with `baseline` as its
            default.
        earlier_evaluation: URI of the baseline's own evaluation, whose statistics are reused.
        steps: file of resources per step; None: Kubernetes' defaults.
        settings: further arguments of `create_pipeline`.
    """
    from tfx.orchestration.data_types import RuntimeParameter

    from evaluator_component.component.kubeflow import compile_for_kubeflow
    from evaluator_component.component.kubeflow_resources import read_resources
    from pipelines.flights.pipeline import create_pipeline

    given: Any = baseline
    if baseline_parameter:
        given = RuntimeParameter(BASELINE_PARAMETER, str, default=baseline)
    defaults = {"name": PIPELINE, "root": ROOT, "data": DATA, "serving": SERVING}
    pipeline = create_pipeline(
        **{**defaults, **settings}, baseline=given, earlier_evaluation=earlier_evaluation
    )
    resources = read_resources(steps) if steps is not None else {}
    return compile_for_kubeflow(pipeline, path, image=image, resources=resources)


def submit(path: Path, *, host: str, name: str = PIPELINE, **settings: Any) -> str:
    """Starts a run of a compiled pipeline; returns the run's id.

    Args:
        path: the compiled pipeline.
        host: of Kubeflow Pipelines' API.
        name: of the run.
        settings: further arguments of `kfp.Client.create_run_from_pipeline_package`.
    """
    from kfp import Client

    client = Client(host=host)
    run = client.create_run_from_pipeline_package(str(path), run_name=name, **settings)
    return str(run.run_id)


def main(arguments: Sequence[str] | None = None) -> int:
    """Compiles, and submits if asked to; returns the exit code."""
    given = _parser().parse_args(arguments)
    quiet_libraries(given.verbose)
    try:
        with muted_stderr(given.verbose):
            baseline, earlier = _baseline(given)
            path = compile_flights(
                given.output,
                image=given.image,
                baseline=baseline,
                baseline_parameter=given.baseline_parameter,
                earlier_evaluation=earlier,
                steps=given.steps,
                name=given.name,
                root=given.root,
                data=given.data,
                serving=given.serving,
                training=given.training,
                beam_pipeline_args=given.beam,
            )
        print(f"baseline: {baseline or 'none'}")
        print(f"reused:   {earlier or 'nothing'}")
        print(f"compiled: {path}")
        if given.command == "submit":
            run = submit(
                path, host=given.host, experiment_name=given.name, namespace=given.namespace
            )
            print(f"run:      {run}")
    except EvaluatorError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _baseline(given: argparse.Namespace) -> tuple[str | None, str | None]:
    """Returns the URIs of the baseline and of its own evaluation."""
    from evaluator_component.component.kubeflow import evaluation_of, latest_blessed_model

    if given.metadata is None:
        return given.baseline, None
    baseline = latest_blessed_model(given.metadata, given.name)
    return baseline, None if given.no_reuse else evaluation_of(given.metadata, baseline)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.kubeflow.flights", description=__doc__.splitlines()[0]
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for command, told in (
        ("compile", "write the YAML that Kubeflow Pipelines takes"),
        ("submit", "compile, and start a run"),
    ):
        added = commands.add_parser(command, help=told)
        added.add_argument("--image", required=True, help="of all steps")
        added.add_argument("--output", type=Path, default=Path("flights.yaml"))
        added.add_argument("--name", default=PIPELINE, help="of the pipeline")
        added.add_argument("--root", default=ROOT, help="URI below which all artifacts go")
        added.add_argument("--data", default=DATA, help="folder of the examples, in the image")
        added.add_argument("--serving", default=SERVING, help="where blessed models are pushed")
        added.add_argument("--steps", type=Path, default=STEPS, help="resources of each step")
        added.add_argument(
            "--training", type=json.loads, default={}, help='such as {"epochs": 4}, as JSON'
        )
        added.add_argument(
            "--beam",
            action="append",
            default=[],
            metavar="ARGUMENT",
            help="an argument of Beam, such as --beam=--runner=DataflowRunner; may be repeated",
        )
        source = added.add_mutually_exclusive_group()
        source.add_argument("--baseline", help="URI of the model to compare with")
        source.add_argument("--metadata", help="where to look that up, such as grpc://host:8080")
        added.add_argument(
            "--baseline-parameter",
            action="store_true",
            help="make the baseline a parameter of the compiled pipeline",
        )
        added.add_argument(
            "--no-reuse", action="store_true", help="let the baseline predict again in any case"
        )
        added.add_argument("-v", "--verbose", action="store_true")
    submitting = commands.choices["submit"]
    submitting.add_argument("--host", required=True, help="of Kubeflow Pipelines' API")
    submitting.add_argument("--namespace", help="where several teams share the cluster")
    return parser


if __name__ == "__main__":
    sys.exit(main())
