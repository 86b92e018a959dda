"""EvalConfigWriter: `eval_config.json`, as TensorFlow Model Analysis reads it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import apache_beam as beam

from evaluator_component.errors import ConfigError
from evaluator_component.writers import store
from evaluator_component.writers.base import Writer, pipeline_of
from evaluator_component.writers.folder import EVAL_CONFIG_FILE

__all__ = ["EVAL_CONFIG_WRITER_STAGE_NAME", "EvalConfigWriter"]

EVAL_CONFIG_WRITER_STAGE_NAME = "WriteEvalConfig"


def EvalConfigWriter(
    output_path: str,
    eval_config: Any,
    output_file_format: str = "json",
    data_location: str | None = None,
    data_file_format: str | None = None,
    model_locations: Mapping[str, str] | None = None,
    filename: str | None = None,
) -> Writer:
    """Makes the writer of the config.

    Args:
        output_path: the result folder.
        eval_config: the config.
        output_file_format: "json".
        data_location: where the data came from, for display.
        data_file_format: how they were stored, for display.
        model_locations: where the models came from, by model name, for display.
        filename: name of the file.

    Raises:
        ConfigError: another format is asked for.
    """
    if output_file_format != "json":
        raise ConfigError(
            f"EvalConfigWriter: output_file_format must be 'json', got {output_file_format!r}"
        )
    arguments = {
        "data_location": data_location or "",
        "file_format": data_file_format or "",
        "model_locations": dict(model_locations or {}),
        "filename": filename or EVAL_CONFIG_FILE,
    }
    serialized = eval_config.SerializeToString()
    transform = _WriteEvalConfig(os.fspath(output_path), serialized, arguments)
    return Writer(EVAL_CONFIG_WRITER_STAGE_NAME, transform)


class _WriteEvalConfig(beam.PTransform):  # type: ignore[misc]
    def __init__(self, output_path: str, serialized: bytes, arguments: dict[str, Any]) -> None:
        super().__init__()
        self._arguments = (output_path, serialized, arguments)

    def expand(self, evaluation: Mapping[str, beam.PCollection]) -> beam.PCollection:
        """Builds the graph."""
        once = pipeline_of(evaluation) | "Once" >> beam.Impulse()
        return once | "Write" >> beam.Map(_write, *self._arguments)


def _write(_: bytes, output_path: str, serialized: bytes, arguments: dict[str, Any]) -> str:
    from evaluator_component.protos import eval_config_pb2

    config = eval_config_pb2.EvalConfig.FromString(serialized)
    return store.write_eval_config(output_path, config, **arguments)
