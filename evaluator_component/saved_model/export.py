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
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from evaluator_component.errors import ModelError, did_you_mean
from evaluator_component.saved_model import feature_specs, metadata
from evaluator_component.saved_model.graph_metrics import GraphMetric, check_additive
from evaluator_component.saved_model.trained import Trained, describe_trained

__all__ = ["export_eval_savedmodel"]

EVAL_SIGNATURE = "eval"
PREDICT_SIGNATURE = "predict"

#: Rows that metrics are tried on before they are exported.
_TRIAL_ROWS = 6

Keys = str | Mapping[str, str] | None


@dataclass
class _Export:
    """Everything that the exported functions close over."""

    trained: Trained
    spec: feature_specs.FeatureSpecs
    label_keys: dict[str, str]
    weight_keys: dict[str, str]
    preprocess: Callable[[dict[str, Any]], Any] | None
    label_fn: Callable[[dict[str, Any]], Any] | None
    tables: dict[str, Any] = field(default_factory=dict)

    def parse(self, examples: Any, names: Iterable[str] | None = None) -> dict[str, Any]:
        import tensorflow as tf

        spec = self.spec if names is None else {name: self.spec[name] for name in names}
        return tf.io.parse_example(examples, spec)

    def predict(self, features: dict[str, Any]) -> dict[str, Any]:
        """Returns predictions by output name ("" for a single one)."""
        given = dict(features) if self.preprocess is None else self.preprocess(dict(features))
        return self.trained.call(given)

    def labels(self, features: dict[str, Any]) -> dict[str, Any]:
        if self.label_fn is not None:
            made = self.label_fn(dict(features))
            return dict(made) if isinstance(made, Mapping) else {self.trained.outputs[0]: made}
        found = {}
        for output, key in self.label_keys.items():
            label = _as_dense(features[key])
            found[output] = self.tables[output].lookup(label) if output in self.tables else label
        return found

    def weights(self, features: dict[str, Any]) -> dict[str, Any]:
        import tensorflow as tf

        found = {}
        for output, key in self.weight_keys.items():
            weight = tf.cast(_as_dense(features[key]), tf.float32)
            found[output] = tf.squeeze(weight, -1) if len(weight.shape) == 2 else weight
        return found


def _as_dense(tensor: Any) -> Any:
    import tensorflow as tf

    if isinstance(tensor, tf.SparseTensor):
        return tf.sparse.to_dense(tensor)
    return tensor.to_tensor() if isinstance(tensor, tf.RaggedTensor) else tensor


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
    spec = feature_specs.complete_spec(
        _raw_spec(transform, feature_spec),
        inputs,
        analysis_features,
        dict(default_values or {}),
        [*label_keys.values(), *weight_keys.values()],
    )
    export = _Export(trained, spec, label_keys, weight_keys, preprocess, label_fn)
    vocabularies = _by_output_values(label_vocabulary, trained.outputs, "label_vocabulary")
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
    module.extra = _tracked(preprocess, label_fn, transform)
    functions, predictions = _graph_functions(export, module)
    built = _metric_functions(export, metrics, predictions, module, functions)
    if serving:
        functions["serving_default"] = (
            serving if callable(serving) else _serving_function(export, module)
        )
    functions.update(signatures or {})
    path = os.fspath(path)
    tf.saved_model.save(module, path, signatures=functions)
    message = _describe(export, built, predictions, vocabularies, class_names, bool(serving))
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


def _by_output_values(given: Any, outputs: Sequence[str], what: str) -> dict[str, Sequence[str]]:
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
                return _as_dense(made[label_key])
            return {output: _as_dense(made[key]) for output, key in (label_key or {}).items()}

        label_fn = labels
    elif label_fn is not None:
        own = label_fn

        def labels_of_own(raw: dict[str, Any]) -> Any:
            return own({**raw, **layer(dict(raw))})

        label_fn = labels_of_own
    features.layer = layer  # type: ignore[attr-defined]
    return features, label_fn


