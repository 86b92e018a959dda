"""The base of our executors: Beam arguments are honoured, and nothing is built that is not needed.

TFX's own base packs the whole of TFX into a source distribution as soon as there is any Beam
argument, for every step, even where the runner is a thread of this process. Ours leaves the
arguments alone for local runners. For a remote one it adds a wheel of this package (which is all
that its workers import) unless the arguments already say where the code comes from.

Vocabulary:
    local runner: the code runs on this machine, in this Python environment.

Example:
    >>> with_default_runner(["--direct_num_workers=2"])
    ['--runner=FnApiRunner', '--direct_num_workers=2']
    >>> is_local(["--runner=FlinkRunner", "--environment_type=LOOPBACK"])
    True
    >>> is_local(["--runner=DataflowRunner"])
    False
"""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
from tfx.dsl.components.base import base_beam_executor

from evaluator_component.component.wheel import package_files, write_wheel
from evaluator_component.version import __version__

__all__ = ["BeamExecutor", "is_local", "with_default_runner"]

#: A bare DirectRunner first tries to download another runner; this one needs no network.
DEFAULT_RUNNER = "FnApiRunner"
LOCAL_RUNNERS = frozenset(
    {
        "DirectRunner",
        "FnApiRunner",
        "BundleBasedDirectRunner",
        "InteractiveRunner",
        "PrismRunner",
        "RenderRunner",
    }
)
#: Arguments that say by themselves what code workers have.
CODE_ARGUMENTS = (
    "extra_package",
    "extra_packages",
    "setup_file",
    "requirements_file",
    "sdk_container_image",
    "worker_harness_container_image",
)


class BeamExecutor(base_beam_executor.BaseBeamExecutor):
    """A TFX executor that runs Beam, without the packing that TFX does for every step."""

    def __init__(self, context: Any = None) -> None:
        arguments: list[str] = []
        if context is not None and getattr(context, "beam_pipeline_args", None):
            arguments = [str(argument) for argument in context.beam_pipeline_args]
            # The base class packs TFX when it sees arguments; it is shown none.
            context = copy.copy(context)
            context.beam_pipeline_args = None
        super().__init__(context)
        self._beam_pipeline_args = with_default_runner(arguments)

    def beam_options(self, extra_packages: Sequence[str] = ()) -> Any:
        """Returns the Beam options of this execution.

        Args:
            extra_packages: wheels with user code, for remote workers.
        """
        arguments = list(self._beam_pipeline_args)
        if not is_local(arguments):
            packages = list(extra_packages)
            if not _argument_names(arguments) & set(CODE_ARGUMENTS):
                packages.append(
                    str(own_wheel(Path(tempfile.mkdtemp(prefix="evaluator_component-"))))
                )
            arguments += [f"--extra_package={package}" for package in packages]
        return beam.options.pipeline_options.PipelineOptions(arguments)


def own_wheel(into: Path) -> Path:
    """Writes a wheel of this package, for workers on other machines."""
    from importlib import metadata

    try:
        requires = [
            line
            for line in metadata.requires("evaluator_component") or ()
            if "extra ==" not in line
        ]
    except metadata.PackageNotFoundError:
        requires = []
    root = Path(__file__).resolve().parent.parent
    return write_wheel(
        package_files(root, "evaluator_component/"),
        name="evaluator_component",
        version=__version__,
        requires=requires,
        into=into,
    )


def with_default_runner(arguments: Sequence[str]) -> list[str]:
    """Returns the arguments with a runner named, if none is."""
    arguments = list(arguments)
    if "runner" in _argument_names(arguments):
        return arguments
    return [f"--runner={DEFAULT_RUNNER}", *arguments]


def is_local(arguments: Sequence[str]) -> bool:
    """Tells whether the code runs on this machine and in this Python environment."""
    values = _argument_values(arguments)
    if values.get("environment_type", "").upper() == "LOOPBACK":
        return True
    return values.get("runner", DEFAULT_RUNNER).rpartition(".")[2] in LOCAL_RUNNERS


def _argument_names(arguments: Sequence[str]) -> set[str]:
    return set(_argument_values(arguments))


def _argument_values(arguments: Sequence[str]) -> dict[str, str]:
    """Returns `--name=value` and `--name value` as a dict; a flag without a value is ''."""
    values: dict[str, str] = {}
    name = ""
    for argument in arguments:
        if argument.startswith("--"):
            name, _, value = argument[2:].partition("=")
            values[name] = value
        elif name and not values[name]:
            values[name] = argument
    return values
