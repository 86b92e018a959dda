"""Exporting an eval SavedModel: a graph that takes raw examples and can evaluate itself.

It holds the model with its preprocessing, and one signature `eval` from serialized tf.Examples to
features (also those for analysis only), labels, example weights and predictions. The model's
metrics are in the graph, so that whoever evaluates it needs none of the code that made it.

Synopsis, in the `run_fn` of a TFX Trainer::

    from evaluator_component.saved_model import export_eval_savedmodel

    export_eval_savedmodel(model, fn_args.eval_model_dir, feature_spec=schema, label_key="late")
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from evaluator_component.errors import ModelError, did_you_mean
from evaluator_component.saved_model import feature_specs, metadata
from evaluator_component.saved_model.eval_graph import (
    EvalGraph,
    as_dense,
    graph_functions,
    serving_function,
)
from evaluator_component.saved_model.exported import metadata_of
from evaluator_component.saved_model.held import held_by, untracked
from evaluator_component.saved_model.metric_signatures import metric_functions
from evaluator_component.saved_model.trained import Trained, describe_trained

__all__ = ["export_eval_savedmodel"]

Keys = str | Mapping[str, str] | None


def export_eval_savedmodel(
    model: Any,
    path: str | os.PathLike[str],
    *,
    label_key: Keys = None,
    feature_spec: Any = None,
    example_weight_key: Keys = None,
    analysis_features: Mapping[str, Any] | Iterable[str] = (),
    default_values: Mapping[str, Any] | None = None,
    preprocess: Callable[[dict[str, Any]], Any] | None = None,
    transform: Any = None,
    label_fn: Callable[[dict[str, Any]], Any] | None = None,
    label_vocabulary: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
    class_names: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
    metrics: Sequence[Any] | Mapping[str, Sequence[Any]] | None = None,
    serving: bool | Callable[..., Any] = True,
    signatures: Mapping[str, Any] | None = None,
) -> str:
    """Writes an eval SavedModel.

    Args:
        model: a Keras 3 or tf_keras model, or a `tf.Module` that can be called with its features.
        path: where to write; `fn_args.eval_model_dir` in a TFX Trainer.
        label_key: the feature that holds the label; {output: feature} where there are several
            outputs. None with `label_fn`.
        feature_spec: how features are parsed: {name: tf.io feature or type}, or the
            tensorflow_metadata Schema. What it does not name is taken from the model's inputs.
            Features that the model does not take are there for analysis only.
        example_weight_key: the feature that holds the example's weight; {output: feature}.
        analysis_features: more features for slices and metrics, as a spec or as names.
        default_values: stands for missing values, by feature. Floats default to NaN, strings
            to "", integers must be there.
        preprocess: {feature: tensor} -> what the model takes; it becomes part of the graph.
        transform: a `tft.TFTransformOutput`; its graph is applied before the model, and to labels.
        label_fn: {feature: tensor} -> labels, or {output: labels}.
        label_vocabulary: the strings that labels have in the data; they become their positions.
        class_names: names of the classes, for reports.
        metrics: Keras metrics to put into the graph; {output: metrics}. None: those that the model
            was compiled with, and its loss.
        serving: also write `serving_default`, serialized examples -> predictions; or a
            tf.function of your own for it.
        signatures: more signatures.

    Returns:
        The path.

    Raises:
        ModelError: something does not fit together; nothing is written then.
    """
    import tensorflow as tf

    trained = describe_trained(model)
    if transform is not None:
        preprocess, label_fn = _transformed(transform, preprocess, label_fn, label_key, trained)
    label_keys = _by_output(label_key, trained.outputs, "label_key")
    weight_keys = _by_output(example_weight_key, trained.outputs, "example_weight_key", spread=True)
    inputs = trained.inputs if preprocess is None else {}
    if not isinstance(analysis_features, Mapping):
        analysis_features = tuple(analysis_features)
    raw_spec = _raw_spec(transform, feature_spec)
    # A label that a transform graph makes is no feature of the examples.
    made = transform is not None and isinstance(raw_spec, Mapping)
    labels = [key for key in label_keys.values() if not made or key in raw_spec]
    spec = feature_specs.complete_spec(
        raw_spec,
        inputs,
        analysis_features,
        dict(default_values or {}),
        [*labels, *weight_keys.values()],
    )
    kept = {*label_keys.values(), *weight_keys.values(), *analysis_features}
    given = tuple(inputs or (name for name in spec if name not in kept))
    export = EvalGraph(trained, spec, label_keys, weight_keys, preprocess, label_fn, given)
    vocabularies = values_by_output(label_vocabulary, trained.outputs, "label_vocabulary")
    for output, words in vocabularies.items():
        export.tables[output] = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(
                list(words), np.arange(len(words)), tf.string, tf.int64
            ),
            -1,
        )

    module = tf.Module()
    module.model = model
    module.tables = export.tables
    module.extra = held_by(preprocess, label_fn)
    functions, predictions = graph_functions(export, module)
    built = metric_functions(export, metrics, predictions, module, functions)
    if serving:
        functions["serving_default"] = (
            serving if callable(serving) else serving_function(export, module)
        )
    functions.update(signatures or {})
    path = os.fspath(path)
    try:
        tf.saved_model.save(module, path, signatures=functions)
    except AssertionError as error:
        readable = untracked(error, ("preprocess", "label_fn"))
        if readable is None:
            raise
        raise readable from error
    names = values_by_output(class_names, trained.outputs, "class_names")
    message = metadata_of(export, built, predictions, vocabularies, names, bool(serving))
    metadata.write_metadata(message, path)
    return path


def _by_output(
    keys: Keys, outputs: Sequence[str], what: str, spread: bool = False
) -> dict[str, str]:
    if keys is None:
        return {}
    if isinstance(keys, str):
        if len(outputs) > 1 and not spread:
            raise ModelError(
                f"{what}: the model has outputs {list(outputs)}; give {{output: feature}}"
            )
        return {output: keys for output in outputs}
    for output in keys:
        if output not in outputs:
            raise ModelError(f"{what}: no output {output!r} {did_you_mean(output, outputs)}")
    return dict(keys)


def values_by_output(given: Any, outputs: Sequence[str], what: str) -> dict[str, Sequence[str]]:
    if given is None:
        return {}
    if isinstance(given, Mapping):
        _by_output(given, outputs, what)
        return dict(given)
    return {output: given for output in outputs}


def _raw_spec(transform: Any, given: Any) -> Any:
    if transform is None or given is not None:
        return given
    try:
        return transform.raw_feature_spec()
    except OSError as error:
        raise ModelError(
            "the transform output does not say how raw features are parsed: give feature_spec"
        ) from error


def _transformed(
    transform: Any, preprocess: Any, label_fn: Any, label_key: Keys, trained: Trained
) -> tuple[Any, Any]:
    """Puts a tft graph before the model; labels are taken from it where it makes them."""
    layer = transform.transform_features_layer()
    after = transform.transformed_feature_spec()

    def features(raw: dict[str, Any]) -> Any:
        made = layer(dict(raw))
        if preprocess is not None:
            return preprocess(made)
        return {
            name: feature_specs.fit(made[name], wanted) for name, wanted in trained.inputs.items()
        }

    keys = [label_key] if isinstance(label_key, str) else list((label_key or {}).values())
    if label_fn is None and keys and all(key in after for key in keys):

        def labels(raw: dict[str, Any]) -> Any:
            made = layer(dict(raw))
            if isinstance(label_key, str):
                return as_dense(made[label_key])
            return {output: as_dense(made[key]) for output, key in (label_key or {}).items()}

        label_fn = labels
    elif label_fn is not None:
        own = label_fn

        def labels_of_own(raw: dict[str, Any]) -> Any:
            return own({**raw, **layer(dict(raw))})

        label_fn = labels_of_own
    return features, label_fn
