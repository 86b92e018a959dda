"""PredictExtractor: adds the predictions of one or several models, batch by batch.

Models are loaded once per process, in `setup`; all of them see the same batch.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.metrics import Metrics

from evaluator_component.errors import InputError, ModelError, did_you_mean
from evaluator_component.extractors.base import Extractor, Extracts, row_count, take_rows
from evaluator_component.extractors.columns import column_of, model_columns, to_numpy

__all__ = [
    "PREDICT_EXTRACTOR_STAGE_NAME",
    "ModelToLoad",
    "PredictExtractor",
    "models_to_load",
    "pick_outputs",
]

PREDICT_EXTRACTOR_STAGE_NAME = "ExtractPredictions"

#: Entries of a dict of predictions that hold the scores, in order of preference.
SCORE_KEYS = ("scores", "outputs", "predictions", "logistic", "probabilities", "logits")


@dataclass(frozen=True)
class ModelToLoad:
    """What a worker needs to load a model and to find its predictions.

    Attributes:
        name: "" where there is one model only.
        path: a path, an address, or anything that `saved_model.load_model` takes.
        model_type: "" to find out.
        signature_name: "" for the default one.
        prediction_keys: entry of the prediction by output name.
        outputs: names of the model's outputs, where it has several.
        options: settings of this kind of model, such as a server's deadline.
        loader: function of the path that returns the model; None for the usual ways.
    """

    name: str
    path: Any
    model_type: str = ""
    signature_name: str = ""
    prediction_keys: Mapping[str, str] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    loader: Callable[[Any], Any] | None = None

    def load(self) -> Any:
        """Loads the model; once per process, whoever asks."""
        from evaluator_component.saved_model import load_model

        if self.loader is not None:
            return load_model(self.loader(self.path), self.signature_name)
        return load_model(
            self.path, self.signature_name, self.model_type, options=dict(self.options)
        )


def models_to_load(eval_shared_model: Any, eval_config: Any) -> tuple[ModelToLoad, ...]:
    """Matches models with the model specs of a config.

    Raises:
        InputError: when a model is in no spec.
    """
    specs = {spec.name: spec for spec in eval_config.model_specs}
    columns = {each.name: each for each in model_columns(eval_config.model_specs)}
    shared = _as_list(eval_shared_model)
    models = []
    for model in shared:
        name = model.model_name
        if name not in specs and len(shared) == len(specs) == 1:
            name = next(iter(specs))
        if name not in specs:
            raise InputError(f"model {name!r} is in no model spec {did_you_mean(name, specs)}")
        spec, keys = specs[name], columns[name]
        models.append(
            ModelToLoad(
                name=name,
                path=model.model_path,
                model_type=model.model_type or spec.model_type,
                signature_name=spec.signature_name,
                prediction_keys=keys.prediction_keys,
                outputs=tuple(output for output in keys.label_keys if output),
                options=model.load_options(spec),
                loader=model.loader,
            )
        )
    return tuple(models)


def PredictExtractor(
    eval_shared_model: Any = None,
    eval_config: Any = None,
    graph_features: Sequence[str] = (),
    skipped: Collection[str] = (),
) -> Extractor:
    """Makes the extractor of predictions.

    Args:
        eval_shared_model: one model or several (a list, or a dict by name), as
            `default_eval_shared_model` makes them; None: predictions are columns of the data.
        eval_config: its model specs say which entries of the predictions count.
        graph_features: features that an eval SavedModel makes and the data do not have.
        skipped: names of models that need not predict.
    """
    if not eval_shared_model:
        columns = model_columns(eval_config.model_specs)
        keys = {each.name: dict(each.prediction_keys) for each in columns}
        return Extractor(PREDICT_EXTRACTOR_STAGE_NAME, beam.ParDo(_StoredPredictions(keys)))
    models = models_to_load(eval_shared_model, eval_config)
    kept = tuple(model for model in models if model.name not in skipped)
    limit = eval_config.options.max_bad_records.value
    transform = beam.ParDo(_Predict(kept, tuple(graph_features), len(models) > 1, limit))
    return Extractor(PREDICT_EXTRACTOR_STAGE_NAME, transform)


def _as_list(models: Any) -> Sequence[Any]:
    if isinstance(models, Mapping):
        return list(models.values())
    return list(models) if isinstance(models, (list, tuple)) else [models]


class _Predict(beam.DoFn):  # type: ignore[misc]
    """Predicts; leaves out rows that a model fails on, where bad records are tolerated."""

    def __init__(
        self,
        models: tuple[ModelToLoad, ...],
        features: tuple[str, ...] = (),
        by_name: bool = False,
        max_bad_records: int = 0,
    ) -> None:
        self._models = models
        self._by_name = by_name
        self._features = features
        self._limit = max_bad_records
        self._bad = 0
        self._counter = Metrics.counter("evaluator_component/inputs", "bad_records")

    def setup(self) -> None:
        self._loaded = [each.load() for each in self._models]

    def process(self, extracts: Extracts) -> Iterable[Extracts]:
        try:
            yield self._predicted(extracts)
        except ModelError:
            if self._limit == 0:
                raise
            yield self._predicted(self._good_rows(extracts))

    def _good_rows(self, extracts: Extracts) -> Extracts:
        """Leaves out the rows that any model fails on; counts them, up to the limit."""
        from evaluator_component.saved_model import predict_good

        for each, model in zip(self._models, self._loaded, strict=True):
            _, kept, bad = predict_good(model, extracts, row_count(extracts))
            if kept is None:
                continue
            extracts = take_rows(extracts, kept)
            self._bad += len(bad)
            self._counter.inc(len(bad))
            if 0 < self._limit < self._bad:
                which = f"model {each.name!r}" if each.name else "the model"
                raise InputError(
                    f"{which} fails on {self._bad} examples, max_bad_records is {self._limit}; "
                    f"the first: {bad[0][1]}"
                )
        return extracts

    def _predicted(self, extracts: Extracts) -> Extracts:
        extracts = dict(extracts)
        found: dict[str, dict[str, Any]] = {"predictions": {}, "labels": {}, "example_weights": {}}
        for each, model in zip(self._models, self._loaded, strict=True):
            if hasattr(model, "extract") and (extracts.get("labels") is None or self._features):
                made = model.extract(extracts)
                self._take_features(extracts, made)
                raw = made.get("predictions", made)
                for key in ("labels", "example_weights"):
                    if extracts.get(key) is None and made.get(key) is not None:
                        found[key][each.name] = made[key]
            else:
                raw = model.predict(extracts)
            found["predictions"][each.name] = pick_outputs(
                raw, each.prediction_keys, each.outputs, each.name
            )
        for key, by_model in found.items():
            if by_model:
                extracts[key] = by_model if self._by_name else next(iter(by_model.values()))
        return extracts

    def _take_features(self, extracts: Extracts, made: Mapping[str, Any]) -> None:
        wanted = {
            name: column
            for name, column in made.get("features", {}).items()
            if name in self._features and name not in extracts["features"]
        }
        if wanted:
            extracts["features"] = {**extracts["features"], **wanted}


def pick_outputs(
    raw: Any, prediction_keys: Mapping[str, str], outputs: Sequence[str], model_name: str = ""
) -> Any:
    """Picks what counts out of a model's raw predictions.

    Args:
        raw: array, or dict of arrays by name.
        prediction_keys: entry by output name; output "" for a model with one output.
        outputs: names of the outputs that have labels.
        model_name: for messages.

    Returns:
        An array for one output; a dict by output name for several.

    Raises:
        ModelError: when an entry that is asked for is not there.
    """
    if not isinstance(raw, Mapping):
        return np.asarray(raw)
    if prediction_keys:
        picked = {}
        for output, key in prediction_keys.items():
            if key not in raw:
                which = f"model {model_name!r}" if model_name else "the model"
                raise ModelError(f"{which} predicts no {key!r} {did_you_mean(key, raw)}")
            picked[output] = np.asarray(raw[key])
        return picked[""] if set(picked) == {""} else picked
    if len(raw) == 1:
        return np.asarray(next(iter(raw.values())))
    if outputs and set(outputs) <= set(raw):
        return {output: np.asarray(raw[output]) for output in outputs}
    if "classes" not in raw and "all_classes" not in raw:
        for key in SCORE_KEYS:
            if key in raw:
                return np.asarray(raw[key])
    return {name: np.asarray(value) for name, value in raw.items()}


class _StoredPredictions(beam.DoFn):  # type: ignore[misc]
    """Predictions that are columns of the data."""

    def __init__(self, keys: Mapping[str, Mapping[str, str]]) -> None:
        self._keys = keys

    def process(self, extracts: Extracts) -> Iterable[Extracts]:
        if extracts.get("predictions") is not None:
            yield extracts
            return
        features = extracts["features"]
        predictions = {}
        for name, by_output in self._keys.items():
            columns = {
                output: to_numpy(column_of(features, key, "prediction"))
                for output, key in by_output.items()
            }
            if columns:
                predictions[name] = columns[""] if set(columns) == {""} else columns
        if not predictions:
            yield extracts
            return
        single = len(self._keys) == 1
        yield {
            **extracts,
            "predictions": next(iter(predictions.values())) if single else predictions,
        }
