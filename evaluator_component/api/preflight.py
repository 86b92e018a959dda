"""Preflight: finds what is wrong with a config, models and data before anything runs.

The config is checked by itself, models are loaded, the first rows are read, and every stage and
metric is run on them. All problems are collected and raised in one message.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from evaluator_component.api.datasets import Dataset
from evaluator_component.api.models import EvalSharedModel
from evaluator_component.errors import EvaluatorError, InputError, Problems, did_you_mean
from evaluator_component.evaluators.plan import Plan
from evaluator_component.extractors.base import Extractor, Extracts
from evaluator_component.extractors.columns import model_columns
from evaluator_component.inputs import BadRecords, from_table, read_batches

__all__ = ["DRY_RUN_ROWS", "check_columns", "dry_run", "load_models"]

#: Rows that every stage and metric is tried on.
DRY_RUN_ROWS = 256


def load_models(
    models: Mapping[str, EvalSharedModel], eval_config: Any
) -> tuple[dict[str, Any], dict[str, str]]:
    """Loads every model.

    Returns:
        Loaded models, and what is wrong with the others, by the name of their model spec.
    """
    from evaluator_component.extractors.predict import models_to_load

    loaded: dict[str, Any] = {}
    failed: dict[str, str] = {}
    for each in models_to_load(models, eval_config) if models else ():
        try:
            loaded[each.name] = each.load()
        except EvaluatorError as error:
            failed[each.name] = str(error)
    return loaded, failed


def check_columns(
    eval_config: Any, plan: Plan, have: Iterable[str], derived: Iterable[str], problems: Problems
) -> None:
    """Notes every label, weight, prediction or feature that a config names and the data lack."""
    known = {*have, *derived}
    for number, columns in enumerate(model_columns(eval_config.model_specs)):
        for role, keys in (
            ("label_key", columns.label_keys),
            ("example_weight_key", columns.example_weight_keys),
        ):
            for key in keys.values():
                if key not in known:
                    hint = did_you_mean(key, known)
                    problems.add(f"model_specs[{number}].{role}", f"no feature {key!r}", hint)
    for number, spec in enumerate(eval_config.slicing_specs):
        for key in (*spec.feature_keys, *spec.feature_values):
            if key not in known:
                hint = did_you_mean(key, known)
                problems.add(f"slicing_specs[{number}]", f"no feature {key!r}", hint)
    for number, spec in enumerate(eval_config.metrics_specs):
        if spec.query_key and spec.query_key not in known:
            hint = did_you_mean(spec.query_key, known)
            problems.add(
                f"metrics_specs[{number}].query_key", f"no feature {spec.query_key!r}", hint
            )
    for entry in plan.entries:
        for each in entry.computation.accumulations():
            for name in each.statistic.features():
                if name not in known:
                    hint = did_you_mean(name, known)
                    problems.add(entry.where, f"{entry.key}: no feature {name!r}", hint)


def dry_run(
    dataset: Dataset,
    extractors: Sequence[Extractor],
    plan: Plan,
    columns: Sequence[str] | None,
    problems: Problems,
    tolerant: bool = False,
) -> Extracts | None:
    """Runs every stage and metric on the first rows; notes what fails.

    Returns:
        The first batch after all extractors; None where a stage failed or cannot run by itself.
    """
    where = f"dataset {dataset.name!r}" if dataset.name else "data"
    try:
        batch = _first_batch(dataset, columns, tolerant)
    except EvaluatorError as error:
        problems.add(where, str(error))
        return None
    if batch is None:
        problems.add(where, "has no rows")
        return None
    for extractor in extractors:
        function = getattr(extractor.ptransform, "fn", None)
        if function is None or not hasattr(function, "process"):
            return None
        # What a stage loads for the trial must not travel to workers with the stage itself.
        function = copy.copy(function)
        try:
            function.setup()
            function.start_bundle()
            (batch,) = list(function.process(batch))
        except EvaluatorError as error:
            problems.add(extractor.stage_name, str(error))
            return None
    if "slice_keys" not in batch:
        return batch
    _try_metrics(batch, plan, dataset.name, problems)
    return batch


def _first_batch(
    dataset: Dataset, columns: Sequence[str] | None, tolerant: bool
) -> Extracts | None:
    if dataset.table is not None:
        return next(iter(from_table(dataset.table, DRY_RUN_ROWS)), None)
    wanted = None if columns is None else tuple(columns)
    for read_plan in dataset.plans(wanted):
        read_plan = read_plan.in_batches(DRY_RUN_ROWS)
        bad = BadRecords(limit=None if tolerant else 0)
        for batch in read_batches(read_plan, DRY_RUN_ROWS, bad):
            return batch
    return None


def _try_metrics(batch: Extracts, plan: Plan, dataset: str, problems: Problems) -> None:
    from evaluator_component.evaluators.accumulate import Accumulator
    from evaluator_component.evaluators.compute import compute
    from evaluator_component.evaluators.plan import replace_entries
    from evaluator_component.evaluators.query import query_keys

    for entry in plan.entries:
        single = replace_entries(plan, (entry,))
        try:
            accumulated = None
            for key in ("", *query_keys(single)):
                accumulator = Accumulator(single, queries=key)
                accumulator.add(batch)
                part = accumulator.finish()
                if accumulated is None:
                    accumulated = part
                else:
                    accumulated.merge(part)
            if accumulated is not None:
                compute(single, accumulated, dataset=dataset)
        except EvaluatorError as error:
            problems.add("", str(error))  # it names the metric and its place
        except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
            problems.add(entry.where, f"{entry.key} fails on the first rows: {error!r}")


def require_rows(rows: Mapping[str, int]) -> None:
    """Raises when a dataset turned out to be empty.

    Raises:
        InputError: names the empty datasets.
    """
    empty = [name for name, count in rows.items() if not count]
    if empty:
        raise InputError(f"no rows in {', '.join(repr(name) for name in empty)}")
