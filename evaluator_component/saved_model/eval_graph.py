"""The graph of an eval SavedModel: serialized examples -> features, labels, weights, predictions.

Vocabulary:
    flat outputs: what a signature gives, {"features/hour": ..., "labels": ...}; a feature of
        variable length is given as `#values` and `#lengths`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from evaluator_component.errors import ModelError, did_you_mean
from evaluator_component.saved_model import feature_specs
from evaluator_component.saved_model.trained import Trained

__all__ = ["EVAL_SIGNATURE", "PREDICT_SIGNATURE", "EvalGraph", "as_dense", "graph_functions",
           "serving_function", "spec_of"]  # fmt: skip

EVAL_SIGNATURE = "eval"
PREDICT_SIGNATURE = "predict"


@dataclass
class EvalGraph:
    """Everything that the exported functions close over.

    Attributes:
        trained: the model.
        spec: how features are parsed.
        label_keys: the feature of the label, by output.
        weight_keys: the feature of the example weight, by output.
        preprocess: features -> what the model takes; None where that is the same.
        label_fn: features -> labels; None where they are features.
        given: the features handed to the model or to `preprocess`. Labels and weights are not among
            them, so that they may be absent where the model serves.
        tables: from the strings of labels to numbers, by output.
    """

    trained: Trained
    spec: feature_specs.FeatureSpecs
    label_keys: dict[str, str]
    weight_keys: dict[str, str]
    preprocess: Callable[[dict[str, Any]], Any] | None
    label_fn: Callable[[dict[str, Any]], Any] | None
    given: tuple[str, ...] = ()
    tables: dict[str, Any] = field(default_factory=dict)

    def parse(self, examples: Any, names: Iterable[str] | None = None) -> dict[str, Any]:
        """Returns the features of serialized examples; all of them, or those that are named."""
        import tensorflow as tf

        spec = self.spec if names is None else {name: self.spec[name] for name in names}
        return tf.io.parse_example(examples, spec)

    def predict(self, features: dict[str, Any]) -> dict[str, Any]:
        """Returns predictions by output name ("" for a single one)."""
        given = {name: features[name] for name in self.given}
        return self.trained.call(given if self.preprocess is None else self.preprocess(given))

    def labels(self, features: dict[str, Any]) -> dict[str, Any]:
        """Returns labels by output name, looked up in their vocabulary where there is one."""
        if self.label_fn is not None:
            made = self.label_fn(dict(features))
            return dict(made) if isinstance(made, Mapping) else {self.trained.outputs[0]: made}
        found = {}
        for output, key in self.label_keys.items():
            label = as_dense(features[key])
            found[output] = self.tables[output].lookup(label) if output in self.tables else label
        return found

    def weights(self, features: dict[str, Any]) -> dict[str, Any]:
        """Returns example weights (rows,) by output name."""
        import tensorflow as tf

        found = {}
        for output, key in self.weight_keys.items():
            weight = tf.cast(as_dense(features[key]), tf.float32)
            found[output] = tf.squeeze(weight, -1) if len(weight.shape) == 2 else weight
        return found


def as_dense(tensor: Any) -> Any:
    """Returns a tensor as a dense one."""
    import tensorflow as tf

    if isinstance(tensor, tf.SparseTensor):
        return tf.sparse.to_dense(tensor)
    return tensor.to_tensor() if isinstance(tensor, tf.RaggedTensor) else tensor


def graph_functions(export: EvalGraph, module: Any) -> tuple[dict[str, Any], dict[str, Any]]:
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
        found.update({name: spec_of(tensor) for name, tensor in predictions.items()})
        return flat

    @tf.function(input_signature=[examples])
    def predict(examples: Any) -> dict[str, Any]:
        flat: dict[str, Any] = {}
        _put_all(flat, "predictions", export.predict(export.parse(examples, export.given)))
        return flat

    try:
        functions = {
            EVAL_SIGNATURE: evaluate.get_concrete_function(),
            PREDICT_SIGNATURE: predict.get_concrete_function(),
        }
    except ModelError:
        raise
    except KeyError as error:
        raise ModelError(
            f"preprocess takes a feature that is not handed to it: {error} "
            f"{did_you_mean(str(error), export.given)}; labels, weights and features for analysis "
            "only are not"
        ) from error
    except Exception as error:
        raise ModelError(
            f"the model cannot be called on its parsed features: {type(error).__name__}: {error}"
        ) from error
    module.evaluate, module.predict = evaluate, predict
    return functions, found


def spec_of(tensor: Any) -> Any:
    """Returns the spec of a tensor, for any number of rows."""
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


def serving_function(export: EvalGraph, module: Any) -> Any:
    """Returns a function for serving: serialized examples -> predictions by output name."""
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(examples: Any) -> dict[str, Any]:
        predictions = export.predict(export.parse(examples, export.given))
        return {name or "predictions": tensor for name, tensor in predictions.items()}

    module.serve = serve
    return serve
