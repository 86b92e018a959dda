"""The same columns through TFMA and through us, without files, models or results on disk.

Columns are dicts of arrays (dicts by output or model inside), one row per example, as extracts hold
them. `peer(config, columns)` and `ours(config, columns)` return {key: value} of the overall slice;
keys are tuples (name, model, output, class_id, k, top_k, aggregation, weighted, is_diff).
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest


def key_of(name: str, model: str = "", output: str = "", **parts: Any) -> tuple[Any, ...]:
    """A comparable key; parts are class_id, k, top_k, aggregation, weighted and is_diff."""
    sub = tuple(parts.get(part) for part in ("class_id", "k", "top_k", "aggregation"))
    return (name, model, output, *sub, bool(parts.get("weighted")), bool(parts.get("is_diff")))


def size_of(columns: Mapping[str, Any]) -> int:
    """Number of examples."""
    column: Any = columns["predictions"]
    while isinstance(column, Mapping):
        column = next(iter(column.values()))
    return len(column)


def rows_of(columns: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Splits columns into TFMA's extracts, one dict per example."""

    def pick(column: Any, row: int) -> Any:
        if isinstance(column, Mapping):
            return {name: pick(part, row) for name, part in column.items()}
        return np.atleast_1d(np.asarray(column[row]))

    return [
        {name: pick(column, row) for name, column in columns.items()}
        for row in range(size_of(columns))
    ]


@pytest.fixture(scope="session")
def tfma() -> Any:
    # TFX puts the config messages back that TFMA 0.52 lost.
    pytest.importorskip("tfx.components", reason="TFMA needs TFX to be importable")
    module = pytest.importorskip("tensorflow_model_analysis", reason="no TFMA to compare with")
    # Registered only when imported.
    import tensorflow_model_analysis.metrics.sample_metrics  # noqa: F401

    return module


@pytest.fixture(scope="session")
def peer(tfma: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions
    from google.protobuf import text_format
    from tensorflow_model_analysis.evaluators import metrics_plots_and_validations_evaluator
    from tensorflow_model_analysis.extractors import slice_key_extractor

    def run(config: str, columns: Mapping[str, Any]) -> dict[tuple[Any, ...], Any]:
        folder = tmp_path_factory.mktemp("peer")
        eval_config = text_format.Parse(config, tfma.EvalConfig())
        eval_config = tfma.utils.update_eval_config_with_defaults(
            eval_config, has_baseline=any(spec.is_baseline for spec in eval_config.model_specs)
        )
        keys = slice_key_extractor.SliceKeyExtractor(eval_config=eval_config)
        evaluator = metrics_plots_and_validations_evaluator.MetricsPlotsAndValidationsEvaluator(
            eval_config=eval_config
        )

        def store(element: Any, kind: str) -> None:
            slice_key, values = element
            assert slice_key == ()
            found = {_peer_key(key): value for key, value in values.items()}
            with (Path(folder) / kind).open("wb") as file:
                pickle.dump(found, file)

        with beam.Pipeline(options=PipelineOptions(["--runner=FnApiRunner"])) as pipeline:
            evaluation = (
                pipeline | beam.Create(rows_of(columns)) | keys.ptransform | evaluator.ptransform
            )
            for kind in ("metrics", "plots", "attributions"):
                if kind in evaluation:
                    _ = evaluation[kind] | f"Store[{kind}]" >> beam.Map(store, kind)
        found: dict[tuple[Any, ...], Any] = {}
        for file in Path(folder).iterdir():
            found.update(pickle.loads(file.read_bytes()))
        return found

    return run


def _peer_key(key: Any) -> tuple[Any, ...]:
    sub = key.sub_key
    parts = {name: getattr(sub, name, None) for name in ("class_id", "k", "top_k")}
    aggregation = getattr(key, "aggregation_type", None)
    if aggregation is not None:
        named = ("micro_average", "macro_average", "weighted_macro_average")
        parts["aggregation"] = next(
            name.removesuffix("_average") for name in named if getattr(aggregation, name)
        )
    return key_of(
        key.name,
        key.model_name,
        key.output_name,
        weighted=key.example_weighted,
        is_diff=getattr(key, "is_diff", False),
        **parts,
    )


@pytest.fixture(scope="session")
def ours() -> Any:
    from evaluator_component.config import parse_config, with_defaults
    from evaluator_component.evaluators.accumulate import Accumulator
    from evaluator_component.evaluators.compute import compute
    from evaluator_component.evaluators.planning import make_plan
    from evaluator_component.evaluators.query import query_keys
    from evaluator_component.extractors.base import take_rows
    from evaluator_component.groups import Groups, Membership

    def run(config: str, columns: Mapping[str, Any]) -> dict[tuple[Any, ...], Any]:
        plan = make_plan(with_defaults(parse_config(config)))
        size = size_of(columns)
        everything = Groups((Membership(np.zeros(size, dtype=np.int64)),), 1, size, keys=((),))
        extracts = {
            "example_ids": np.arange(size, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15),
            **columns,
            "features": {name: _arrow(column) for name, column in columns["features"].items()},
            "slice_keys": everything,
        }
        accumulator = Accumulator(plan, chunk_rows=1)
        for rows in np.array_split(np.arange(size), 3):
            accumulator.add(take_rows(extracts, rows))
        accumulated = accumulator.finish()
        for query_key in query_keys(plan):
            over_queries = Accumulator(plan, chunk_rows=1 << 62, queries=query_key)
            over_queries.add(extracts)
            accumulated.merge(over_queries.finish())
        computed = compute(plan, accumulated)
        row = computed.metrics.row_of[()]
        found = {
            _our_key(key): column.value[row] for key, column in computed.metrics.columns.items()
        }
        for values in (computed.plots.plots, computed.plots.attributions):
            found.update({_our_key(key): value[row] for key, value in values.items()})
        return found

    return run


def _arrow(column: np.ndarray) -> Any:
    """Texts as an Arrow column, the way readers give them."""
    import pyarrow as pa

    return pa.array(column.tolist()) if isinstance(column[0], str) else column


def _our_key(key: Any) -> tuple[Any, ...]:
    parts = {name: getattr(key.sub_key, name, None) for name in ("class_id", "k", "top_k")}
    return key_of(
        key.name,
        key.model_name,
        key.output_name,
        aggregation=key.aggregation,
        weighted=key.example_weighted,
        is_diff=key.is_diff,
        **parts,
    )


@pytest.fixture(scope="session")
def key() -> Any:
    return key_of
