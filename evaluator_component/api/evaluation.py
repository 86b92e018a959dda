"""Evaluating: from a config, data and models to a result folder, and what lies in it.

Synopsis::

    outcome = evaluate(
        eval_config="eval.textproto",
        data="flights/eval-*.tfrecord.gz",
        models={"candidate": "models/2", "baseline": "models/1"},
        output_path="results/2",
    )
    print(outcome.verdict.summary)
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from evaluator_component.errors import ConfigError
from evaluator_component.inputs import Source

__all__ = ["Outcome", "analyze_raw_data", "evaluate", "run_model_analysis"]

#: Stages given as a list, or as a function of the default ones.
Stages = Sequence[Any] | Callable[[list[Any]], Sequence[Any]] | None


@dataclass(frozen=True)
class Outcome:
    """What an evaluation came to.

    Attributes:
        output_path: the result folder.
        result: the results, as `load_eval_result` reads them.
        notes: what was inferred, left out or found on the way.
    """

    output_path: str
    result: Any
    notes: tuple[str, ...] = field(default=())

    @property
    def verdict(self) -> Any:
        """The verdict; None where nothing was validated."""
        return self.result.verdict

    @property
    def tables(self) -> Sequence[Any]:
        """One table of metrics per dataset."""
        return self.result.tables  # type: ignore[no-any-return]


def evaluate(
    eval_config: Any,
    data: Any,
    models: Any = None,
    output_path: str | None = None,
    *,
    schema: bytes | None = None,
    pipeline_options: Any = None,
    extractors: Stages = None,
    evaluators: Stages = None,
    writers: Stages = None,
    rubber_stamp: bool | None = None,
    report: bool = True,
    name: str = "",
    progress: bool = False,
    reuse: str | None = None,
) -> Outcome:
    """Evaluates models on data, and writes a result folder.

    Args:
        eval_config: an EvalConfig (ours or TFMA's), a dict, JSON, YAML, text proto, or a path.
        data: a path or glob, `Source`s, a table in memory, or a list or a dict of these by
            dataset name.
        models: a path, an EvalSharedModel, or a dict of these by the name of the model spec; None
            where predictions are columns of the data.
        output_path: the result folder; a temporary one where it is None.
        schema: a serialized Schema of the data.
        pipeline_options: Beam options or flags; runs in this process by default.
        extractors: the chain, or a function of the default chain.
        evaluators: likewise.
        writers: likewise.
        rubber_stamp: whether a first model, for which there is no baseline, may be blessed
            without a comparison; by default what the models say (False, mostly).
        report: whether to write `report.html`.
        name: of the run, in tables and time series.
        progress: whether to show progress on the terminal; without one it is logged.
        reuse: result folder of an earlier run. The baseline's statistics are taken from there
            instead of predicting again, where model, data and config agree; a note says what was
            done, and why not.

    Returns:
        The results and where they are.

    Raises:
        EvaluatorError: lists everything that is wrong, before anything is written.
    """
    from evaluator_component.api.preparation import prepare

    job = prepare(
        eval_config,
        data,
        models,
        schema=schema,
        rubber_stamp=rubber_stamp,
        extractors=extractors,
        evaluators=evaluators,
        writers=writers,
        name=name,
        reuse=reuse,
    )
    return job.run(
        output_path or tempfile.mkdtemp(prefix="evaluation-"),
        pipeline_options=pipeline_options,
        report=report,
        progress=progress,
    )


def run_model_analysis(
    eval_shared_model: Any = None,
    eval_config: Any = None,
    data_location: Any = "",
    file_format: str = "auto",
    output_path: str | None = None,
    extractors: Stages = None,
    evaluators: Stages = None,
    writers: Stages = None,
    pipeline_options: Any = None,
    slice_spec: Any = None,
    schema: Any = None,
    **_: Any,
) -> Any:
    """Evaluates one model or several, as TFMA's function of this name does.

    Args:
        eval_shared_model: from `default_eval_shared_model`; a list or dict for several.
        eval_config: see `evaluate`.
        data_location: path or glob.
        file_format: see `inputs.FORMATS`; TFMA's names are known.
        output_path: the result folder; a temporary one where it is None.
        extractors: the chain, or a function of the default chain.
        evaluators: likewise.
        writers: likewise.
        pipeline_options: Beam options or flags.
        slice_spec: not supported any more: put slicing specs into the config.
        schema: a Schema, serialized or not.

    Returns:
        An `EvalResult`.

    Raises:
        EvaluatorError: lists everything that is wrong, before anything is written.
    """
    if slice_spec:
        raise ConfigError("slice_spec: put slicing_specs into the eval config instead")
    if schema is not None and not isinstance(schema, bytes):
        schema = schema.SerializeToString()
    source = Source(data_location, format=file_format, schema=schema)
    return evaluate(
        eval_config,
        source,
        eval_shared_model,
        output_path,
        schema=schema,
        pipeline_options=pipeline_options,
        extractors=extractors,
        evaluators=evaluators,
        writers=writers,
    ).result


def analyze_raw_data(
    data: Any,
    eval_config: Any = None,
    output_path: str | None = None,
    extractors: Stages = None,
    evaluators: Stages = None,
    writers: Stages = None,
    **_: Any,
) -> Any:
    """Evaluates predictions that are a column of a table in memory.

    Args:
        data: pandas DataFrame or Arrow table; without other names in the config, `label` and
            `prediction` are its columns.
        eval_config: see `evaluate`; it is not changed.
        output_path: the result folder; a temporary one where it is None.
        extractors: the chain, or a function of the default chain.
        evaluators: likewise.
        writers: likewise.

    Returns:
        An `EvalResult`.
    """
    from evaluator_component.config import EvalConfig, parse_config

    config = EvalConfig()
    config.CopyFrom(parse_config(eval_config))
    if not config.model_specs:
        config.model_specs.add()
    for spec in config.model_specs:
        if not (spec.label_key or spec.label_keys):
            spec.label_key = "label"
        if not (spec.prediction_key or spec.prediction_keys):
            spec.prediction_key = "prediction"
    return evaluate(
        config,
        data,
        None,
        output_path,
        extractors=extractors,
        evaluators=evaluators,
        writers=writers,
    ).result
