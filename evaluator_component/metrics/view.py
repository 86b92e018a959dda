"""View: which columns of an example a statistic sees, and in which form.

A view names a model, an output, a class or top-k (`sub_key`), how classes are put together
(`aggregation`), whether example weights apply, and the query key. `View.pick` takes these columns
out of a batch of extracts; `View.shape` brings them into the form that a statistic asks for.

How multi-class predictions become pairs (label, prediction) for elementwise statistics:

===================  ==============================================================================
class_id             the score of that class, and whether it is the true class
k                    the k-th highest score, and whether its class is the true class
top_k                all classes; scores that are not among the k highest become -inf
top_k, aggregated    the k classes with the highest scores only
none (or micro)      all classes, flattened
===================  ==============================================================================
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.batch import Batch, PickedColumns
from evaluator_component.errors import MetricError, did_you_mean
from evaluator_component.groups import Groups
from evaluator_component.keys import SubKey
from evaluator_component.metrics.base import ELEMENTWISE, MULTICLASS, QUERY

__all__ = ["View"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class View:
    """The columns that a statistic sees.

    Attributes:
        model_name: "" where there is one model only.
        output_name: "" where the model has one output only.
        sub_key: class, k or top_k; None for all.
        aggregation: "micro" flattens all classes; None leaves classes as they are. (Macro averages
            are averages of the metrics of one view per class.)
        class_weights: (class id, weight) pairs for the micro average; classes that are not named
            weigh 0. Empty: all weigh 1.
        example_weighted: whether example weights apply.
        query_key: feature by whose value rows form queries; "" for none.
        baseline_model: name of the model to compare with; None for none.
        class_names: names of the classes, where known.
    """

    model_name: str = ""
    output_name: str = ""
    sub_key: SubKey | None = None
    aggregation: str | None = None
    class_weights: tuple[tuple[int, float], ...] = ()
    example_weighted: bool = False
    query_key: str = ""
    baseline_model: str | None = None
    class_names: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [
            self.model_name and f"model {self.model_name!r}",
            self.output_name and f"output {self.output_name!r}",
            self.sub_key and str(self.sub_key),
            self.aggregation and f"{self.aggregation} average",
        ]
        return ", ".join(str(part) for part in parts if part) or "the model"

    def pick(self, extracts: Mapping[str, Any]) -> Batch:
        """Takes this view's columns out of a batch of extracts.

        Raises:
            MetricError: when the extracts have no such model or output.
        """
        weight = self._column(extracts.get("example_weights"), self.model_name, "weights")
        prediction = self._column(extracts.get("predictions"), self.model_name, "predictions")
        baseline = None
        if self.baseline_model is not None:
            baseline = self._column(extracts.get("predictions"), self.baseline_model, "predictions")
        rows, given = _row_count(extracts), weight
        if not self.example_weighted or weight is None:
            weight = np.ones(rows)
        return Batch(
            label=self._column(extracts.get("labels"), self.model_name, "labels"),
            prediction=prediction,
            weight=np.asarray(weight, dtype=np.float64),
            baseline_prediction=baseline,
            example_weight=given,
            features=self._features(extracts),
            example_ids=extracts.get("example_ids"),
            attributions=self._attributions(extracts),
            class_names=self.class_names,
        )

    def _column(self, column: Any, model_name: str, what: str) -> Any:
        """Descends from all models and outputs to the array of this view's model and output."""
        for name, kind in ((model_name, "model"), (self.output_name, "output")):
            if not isinstance(column, Mapping):
                break
            if name in column:
                column = column[name]
            elif name:
                hint = did_you_mean(name, column)
                raise MetricError(f"no {what} of {kind} {name!r} {hint}")
            elif len(column) == 1:
                column = next(iter(column.values()))
        return column

    def _features(self, extracts: Mapping[str, Any]) -> Mapping[str, Any]:
        """The features, with this model's transformed features in front of the raw ones."""
        features: Mapping[str, Any] = extracts.get("features") or {}
        transformed = extracts.get("transformed_features") or {}
        of_model = transformed.get(self.model_name)
        if isinstance(of_model, Mapping):
            transformed = of_model
        return {**features, **transformed} if transformed else features

    def _attributions(self, extracts: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The attributions by feature, inside dicts by model and by output where there are any."""
        attributions: Any = extracts.get("attributions")
        for name in (self.model_name, self.output_name):
            if isinstance(attributions, Mapping) and isinstance(attributions.get(name), Mapping):
                attributions = attributions[name]
        if attributions is None or self.sub_key is None:
            return attributions  # type: ignore[no-any-return]
        return {name: self._of_class(name, each) for name, each in attributions.items()}

    def _of_class(self, name: str, attribution: Any) -> Array:
        """The part of a feature's attributions (rows, classes) that the sub key asks for."""
        if getattr(attribution, "ndim", 0) != 2 or attribution.dtype == object:
            raise MetricError(
                f"{self.sub_key} needs one attribution per class, feature {name!r} has none"
            )
        sub_key, classes = self.sub_key or SubKey(), attribution.shape[1]
        if sub_key.class_id is not None:
            if not 0 <= sub_key.class_id < classes:
                raise MetricError(
                    f"class_id {sub_key.class_id} does not exist: feature {name!r} has "
                    f"attributions to classes 0..{classes - 1}"
                )
            return np.asarray(attribution[:, sub_key.class_id])
        k = sub_key.k or sub_key.top_k or 1
        if k > classes:
            raise MetricError(f"{sub_key}: feature {name!r} has attributions to {classes} classes")
        highest = -np.sort(-attribution, axis=1)
        return highest[:, k - 1] if sub_key.k is not None else highest[:, :k]

    def shape(self, batch: Batch, groups: Groups, form: str) -> tuple[Batch, Groups]:
        """Brings picked columns into the form that a statistic asks for.

        Args:
            batch: from `pick`.
            groups: of the batch's rows.
            form: a statistic's form.

        Returns:
            The batch and the groups of its rows; rows of weight 0 are left out where they were
            multiplied.

        Raises:
            MetricError: when labels and predictions do not fit each other or the view.
        """
        if form == ELEMENTWISE:
            return self._elementwise(batch, groups)
        if form == MULTICLASS:
            return self._multiclass(batch), groups
        if form == QUERY:
            return self._query(batch), groups
        return batch, groups

    def _multiclass(self, batch: Batch) -> Batch:
        prediction = _number_matrix(batch.prediction, "predictions", self)
        if prediction.shape[1] < 2:
            raise MetricError(
                f"{self}: a multi-class metric needs one score per class, got predictions of "
                f"shape {prediction.shape}"
            )
        baseline = batch.baseline_prediction
        return Batch(
            label=batch.label,
            prediction=prediction,
            weight=_row_weight(batch.weight),
            baseline_prediction=None if baseline is None else _matrix(baseline),
            features=batch.features,
            example_ids=batch.example_ids,
            class_names=batch.class_names,
        )

    def _query(self, batch: Batch) -> Batch:
        """One score per row; `top_k` says how many rows of a query count."""
        if batch.query_starts is None:
            raise MetricError(f"{self}: a ranking metric needs a query_key in its metrics spec")
        sub_key = self.sub_key or SubKey()
        if sub_key.class_id is not None or sub_key.k is not None:
            raise MetricError(f"{sub_key}: a ranking metric takes top_k only")
        plain = replace(self, sub_key=None)
        prediction = batch.prediction
        if prediction is not None:
            prediction = _number_matrix(prediction, "predictions", self)
            if prediction.shape[1] != 1:
                raise MetricError(
                    f"{self}: a ranking metric needs one score per example, got predictions of "
                    f"shape {prediction.shape}"
                )
        return replace(
            plain._binary(batch, prediction), query_starts=batch.query_starts, top_k=sub_key.top_k
        )

    def _elementwise(self, batch: Batch, groups: Groups) -> tuple[Batch, Groups]:
        prediction = None
        if batch.prediction is not None:
            prediction = _number_matrix(batch.prediction, "predictions", self)
        label = batch.label
        if prediction is None or prediction.shape[1] == 1:
            return self._binary(batch, prediction), groups
        dense = self._dense_label(batch, prediction)
        baseline = None if batch.baseline_prediction is None else _matrix(batch.baseline_prediction)
        weight = np.broadcast_to(_matrix(batch.weight), prediction.shape)
        columns: list[Array | None] = [dense, prediction, weight, baseline]
        classes = prediction.shape[1]
        sub_key = self.sub_key or SubKey()
        position = None
        if sub_key.class_id is not None and not 0 <= sub_key.class_id < classes:
            raise MetricError(
                f"class_id {sub_key.class_id} does not exist: {self} has classes 0..{classes - 1}"
            )
        if sub_key.k is not None or sub_key.top_k is not None:
            wanted = sub_key.k if sub_key.k is not None else sub_key.top_k
            if wanted is None or not 1 <= wanted <= classes:
                raise MetricError(
                    f"{sub_key}: {self} has {classes} classes, so 1..{classes} are allowed"
                )
            ranked = np.argsort(-prediction, axis=1, kind="stable")
            if sub_key.k is not None:
                position = ranked[:, wanted - 1 : wanted]
            elif self.aggregation is not None and sub_key.class_id is None:
                position = np.sort(ranked[:, :wanted], axis=1)
            else:
                kept = np.zeros(prediction.shape, dtype=bool)
                np.put_along_axis(kept, ranked[:, :wanted], True, axis=1)
                columns[1] = np.where(kept, prediction, -np.inf)
        if sub_key.class_id is not None:
            position = np.full((len(prediction), 1), sub_key.class_id)
        if position is not None:
            columns = [
                None if column is None else np.take_along_axis(column, position, axis=1)
                for column in columns
            ]
        picked_label, picked_prediction, picked_weight, picked_baseline = columns
        assert picked_prediction is not None
        assert picked_weight is not None
        width = picked_prediction.shape[1]
        if self.class_weights and self.aggregation == "micro":
            by_class = np.zeros(classes)
            for class_id, class_weight in self.class_weights:
                if 0 <= class_id < classes:
                    by_class[class_id] = class_weight
            ids = np.arange(classes)[None, :] if position is None else position
            picked_weight = picked_weight * by_class[ids]
        rows = np.repeat(np.arange(len(prediction)), width) if width > 1 else None
        flat = Batch(
            label=None if picked_label is None else picked_label.reshape(-1),
            prediction=picked_prediction.reshape(-1).astype(np.float64, copy=False),
            weight=picked_weight.reshape(-1),
            baseline_prediction=None if picked_baseline is None else picked_baseline.reshape(-1),
            features=batch.features if rows is None else PickedColumns(batch.features, rows),
            example_ids=_class_ids(batch.example_ids, width),
            top_k=sub_key.top_k,
            class_names=batch.class_names,
        )
        groups = groups.repeat(width)
        if label is None:
            return flat, groups
        if (flat.weight == 0).any() and self.class_weights:
            kept_rows = np.flatnonzero(flat.weight)
            return flat.take(kept_rows), groups.take(kept_rows)
        return flat, groups

    def _binary(self, batch: Batch, prediction: Array | None) -> Batch:
        if self.sub_key is not None:
            raise MetricError(
                f"{self.sub_key} asks for one of several classes, but {self} has one score per "
                f"example"
            )
        label = batch.label
        if label is not None:
            label = _number_matrix(label, "labels", self)
            if label.shape[1] != 1:
                raise MetricError(
                    f"{self}: labels have {label.shape[1]} values per example, predictions have 1"
                )
            label = label[:, 0]
        baseline = batch.baseline_prediction
        return Batch(
            label=label,
            prediction=None if prediction is None else prediction[:, 0],
            weight=_row_weight(batch.weight),
            baseline_prediction=None
            if baseline is None
            else _number_matrix(baseline, "baseline predictions", self)[:, 0],
            features=batch.features,
            example_ids=batch.example_ids,
            class_names=batch.class_names,
        )

    def _dense_label(self, batch: Batch, prediction: Array) -> Array | None:
        """Labels as float64 (rows, classes)."""
        if batch.label is None:
            return None
        label = _number_matrix(batch.label, "labels", self)
        classes = prediction.shape[1]
        if label.shape[1] == classes:
            return label
        if label.shape[1] != 1:
            raise MetricError(
                f"{self}: labels have {label.shape[1]} values per example, predictions have "
                f"{classes}"
            )
        ids = label[:, 0]
        with np.errstate(invalid="ignore"):
            wrong = (ids != np.floor(ids)) | (ids < -1) | (ids >= classes)
        if wrong.any():
            raise MetricError(
                f"{self}: label {ids[wrong][0]:g} is no class id: {classes} classes (0.."
                f"{classes - 1}, or -1 for none)"
            )
        return batch.one_hot

    def cache_key(self, form: str) -> Hashable:
        """Equal for views and forms whose batches are equal."""
        return (self, form)


def _class_ids(ids: Any, width: int) -> Any:
    """Ids of (example, class) rows: as different as those of examples."""
    if ids is None or width == 1:
        return ids
    step = np.uint64(0x9E3779B97F4A7C15)
    return (ids[:, None] + np.arange(width, dtype=np.uint64)[None, :] * step).reshape(-1)


def _row_count(extracts: Mapping[str, Any]) -> int:
    for key in ("example_ids", "input"):
        if extracts.get(key) is not None:
            return len(extracts[key])
    for key in ("predictions", "labels", "features", "example_weights"):
        column = extracts.get(key)
        while isinstance(column, Mapping) and column:
            column = next(iter(column.values()))
        if column is not None and not isinstance(column, Mapping):
            return len(column)
    raise MetricError("a batch without any column")


def _matrix(column: Array) -> Array:
    """(rows,) or (rows, 1, ...) as (rows, columns)."""
    return column[:, None] if column.ndim == 1 else column.reshape(len(column), -1)


def _number_matrix(column: Any, what: str, view: View) -> Array:
    array = np.asarray(column)
    if array.dtype == object or array.dtype.kind in "SU":
        try:
            array = np.stack([np.asarray(row, dtype=np.float64) for row in array])
        except (TypeError, ValueError) as error:
            raise MetricError(
                f"{view}: {what} are not numbers of one shape, for example {array[0]!r}"
            ) from error
    return _matrix(array).astype(np.float64, copy=False)


def _row_weight(weight: Array) -> Array:
    """One weight per row; several per row must agree."""
    if weight.ndim == 1:
        return weight
    flat = _matrix(weight)
    if flat.shape[1] > 1 and not np.allclose(flat, flat[:, :1]):
        raise MetricError("this metric takes one weight per example, got different ones per class")
    return flat[:, 0]
