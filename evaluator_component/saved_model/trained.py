"""What a trained model in memory takes and gives: Keras 3, tf_keras, or a tf.Module.

Vocabulary:
    Trained: the same view on each of them: inputs, output names, a call, compiled metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata as packages
from typing import Any

from evaluator_component.errors import ModelError, did_you_mean
from evaluator_component.saved_model.graph_losses import keras_losses, tf_keras_losses
from evaluator_component.saved_model.graph_metrics import GraphMetric, build_metric

__all__ = ["Trained", "describe_trained", "framework_of"]

Compiled = Callable[[dict[str, Any], dict[str, Any]], list[GraphMetric]]


@dataclass
class Trained:
    """A model in memory.

    Attributes:
        framework: "keras", "tf_keras" or "tensorflow".
        inputs: {feature: spec with dtype and shape}; {} where the model does not say.
        outputs: names of the outputs; [""] for a single one.
        call: what the model takes -> {output: tensor}.
        compiled: (labels, predictions) of a few rows -> the metrics it was compiled with.
    """

    framework: str
    inputs: dict[str, Any]
    outputs: list[str]
    call: Callable[[Any], dict[str, Any]]
    compiled: Compiled

    def metrics(
        self, wanted: Any, labels: dict[str, Any], predictions: dict[str, Any]
    ) -> list[GraphMetric]:
        """Returns the metrics to export.

        Args:
            wanted: Keras metrics, {output: metrics}, or None for the compiled ones.
            labels: of a few rows, by output.
            predictions: of the same rows, by output.
        """
        if wanted is None:
            return self.compiled(labels, predictions) if labels else []
        if not isinstance(wanted, Mapping):
            if len(self.outputs) > 1 and wanted:
                raise ModelError(
                    f"metrics: the model has outputs {self.outputs}; give {{output: metrics}}"
                )
            wanted = {self.outputs[0]: list(wanted)}
        built = []
        for output, metrics in wanted.items():
            if output not in predictions:
                raise ModelError(
                    f"metrics: no output {output!r} {did_you_mean(output, predictions)}"
                )
            if output not in labels:
                raise ModelError("metrics need labels: give label_key or label_fn")
            built += [
                build_metric(
                    metric,
                    f"{output}_{metric.name}" if output else metric.name,  # as Keras reports it
                    output,
                    labels[output],
                    predictions[output],
                )
                for metric in metrics
            ]
        return built

    def versions(self) -> dict[str, str]:
        """Returns the versions of the packages that matter to whoever loads the model."""
        names = ("tensorflow", "keras", "tf_keras", "tensorflow-transform", "evaluator_component")
        found = {}
        for name in names:
            try:
                found[name] = packages.version(name)
            except packages.PackageNotFoundError:
                continue
        return found


def framework_of(model: Any) -> str:
    """Returns "keras", "tf_keras", "tensorflow" (a tf.Module), or "" for anything else."""
    import tensorflow as tf

    homes = [kind.__module__.partition(".")[0] for kind in type(model).__mro__]
    if "tf_keras" in homes:
        return "tf_keras"
    if "keras" in homes:
        return "keras"
    return "tensorflow" if isinstance(model, tf.Module) else ""


def describe_trained(model: Any) -> Trained:
    """Returns the view on a trained model.

    Raises:
        ModelError: it is no model that can be exported.
    """
    framework = framework_of(model)
    if framework == "tensorflow":
        return _module(model)
    if framework == "keras":
        import keras

        if keras.backend.backend() != "tensorflow":
            raise ModelError(
                f"Keras runs on {keras.backend.backend()!r} here; SavedModels need the "
                "TensorFlow backend (KERAS_BACKEND=tensorflow)"
            )
    elif framework != "tf_keras":
        raise ModelError(
            f"cannot export a {type(model).__name__}: expected a Keras model or a tf.Module"
        )
    return _keras(model, framework)


def _keras(model: Any, framework: str) -> Trained:
    inputs: dict[str, Any] = {}
    for tensor in _flat(getattr(model, "inputs", None)):
        inputs[tensor.name.partition(":")[0]] = tensor
    structure = getattr(model, "_inputs_struct", None)
    if isinstance(structure, Mapping):  # the keys are what the model is called with
        inputs = dict(structure)
    names = [str(name) for name in getattr(model, "output_names", None) or []]
    outputs = names if len(names) > 1 else [""]

    def call(features: Any) -> dict[str, Any]:
        from evaluator_component.saved_model.feature_specs import fit

        if inputs and isinstance(features, Mapping):
            absent = [name for name in inputs if name not in features]
            if absent:
                raise ModelError(
                    f"the model's input {absent[0]!r} is not made by preprocess "
                    f"{did_you_mean(absent[0], features)}"
                )
            features = {name: fit(features[name], wanted) for name, wanted in inputs.items()}
            if not isinstance(structure, Mapping) and framework == "keras":
                features = _as_called(model, features)
        return _by_name(model(features, training=False), outputs)

    def compiled(labels: dict[str, Any], predictions: dict[str, Any]) -> list[GraphMetric]:
        found = _compiled_keras if framework == "keras" else _compiled_tf_keras
        return found(model, outputs, labels, predictions)

    return Trained(framework, inputs, outputs, call, compiled)


def _flat(inputs: Any) -> list[Any]:
    if inputs is None:
        return []
    if isinstance(inputs, Mapping):
        return list(inputs.values())
    return list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]


def _as_called(model: Any, features: dict[str, Any]) -> Any:
    """Returns inputs in the structure that a model with one input, or a list of them, takes."""
    values = list(features.values())
    structure = getattr(model, "_inputs_struct", None)
    if isinstance(structure, (list, tuple)):
        return values
    return values[0] if len(values) == 1 else features


def _by_name(given: Any, outputs: Sequence[str]) -> dict[str, Any]:
    if isinstance(given, Mapping):
        if len(given) == 1 and list(outputs) == [""]:
            return {"": next(iter(given.values()))}
        return dict(given)
    if isinstance(given, (list, tuple)):
        return {"": given[0]} if len(given) == 1 else dict(zip(outputs, given, strict=True))
    return {"": given}


def _in_structure(model: Any, outputs: Sequence[str], values: Mapping[str, Any]) -> Any:
    """Returns values by output in the structure that the model's own loss and metrics take."""
    if list(outputs) == [""]:
        return values.get("", next(iter(values.values()), None))
    structure = getattr(model, "_outputs_struct", None)
    if isinstance(structure, Mapping):
        return {name: values[name] for name in structure}
    return [values[name] for name in outputs]