def _tracked(preprocess: Any, label_fn: Any, transform: Any) -> list[Any]:
    """Whatever holds tables or variables that the SavedModel must keep."""
    import tensorflow as tf

    held: list[Any] = []
    for function in (preprocess, label_fn, getattr(preprocess, "layer", None)):
        closure = getattr(function, "__closure__", None) or ()
        cells = [cell.cell_contents for cell in closure]
        bound = getattr(function, "__self__", None)
        things = (function, bound, *cells)
        held.extend(
            thing for thing in things if isinstance(thing, tf.__internal__.tracking.Trackable)
        )
    return held


def _graph_functions(export: _Export, module: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the signatures `eval` and `predict`, and predictions' specs by output."""
    import tensorflow as tf

    examples = tf.TensorSpec([None], tf.string, name="examples")
    found: dict[str, Any] = {}

    @tf.function(input_signature=[examples])
    def evaluate(examples: Any) -> dict[str, Any]:
        features = export.parse(examples)
        flat: dict[str, Any] = {}
        for name, tensor in features.items():
            _put(flat, f"features/{name}", tensor)
        _put_all(flat, "labels", export.labels(features))
        _put_all(flat, "example_weights", export.weights(features))
        predictions = export.predict(features)
        _put_all(flat, "predictions", predictions)
        found.update({name: _spec_of(tensor) for name, tensor in predictions.items()})
        return flat

    @tf.function(input_signature=[examples])
    def predict(examples: Any) -> dict[str, Any]:
        flat: dict[str, Any] = {}
        _put_all(flat, "predictions", export.predict(export.parse(examples, _needed(export))))
        return flat

    try:
        functions = {
            EVAL_SIGNATURE: evaluate.get_concrete_function(),
            PREDICT_SIGNATURE: predict.get_concrete_function(),
        }
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(
            f"the model cannot be called on its parsed features: {type(error).__name__}: {error}"
        ) from error
    module.evaluate, module.predict = evaluate, predict
    return functions, found


def _needed(export: _Export) -> list[str]:
    """Features to parse for predictions: what the model takes, or all but labels and weights."""
    if export.preprocess is None:
        return [name for name in export.spec if name in export.trained.inputs] or list(export.spec)
    return list(export.spec)


def _spec_of(tensor: Any) -> Any:
    import tensorflow as tf

    return tf.TensorSpec([None, *tensor.shape.as_list()[1:]], tensor.dtype)


def _put_all(flat: dict[str, Any], group: str, tensors: Mapping[str, Any]) -> None:
    for name, tensor in tensors.items():
        _put(flat, f"{group}/{name}" if name else group, tensor)


def _put(flat: dict[str, Any], name: str, tensor: Any) -> None:
    """Adds a tensor; one of variable length as its values and the number in each row."""
    import tensorflow as tf

    if isinstance(tensor, tf.SparseTensor):
        flat[f"{name}#values"] = tensor.values
        rows = tensor.dense_shape[0]
        ones = tf.ones_like(tensor.indices[:, 0])
        flat[f"{name}#lengths"] = tf.math.unsorted_segment_sum(ones, tensor.indices[:, 0], rows)
    elif isinstance(tensor, tf.RaggedTensor):
        flat[f"{name}#values"] = tensor.flat_values
        flat[f"{name}#lengths"] = tf.cast(tensor.row_lengths(), tf.int64)
    else:
        flat[name] = tf.identity(tensor)


def _serving_function(export: _Export, module: Any) -> Any:
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(examples: Any) -> dict[str, Any]:
        predictions = export.predict(export.parse(examples, _needed(export)))
        return {name or "predictions": tensor for name, tensor in predictions.items()}

    module.serve = serve
    return serve


def _metric_functions(
    export: _Export,
    wanted: Any,
    predictions: dict[str, Any],
    module: Any,
    functions: dict[str, Any],
) -> list[GraphMetric]:
    """Adds the update and result signatures of each metric; returns the metrics."""
    label_specs = _label_specs(export)
    trial = _Trial(label_specs, predictions)
    built = export.trained.metrics(wanted, trial.labels, trial.predictions)
    for place, metric in enumerate(built):
        outputs = [metric.output_name] if metric.output_name or len(predictions) == 1 else None
        names = outputs if outputs and outputs != [""] else list(predictions)
        _require_labels(metric, names, label_specs)
        try:
            check_additive(metric, *trial.of(names))
        except ModelError:
            raise
        except Exception as error:
            raise ModelError(
                f"metric {metric.name!r} cannot be put into the graph: "
                f"{type(error).__name__}: {error}"
            ) from error
        update, result = _signatures_of(metric, names, label_specs, predictions)
        functions[f"metric_{place}_update"] = update
        functions[f"metric_{place}_result"] = result
        setattr(module, f"metric_{place}_update", update)
        setattr(module, f"metric_{place}_result", result)
        metric.outputs = names
    return built


def _require_labels(metric: GraphMetric, outputs: list[str], labels: Mapping[str, Any]) -> None:
    for output in outputs:
        if output not in labels:
            raise ModelError(
                f"metric {metric.name!r} needs labels"
                + (f" of output {output!r}" if output else "")
                + ": give label_key or label_fn (or metrics=[] to export none)"
            )


def _label_specs(export: _Export) -> dict[str, Any]:
    import tensorflow as tf

    if not export.label_keys and export.label_fn is None:
        return {}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def labels(examples: Any) -> Any:
        return export.labels(export.parse(examples))

    try:
        structured = labels.get_concrete_function().structured_outputs
    except Exception as error:
        raise ModelError(
            f"labels cannot be made of parsed features: {type(error).__name__}: {error}"
        ) from error
    return {name: _spec_of(tensor) for name, tensor in structured.items()}


def _signatures_of(
    metric: GraphMetric, outputs: list[str], labels: dict[str, Any], predictions: dict[str, Any]
) -> tuple[Any, Any]:
    import tensorflow as tf

    single = len(outputs) == 1

    def pack(tensors: Mapping[str, Any], kind: str) -> Any:
        if single:
            return tensors[f"{kind}_0"]
        return {name: tensors[f"{kind}_{place}"] for place, name in enumerate(outputs)}

    specs = {}
    for place, name in enumerate(outputs):
        specs[f"label_{place}"] = _named(labels[name], f"label_{place}")
        specs[f"prediction_{place}"] = _named(predictions[name], f"prediction_{place}")
        specs[f"weight_{place}"] = tf.TensorSpec([None], tf.float32, name=f"weight_{place}")

    @tf.function
    def update(**tensors: Any) -> dict[str, Any]:
        rows = metric.row_states(
            *(pack(tensors, kind) for kind in ("label", "prediction", "weight"))
        )
        return {f"state_{place}": state for place, state in enumerate(rows)}

    states = {
        f"state_{place}": tf.TensorSpec([None, *array.shape], tf.float32, name=f"state_{place}")
        for place, array in enumerate(metric.initial)
    }

    @tf.function
    def result(**tensors: Any) -> dict[str, Any]:
        return {"value": metric.results([tensors[name] for name in states])}

    return update.get_concrete_function(**specs), result.get_concrete_function(**states)


def _named(spec: Any, name: str) -> Any:
    import tensorflow as tf

    return tf.TensorSpec(spec.shape, spec.dtype, name=name)


class _Trial:
    """A few rows of random labels and predictions, to try metrics on."""

    def __init__(self, labels: dict[str, Any], predictions: dict[str, Any]) -> None:
        import tensorflow as tf

        random = np.random.default_rng(0)
        self.predictions, self.labels = {}, {}
        for name, spec in predictions.items():
            inner = [size or 2 for size in spec.shape.as_list()[1:]]
            values = random.uniform(0.05, 0.95, (_TRIAL_ROWS, *inner))
            if inner and inner[-1] > 1:
                values /= values.sum(axis=-1, keepdims=True)
            self.predictions[name] = (
                tf.cast(values, spec.dtype)
                if spec.dtype != tf.string
                else (tf.fill(values.shape, ""))
            )
        for name, spec in labels.items():
            inner = [size or 2 for size in spec.shape.as_list()[1:]]
            values = np.arange(_TRIAL_ROWS * int(np.prod(inner, dtype=int))) % 2
            values = values.reshape(_TRIAL_ROWS, *inner)
            self.labels[name] = (
                tf.fill(values.shape, "")
                if spec.dtype == tf.string
                else tf.cast(values, spec.dtype)
            )
        self.weight = tf.constant(random.uniform(0.5, 2.0, _TRIAL_ROWS), tf.float32)

    def of(self, outputs: list[str]) -> tuple[Any, Any, Any]:
        if len(outputs) == 1:
            return self.labels[outputs[0]], self.predictions[outputs[0]], self.weight
        return (
            {name: self.labels[name] for name in outputs},
            {name: self.predictions[name] for name in outputs},
            {name: self.weight for name in outputs},
        )


def _describe(
    export: _Export,
    built: list[GraphMetric],
    predictions: dict[str, Any],
    vocabularies: Mapping[str, Sequence[str]],
    class_names: Any,
    serving: bool,
) -> Any:
    from evaluator_component.protos import eval_model_pb2

    message = eval_model_pb2.EvalModelMetadata(
        version=metadata.VERSION,
        framework=export.trained.framework,
        features_signature=EVAL_SIGNATURE,
        predict_signature=PREDICT_SIGNATURE,
        serving_signature="serving_default" if serving else "",
    )
    message.package_versions.update(export.trained.versions())
    names = _by_output_values(class_names, export.trained.outputs, "class_names")
    for output, spec in predictions.items():
        described = message.outputs.add(
            name=output,
            label_key=export.label_keys.get(output, ""),
            example_weight_key=export.weight_keys.get(output, ""),
            class_names=names.get(output, vocabularies.get(output, ())),
            label_vocabulary=vocabularies.get(output, ()),
        )
        described.prediction.dtype = spec.dtype.name
        described.prediction.shape.extend(
            -1 if size is None else size for size in spec.shape.as_list()[1:]
        )
    used = {*export.label_keys.values(), *export.weight_keys.values()}
    taken = set(export.trained.inputs) if export.preprocess is None else set(export.spec) - used
    extra = [name for name in export.spec if name not in taken and name not in used]
    message.features.extend(feature_specs.to_protos(export.spec, extra))
    for place, metric in enumerate(built):
        entry = message.metrics.add(
            name=metric.name,
            class_name="" if metric.source is None else type(metric.source).__name__,
            module="" if metric.source is None else type(metric.source).__module__,
            config=metric.config(),
            output_name=metric.output_name,
            update_signature=f"metric_{place}_update",
            result_signature=f"metric_{place}_result",
            example_weighted=metric.weighted,
            direction=_direction(metric),
        )
        for name, array in zip(metric.state_names, metric.initial, strict=True):
            variable = entry.state.add(name=name)
            variable.tensor.dtype = "float32"
            variable.tensor.shape.extend(array.shape)
    return message


_LOWER = ("loss", "error", "entropy", "hinge", "divergence", "poisson", "logcosh",
          "falsepositive", "falsenegative")  # fmt: skip
_HIGHER = ("auc", "accuracy", "precision", "recall", "sensitivity", "specificity", "f1score",
           "fbeta", "r2score", "iou", "cosine", "correlation", "truepositive",
           "truenegative")  # fmt: skip


def _direction(metric: GraphMetric) -> int:
    """Whether higher or lower is better, as far as the metric's class and name tell."""
    from evaluator_component.protos import eval_config_pb2

    kinds = eval_config_pb2.MetricDirection
    kind = "" if metric.source is None else type(metric.source).__name__
    for name in (kind.lower(), metric.name.lower().replace("_", "")):
        if any(word in name for word in _LOWER):
            return kinds.Value("LOWER_IS_BETTER")
        if any(word in name for word in _HIGHER):
            return kinds.Value("HIGHER_IS_BETTER")
    return kinds.Value("UNKNOWN")
