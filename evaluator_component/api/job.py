"""Job: an evaluation that was checked (see `preparation`) and is ready to run."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from evaluator_component.api.counters import count
from evaluator_component.api.datasets import Dataset
from evaluator_component.api.defaults import (
    default_evaluators,
    default_writers,
    resampling_of,
    stages_of,
)
from evaluator_component.api.evaluation import Outcome
from evaluator_component.api.identity import Identity, identity_of
from evaluator_component.api.models import EvalSharedModel, is_baseline
from evaluator_component.api.pipeline import Circumstances
from evaluator_component.api.preflight import require_rows
from evaluator_component.api.progress import Progress
from evaluator_component.api.reuse import Reuse, find_statistics, write_manifest
from evaluator_component.api.runner import (
    collecting_new_garbage_only,
    has_one_worker,
    no_traces_of_own_errors,
    options_of,
    own_error,
)
from evaluator_component.api.weak import WeakSearch
from evaluator_component.errors import ConfigError
from evaluator_component.evaluators.base import Evaluator
from evaluator_component.evaluators.plan import Plan
from evaluator_component.extractors.base import Extractor
from evaluator_component.extractors.columns import model_columns
from evaluator_component.extractors.predict import PredictExtractor
from evaluator_component.extractors.screen import EXCLUDED
from evaluator_component.writers import AnalysisTableWriter, StatisticsWriter

__all__ = ["Job"]


@dataclass(frozen=True)
class Job:
    """An evaluation that was checked and is ready to run.

    Attributes:
        eval_config: with defaults filled in.
        datasets: what to read.
        models: which models to evaluate, by the name of their model spec.
        plan: what to compute.
        columns: features to read; None for all of them.
        extractors: the chain.
        evaluators: given by the caller; None for the default ones.
        writers: likewise.
        circumstances: what the verdict depends on besides metrics and thresholds.
        search: the search for weak slices; None for none.
        name: of the run.
        obstacle: why statistics can be neither stored nor reused; "" where they can.
        reuse: what came of a wish to reuse the baseline's statistics; None without one.
        sample: some rows after all extractors; None where they are not known beforehand.
    """

    eval_config: Any
    datasets: tuple[Dataset, ...]
    models: Mapping[str, EvalSharedModel]
    plan: Plan
    columns: tuple[str, ...] | None
    extractors: tuple[Extractor, ...]
    evaluators: Any
    writers: Any
    circumstances: Circumstances
    search: WeakSearch | None = None
    name: str = ""
    obstacle: str = ""
    reuse: Reuse | None = None
    sample: Any = field(default=None, repr=False)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was inferred or left out."""
        return self.circumstances.notes

    def identity(self) -> Identity:
        """Computes hashes of what the statistics depend on."""
        return identity_of(self.eval_config, self.plan, self.datasets, self.models)

    def reusing(self, folder: str) -> Job:
        """Takes the baseline's statistics from an earlier run, where they fit."""
        reuse = find_statistics(self, folder, self.identity())
        notes = (*self.notes, reuse.note)
        job = replace(self, reuse=reuse, circumstances=replace(self.circumstances, notes=notes))
        if reuse.reason:
            return job
        predict = PredictExtractor(self.models, self.eval_config, skipped=(reuse.baseline,))
        chain = [
            predict if each.stage_name == predict.stage_name else each for each in self.extractors
        ]
        plan = replace(self.plan, stored_models=(reuse.baseline,))
        return replace(job, extractors=tuple(chain), plan=plan)

    def resolved(self) -> list[tuple[str, str]]:
        """Returns what was found, as (what, where) pairs, for people to read."""
        rows = []
        for dataset in self.datasets:
            told = dataset.describe()
            label = f"dataset {dataset.name}" if dataset.name else "data"
            rows.append((label, f"{told['location']} ({told['file_format']})"))
        for name, model in self.models.items():
            role = "baseline" if is_baseline(self.eval_config, name) else "model"
            rows.append((f"{role} {name}".rstrip(), str(model.model_path)))
        for each in model_columns(self.eval_config.model_specs):
            suffix = f" of {each.name}" if each.name else ""
            for role, keys in (
                ("label", each.label_keys),
                ("example weight", each.example_weight_keys),
                ("prediction", each.prediction_keys),
            ):
                for output, key in keys.items():
                    rows.append((f"{role}{suffix}" + (f", {output}" if output else ""), key))
        rows.append(("slices", "; ".join(str(spec) for spec in self.plan.slices)))
        read = "all features" if self.columns is None else ", ".join(self.columns)
        rows.append(("features read", read or "none"))
        rows.append(("statistics", str(len(self.plan.accumulations))))
        keys = [str(each.key) for each in (*self.plan.entries, *self.plan.gaps)]
        rows.append(("metrics", ", ".join(keys)))
        return rows

    @collecting_new_garbage_only()
    def run(
        self,
        output_path: str,
        *,
        pipeline_options: Any = None,
        report: bool = True,
        progress: bool = False,
    ) -> Outcome:
        """Runs the evaluation, and writes the result folder.

        Raises:
            EvaluatorError: what a worker found wrong.
        """
        import apache_beam as beam

        from evaluator_component.results import load_eval_result
        from evaluator_component.writers import RunInfo, clear_results, write_run_info

        if self.reuse is not None and os.path.realpath(self.reuse.folder) == os.path.realpath(
            output_path
        ):
            raise ConfigError(f"reuse: {output_path} is the folder that this run is to write")
        started = time.perf_counter()
        info = RunInfo.create(
            self.eval_config,
            name=self.name,
            models={name: str(model.model_path) for name, model in self.models.items()},
            data={dataset.name: dataset.describe() for dataset in self.datasets},
            notes=self.notes,
        )
        identity = self.identity() if self._keeps_statistics else None
        if identity is not None:
            hashes = {name: each["content"] for name, each in identity.models.items()}
            info = info.with_(model_hashes={name: each for name, each in hashes.items() if each})
        if self.reuse is not None:
            info = info.with_(details={"reuse": self.reuse.to_dict()})
        clear_results(output_path)
        options = options_of(pipeline_options)
        pipeline = beam.Pipeline(options=options)
        self._build(pipeline, output_path)
        try:
            with no_traces_of_own_errors(), Progress(self.datasets, progress) as shown:
                result = pipeline.run()
                shown.watch(result)
                result.wait_until_finish()
        except Exception as error:
            own = own_error(error)
            if own is None:
                raise
            raise own from error
        rows = count(result, "rows", self.datasets)
        require_rows(rows)
        excluded = sum(count(result, EXCLUDED, self.datasets).values())
        notes = self.notes
        if excluded:
            notes = (*notes, f"{excluded} examples with values that are not finite were left out")
        info = info.with_(
            rows_read=rows,
            notes=notes,
            bad_records=count(result, "bad_records", self.datasets),
            seconds=round(time.perf_counter() - started, 3),
            runner=type(pipeline.runner).__name__,
        )
        if identity is not None:
            write_manifest(output_path, identity)
        write_run_info(output_path, info)
        loaded = load_eval_result(output_path)
        if report:
            from evaluator_component.views import report_of

            keeps_rows = bool(self.eval_config.worst_examples.num_examples)
            report_of(loaded, examples=keeps_rows).save(f"{output_path}/report.html")
        return Outcome(output_path, loaded, notes)

    def _build(self, pipeline: Any, output_path: str) -> None:
        """Puts the pipeline together: read, extract, evaluate, validate, write."""
        from evaluator_component.api.pipeline import (
            ExtractAndEvaluate,
            WriteResults,
            merge_datasets,
            with_verdict,
        )

        evaluations = {}
        shards = self._shards(pipeline.options)
        for dataset in self.datasets:
            prefix = dataset.name or "Data"
            batches = self._read(pipeline, dataset, prefix, output_path)
            standard = default_evaluators(
                self.models,
                self.eval_config,
                self.plan,
                dataset=dataset.name,
                shards=shards,
                keep_statistics=self._keeps_statistics,
                stored=self._stored(dataset.name),
            )
            if self.eval_config.worst_examples.num_examples:
                standard.append(_worst_examples(self.eval_config))
            if self.search is not None:
                standard.append(self.search.evaluator(dataset.name))
            stages = ExtractAndEvaluate(self.extractors, stages_of(self.evaluators, standard))
            evaluations[dataset.name] = batches | f"{prefix}" >> stages
        evaluation = with_verdict(merge_datasets(evaluations), self.eval_config, self.circumstances)
        standard_writers = default_writers(output_path, self.models, self.eval_config)
        if self.eval_config.worst_examples.num_examples:
            standard_writers.append(AnalysisTableWriter(output_path))
        if self._keeps_statistics:
            names = [dataset.name for dataset in self.datasets]
            standard_writers.append(StatisticsWriter(output_path, self.plan, names, shards))
        writers = stages_of(self.writers, standard_writers)
        evaluation | "Write" >> WriteResults(writers)

    def _shards(self, options: Any) -> int:
        """Over how many tables slices are spread."""
        from evaluator_component.api.runner import workers_of
        from evaluator_component.evaluators.sharding import shards_for, size_of

        workers = workers_of(options)
        if workers == 1 or self.sample is None or "slice_keys" not in self.sample:
            return 1
        size = size_of(self.plan, resampling_of(self.eval_config), self.sample)
        return shards_for(size, workers)

    @property
    def _keeps_statistics(self) -> bool:
        disabled = self.eval_config.options.disabled_outputs.values
        return not self.obstacle and "statistics" not in disabled

    def _stored(self, dataset: str) -> Any:
        if self.reuse is None or self.reuse.reason:
            return None
        resampled = resampling_of(self.eval_config) is not None
        return self.reuse.read(dataset, self.plan, resampled)

    def _read(self, pipeline: Any, dataset: Dataset, prefix: str, output_path: str) -> Any:
        import apache_beam as beam

        from evaluator_component.inputs import LimitBadRecords, Read, from_table

        if dataset.table is not None:
            batches = list(from_table(dataset.table))
            return pipeline | f"{prefix}/Rows" >> beam.Create(batches, reshuffle=False)
        limit: int | None = self.eval_config.options.max_bad_records.value
        limit = None if limit is not None and limit < 0 else limit
        reads = []
        spread = not has_one_worker(pipeline.options)
        plans = dataset.plans(self.columns)
        for number, plan in enumerate(plans):
            read = pipeline | f"{prefix}/Read{number}" >> Read(plan, limit, spread=spread)
            letters = f"{output_path}/bad_records-{prefix}-{number}.jsonl"
            (
                read["bad_records"]
                | f"{prefix}/Limit{number}" >> LimitBadRecords(limit)
                | f"{prefix}/DeadLetters{number}" >> beam.Map(_write_dead_letters, letters)
            )
            reads.append(read["batches"])
        if len(reads) == 1:
            return reads[0]
        return reads | f"{prefix}/AllFormats" >> beam.Flatten()


def _write_dead_letters(bad: Any, path: str) -> None:
    """Writes where bad records are and why, for those who want to mend them."""
    from evaluator_component.inputs import write_dead_letters

    if bad.count:
        write_dead_letters(bad.samples, path)


def _worst_examples(config: Any) -> Evaluator:
    from evaluator_component.evaluators.worst_examples import WorstExamplesEvaluator

    wanted = config.worst_examples
    candidate = next((spec for spec in config.model_specs if not spec.is_baseline), None)
    return WorstExamplesEvaluator(
        wanted.num_examples,
        wanted.loss,
        features=wanted.feature_keys,
        model_name=candidate.name if candidate is not None else "",
        output_name=next(iter(candidate.label_keys), "") if candidate is not None else "",
    )
