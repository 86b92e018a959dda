"""Merging: the result of several runs over parts of the data, as if one run had read them all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence

from evaluator_component.api.defaults import resampling_of
from evaluator_component.api.reuse import Manifest, read_manifest
from evaluator_component.errors import ResultError
from evaluator_component.evaluators.compute import compute
from evaluator_component.evaluators.over_slices import assemble
from evaluator_component.evaluators.planning import make_plan
from evaluator_component.results import EvalResult, load_eval_result
from evaluator_component.writers.eval_run import config_from_dict
from evaluator_component.writers.run_info import RunInfo, read_run_info
from evaluator_component.writers.statistics import load_statistics
from evaluator_component.writers.store import write_results

__all__ = ["merge_results"]


def merge_results(
    output_paths: Sequence[str | os.PathLike[str]], output_path: str | None = None
) -> EvalResult:
    """Returns the result of one evaluation over the data of several runs.

    Statistics add up, so every number is that of one pass over all the data, quantiles and areas
    under curves included; nothing is predicted, and no data are read. Metrics saved in an eval
    model are left out: the model itself computes them. There is no verdict.

    Args:
        output_paths: result folders of runs with one config, of the same models, over different
            data.
        output_path: the result folder to write; a temporary one where it is None.

    Raises:
        ResultError: a folder has no statistics, or the runs do not fit each other.
    """
    paths = [os.fspath(path) for path in output_paths]
    if not paths:
        raise ResultError("merge_results: no folder was given")
    manifests = [read_manifest(path) for path in paths]
    run = read_run_info(paths[0])
    config = config_from_dict(run.eval_config)
    plan, resampling = make_plan(config), resampling_of(config)
    names = {each.view.model_name: each.view.model_name for each in plan.accumulations}
    tables, plots = [], []
    for dataset in manifests[0].files:
        merged = None
        for path, manifest in zip(paths, manifests, strict=True):
            _require_same(path, manifest, paths[0], manifests[0])
            stored = load_statistics(path, manifest.files[dataset])
            missing = stored.missing(plan, names, resampling is not None)
            if missing:
                users = ", ".join(plan.users(missing[0]))
                raise ResultError(f"{path}: does not hold the statistics of {users}")
            part = stored.accumulated(plan, names, resampling is not None)
            if merged is None:
                merged = part
            else:
                merged.merge(part)
        assert merged is not None
        min_size = config.options.min_slice_size.value or 1
        computed = compute(plan, merged, resampling, min_size, dataset)
        tables.append(assemble(plan, [computed], resampling, dataset))
        plots.append(computed.plots)
    runs = [read_run_info(path) for path in paths]
    info = RunInfo.create(
        config,
        models=run.models,
        model_hashes=run.model_hashes,
        rows_read={name: sum(each.rows_read[name] for each in runs) for name in run.rows_read},
        notes=(f"merged from {', '.join(paths)}",),
    )
    output_path = output_path or tempfile.mkdtemp(prefix="merged-")
    write_results(output_path, tables, eval_config=config, plots=plots, info=info)
    return load_eval_result(output_path)


def _require_same(path: str, manifest: Manifest, first: str, wanted: Manifest) -> None:
    """Runs add up where everything but the data agrees."""
    one, other = manifest.identity, wanted.identity
    differing = [what for what, value in other.basis.items() if one.basis.get(what) != value]
    if one.models != other.models:
        differing.append("models")
    if set(manifest.files) != set(wanted.files):
        differing.append("names of datasets")
    if differing:
        raise ResultError(f"{path}: {', '.join(differing)}: not the same as in {first}")