def _compiled_keras(
    model: Any, outputs: Sequence[str], labels: dict[str, Any], predictions: dict[str, Any]
) -> list[GraphMetric]:
    if not getattr(model, "compiled", False):
        return []
    built: list[GraphMetric] = []
    missing = [name for name in outputs if name not in labels]
    if not missing and getattr(model, "_compile_loss", None) is not None:
        built += keras_losses(
            model,
            lambda parts: _in_structure(model, outputs, parts),
            outputs,
            labels,
            predictions,
        )
    container = getattr(model, "_compile_metrics", None)
    if container is None:
        return built
    if not container.built:
        container.build(
            _in_structure(model, outputs, labels), _in_structure(model, outputs, predictions)
        )
    weighted = [(False, container._flat_metrics), (True, container._flat_weighted_metrics)]
    for takes_weight, groups in weighted:
        for output, group in zip(outputs, groups, strict=True):
            for metric in getattr(group, "metrics", ()):
                name = f"{output}_{metric.name}" if output else metric.name
                built.append(
                    build_metric(
                        metric, name, output, labels[output], predictions[output], takes_weight
                    )
                )
    return built


def _compiled_tf_keras(
    model: Any, outputs: Sequence[str], labels: dict[str, Any], predictions: dict[str, Any]
) -> list[GraphMetric]:
    container = getattr(model, "compiled_metrics", None)
    if container is None:
        return []
    if not container.built:
        container.build(
            _in_structure(model, outputs, predictions), _in_structure(model, outputs, labels)
        )
    built = tf_keras_losses(model, labels, predictions)
    for takes_weight, groups in ((False, container._metrics), (True, container._weighted_metrics)):
        for output, group in zip(outputs, groups or [], strict=False):
            for metric in group or ():
                if metric is None:
                    continue
                built.append(
                    build_metric(
                        metric,
                        metric.name,
                        output,
                        labels[output],
                        predictions[output],
                        takes_weight,
                    )
                )
    return built


def _module(model: Any) -> Trained:
    function = model if callable(model) else getattr(model, "predict", None)
    if function is None:
        raise ModelError(
            f"a {type(model).__name__} cannot be exported: it has neither __call__ nor predict"
        )

    def call(features: Any) -> dict[str, Any]:
        given = function(features)
        return (
            dict(given) if isinstance(given, Mapping) and len(given) > 1 else _by_name(given, [""])
        )

    outputs = [str(name) for name in getattr(model, "output_names", [""])]
    return Trained("tensorflow", {}, outputs, call, lambda labels, predictions: [])
