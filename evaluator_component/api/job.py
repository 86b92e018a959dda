"""Job: an evaluation that was checked and is ready to run."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from evaluator_component.api.datasets import Dataset, datasets_of
from evaluator_component.api.defaults import (
    default_evaluators,
    default_extractors,
    default_writers,
    resampling_of,
)
from evaluator_component.api.derived import derived_columns
from evaluator_component.api.evaluation import Outcome
from evaluator_component.api.identity import Identity, identity_of
from evaluator_component.api.inference import fill_from_models
from evaluator_component.api.models import EvalSharedModel, models_by_name
from evaluator_component.api.pipeline import Circumstances
from evaluator_component.api.preflight import check_columns, dry_run, load_models, require_rows
from evaluator_component.api.progress import Progress
from evaluator_component.api.reuse import Reuse, find_statistics, write_manifest
from evaluator_component.api.runner import (
    collecting_new_garbage_only,
    has_one_worker,
    no_traces_of_own_errors,
    options_of,
    own_error,
)
from evaluator_component.api.weak import WeakSearch, bin_features, pin_bins, plan_search
from evaluator_component.config import (
    BaselinePolicy,
    check_config,
    parse_config,
    with_defaults,
)
from evaluator_component.errors import ConfigError, EvaluatorError, Problems
from evaluator_component.evaluators.base import Evaluator
from evaluator_component.evaluators.in_graph import KERAS_METRICS, saved_metrics
from evaluator_component.evaluators.plan import Plan, make_plan
from evaluator_component.extractors.base import Extractor
from evaluator_component.extractors.columns import model_columns
from evaluator_component.extractors.predict import PredictExtractor
from evaluator_component.extractors.screen import EXCLUDED
from evaluator_component.inputs.derived import Derived, needed
from evaluator_component.metrics import registry
from evaluator_component.validation import check_thresholds
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

    @classmethod
    def prepare(
        cls,
        eval_config: Any,
        data: Any,
        models: Any = None,
        *,
        schema: bytes | None = None,
        rubber_stamp: bool | None = None,
        extractors: Any = None,
        evaluators: Any = None,
        writers: Any = None,
        name: str = "",
        baseline_problem: str = "",
        reuse: str | None = None,
    ) -> Job:
        """Checks everything, and plans the evaluation; see `evaluate` for the arguments.

        Raises:
            EvaluatorError: lists everything that is wrong.
        """
        given = parse_config(eval_config)
        by_name = _named_as_in(given, models_by_name(models))
        has_baseline = _has_baseline(given, by_name)
        if rubber_stamp is None:
            rubber_stamp = any(model.rubber_stamp for model in by_name.values())
        problems = Problems()
        classes = registry.registered()
        check_config(
            given,
            problems,
            (*classes, *KERAS_METRICS),
            has_baseline=has_baseline,
            rubber_stamp=rubber_stamp,
        )
        problems.raise_if_any()
        comparisons = [name for name, metric in classes.items() if metric.compares_models]

        def complete(config: Any) -> Any:
            return with_defaults(
                config,
                has_baseline=has_baseline,
                rubber_stamp=rubber_stamp,
                comparison_metrics=comparisons,
            )

        config = complete(given)
        by_name = _named_as_in(config, by_name)
        datasets = datasets_of(data, schema)
        loaded, failed = load_models(by_name, config)
        unloadable = [name for name in failed if _is_baseline(config, name)]
        without = config.baseline_policy.unloadable == BaselinePolicy.EVALUATE_WITHOUT
        if unloadable and without:
            given.baseline_policy.missing = BaselinePolicy.EVALUATE_WITHOUT
            return cls.prepare(
                given,
                data,
                {name: model for name, model in by_name.items() if name not in unloadable},
                schema=schema,
                rubber_stamp=rubber_stamp,
                extractors=extractors,
                evaluators=evaluators,
                writers=writers,
                name=name,
                baseline_problem=failed[unloadable[0]],
                reuse=reuse,
            )
        for model_name, problem in failed.items():
            problems.add(f"model {model_name!r}" if model_name else "model", problem)
        notes = fill_from_models(config, loaded)
        if notes:
            # Some defaults, such as whether metrics are weighted, follow from what was filled in.
            del given.model_specs[:]
            given.model_specs.extend(config.model_specs)
            config = complete(given)
        extra = {}
        if config.options.include_default_metrics.value:
            extra = {
                model_name: saved_metrics(model, by_name[model_name].model_path)
                for model_name, model in loaded.items()
                if by_name[model_name].include_default_metrics
            }
        plan = make_plan(config, extra_metrics=extra)
        check_thresholds(
            config,
            [each.key for each in (*plan.entries, *plan.gaps)],
            problems,
            kinds={entry.key: entry.metric.kind for entry in plan.entries},
            has_baseline=has_baseline,
        )
        searched: tuple[str, ...] = ()
        if config.HasField("weak_slices"):
            searched = bin_features(config, datasets[0], problems)
        derived = derived_columns(config, datasets, problems)
        pin_bins(config, searched, derived)
        graph_features = dict.fromkeys(_graph_features(loaded))
        looked_up: dict[str, None] = {}
        for dataset in datasets:
            have = _names_of(dataset, problems)
            looked_up.update((name, None) for name in plan.searched if have is None or name in have)
            if have is None:
                continue
            if not extractors:
                check_columns(config, plan, have, (*derived, *graph_features), problems)
            for feature in have:
                graph_features.pop(feature, None)
        read = (*plan.features, *plan.searched)
        wanted = tuple(name for name in read if name in graph_features)
        standard = default_extractors(by_name, config, plan, derived, wanted)
        chain = _stages(extractors, standard)
        all_features = config.worst_examples.num_examples and not config.worst_examples.feature_keys
        custom = bool(extractors or evaluators or all_features)
        made = (*derived, *graph_features)
        columns = None
        if not custom and all(model.needs is not None for model in loaded.values()):
            every = _columns(config, plan, loaded, derived, (*searched, *looked_up))
            columns = tuple(name for name in every if name not in made)
        problems.raise_if_any(of="with the evaluation")
        tolerant = config.options.max_bad_records.value != 0
        tried = [dry_run(dataset, chain, plan, columns, problems, tolerant) for dataset in datasets]
        search = None
        if config.HasField("weak_slices") and tried[0] is not None:
            search = plan_search(config, searched, tried[0], problems)
        problems.raise_if_any(of="with the evaluation")
        obstacle = ""
        if extractors or evaluators:
            obstacle = "extractors or evaluators are not the default ones"
        elif wanted:
            obstacle = f"{', '.join(wanted)}: features that a model makes"
        job = cls(
            eval_config=config,
            datasets=datasets,
            models=by_name,
            plan=plan,
            columns=columns,
            extractors=tuple(chain),
            evaluators=evaluators,
            writers=writers,
            circumstances=Circumstances(rubber_stamp, has_baseline, baseline_problem, tuple(notes)),
            search=search,
            name=name,
            obstacle=obstacle,
            sample=tried[0],
        )
        return job if reuse is None else job._reusing(reuse)

    def identity(self) -> Identity:
        """Computes hashes of what the statistics depend on."""
        return identity_of(self.eval_config, self.plan, self.datasets, self.models)

    def _reusing(self, folder: str) -> Job:
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
            role = "baseline" if _is_baseline(self.eval_config, name) else "model"
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
        rows = _counters(result, "rows", self.datasets)
        require_rows(rows)
        excluded = sum(_counters(result, EXCLUDED, self.datasets).values())
        notes = self.notes
        if excluded:
            notes = (*notes, f"{excluded} examples with values that are not finite were left out")
        info = info.with_(
            rows_read=rows,
            notes=notes,
            bad_records=_counters(result, "bad_records", self.datasets),
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
            stages = ExtractAndEvaluate(self.extractors, _stages(self.evaluators, standard))
            evaluations[dataset.name] = batches | f"{prefix}" >> stages
        evaluation = with_verdict(merge_datasets(evaluations), self.eval_config, self.circumstances)
        standard_writers = default_writers(output_path, self.models, self.eval_config)
        if self.eval_config.worst_examples.num_examples:
            standard_writers.append(AnalysisTableWriter(output_path))
        if self._keeps_statistics:
            names = [dataset.name for dataset in self.datasets]
            standard_writers.append(StatisticsWriter(output_path, self.plan, names, shards))
        writers = _stages(self.writers, standard_writers)
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


def _stages(given: Any, standard: list[Any]) -> list[Any]:
    """The stages a caller wants: a list, or what a function makes of the default ones."""
    if given is None:
        return standard
    return list(given(standard)) if callable(given) else list(given)


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


def _is_baseline(config: Any, name: str) -> bool:
    return any(spec.name == name and spec.is_baseline for spec in config.model_specs)


def _has_baseline(config: Any, models: Mapping[str, EvalSharedModel]) -> bool:
    baselines = {spec.name for spec in config.model_specs if spec.is_baseline}
    if not models:
        return bool(baselines)
    return any(model.is_baseline or name in baselines for name, model in models.items()) or (
        not baselines and "baseline" in models
    )


def _named_as_in(config: Any, models: Mapping[str, EvalSharedModel]) -> dict[str, EvalSharedModel]:
    """Gives the only candidate (and the only baseline) the name that the config has for it."""
    candidates = [spec.name for spec in config.model_specs if not spec.is_baseline]
    baselines = [spec.name for spec in config.model_specs if spec.is_baseline]
    known = {*candidates, *baselines}
    named = {}
    for name, model in models.items():
        if name not in known:
            pool = baselines if model.is_baseline or name == "baseline" else candidates
            if len(pool) == 1:
                name = pool[0]
        named[name] = model
    return named


def _names_of(dataset: Dataset, problems: Problems) -> list[str] | None:
    """Names of the columns of a dataset; None where they cannot be known beforehand."""
    if dataset.table is not None:
        table = dataset.table
        return list(getattr(table, "column_names", None) or table)
    names: dict[str, None] = {}
    try:
        for plan in dataset.plans():
            if not plan.types:
                return None
            names.update(dict.fromkeys(plan.types))
    except EvaluatorError as error:
        problems.add(f"dataset {dataset.name!r}" if dataset.name else "data", str(error))
        return None
    return list(names)


def _columns(
    config: Any,
    plan: Plan,
    models: Mapping[str, Any],
    derived: Mapping[str, Derived],
    searched: tuple[str, ...],
) -> tuple[str, ...]:
    """Features that must be read."""
    names = dict.fromkeys((*plan.features, *searched, *config.worst_examples.feature_keys))
    resampling = resampling_of(config)
    if resampling is not None and resampling.unit_key:
        names[resampling.unit_key] = None
    for columns in model_columns(config.model_specs):
        names.update(dict.fromkeys(columns.features))
        if not models:
            names.update(dict.fromkeys(columns.prediction_keys.values()))
    for model in models.values():
        if not isinstance(model.needs, str):
            names.update(dict.fromkeys(model.needs))
    names.update(dict.fromkeys(needed(derived)))
    return tuple(names)


def _graph_features(models: Mapping[str, Any]) -> Iterator[str]:
    """Yields the features that eval SavedModels make."""
    for model in models.values():
        if hasattr(model, "extract") and getattr(model, "metadata", None) is not None:
            yield from (feature.name for feature in model.metadata.features)


def _counters(result: Any, name: str, datasets: tuple[Dataset, ...]) -> dict[str, int]:
    """Reads a counter of the readers, by dataset; tables in memory are counted here."""
    from apache_beam.metrics import MetricsFilter

    wanted = MetricsFilter().with_namespace("evaluator_component/inputs").with_name(name)
    counters = result.metrics().query(wanted)["counters"]
    prefixes = {_as_step(f"{dataset.name or 'Data'}/"): dataset.name for dataset in datasets}
    counts = {dataset.name: 0 for dataset in datasets}
    for counter in counters:
        step = _as_step(counter.key.step)
        prefix = max((each for each in prefixes if step.startswith(each)), key=len, default=None)
        if prefix is not None:
            count = counter.committed if counter.committed is not None else counter.attempted
            counts[prefixes[prefix]] += int(count or 0)
    for dataset in datasets:
        if dataset.table is not None and name == "rows":
            counts[dataset.name] = _table_rows(dataset.table)
    return counts


def _as_step(name: str) -> str:
    """Returns the name of a step as every runner has it; some keep letters and digits only.

    Example:
        >>> _as_step("Data/Read0/ReadShards"), _as_step("ref_AppliedPTransform_Data-Read0-Rea_4")
        ('Data-Read0-ReadShards', 'Data-Read0-Rea_4')
    """
    return re.sub(r"\W+", "-", name.removeprefix("ref_AppliedPTransform_"))


def _table_rows(table: Any) -> int:
    return len(next(iter(table.values()))) if isinstance(table, Mapping) else len(table)
