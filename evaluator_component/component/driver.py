"""Looks for an earlier evaluation whose results need not be computed again.

A driver runs before a step's executor and may ask the metadata store, which the executor cannot.
TFX runs it under its local runner, and so does our Airflow DAG. Kubeflow has none: there an earlier
evaluation is looked up when a run is submitted, and handed in as an input.

What is found is only a hint. Whether model, data and config agree, the library finds out from their
content; see `evaluator_component.api.reuse`.

Vocabulary:
    repeat: an evaluation of the same candidate, baseline, examples and config. Only where the
        step's cache is enabled is it looked for, and only where TFX's cache cannot know it:
        another pipeline or step, or the same files under a new id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tfx.dsl.components.base import base_driver
from tfx.dsl.io import fileio
from tfx.orchestration.portable import base_driver as portable_driver
from tfx.proto.orchestration import driver_output_pb2

from evaluator_component.component.history import Evaluation, history
from evaluator_component.component.request import EARLIER, check_reuse, read_config, read_splits
from evaluator_component.config import hash_of
from evaluator_component.errors import EvaluatorError

__all__ = ["Driver", "Wanted", "find_earlier"]

Artifacts = Mapping[str, Sequence[Any]]


class Driver(base_driver.BaseDriver, portable_driver.BaseDriver):
    """The driver of the Evaluator; runners of the older kind use the base's methods only."""

    def __init__(self, metadata_handle: Any) -> None:
        base_driver.BaseDriver.__init__(self, metadata_handle)
        portable_driver.BaseDriver.__init__(self, metadata_handle)

    def run(self, execution_info: Any) -> Any:
        """Adds the URI of an earlier evaluation to the parameters of the execution."""
        output = driver_output_pb2.DriverOutput()
        try:
            wanted = _wanted(execution_info)
        except EvaluatorError:
            # The executor will find the same fault, and its message reaches the user.
            return output
        if wanted is not None:
            with self._mlmd_connection as metadata:
                found = find_earlier(history(metadata.store), wanted)
            if found:
                output.exec_properties[EARLIER].string_value = found
        return output


@dataclass(frozen=True)
class Wanted:
    """What an evaluation is of, as far as a metadata store tells.

    Attributes:
        inputs: URIs by input key.
        ids: ids of artifacts by input key.
        facts: properties that an evaluation's lineage must have, too.
        config_hash: of the config as it was given.
        cached_as: pipeline and node whose equal executions TFX's cache answers; None where it is
            disabled, which means that nobody wants repeats.
    """

    inputs: Mapping[str, frozenset[str]]
    ids: Mapping[str, frozenset[int]]
    facts: Mapping[str, str]
    config_hash: str
    cached_as: tuple[str, str] | None


def find_earlier(evaluations: Iterable[Evaluation], wanted: Wanted) -> str | None:
    """Returns the result folder of the evaluation to reuse; None if there is none.

    It is the oldest one of those that fit best: which one that is does not change from run to run,
    and TFX's cache, whose key it is part of, keeps working.
    """
    fitting = [
        each
        for each in evaluations
        if _uris(each, "examples") == wanted.inputs["examples"]
        and all(each.lineage.get(name, "") == value for name, value in wanted.facts.items())
    ]
    same = [each for each in fitting if each.lineage.get("config_hash") == wanted.config_hash]
    chosen = [
        each
        for each in same
        if wanted.cached_as is not None
        and all(_uris(each, key) == uris for key, uris in wanted.inputs.items())
        and not _cache_knows(each, wanted)
    ]
    baseline = wanted.inputs["baseline_model"]
    if baseline:
        for group in (same, fitting):
            chosen += [each for each in group if _uris(each, "model") == baseline]
    folders = [artifact.uri for each in chosen for artifact in each.outputs.get("evaluation", ())]
    return next((folder for folder in folders if fileio.exists(f"{folder}/run.json")), None)


def _wanted(info: Any) -> Wanted | None:
    """Returns what to look for; None where nothing is to be reused."""
    properties, inputs = info.exec_properties, info.input_dict
    if not check_reuse(properties.get("reuse") or "on") or inputs.get("earlier_evaluation"):
        return None
    if properties.get("module_file"):
        # A packed module is named by its content; what is in a file may have changed.
        return None
    config = read_config(properties)
    caching = info.pipeline_node.execution_options.caching_options.enable_cache
    keys = ("examples", "model", "baseline_model", "schema")
    found = {key: inputs.get(key) or () for key in keys}
    return Wanted(
        inputs={key: frozenset(each.uri for each in found[key]) for key in keys},
        ids={key: frozenset(each.id for each in found[key]) for key in keys},
        facts={
            "code_version": properties.get("code_version") or "",
            "module": properties.get("module_path") or "",
            "splits": ", ".join(read_splits(properties, config)),
        },
        config_hash=hash_of(config),
        cached_as=(info.pipeline_info.id, info.pipeline_node.node_info.id) if caching else None,
    )


def _uris(evaluation: Evaluation, key: str) -> frozenset[str]:
    return frozenset(artifact.uri for artifact in evaluation.inputs.get(key, ()))


def _cache_knows(evaluation: Evaluation, wanted: Wanted) -> bool:
    ids = {
        key: frozenset(artifact.id for artifact in evaluation.inputs.get(key, ()))
        for key in wanted.ids
    }
    return (evaluation.pipeline, evaluation.node) == wanted.cached_as and ids == wanted.ids
