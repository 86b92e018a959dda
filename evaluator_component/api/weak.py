"""The search for weak slices that a config asks for: which features, in which bins, which loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluator_component.api.datasets import Dataset
from evaluator_component.errors import EvaluatorError, Problems, did_you_mean
from evaluator_component.evaluators.base import Evaluator
from evaluator_component.extractors.columns import model_columns, to_numpy
from evaluator_component.inputs import from_table, read_batches
from evaluator_component.inputs.derived import Derived, FixedBins
from evaluator_component.metrics.losses import LOSSES, usual_loss
from evaluator_component.metrics.view import View

__all__ = ["WeakSearch", "bin_features", "pin_bins", "plan_search"]

#: Rows that tell how many values a feature has.
SAMPLE_ROWS = 2000
#: Features with more values than these in the sample are binned (numbers) or left out (strings).
MANY_VALUES = 50
#: Features that are combined when the config names none.
MANY_FEATURES = 12


@dataclass(frozen=True)
class WeakSearch:
    """What to search.

    Attributes:
        features: names to combine; of binned numbers, the names of their bins' columns.
        loss: name of the loss.
        depth: most features in one slice.
        model_name: the candidate.
        output_name: the output to look at.
        baseline_model: compare with this model, too; None for none.
    """

    features: tuple[str, ...]
    loss: str
    depth: int = 2
    model_name: str = ""
    output_name: str = ""
    baseline_model: str | None = None

    def evaluator(self, dataset: str) -> Evaluator:
        """Makes the evaluator for one dataset."""
        from evaluator_component.evaluators.weak_slices import WeakSliceEvaluator

        return WeakSliceEvaluator(
            self.features,
            self.loss,
            depth=self.depth,
            model_name=self.model_name,
            output_name=self.output_name,
            baseline_model=self.baseline_model,
            dataset=dataset,
        )


def bin_features(eval_config: Any, dataset: Dataset, problems: Problems) -> tuple[str, ...]:
    """Chooses the features to combine, and adds bins of numbers to the config's derived columns.

    Args:
        eval_config: changed in place: it gets a derived column for each feature that is binned.
        dataset: its first rows tell the types and how many values there are.
        problems: notes features that do not exist.
    """
    options = eval_config.weak_slices
    taken = {name for each in model_columns(eval_config.model_specs) for name in each.features}
    for each in model_columns(eval_config.model_specs):
        taken.update(each.prediction_keys.values())
    try:
        sample = _sample(dataset)
    except EvaluatorError:
        return ()  # said by the checks of the data
    derived = {message.name for message in eval_config.derived_columns}
    names = list(options.feature_keys) or [name for name in sample if name not in taken]
    chosen: list[str] = []
    for name in names:
        if name in derived:
            chosen.append(name)
            continue
        if name not in sample:
            hint = did_you_mean(name, sample)
            problems.add("weak_slices.feature_keys", f"no feature {name!r}", hint)
            continue
        kind, values = _values(sample[name])
        if kind == "other" or (
            kind == "text" and values > MANY_VALUES and not options.feature_keys
        ):
            continue
        if kind == "number" and values > MANY_VALUES:
            name = _add_bins(eval_config, name, options.num_bins or 8, derived)
        chosen.append(name)
    return tuple(chosen if options.feature_keys else chosen[:MANY_FEATURES])


def _add_bins(eval_config: Any, key: str, bins: int, derived: set[str]) -> str:
    name = f"{key}_bin"
    if name not in derived:
        derived.add(name)
        column = eval_config.derived_columns.add(name=name)
        column.quantile_bins.key = key
        column.quantile_bins.num_bins = bins
    return name


def pin_bins(eval_config: Any, features: Sequence[str], derived: Mapping[str, Derived]) -> None:
    """Writes the edges of searched bins into the config, so that slices found can be pinned."""
    for message in eval_config.derived_columns:
        column = derived.get(message.name)
        if message.name in features and isinstance(column, FixedBins):
            message.fixed_bins.key = column.key
            message.fixed_bins.edges[:] = column.edges


def _sample(dataset: Dataset) -> dict[str, Any]:
    if dataset.table is not None:
        batch = next(iter(from_table(dataset.table, SAMPLE_ROWS)), None)
    else:
        plan = dataset.plans()[0].in_batches(SAMPLE_ROWS)
        batch = next(iter(read_batches(plan, limit_rows=SAMPLE_ROWS)), None)
    return dict(batch["features"]) if batch is not None else {}


def _values(column: Any) -> tuple[str, int]:
    """Returns ("number", "text" or "other", number of distinct values)."""
    array = to_numpy(column)
    if array.ndim > 1:
        return "other", 0
    if array.dtype != object:
        return "number", len(np.unique(array[np.isfinite(array.astype(np.float64))]))
    known = [value for value in array if value is not None]
    if not known or not all(isinstance(value, str) for value in known):
        return "other", 0
    return "text", len(set(known))


def plan_search(
    eval_config: Any, features: Sequence[str], batch: Any, problems: Problems
) -> WeakSearch | None:
    """Plans the search, with a loss that fits the labels where the config names none.

    Args:
        eval_config: its `weak_slices`.
        features: from `bin_features`.
        batch: extracts of the first rows, after all extractors.
        problems: notes what cannot be.
    """
    options = eval_config.weak_slices
    if options.loss and options.loss not in LOSSES:
        hint = did_you_mean(options.loss, LOSSES)
        problems.add("weak_slices.loss", f"no loss {options.loss!r}", hint)
        return None
    specs = list(eval_config.model_specs)
    candidate = next((spec for spec in specs if not spec.is_baseline), None)
    baseline = next((spec.name for spec in specs if spec.is_baseline), None)
    name = candidate.name if candidate is not None else ""
    output = next(iter(candidate.label_keys), "") if candidate is not None else ""
    try:
        loss = options.loss or usual_loss(View(name, output).pick(batch))
    except EvaluatorError as error:
        problems.add("weak_slices", str(error))
        return None
    return WeakSearch(tuple(features), loss, options.max_depth or 2, name, output, baseline)
