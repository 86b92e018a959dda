"""What one execution is asked to do: TFX's artifacts and parameters as plain values.

Everything that can be wrong with them is found here, before any work starts, and said at once.

Vocabulary:
    candidate, baseline: Model artifacts; either may be absent.
    dataset: the examples of one split; several splits are never mixed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import io_utils, path_utils

from evaluator_component.component.user_module import UserModule, load_user_module
from evaluator_component.config import each_threshold, hash_of, parse_config, with_defaults
from evaluator_component.config.model_types import KINDS
from evaluator_component.errors import ConfigError, InputError, Problems, did_you_mean
from evaluator_component.inputs.source import Source
from evaluator_component.protos import eval_config_pb2
from evaluator_component.saved_model.metadata import has_metadata

__all__ = ["Request", "check_reuse", "read_config", "read_request", "read_splits"]

#: Payload formats of an Examples artifact that can be read, and what we call them.
PAYLOADS = {
    "FORMAT_TF_EXAMPLE": "tfrecord",
    "FORMAT_TF_SEQUENCE_EXAMPLE": "sequence_example",
    "FORMAT_PARQUET": "parquet",
}
#: The property in which the driver tells which earlier evaluation it found.
EARLIER = "earlier_evaluation"
DEFAULT_SPLITS = ("eval",)
#: What is allowed for the parameter `reuse`.
REUSE = ("on", "off")
#: Model types whose SavedModel lies in the folder for eval models.
EVAL_MODEL_TYPES = ("eval", *KINDS["eval"])

Artifacts = Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class Request:
    """What one execution is asked to do.

    Attributes:
        eval_config: with all defaults filled in; has a baseline's model spec exactly if there is
            a baseline.
        config_hash: of the config as it was given, the same with and without a baseline.
        rubber_stamp: a model may be blessed for want of a baseline; never where the config has no
            threshold at all, which is more likely to be an oversight.
        sources: what to read, one per dataset (and per file format).
        models: path of the model by the name of its model spec; empty without a candidate.
        candidate: the candidate's artifact, or None.
        baseline: the baseline's artifact, or None.
        user_module: the user's hooks.
        schema: a serialized Schema, or None.
        examples: the Examples artifacts.
        splits: the splits that are evaluated.
        max_recorded_slices: how many slices the store shall hold.
        component_id: the id to put into the blessing, or None.
        earlier: an earlier evaluation's result folder, to take from it what agrees; or None.
    """

    eval_config: eval_config_pb2.EvalConfig
    config_hash: str
    rubber_stamp: bool
    sources: tuple[Source, ...]
    models: Mapping[str, str]
    candidate: Any
    baseline: Any
    user_module: UserModule
    schema: bytes | None
    examples: tuple[Any, ...]
    splits: tuple[str, ...]
    max_recorded_slices: int
    component_id: str | None
    earlier: str | None

    @property
    def candidate_name(self) -> str:
        """The model name of the candidate in metric keys ("" where there is one model only)."""
        specs = [spec for spec in self.eval_config.model_specs if not spec.is_baseline]
        return specs[0].name if len(self.eval_config.model_specs) > 1 and specs else ""


def read_request(inputs: Artifacts, outputs: Artifacts, properties: Mapping[str, Any]) -> Request:
    """Reads the arguments of an executor's `Do`.

    Raises:
        ConfigError: a parameter cannot be read or asks for something that does not exist.
        InputError: an artifact is missing or empty.
    """
    problems = Problems()
    for key, found, needed in (("examples", inputs, 1), ("evaluation", outputs, 1)):
        if len(found.get(key) or ()) < needed:
            problems.add(key, "is missing", did_you_mean(key, found))
    for key in ("model", "baseline_model"):
        count = len(inputs.get(key) or ())
        if count > 1:
            problems.add(key, f"there can be only one, got {count} artifacts")
    problems.raise_if_any(InputError, of="with the artifacts of the step")

    candidate = _only(inputs, "model")
    baseline = _only(inputs, "baseline_model")
    if baseline is not None and not _has_model(baseline):
        baseline = None
    given = read_config(properties)
    # A model for which there is no baseline yet is judged by its own values only, as TFX does it.
    config = with_defaults(given, has_baseline=baseline is not None, rubber_stamp=True)
    splits = read_splits(properties, config)
    schema = _read_schema(_only(inputs, "schema"))
    return Request(
        eval_config=config,
        config_hash=hash_of(given),
        rubber_stamp=baseline is None and any(True for _ in each_threshold(given)),
        sources=_sources(inputs["examples"], splits, schema, config),
        models=_model_paths(config, candidate, baseline),
        candidate=candidate,
        baseline=baseline,
        user_module=load_user_module(properties.get("module_file"), properties.get("module_path")),
        schema=schema,
        examples=tuple(inputs["examples"]),
        splits=splits,
        max_recorded_slices=_integer(properties, "max_recorded_slices", 50),
        component_id=properties.get("current_component_id"),
        earlier=_earlier(inputs, properties),
    )


def check_reuse(policy: str) -> bool:
    """Tells whether earlier evaluations are to be reused.

    Raises:
        ConfigError: there is no such policy.
    """
    if policy not in REUSE:
        raise ConfigError(f"reuse: got {policy!r}, allowed are {', '.join(map(repr, REUSE))}")
    return policy == "on"


def _earlier(inputs: Artifacts, properties: Mapping[str, Any]) -> str | None:
    """Returns the earlier evaluation that was handed in, or that the driver found."""
    if not check_reuse(properties.get("reuse") or "on"):
        return None
    handed_in = _only(inputs, "earlier_evaluation")
    return handed_in.uri if handed_in is not None else properties.get(EARLIER)


def _only(artifacts: Artifacts, key: str) -> Any:
    found = artifacts.get(key) or ()
    return found[0] if found else None


def _has_model(artifact: Any) -> bool:
    """Tells whether a baseline was really found; orchestrators may hand in a stand-in for none."""
    if artifact.has_custom_property("resolved") and not artifact.get_int_custom_property(
        "resolved"
    ):
        return False
    return bool(artifact.uri) and fileio.exists(artifact.uri) and bool(fileio.listdir(artifact.uri))


def read_config(properties: Mapping[str, Any]) -> eval_config_pb2.EvalConfig:
    """Returns the config with what the other parameters add to it."""
    text = properties.get("eval_config")
    config = parse_config(text) if text else _config_from_slicing_spec(properties)
    thresholds = _json(properties, "fairness_indicator_thresholds")
    if thresholds:
        _add_fairness_indicators(config, thresholds)
    if properties.get("force_bless"):
        config.force_bless.reason = str(properties["force_bless"])
        config.force_bless.requested_by = config.force_bless.requested_by or "run parameter"
    return config


def _add_fairness_indicators(config: eval_config_pb2.EvalConfig, thresholds: Any) -> None:
    """Adds fairness indicators at the thresholds to every metrics spec."""
    if not isinstance(thresholds, list) or not all(isinstance(t, int | float) for t in thresholds):
        raise ConfigError(
            f"fairness_indicator_thresholds: expected a JSON list of numbers, got {thresholds!r}"
        )
    for spec in config.metrics_specs or [config.metrics_specs.add()]:
        settings = json.dumps({"thresholds": thresholds})
        spec.metrics.add(class_name="FairnessIndicators", config=settings)


def _config_from_slicing_spec(properties: Mapping[str, Any]) -> eval_config_pb2.EvalConfig:
    """Returns a config of the model's own metrics on the slices of an old slicing spec."""
    config = eval_config_pb2.EvalConfig()
    config.slicing_specs.add()
    tree = _json(properties, "feature_slicing_spec") or {}
    for spec in tree.get("specs", ()):
        keys = spec.get("column_for_slicing") or spec.get("columnForSlicing") or ()
        if keys:
            config.slicing_specs.add(feature_keys=keys)
    return config


