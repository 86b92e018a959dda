"""Runs one step of a TFX pipeline inside a pod of Kubeflow Pipelines v2.

The command of every container of a compiled pipeline. TFX's own entry point was written for
another backend; on Kubeflow it falls short in four places, which this one fills:

- the launcher downloads inputs to, and uploads outputs from, a local folder per kind of store
  (`/minio/...`), while artifacts carry remote URIs that TFX has no file system for: URIs are taken
  to local paths for the step, and back in what it reports, in properties as well;
- artifacts of the types `system.*`, which Kubeflow's UI draws, are known;
- the ids of models in a blessing are those of the metadata store, so the next run finds them;
- a property that the metadata store would refuse (a boolean, a number that is not finite) does not
  make a step fail that has done its work.

Where Beam runs on other machines (Dataflow, Flink), those cannot see this pod's folders: URIs of
`gs://`, which TFX can open itself, are then left as they are.

Usage: `python -m evaluator_component.component.kubeflow_entrypoint <what the compiler wrote>`
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evaluator_component.component.kubeflow_messages import (
    read_artifacts,
    read_parameters,
    write_report,
)
from evaluator_component.errors import EvaluatorError

__all__ = ["LocalPaths", "main", "run_step"]

#: Where Kubeflow's launcher keeps what it downloads and uploads, by scheme.
LOCAL_FOLDERS = {"minio://": "/minio/", "s3://": "/s3/", "gs://": "/gcs/"}
#: What TFX and Beam open without the launcher's help.
OPENED_BY_TFX = ("gs://",)
#: Put before those folders; for machines where they cannot be made at the root.
PREFIX_VARIABLE = "EVALUATOR_KUBEFLOW_PREFIX"


class LocalPaths:
    """Takes remote URIs to the launcher's local paths, and back.

    Example:
        >>> paths = LocalPaths()
        >>> paths.to_local("minio://mlpipeline/run/model")
        '/minio/mlpipeline/run/model'
        >>> paths.to_remote("/minio/mlpipeline/run/model/BLESSED")
        'minio://mlpipeline/run/model/BLESSED'
        >>> paths.to_remote("/minio/other")
        '/minio/other'
    """

    def __init__(self, prefix: str = "", left_alone: Sequence[str] = ()) -> None:
        """Takes the launcher's URIs to paths.

        Args:
            prefix: put before the launcher's folders.
            left_alone: schemes of URIs that are returned as they are.
        """
        self._prefix = prefix
        self._left_alone = tuple(left_alone)
        self._remote: dict[str, str] = {}

    def to_local(self, uri: str) -> str:
        """Returns the local path of a URI; other URIs are returned as they are."""
        for scheme, folder in LOCAL_FOLDERS.items():
            if uri.startswith(scheme) and scheme not in self._left_alone:
                local = f"{self._prefix}{folder}{uri.removeprefix(scheme)}"
                self._remote[local] = uri
                return local
        return uri

    def to_remote(self, text: str) -> str:
        """Returns the URI of a path that `to_local` gave, or of something inside it."""
        for local, uri in self._remote.items():
            if text == local or text.startswith(f"{local}/"):
                return uri + text.removeprefix(local)
        return text


def run_step(
    executor_class: str,
    invocation: dict[str, Any],
    inputs_spec: Mapping[str, Any] | None = None,
    beam_arguments: Sequence[str] = (),
    prefix: str = "",
) -> None:
    """Runs a step and writes what it came to where the launcher looks for it.

    Args:
        executor_class: import path of the executor's class.
        invocation: Kubeflow's ExecutorInput, as JSON values.
        inputs_spec: the declaration of the step's inputs, as JSON values.
        beam_arguments: passed to executors that run Beam.
        prefix: of the launcher's local folders.
    """
    from tfx.dsl.components.base import base_beam_executor, base_executor
    from tfx.orchestration.portable import outputs_utils
    from tfx.utils import import_utils

    from evaluator_component.component.beam_executor import is_local

    paths = LocalPaths(prefix, () if is_local(beam_arguments) else OPENED_BY_TFX)
    for artifact in _artifacts(invocation):
        artifact["uri"] = paths.to_local(artifact["uri"])
    given, wanted = invocation.get("inputs", {}), invocation["outputs"]
    name_of: dict[int, str] = {}
    inputs = read_artifacts(given.get("artifacts", {}), name_of)
    outputs = read_artifacts(wanted.get("artifacts", {}), name_of)
    properties = read_parameters(
        given.get("parameterValues", {}), (inputs_spec or {}).get("parameters", {})
    )
    task_folder = os.path.dirname(wanted["outputFile"])
    settings = {
        "unique_id": os.path.basename(task_folder),
        "tmp_dir": os.path.join(task_folder, ".temp"),
    }
    kind = import_utils.import_class_by_path(executor_class)
    if issubclass(kind, base_beam_executor.BaseBeamExecutor):
        context = base_beam_executor.BaseBeamExecutor.Context(
            beam_pipeline_args=list(beam_arguments), **settings
        )
    else:
        context = base_executor.BaseExecutor.Context(extra_flags=list(beam_arguments), **settings)
    kind(context).Do(inputs, outputs, properties)

    outputs_utils.tag_output_artifacts_with_version(outputs)
    for blessing in outputs.get("blessing", ()):
        _name_models(blessing, name_of)
    write_report(outputs, wanted["outputFile"], name_of=name_of, to_remote=paths.to_remote)


def _artifacts(invocation: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for side in ("inputs", "outputs"):
        for found in invocation.get(side, {}).get("artifacts", {}).values():
            yield from found.get("artifacts", ())


def _name_models(blessing: Any, name_of: Mapping[int, str]) -> None:
    """Replaces the numbers that stand for models within a step by the store's names of them."""
    for role in ("current_model_id", "baseline_model_id"):
        if blessing.has_custom_property(role):
            number = blessing.get_int_custom_property(role)
            blessing.set_string_custom_property(role, name_of.get(number, str(number)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the step that the arguments name; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m evaluator_component.component.kubeflow_entrypoint", allow_abbrev=False
    )
    parser.add_argument("--executor_class_path", required=True)
    parser.add_argument("--json_serialized_invocation_args", required=True, type=json.loads)
    parser.add_argument("--json_serialized_inputs_spec_args", type=json.loads)
    given, beam_arguments = parser.parse_known_args(arguments)
    try:
        run_step(
            given.executor_class_path,
            given.json_serialized_invocation_args,
            given.json_serialized_inputs_spec_args,
            beam_arguments,
            os.environ.get(PREFIX_VARIABLE, ""),
        )
    except EvaluatorError as error:
        # The last lines of a pod's log are what people see first.
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
