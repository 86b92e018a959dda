"""The metrics of an eval SavedModel as signatures: an update by rows and a result by groups.

Each metric is tried on a few random rows before anything is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from evaluator_component.errors import ModelError
from evaluator_component.saved_model.eval_graph import EvalGraph, spec_of
from evaluator_component.saved_model.graph_metrics import GraphMetric, check_additive

__all__ = ["metric_functions"]

#: Rows that metrics are tried on before they are exported.
_TRIAL_ROWS = 6


def metric_functions(
    export: EvalGraph,
    wanted: Any,
    predictions: dict[str, Any],
    module: Any,
    functions: dict[str, Any],
) -> list[GraphMetric]:
    """Adds the update and result signatures of each metric; returns the metrics."""
    label_specs = _label_specs(export)
    trial = _Trial(label_specs, predictions)
    built = export.trained.metrics(wanted, trial.labels, trial.predictions)
    names = [metric.name for metric in built]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ModelError(f"metrics: several are called {twice[0]!r}; give them name=")
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


def _label_specs(export: EvalGraph) -> dict[str, Any]:
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
    return {name: spec_of(tensor) for name, tensor in structured.items()}


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