def read_splits(
    properties: Mapping[str, Any], config: eval_config_pb2.EvalConfig
) -> tuple[str, ...]:
    """Returns the splits to evaluate: those of the parameter, those of the config, or "eval"."""
    splits = _json(properties, "example_splits")
    if splits is not None and (
        not isinstance(splits, list) or not all(isinstance(split, str) for split in splits)
    ):
        raise ConfigError(f"example_splits: expected a JSON list of names, got {splits!r}")
    if splits:
        return tuple(dict.fromkeys(splits))
    named = [split for dataset in config.datasets for split in dataset.splits]
    return tuple(dict.fromkeys(named)) or DEFAULT_SPLITS


def _json(properties: Mapping[str, Any], name: str) -> Any:
    text = properties.get(name)
    if not text:
        return None
    try:
        return json.loads(text)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{name}: expected JSON text, got {text!r} ({error})") from error


def _integer(properties: Mapping[str, Any], name: str, default: int) -> int:
    value = properties.get(name)
    if value is None:
        return default
    try:
        return int(value)
    except ValueError as error:
        raise ConfigError(f"{name}: expected a whole number, got {value!r}") from error


def _model_paths(
    config: eval_config_pb2.EvalConfig, candidate: Any, baseline: Any
) -> dict[str, str]:
    if candidate is None:
        without = [
            f"model_specs[{number}]"
            for number, spec in enumerate(config.model_specs)
            if not spec.prediction_key and not spec.prediction_keys
        ]
        if without:
            raise ConfigError(
                f"{without[0]}.prediction_key: needed where the step is given no model: it names "
                "the feature that holds the predictions"
            )
        return {}
    paths = {}
    for spec in config.model_specs:
        artifact = baseline if spec.is_baseline else candidate
        paths[spec.name] = _model_path(artifact, spec.model_type)
    return paths


