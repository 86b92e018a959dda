"""Keras models, from a `.keras` or `.h5` file or in memory, of Keras 3 or tf_keras."""

from __future__ import annotations

import zipfile
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from evaluator_component.errors import ModelError
from evaluator_component.saved_model import robust
from evaluator_component.saved_model.model import Extracts, Prediction, pick_feature
from evaluator_component.saved_model.signature import first_line
from evaluator_component.saved_model.tensors import TensorInfo, dense
from evaluator_component.saved_model.trained import describe_trained

__all__ = ["KerasModel", "load_keras"]


def load_keras(path: str, **settings: Any) -> KerasModel:
    """Loads a `.keras` or `.h5` file, with the Keras that wrote it.

    Raises:
        ModelError: it cannot be loaded.
    """
    errors = []
    for package in _packages(path):
        try:
            module = __import__(package)
            model = module.models.load_model(path, compile=False)
            return KerasModel(model, name=path, **settings)
        except ImportError as error:
            errors.append(f"{package}: {error}")
        except Exception as error:
            errors.append(f"{package}: {first_line(error)}")
    raise ModelError(
        f"cannot load {path!r} ({'; '.join(errors)}). Custom layers must be registered "
        "(keras.saving.register_keras_serializable) and imported; a SavedModel needs neither"
    )


def _packages(path: str) -> list[str]:
    """The Keras packages to try: the one that the file names comes first."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            text = archive.read("metadata.json").decode() if "metadata.json" in names else ""
        return ["tf_keras", "keras"] if '"keras_version": "2.' in text else ["keras", "tf_keras"]
    return ["keras", "tf_keras"]


class KerasModel:
    """A Keras model called on features.

    Args:
        model: the model.
        name: for messages.
        feature_names: unused.
        defaults: what stands for missing values, by input name.
        options: unused.
    """

    def __init__(
        self,
        model: Any,
        name: str = "",
        feature_names: Collection[str] = (),
        defaults: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        import tensorflow as tf

        self.model = model
        self.name = name or f"Keras model {model.name!r}"
        self.metadata = None
        self.defaults = dict(defaults or {})
        trained = describe_trained(model)
        if not trained.inputs:
            raise ModelError(
                f"{self.name}: its inputs are not known before it is called; export it as a "
                "SavedModel with a signature"
            )
        self.inputs = {
            key: TensorInfo(key, tf.as_dtype(spec.dtype).name, tuple(spec.shape))
            for key, spec in trained.inputs.items()
        }
        self.outputs = {key: TensorInfo(key, "float32", None) for key in trained.outputs if key}
        self.needs: str | tuple[str, ...] = tuple(self.inputs)
        self.sizer = robust.Sizer()
        self._call = tf.function(trained.call, reduce_retracing=True)

    def predict(self, extracts: Extracts) -> Prediction:
        """Calls the model on a batch."""
        arrays = {
            key: dense(pick_feature(extracts, key, self.name), info, self.defaults.get(key))
            for key, info in self.inputs.items()
        }
        rows = len(next(iter(arrays.values())))
        try:
            given = self.sizer.call(lambda start, stop: self._run(arrays, start, stop), rows)
        except ModelError:
            raise
        except Exception as error:
            raise ModelError(f"{self.name}: {type(error).__name__}: {first_line(error)}") from error
        return next(iter(given.values())) if len(given) == 1 else given

    def _run(self, arrays: dict[str, Any], start: int, stop: int) -> dict[str, np.ndarray]:
        import tensorflow as tf

        tensors = {
            key: tf.constant(array[start:stop], dtype=self.inputs[key].dtype)
            for key, array in arrays.items()
        }
        return {key: value.numpy() for key, value in self._call(tensors).items()}
