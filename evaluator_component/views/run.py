"""One evaluation, as the views need it: tables, metadata, verdict, worst examples.

Vocabulary:
    Run: one evaluation of one or several models on one or several datasets.
    role: what a model is in its run, "candidate" or "baseline".

Views take a `Run`, or anything that `as_run` understands: a loaded result, an evaluation as the
metadata store recorded it, a `MetricsTable`, or a sequence of tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evaluator_component.errors import ResultError
from evaluator_component.keys import MetricKey
from evaluator_component.metrics_table import MetricsTable

__all__ = ["BASELINE", "CANDIDATE", "Run", "as_run", "model_roles"]

CANDIDATE = "candidate"
BASELINE = "baseline"


@dataclass(frozen=True)
class Run:
    """One evaluation.

    Attributes:
        tables: one per dataset.
        metadata: what `run.json` holds (name, started, models, data, packages, ...).
        verdict: what `verdict.json` holds; None where nothing was judged.
        examples: the worst examples that were kept, each a mapping with a "slice" (its name or its
            key), and maybe "label", "prediction", "loss" and "features".
        folder: the result folder; "" if there is none.
        href: where this run's own report is; by default `report.html` in its folder.
    """

    tables: Sequence[MetricsTable]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    verdict: Mapping[str, Any] | None = None
    examples: Sequence[Mapping[str, Any]] = ()
    folder: str = ""
    href: str = ""

    @property
    def name(self) -> str:
        """The run's name, or ""."""
        return str(self.metadata.get("name") or "")

    @property
    def time(self) -> Any:
        """When it started; None if not known."""
        return self.metadata.get("started") or self.metadata.get("time")

    def roles(self) -> dict[str, str]:
        """Returns the role of each model name, candidates first."""
        keys = [key for t in self.tables for key in (*t.columns, *t.plots, *t.attributions)]
        return model_roles(self.metadata, keys)


def as_run(result: Any) -> Run:
    """Returns a `Run` for a run, a loaded or recorded result, a table or several tables.

    Raises:
        ResultError: when it is none of these.
    """
    if isinstance(result, Run):
        return result
    if isinstance(result, MetricsTable):
        return Run((result,))
    tables = result if isinstance(result, list | tuple) else getattr(result, "tables", None)
    if tables is None:
        from evaluator_component.views.recorded import is_record, run_of_record

        if is_record(result):
            return run_of_record(result)
    if tables is None or not all(isinstance(table, MetricsTable) for table in tables):
        raise ResultError(
            f"a {type(result).__name__} cannot be shown: expected a loaded result, a Run, "
            "a MetricsTable or a sequence of MetricsTables"
        )
    folder = str(getattr(result, "path", "") or "")
    return Run(
        tuple(tables),
        metadata=_metadata(result),
        verdict=_as_mapping(getattr(result, "verdict", None)),
        folder=folder,
    )


def _metadata(result: Any) -> dict[str, Any]:
    """Metadata of a loaded result: its run's, with what the result itself knows better."""
    about = dict(_as_mapping(getattr(result, "run", None)) or {})
    name = getattr(result, "name", None)
    if name:
        about["name"] = str(name)
    locations = getattr(result, "model_locations", None)
    if locations:
        about["models"] = {**(about.get("models") or {}), **locations}
    data = getattr(result, "data_location", None)
    if data and not about.get("data"):
        about["data"] = str(data)
    specs = getattr(getattr(result, "config", None), "model_specs", ())
    baselines = [str(spec.name) for spec in specs if getattr(spec, "is_baseline", False)]
    if baselines:
        about["baselines"] = baselines
    return about


def _as_mapping(value: Any) -> Mapping[str, Any] | None:
    """A mapping for a mapping, or for an object that knows how to become one."""
    if value is None or isinstance(value, Mapping):
        return value
    convert = getattr(value, "to_dict", None)
    return convert() if callable(convert) else None


def model_roles(metadata: Mapping[str, Any], keys: Iterable[MetricKey]) -> dict[str, str]:
    """Returns the role of each model name, candidates first.

    The metadata says which model is the baseline where it knows it. Otherwise the models with
    differences are candidates, and a model is a baseline if it is named so or if it is the one
    without differences.

    Example:
        >>> new, old = MetricKey("auc", "new"), MetricKey("auc", "old")
        >>> model_roles({}, [old, new, new.diff()])
        {'new': 'candidate', 'old': 'baseline'}
    """
    keys = list(keys)
    names = list({key.model_name: None for key in keys})
    compared = {key.model_name for key in keys if key.is_diff}
    known = set(metadata.get("baselines") or ())
    known |= {str(model["name"]) for model in listed_models(metadata) if is_baseline(model)}
    if not known & set(names):
        known = {name for name in names if name == BASELINE or (compared and name not in compared)}
    if known >= set(names):
        known = set()
    roles = {name: BASELINE if name in known else CANDIDATE for name in names}
    return dict(sorted(roles.items(), key=lambda item: item[1] == BASELINE))


def is_baseline(model: Mapping[str, Any]) -> bool:
    """Tells whether the metadata calls a model a baseline."""
    return bool(model.get("role") == BASELINE or model.get("is_baseline"))


def listed_models(metadata: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Returns the metadata's models as a list of mappings with a "name", however they were given.

    Example:
        >>> listed_models({"models": {"candidate": "/m/2"}})
        [{'name': 'candidate', 'location': '/m/2'}]
    """
    models = metadata.get("models") or ()
    if isinstance(models, Mapping):
        models = [
            {"name": str(name), **(about if isinstance(about, Mapping) else {"location": about})}
            for name, about in models.items()
        ]
    elif isinstance(models, str):
        models = [models]
    return [
        {"name": "", **model} if isinstance(model, Mapping) else {"name": "", "location": model}
        for model in models
    ]
