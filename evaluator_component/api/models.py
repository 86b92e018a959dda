"""EvalSharedModel: which model to evaluate, and how to load it on workers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "EvalSharedModel",
    "default_eval_shared_model",
    "has_a_baseline",
    "is_baseline",
    "models_by_name",
    "named_as_in",
]


@dataclass(frozen=True)
class EvalSharedModel:
    """A model to evaluate; loaded once per worker process.

    Attributes:
        model_path: path, address ("grpc://host:port/name"), or an object with a `predict` method.
        model_name: its name in the config's model specs; "" where there is one model only.
        model_type: "" to find out.
        is_baseline: whether it is the model to compare with.
        rubber_stamp: whether a first model may be blessed without a baseline to compare with.
        loader: function of the path that returns the model; None for the usual ways.
        include_default_metrics: whether to compute the metrics saved in the model.
    """

    model_path: Any
    model_name: str = ""
    model_type: str = ""
    is_baseline: bool = False
    rubber_stamp: bool = False
    loader: Callable[[Any], Any] | None = None
    include_default_metrics: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)

    def load_options(self, spec: Any) -> dict[str, Any]:
        """Returns the settings of `saved_model.load_model` that a model spec asks for."""
        options = dict(self.options)
        if spec.inference_batch_size:
            options["batch_size"] = spec.inference_batch_size
        if spec.HasField("request_timeout_seconds"):
            options["timeout_seconds"] = spec.request_timeout_seconds.value
        return options


def default_eval_shared_model(
    eval_saved_model_path: Any,
    *,
    model_name: str = "",
    eval_config: Any = None,
    include_default_metrics: bool = True,
    custom_model_loader: Callable[[Any], Any] | None = None,
    rubber_stamp: bool = False,
    tags: Any = None,
) -> EvalSharedModel:
    """Describes a model to evaluate.

    Args:
        eval_saved_model_path: path, address or object.
        model_name: its name in the config's model specs, where there are several.
        eval_config: tells whether the model is the baseline, and its type.
        include_default_metrics: whether to compute the metrics saved in the model.
        custom_model_loader: function of the path that returns the model.
        rubber_stamp: whether a first model may be blessed without a baseline to compare with.
        tags: accepted for old callers; signatures are found by name.
    """
    del tags
    specs = list(eval_config.model_specs) if eval_config is not None else []
    spec = next((each for each in specs if each.name == model_name), None)
    if spec is None and len(specs) == 1:
        spec = specs[0]
    return EvalSharedModel(
        model_path=eval_saved_model_path,
        model_name=model_name,
        model_type=spec.model_type if spec is not None else "",
        is_baseline=spec.is_baseline if spec is not None else False,
        rubber_stamp=rubber_stamp,
        loader=custom_model_loader,
        include_default_metrics=include_default_metrics,
    )


def models_by_name(models: Any) -> dict[str, EvalSharedModel]:
    """Takes one model, several, or a dict of paths by name, as a dict of models by name."""
    if models is None:
        return {}
    if isinstance(models, EvalSharedModel):
        return {models.model_name: models}
    if isinstance(models, Mapping):
        return {
            name: model
            if isinstance(model, EvalSharedModel)
            else EvalSharedModel(model, model_name=name)
            for name, model in models.items()
        }
    if isinstance(models, Sequence) and not isinstance(models, (str, bytes)):
        return {model.model_name: model for model in models}
    return {"": EvalSharedModel(models)}


def is_baseline(config: Any, name: str) -> bool:
    """Tells whether a config calls a model a baseline."""
    return any(spec.name == name and spec.is_baseline for spec in config.model_specs)


def has_a_baseline(config: Any, models: Mapping[str, EvalSharedModel]) -> bool:
    """Tells whether there is a model to compare with; of the config alone where none are given."""
    baselines = {spec.name for spec in config.model_specs if spec.is_baseline}
    if not models:
        return bool(baselines)
    return any(model.is_baseline or name in baselines for name, model in models.items()) or (
        not baselines and "baseline" in models
    )


def named_as_in(config: Any, models: Mapping[str, EvalSharedModel]) -> dict[str, EvalSharedModel]:
    """Gives the only candidate (and the only baseline) the name that the config has for it."""
    candidates = [spec.name for spec in config.model_specs if not spec.is_baseline]
    baselines = [spec.name for spec in config.model_specs if spec.is_baseline]
    known = {*candidates, *baselines}
    named = {}
    for name, model in models.items():
        if name not in known:
            pool = baselines if model.is_baseline or name == "baseline" else candidates
            if len(pool) == 1:
                name = pool[0]
        named[name] = model
    return named
