"""What an eval SavedModel says of itself: its metadata message, made from what was exported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evaluator_component.saved_model import feature_specs, metadata
from evaluator_component.saved_model.eval_graph import EVAL_SIGNATURE, PREDICT_SIGNATURE, EvalGraph
from evaluator_component.saved_model.graph_metrics import GraphMetric

__all__ = ["metadata_of"]


def metadata_of(
    export: EvalGraph,
    built: list[GraphMetric],
    predictions: dict[str, Any],
    vocabularies: Mapping[str, Sequence[str]],
    class_names: Mapping[str, Sequence[str]],
    serving: bool,
) -> Any:
    """Returns the `EvalModelMetadata` of an export.

    Args:
        export: the graph.
        built: its metrics, in the order of their signatures.
        predictions: specs of the predictions, by output.
        vocabularies: the strings of labels, by output.
        class_names: names of the classes, by output.
        serving: whether there is a signature for serving.
    """
    from evaluator_component.protos import eval_model_pb2

    message = eval_model_pb2.EvalModelMetadata(
        version=metadata.VERSION,
        framework=export.trained.framework,
        features_signature=EVAL_SIGNATURE,
        predict_signature=PREDICT_SIGNATURE,
        serving_signature="serving_default" if serving else "",
    )
    message.package_versions.update(export.trained.versions())
    for output, spec in predictions.items():
        described = message.outputs.add(
            name=output,
            label_key=export.label_keys.get(output, ""),
            example_weight_key=export.weight_keys.get(output, ""),
            class_names=class_names.get(output, vocabularies.get(output, ())),
            label_vocabulary=vocabularies.get(output, ()),
        )
        described.prediction.dtype = spec.dtype.name
        described.prediction.shape.extend(
            -1 if size is None else size for size in spec.shape.as_list()[1:]
        )
    used = {*export.label_keys.values(), *export.weight_keys.values()}
    extra = [name for name in export.spec if name not in export.given and name not in used]
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
