"""EvalResult: all that one evaluation has found, for people and programs.

Synopsis::

    result = load_eval_result("out/")
    result.overall                       # a Series: metric -> value
    result.by_slice.sort_values("auc")   # a DataFrame: one row per slice
    result.to_frame()                    # one tidy row per number, with interval and decision
    result.compare(load_eval_result("yesterday/"))
    result.verdict.reasons

It has the attributes and methods of TensorFlow Model Analysis' EvalResult, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from evaluator_component.errors import ResultError, did_you_mean
from evaluator_component.keys import MetricKey, SubKey
from evaluator_component.metrics_table import MetricsTable
from evaluator_component.protos import eval_config_pb2
from evaluator_component.results import frames
from evaluator_component.results.nested import (
    SlicedAttributions,
    SlicedMetrics,
    SlicedPlots,
    nested_attributions,
    nested_metrics,
    nested_plots,
    sub_key_text,
)
from evaluator_component.writers.judgements import judgements_of
from evaluator_component.writers.run_info import RunInfo
from evaluator_component.writers.store import run_name
from evaluator_component.writers.tidy import tidy_table

if TYPE_CHECKING:
    from evaluator_component.validation.verdict import Verdict

__all__ = ["DATA_CENTRIC_MODE", "MODEL_CENTRIC_MODE", "EvalResult", "EvalResults"]

MODEL_CENTRIC_MODE = "model_centric_mode"
DATA_CENTRIC_MODE = "data_centric_mode"


@dataclass(frozen=True, eq=False)
class EvalResult:
    """The result of one evaluation.

    Attributes:
        tables: metrics, plots and attributions, one table per dataset.
        config: the eval config; empty where it was not stored.
        run: what the run was; None in results of another program.
        verdict: None where nothing was validated.
        path: the result folder; "" if there is none.
        model_name: the model that `slicing_metrics` and the like are about.
        data_location: where the data came from, for display.
        file_format: how they were stored, for display.
        model_locations: where the models came from, by model name.
    """

    tables: Sequence[MetricsTable]
    config: eval_config_pb2.EvalConfig = field(default_factory=eval_config_pb2.EvalConfig)
    run: RunInfo | None = None
    verdict: Verdict | None = None
    path: str = ""
    model_name: str | None = None
    data_location: str = ""
    file_format: str = ""
    model_locations: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.model_name is not None:
            known = {*self.model_names, *self.model_locations}
            if self.model_name not in known and self.model_names:
                hint = did_you_mean(self.model_name, self.model_names)
                raise ResultError(f"{self.path}: no model {self.model_name!r} {hint}".lstrip(": "))

    # ---------------------------------------------------------------------------------------------
    # What it is about

    @property
    def name(self) -> str:
        """The name of the run, else that of its folder."""
        return run_name(self.path, self.run.name if self.run else "")

    @cached_property
    def model_names(self) -> list[str]:
        """Names of the models, candidates first; [""] where there is one without a name."""
        found = {key.model_name: None for table in self.tables for key in table.columns}
        baselines = {spec.name for spec in self.config.model_specs if spec.is_baseline}
        named = [name for name in found if name]
        return sorted(named, key=lambda name: name in baselines) or ([""] if found else [])

    @cached_property
    def selected_model(self) -> str:
        """The model that `slicing_metrics` and the like are about.

        It is `model_name` if that was given, else the only one that is no baseline.

        Raises:
            ResultError: there are several.
        """
        if self.model_name is not None and self.model_name in self.model_names:
            return self.model_name
        baselines = {spec.name for spec in self.config.model_specs if spec.is_baseline}
        candidates = [name for name in self.model_names if name not in baselines]
        differing = {
            key.model_name for table in self.tables for key in table.columns if key.is_diff
        }
        if len(candidates) > 1 and len(differing) == 1:
            candidates = list(differing)
        if len(candidates) > 1:
            raise ResultError(f"several models {candidates}: load the result with model_name=...")
        return (candidates or self.model_names or [""])[0]

    @property
    def model_location(self) -> str:
        """Where the model came from."""
        if self.model_name is not None and self.model_name in self.model_locations:
            return self.model_locations[self.model_name]
        return next(iter(self.model_locations.values()), "")

    @property
    def datasets(self) -> list[str]:
        """Names of the datasets."""
        return [table.dataset for table in self.tables]

    def table(self, dataset: str | None = None) -> MetricsTable:
        """Returns the table of a dataset; the only one, or the first, when not given.

        Raises:
            ResultError: there is no such dataset, or none at all.
        """
        if not self.tables:
            raise ResultError(f"{self.path}: no metrics were written".lstrip(": "))
        if dataset is None:
            return self.tables[0]
        for table in self.tables:
            if table.dataset == dataset:
                return table
        raise ResultError(f"no dataset {dataset!r} {did_you_mean(dataset, self.datasets)}")

    def for_dataset(self, dataset: str) -> EvalResult:
        """Returns the result restricted to one dataset.

        Raises:
            ResultError: there is no such dataset.
        """
        return replace(self, tables=[self.table(dataset)])

    def for_model(self, model_name: str) -> EvalResult:
        """Returns the result with another model selected.

        Raises:
            ResultError: there is no such model.
        """
        return replace(self, model_name=model_name)

    # ---------------------------------------------------------------------------------------------
    # Data frames

    @property
    def overall(self) -> Any:
        """The numbers of all examples: a Series by metric, or by (dataset, metric)."""
        return frames.overall_series(self.tables)

    @property
    def by_slice(self) -> Any:
        """A DataFrame: one row per slice, one column per metric; see `frames.by_slice_frame`."""
        return frames.by_slice_frame(self.tables)

    def to_arrow(self) -> Any:
        """Returns the tidy table as a pyarrow.Table; see `writers.tidy`."""
        judgements = judgements_of(self.verdict) if self.verdict is not None else None
        return tidy_table(self.tables, run=self.name, judgements=judgements)

    def to_frame(self) -> Any:
        """Returns the tidy table as a DataFrame: one row per number; see `writers.tidy`."""
        return frames.tidy_frame(self.to_arrow())

    def plots_frame(self, kind: str | None = None, *, slices: Sequence[Any] | None = None) -> Any:
        """Returns the data of all plots of one kind as a DataFrame; see `frames.plots_frame`."""
        return frames.plots_frame(self.tables, kind, slices=slices)

    def compare(self, other: EvalResult) -> Any:
        """Compares this result with another: a DataFrame; see `results.comparison`."""
        from evaluator_component.results.comparison import compare

        return compare(other, self)

    def _repr_html_(self) -> str:
        """Returns the interactive report for notebooks."""
        from evaluator_component.views import report_of

        return str(report_of(self)._repr_html_())

    def __repr__(self) -> str:
        slices = sum(len(table) for table in self.tables)
        metrics = len({key for table in self.tables for key in table.columns})
        verdict = f", verdict={self.verdict.status}" if self.verdict is not None else ""
        where = f"{self.path!r}, " if self.path else ""
        return f"EvalResult({where}slices={slices}, metrics={metrics}{verdict})"

    # ---------------------------------------------------------------------------------------------
    # As TensorFlow Model Analysis has it. With several datasets: of the first.

    @cached_property
    def slicing_metrics(self) -> list[SlicedMetrics]:
        """Metrics of the selected model, slice by slice; see `results.nested`."""
        return nested_metrics(self.table(), self.selected_model) if self.tables else []

    @cached_property
    def plots(self) -> list[SlicedPlots]:
        """Plots of the selected model, slice by slice; see `results.nested`."""
        return nested_plots(self.table(), self.selected_model) if self.tables else []

    @cached_property
    def attributions(self) -> list[SlicedAttributions]:
        """Attributions of the selected model, slice by slice; see `results.nested`."""
        return nested_attributions(self.table(), self.selected_model) if self.tables else []

    def get_slice_names(self) -> list[Any]:
        """Returns the keys of the slices."""
        return [each.slice for each in self.slicing_metrics]

    def get_metric_names(self) -> list[str]:
        """Returns the names of the metrics."""
        names = {
            name
            for each in self.slicing_metrics
            for by_sub_key in each.metrics.values()
            for metrics in by_sub_key.values()
            for name in metrics
        }
        return sorted(names)

    def get_metrics_for_slice(
        self,
        slice_name: Any = (),
        output_name: str = "",
        class_id: int | None = None,
        k: int | None = None,
        top_k: int | None = None,
    ) -> dict[str, Any] | None:
        """Returns the metrics of one slice by name; None if there is no such slice.

        Args:
            slice_name: key of the slice.
            output_name: of a model with several outputs.
            class_id: the class, for metrics by class.
            k: the rank, for metrics by rank.
            top_k: the number of best classes, for metrics of those.

        Raises:
            ResultError: there is no such output, class or rank.
        """
        sub_key = _sub_key(class_id, k, top_k)
        for each in self.slicing_metrics:
            if each.slice == slice_name:
                found: dict[str, Any] = _pick(each.metrics, output_name, sub_key)
                return found
        return None

    def get_metrics_for_all_slices(
        self,
        output_name: str = "",
        class_id: int | None = None,
        k: int | None = None,
        top_k: int | None = None,
    ) -> dict[Any, dict[str, Any]]:
        """Returns the metrics of all slices by key; see `get_metrics_for_slice`."""
        sub_key = _sub_key(class_id, k, top_k)
        return {
            each.slice: dict(each.metrics.get(output_name, {}).get(sub_key, {}))
            for each in self.slicing_metrics
        }

    def get_attributions_for_slice(
        self,
        slice_name: Any = (),
        metric_name: str = "",
        output_name: str = "",
        class_id: int | None = None,
        k: int | None = None,
        top_k: int | None = None,
    ) -> dict[str, Any] | None:
        """Returns the attributions of one slice by feature; None if there is no such slice.

        Args:
            slice_name: key of the slice.
            metric_name: name of the attributions; may be left out where there is one.
            output_name: of a model with several outputs.
            class_id: the class, for attributions by class.
            k: the rank.
            top_k: the number of best classes.

        Raises:
            ResultError: there are no such attributions.
        """
        sub_key = _sub_key(class_id, k, top_k)
        for each in self.attributions:
            if each.slice == slice_name:
                found = _pick(each.attributions, output_name, sub_key)
                return _pick_attributions(found, metric_name)
        return None

    def get_attributions_for_all_slices(
        self,
        metric_name: str = "",
        output_name: str = "",
        class_id: int | None = None,
        k: int | None = None,
        top_k: int | None = None,
    ) -> dict[Any, dict[str, Any]]:
        """Returns the attributions of all slices; see `get_attributions_for_slice`."""
        sub_key = _sub_key(class_id, k, top_k)
        return {
            each.slice: dict(
                _pick_attributions(_pick(each.attributions, output_name, sub_key), metric_name)
            )
            for each in self.attributions
        }

    def keys(self, name: str | None = None) -> list[MetricKey]:
        """Returns the keys of all metrics, or of those called `name`."""
        found = {key: None for table in self.tables for key in table.columns}
        return [key for key in found if name is None or key.name == name]


def _sub_key(class_id: int | None, k: int | None, top_k: int | None) -> str:
    return sub_key_text(SubKey(class_id, k, top_k))


def _pick(nested: Mapping[str, Mapping[str, Any]], output_name: str, sub_key: str) -> Any:
    if output_name not in nested:
        hint = did_you_mean(output_name, nested)
        raise ResultError(f"no results for output {output_name!r} {hint}")
    if sub_key not in nested[output_name]:
        hint = did_you_mean(sub_key, nested[output_name])
        raise ResultError(f"no results for {sub_key or 'the prediction as a whole'!r} {hint}")
    return nested[output_name][sub_key]


def _pick_attributions(found: Mapping[str, Any], metric_name: str) -> dict[str, Any]:
    if not metric_name and len(found) == 1:
        metric_name = next(iter(found))
    if metric_name not in found:
        hint = did_you_mean(metric_name, found)
        raise ResultError(f"metric_name must name one of the attributions {hint}")
    chosen: dict[str, Any] = found[metric_name]
    return chosen


@dataclass(frozen=True)
class EvalResults:
    """Results of several models, or on several datasets, to be shown side by side.

    Attributes:
        results: the results.
        mode: "model_centric_mode" (several models) or "data_centric_mode" (several datasets).
    """

    results: Sequence[EvalResult]
    mode: str = MODEL_CENTRIC_MODE

    def __post_init__(self) -> None:
        modes = (MODEL_CENTRIC_MODE, DATA_CENTRIC_MODE)
        if self.mode not in modes:
            raise ResultError(f"unknown mode {self.mode!r} {did_you_mean(self.mode, modes)}")

    def get_results(self) -> list[EvalResult]:
        """Returns the results."""
        return list(self.results)

    def get_mode(self) -> str:
        """Returns the mode."""
        return self.mode

    def __iter__(self) -> Any:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def to_frame(self) -> Any:
        """Returns the tidy tables of all results as one DataFrame; see `EvalResult.to_frame`."""
        import pyarrow as pa

        return frames.tidy_frame(pa.concat_tables([result.to_arrow() for result in self.results]))