def _model_path(artifact: Any, model_type: str) -> str:
    """Returns the SavedModel for a model type; without one, an eval SavedModel if it is ours.

    An artifact without the usual folders inside is a model by itself.
    """
    old = path_utils.is_old_model_artifact(artifact)
    eval_path = path_utils.eval_model_path(artifact.uri, old)
    if model_type in EVAL_MODEL_TYPES or (not model_type and has_metadata(eval_path)):
        return eval_path
    path = path_utils.serving_model_path(artifact.uri, old)
    return path if fileio.exists(path) else artifact.uri


def _read_schema(artifact: Any) -> bytes | None:
    if artifact is None:
        return None
    path = io_utils.get_only_uri_in_dir(artifact.uri)
    return io_utils.SchemaReader().read(path).SerializeToString(deterministic=True)


def _sources(
    examples: Sequence[Any],
    splits: Sequence[str],
    schema: bytes | None,
    config: eval_config_pb2.EvalConfig,
) -> tuple[Source, ...]:
    dataset_of = {split: spec.name for spec in config.datasets for split in spec.splits}
    problems = Problems()
    sources: list[Source] = []
    for split in splits:
        patterns: dict[str, list[str]] = {}
        for artifact in examples:
            have = artifact_utils.decode_split_names(artifact.split_names)
            if split not in have:
                problems.add(f"split {split!r}", "does not exist", did_you_mean(split, have))
                continue
            payload = artifact.get_string_custom_property("payload_format") or "FORMAT_TF_EXAMPLE"
            if payload not in PAYLOADS:
                hint = did_you_mean(payload, PAYLOADS)
                problems.add(artifact.uri, f"cannot read payload format {payload!r}", hint)
                continue
            patterns.setdefault(PAYLOADS[payload], []).append(_split_pattern(artifact, split))
        name = dataset_of.get(split, split if len(splits) > 1 else "")
        sources.extend(
            Source(tuple(found), format=payload, dataset=name, schema=schema)
            for payload, found in patterns.items()
        )
    problems.raise_if_any(InputError, of="with the examples")
    return tuple(sources)


def _split_pattern(artifact: Any, split: str) -> str:
    """Returns a glob of the files of a split, which an artifact may keep in a place of its own."""
    custom = artifact.get_string_custom_property("custom_split_pattern")
    if custom:
        return os.path.join(artifact.uri, json.loads(custom)[split])
    (uri,) = artifact_utils.get_split_uris([artifact], split)
    return io_utils.all_files_pattern(uri)
