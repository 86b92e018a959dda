"""scikit-learn, XGBoost and PyTorch models behind the one protocol of `model.Model`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from evaluator_component.errors import ModelError, did_you_mean
from evaluator_component.saved_model import robust
from evaluator_component.saved_model.feature_tables import feature_frame, feature_matrix
from evaluator_component.saved_model.model import Extracts, Prediction, checked
from evaluator_component.saved_model.tensors import TensorInfo

__all__ = ["BoosterModel", "SklearnModel", "TorchModel", "WrappedModel"]


class WrappedModel:
    """What the wrappers share."""

    metadata = None

    def __init__(self, model: Any, name: str, features: tuple[str, ...] | None) -> None:
        self.model = model
        self.name = name
        self.features = features
        self.needs = features
        self.inputs = {key: TensorInfo(key, "unknown") for key in features or ()}
        self.outputs: dict[str, TensorInfo] = {}
        self.sizer = robust.Sizer()

    def predict(self, extracts: Extracts) -> Prediction:
        """Returns the predictions for a batch."""
        try:
            return robust.call_in_pieces(
                self.sizer, lambda part: checked(self.run(part), self.name), extracts
            )
        except ModelError:
            raise
        except Exception as error:
            raise ModelError(f"{self.name}: {type(error).__name__}: {error}") from error

    def run(self, extracts: Extracts) -> Any:
        """Calls the library; returns whatever it gives."""
        raise NotImplementedError

    def require_features(self) -> tuple[str, ...]:
        """Returns the features that the model takes.

        Raises:
            ModelError: they are not known.
        """
        if not self.features:
            raise ModelError(
                f"{self.name}: it does not know the names of its features; give "
                "options={'features': [...]}, in the order of its columns"
            )
        return self.features


class SklearnModel(WrappedModel):
    """An estimator: probabilities of a classifier (of the second class when there are two)."""

    def __init__(self, model: Any, name: str, features: Any, method: str) -> None:
        known = getattr(model, "feature_names_in_", None)
        super().__init__(model, name, features or (None if known is None else tuple(known)))
        self.require_features()
        self.as_frame = known is not None or hasattr(model, "steps")
        self.method = method or ("predict_proba" if hasattr(model, "predict_proba") else "predict")
        if not hasattr(model, self.method):
            methods = [each for each in dir(model) if each.startswith(("predict", "decision"))]
            raise ModelError(
                f"{name}: no method {self.method!r} {did_you_mean(self.method, methods)}"
            )
        self.class_names = tuple(str(value) for value in getattr(model, "classes_", ()))

    def run(self, extracts: Extracts) -> Any:
        """Calls the estimator's method."""
        features = self.require_features()
        given: Any = (
            feature_frame(extracts, features, self.name)
            if self.as_frame
            else feature_matrix(extracts, features, self.name, "float64")
        )
        result = getattr(self.model, self.method)(given)
        if isinstance(result, list):  # several outputs
            return {f"output_{place}": part for place, part in enumerate(result)}
        result = np.asarray(result)
        binary = self.method == "predict_proba" and result.ndim == 2 and result.shape[1] == 2
        return result[:, 1] if binary else result


class BoosterModel(WrappedModel):
    """An XGBoost Booster."""

    def __init__(self, model: Any, name: str, features: Any) -> None:
        known = tuple(model.feature_names or ())
        super().__init__(model, name, features or known or None)
        self.require_features()
        self.categorical = "c" in (model.feature_types or ())

    def run(self, extracts: Extracts) -> Any:
        """Predicts a DMatrix."""
        import xgboost

        features = self.require_features()
        if self.categorical:
            frame = feature_frame(extracts, features, self.name)
            kinds = dict(zip(self.model.feature_names, self.model.feature_types, strict=True))
            for name in features:
                if kinds.get(name) == "c":
                    frame[name] = frame[name].astype("category")
            data = xgboost.DMatrix(frame, enable_categorical=True)
        else:
            data = xgboost.DMatrix(
                feature_matrix(extracts, features, self.name),
                feature_names=self.model.feature_names,
            )
        return self.model.predict(data)


class TorchModel(WrappedModel):
    """A PyTorch module: one float matrix of the features, or a dict of tensors without options."""

    def __init__(self, model: Any, name: str, features: Any, defaults: dict[str, Any]) -> None:
        super().__init__(model, name, features)
        self.require_features()

    def run(self, extracts: Extracts) -> Any:
        """Calls the module on a float32 matrix."""
        import torch

        matrix = feature_matrix(extracts, self.require_features(), self.name)
        with torch.inference_mode():
            given = self.model(torch.from_numpy(matrix))
        if isinstance(given, Mapping):
            return {key: value.numpy() for key, value in given.items()}
        if isinstance(given, (list, tuple)):
            return {f"output_{place}": part.numpy() for place, part in enumerate(given)}
        return given.numpy()
