"""The TFX component: takes the place of `tfx.components.Evaluator`.

Synopsis::

    evaluator = Evaluator(
        examples=example_gen.outputs["examples"],
        model=trainer.outputs["model"],
        baseline_model=resolver.outputs["model"],
        eval_config="flights.textproto",
    )
    pusher = Pusher(model=trainer.outputs["model"],
                    model_blessing=evaluator.outputs["blessing"], ...)

Outputs:
    evaluation: the result folder (metrics, plots, verdict, report).
    blessing: what a Pusher and the latest-blessed resolver read; always written.
    metrics: overall values, chosen slices and the verdict (drawn by Kubeflow's UI as a table).
    roc: ROC curve and confusion matrix (drawn by Kubeflow's UI).
    report: one self-contained HTML file.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message
from tfx import types
from tfx.dsl.components.base import base_beam_component, base_component, executor_spec
from tfx.dsl.placeholder import placeholder
from tfx.orchestration import data_types

from evaluator_component.component.driver import Driver
from evaluator_component.component.executor import Executor
from evaluator_component.component.notebook import in_notebook, register_visualizations
from evaluator_component.component.request import check_reuse
from evaluator_component.component.spec import EvaluatorSpec
from evaluator_component.component.user_module import pack_module
from evaluator_component.component.wheel import content_hash, package_files
from evaluator_component.config.parse import ConfigSource, parse_config
from evaluator_component.errors import ConfigError
from evaluator_component.version import __version__

__all__ = ["Evaluator"]

Deferred = data_types.RuntimeParameter | placeholder.Placeholder


class Evaluator(base_beam_component.BaseBeamComponent):
    """Evaluates a model on examples, compares it with a baseline and says whether it is blessed."""

    SPEC_CLASS = EvaluatorSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
    DRIVER_CLASS = Driver

    def __init__(
        self,
        examples: types.BaseChannel,
        model: types.BaseChannel | None = None,
        baseline_model: types.BaseChannel | None = None,
        feature_slicing_spec: Message | Mapping[str, Any] | str | Deferred | None = None,
        fairness_indicator_thresholds: Sequence[float] | Deferred | None = None,
        example_splits: Sequence[str] | Deferred | None = None,
        eval_config: ConfigSource | Deferred | None = None,
        schema: types.BaseChannel | None = None,
        module_file: str | Deferred | None = None,
        module_path: str | Deferred | None = None,
        *,
        force_bless: str | Deferred | None = None,
        max_recorded_slices: int = 50,
        reuse: str | Deferred = "on",
        earlier_evaluation: types.BaseChannel | None = None,
    ) -> None:
        """Declares the step.

        Args:
            examples: Examples to evaluate on.
            model: the candidate; without one, predictions are read from the examples.
            baseline_model: a model to compare with, such as the latest blessed one. A channel that
                turns out to be empty means that there is none yet.
            feature_slicing_spec: slices, as an old Evaluator took them; excludes `eval_config`.
            fairness_indicator_thresholds: decision thresholds at which fairness indicators are
                computed, in addition to the metrics of the config.
            example_splits: the splits to evaluate on, by default "eval". Each is a dataset of its
                own, with metrics and checks of its own.
            eval_config: an EvalConfig (ours or TFMA's), a dict, JSON, YAML, text proto or the path
                of a file of these; or a runtime parameter of JSON text.
            schema: a Schema for reading the examples.
            module_file: a Python file with hooks, see `evaluator_component.component.user_module`.
            module_path: the import path of such a module; excludes `module_file`.
            force_bless: a reason to bless whatever the checks say; the reason is recorded. Meant
                to be a runtime parameter whose default is "".
            max_recorded_slices: how many slices, the largest ones, the `metrics` output carries.
            reuse: "on": what an earlier evaluation of the same model, data and config found out is
                taken from there; "off": everything is computed.
            earlier_evaluation: that evaluation. Without this argument it is looked up in the
                metadata store, wherever the orchestrator runs drivers, which Kubeflow does not.

        Raises:
            ConfigError: the config names something that does not exist.
            ValueError: arguments exclude each other.
        """
        if module_file and module_path:
            raise ValueError("module_file and module_path exclude each other")
        if eval_config is not None and feature_slicing_spec is not None:
            raise ValueError("eval_config and feature_slicing_spec exclude each other")
        if isinstance(reuse, str):
            check_reuse(reuse)
        spec = EvaluatorSpec(
            examples=examples,
            model=model,
            baseline_model=baseline_model,
            schema=schema,
            eval_config=_config_text(eval_config),
            feature_slicing_spec=_message_text(feature_slicing_spec),
            fairness_indicator_thresholds=_json_text(fairness_indicator_thresholds),
            example_splits=_json_text(example_splits),
            module_file=module_file,
            module_path=module_path,
            force_bless=force_bless,
            max_recorded_slices=max_recorded_slices,
            reuse=reuse,
            earlier_evaluation=earlier_evaluation,
            code_version=code_version(module_path if isinstance(module_path, str) else None),
            **{
                name: types.Channel(type=parameter.type)
                for name, parameter in EvaluatorSpec.OUTPUTS.items()
            },
        )
        super().__init__(spec=spec)
        if in_notebook():
            register_visualizations()
        if isinstance(module_file, str):
            self._add_pip_dependency(_PackedModule(self))


class _PackedModule(base_component._PipDependencyFuture):
    """Packs `module_file` into a wheel under the pipeline root when the pipeline is compiled."""

    def __init__(self, component: Evaluator) -> None:
        self._component = component

    def resolve(self, pipeline_root: str) -> str | None:
        """Replaces `module_file` by `module_path`; there is nothing for pip to install."""
        properties = self._component.spec.exec_properties
        if not pipeline_root or not properties.get("module_file"):
            return None
        from tfx.utils import io_utils

        module_file = Path(io_utils.ensure_local(properties["module_file"]))
        properties["module_path"] = _pack(module_file, pipeline_root)
        properties["module_file"] = None
        return None


def _pack(module_file: Path, pipeline_root: str) -> str:
    """Packs into `<pipeline root>/_wheels`, which may be on another file system."""
    import tempfile

    from tfx.dsl.io import fileio

    if "://" not in pipeline_root:
        return pack_module(module_file, Path(pipeline_root) / "_wheels")
    with tempfile.TemporaryDirectory() as folder:
        name, _, wheel = pack_module(module_file, Path(folder)).partition("@")
        remote = f"{pipeline_root.rstrip('/')}/_wheels/{Path(wheel).name}"
        fileio.makedirs(remote.rpartition("/")[0])
        fileio.copy(wheel, remote, overwrite=True)
    return f"{name}@{remote}"


def code_version(module_path: str | None = None) -> str:
    """Returns version and content hash of this package, and of the user's module if named.

    It is a parameter of the step, so a step is run again when the code that it runs has changed.
    """
    root = Path(__file__).resolve().parent.parent
    version = f"{__version__}+{content_hash(package_files(root))}"
    if not module_path or "@" in module_path:
        return version
    try:
        spec = importlib.util.find_spec(module_path)
    except (ImportError, ValueError) as error:
        raise ConfigError(f"module_path: cannot import {module_path!r}: {error}") from error
    if spec is None or not spec.origin:
        # The module may exist only where the step runs.
        return version
    return f"{version}+{content_hash({module_path: Path(spec.origin)})}"


def _config_text(source: Any) -> Any:
    """Returns the config as JSON with sorted keys, the same text for the same config."""
    if source is None or isinstance(source, Deferred):
        return source
    return _message_text(parse_config(source))


def _message_text(source: Any) -> Any:
    if isinstance(source, Message):
        source = json_format.MessageToDict(source, preserving_proto_field_name=True)
    return json.dumps(source, sort_keys=True) if isinstance(source, Mapping) else source


def _json_text(value: Any) -> Any:
    if value is None or isinstance(value, str | Deferred):
        return value
    return json.dumps(list(value))
