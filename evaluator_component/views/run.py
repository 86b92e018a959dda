"""One evaluation, as the views need it: tables, metadata, verdict, worst examples.

Vocabulary:
    Run: one evaluation of one or several models on one or several datasets.
    role: what a model is in its run, "candidate" or "baseline".

Views take a `Run`, or anything that `as_run` understands: a `MetricsTable`, a sequence of them, or
an object with the same attributes as a `Run` (such as a loaded result).
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
        metadata: what `run.json` holds: name, time, models, data, rows, versions, ...
        verdict: what `verdict.json` holds; None where nothing was judged.
        examples: the worst examples that were kept, each a flat mapping with a "slice" (its name or
            its key); "dataset", "label", "prediction" and "loss" are shown first where present.
        href: where this run's own report is, relative to the page; "" if there is none.
    """

    tables: Sequence[MetricsTable]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    verdict: Mapping[str, Any] | None = None
    examples: Sequence[Mapping[str, Any]] = ()
    href: str = ""

    @property
    def name(self) -> str:
        """The run's name, or ""."""
        return str(self.metadata.get("name") or "")

    def metric_keys(self) -> list[MetricKey]:
        """Returns every metric key of every dataset, once, in order of appearance."""
        return list({key: None for table in self.tables for key in table.columns})


def as_run(result: Any) -> Run:
    """Returns a `Run` for a run, a table, several tables or a loaded result.

    Raises:
        ResultError: when it is none of these.
    """
    if isinstance(result, Run):
        return result
    if isinstance(result, MetricsTable):
        return Run((result,))
    tables = getattr(result, "tables", None)
    if tables is None and isinstance(result, list | tuple):
        tables = result
    if isinstance(tables, Mapping):
        tables = tuple(tables.values())
    if tables is None or not all(isinstance(table, MetricsTable) for table in tables):
        raise ResultError(
            f"a {type(result).__name__} cannot be shown: expected a loaded result, a Run, "
            "a MetricsTable or a sequence of MetricsTables"
        )
    return Run(
        tuple(tables),
        metadata=_first(result, ("metadata", "run_info", "run"), {}),
        verdict=_first(result, ("verdict",), None),
        examples=_first(result, ("examples", "worst_examples"), ()),
        href=_first(result, ("href",), ""),
    )


def _first(result: Any, names: Iterable[str], default: Any) -> Any:
    for name in names:
        value = getattr(result, name, None)
        if value is not None and not callable(value):
            return value.to_dict() if hasattr(value, "to_dict") else value
    return default


def model_roles(metadata: Mapping[str, Any], keys: Iterable[MetricKey]) -> dict[str, str]:
    """Returns the role of each model name, candidates first.

    The metadata's models say their role (`role`, or `is_baseline`) where they know it. Otherwise
    the models with differences are candidates, and a model is a baseline if it is named so or if
    it is the one without differences.

    Example:
        >>> new, old = MetricKey("auc", "new"), MetricKey("auc", "old")
        >>> model_roles({}, [old, new, new.diff()])
        {'new': 'candidate', 'old': 'baseline'}
    """
    keys = list(keys)
    names = list({key.model_name: None for key in keys})
    compared = {key.model_name for key in keys if key.is_diff}
    known = {
        str(model.get("name", "")): BASELINE
        for model in listed_models(metadata)
        if model.get("role") == BASELINE or model.get("is_baseline")
    }
    roles = {}
    for name in names:
        is_baseline = name == BASELINE or (bool(compared) and name not in compared)
        roles[name] = known.get(name) or (BASELINE if is_baseline and not known else CANDIDATE)
    if CANDIDATE not in roles.values():
        roles = dict.fromkeys(roles, CANDIDATE)
    return dict(sorted(roles.items(), key=lambda item: item[1] == BASELINE))


def listed_models(metadata: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Returns the metadata's models as a list of mappings with a "name", however they were given.

    Example:
        >>> listed_models({"models": {"candidate": "/m/2"}})
        [{'name': 'candidate', 'location': '/m/2'}]
    """
    models = metadata.get("models") or ()
    if isinstance(models, Mapping):
        models = [
            {"name": name, **(about if isinstance(about, Mapping) else {"location": about})}
            for name, about in models.items()
        ]
    elif isinstance(models, str):
        models = [models]
    return [
        model if isinstance(model, Mapping) else {"name": "", "location": str(model)}
        for model in models
    ]
