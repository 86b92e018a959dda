"""What a model is, whatever made it: something that turns a batch of Extracts into predictions.

Vocabulary:
    needs: what `predict` takes from a batch: "serialized" (the records themselves), or the names
        of features; only these have to be decoded. None: it does not say, so all of them.
    outputs: predictions as the model gives them, one array, or several by name.

Example:
    >>> import numpy as np
    >>> model = FunctionModel(lambda batch: np.asarray(batch["hour"]) > 12, needs=("hour",))
    >>> model.predict({"features": {"hour": np.array([7, 19])}}).tolist()
    [False, True]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from evaluator_component.errors import ModelError, did_you_mean
from evaluator_component.inputs.arrow_types import innermost, is_bytes, is_list, is_text
from evaluator_component.saved_model import robust
from evaluator_component.saved_model.tensors import TensorInfo

__all__ = [
    "SERIALIZED",
    "FunctionModel",
    "Model",
    "PredictionColumns",
    "input_records",
    "pick_feature",
    "pick_prediction",
]

Array = npt.NDArray[Any]
Extracts = dict[str, Any]
Prediction = Array | dict[str, Array]

#: `Model.needs` of a model that parses records itself.
SERIALIZED = "serialized"

#: Where the prediction is looked for among several outputs, when nobody says.
PREDICTION_KEYS = ("scores", "outputs", "predictions", "logistic", "probabilities", "logits")


@runtime_checkable
class Model(Protocol):
    """A loaded model.

    Attributes:
        name: for messages; its path, mostly.
        needs: `SERIALIZED`, or the names of the features it takes; None for all.
        inputs: what it takes, by name.
        outputs: what it gives, by name; empty where that is not known before the first call.
        metadata: the `EvalModelMetadata` of an eval SavedModel; None for other models.
    """

    name: str
    needs: str | tuple[str, ...] | None
    inputs: dict[str, TensorInfo]
    outputs: dict[str, TensorInfo]
    metadata: Any

    def predict(self, extracts: Extracts) -> Prediction:
        """Returns the predictions for a batch: an array, or several by output name.

        Raises:
            ModelError: the batch lacks an input, or the model fails.
        """
        ...


def input_records(extracts: Extracts, name: str) -> Any:
    """Returns the serialized records of a batch.

    Raises:
        ModelError: the source has none, because it is a table.
    """
    records = extracts.get("input")
    if records is None:
        raise ModelError(
            f"{name}: the model takes serialized examples, but the data are columns; give a "
            "signature that takes features, or data as TFRecord of tf.Example"
        )
    return records


def pick_feature(extracts: Extracts, name: str, model: str) -> Any:
    """Returns the feature that an input takes: of the same name, or without the suffix "_input".

    Features that a preprocessing step has made come before those of the data.

    Raises:
        ModelError: there is none.
    """
    short = name.removesuffix("_input")
    for group in ("transformed_features", "features"):
        columns = extracts.get(group) or {}
        for candidate in (name, short):
            if candidate in columns:
                return columns[candidate]
    known = {**(extracts.get("features") or {}), **(extracts.get("transformed_features") or {})}
    raise ModelError(f"{model}: no feature for input {name!r} {did_you_mean(short, known)}")


def pick_prediction(outputs: Prediction, key: str = "", *, model: str = "") -> Array:
    """Returns one array of a model's outputs.

    Args:
        outputs: what the model gave.
        key: the output's name; "" for the only one, or else the first of `PREDICTION_KEYS`.
        model: for messages.

    Raises:
        ModelError: there is no such output, or several and none is named as usual.

    Example:
        >>> pick_prediction({"classes": np.array([1]), "scores": np.array([0.8])}).tolist()
        [0.8]
    """
    where = f"{model}: " if model else ""
    if not isinstance(outputs, Mapping):
        return outputs
    if key:
        if key not in outputs:
            raise ModelError(f"{where}no output {key!r} {did_you_mean(key, outputs)}")
        return outputs[key]
    if len(outputs) == 1:
        return next(iter(outputs.values()))
    for name in PREDICTION_KEYS:
        if name in outputs:
            return outputs[name]
    names = ", ".join(repr(name) for name in outputs)
    raise ModelError(f"{where}several outputs ({names}): say which one with prediction_key")


@dataclass
class FunctionModel:
    """A Python function as a model.

    Args:
        function: batch -> array, or arrays by output name. The batch is the features by name; with
            `whole` it is the Extracts.
        name: for messages.
        needs: the features that it takes; None: any of them.
        whole: pass the Extracts, not only the features.
    """

    function: Callable[[Any], Any]
    name: str = "function"
    needs: str | tuple[str, ...] | None = None
    whole: bool = False
    inputs: dict[str, TensorInfo] = field(default_factory=dict)
    outputs: dict[str, TensorInfo] = field(default_factory=dict)
    metadata: Any = None
    sizer: robust.Sizer = field(default_factory=robust.Sizer)

    def predict(self, extracts: Extracts) -> Prediction:
        """Calls the function on a batch."""

        def call(part: Extracts) -> Prediction:
            return checked(self.function(part if self.whole else part["features"]), self.name)

        try:
            return robust.call_in_pieces(self.sizer, call, extracts)
        except ModelError:
            raise
        except Exception as error:
            raise ModelError(f"{self.name}: {type(error).__name__}: {error}") from error


def checked(given: Any, name: str) -> Prediction:
    """Returns outputs as NumPy arrays."""
    if isinstance(given, Mapping):
        return {str(key): np.asarray(value) for key, value in given.items()}
    if given is None:
        raise ModelError(f"{name}: returned None; it must return an array, or arrays by name")
    return np.asarray(given)


@dataclass
class PredictionColumns:
    """Predictions that the data already hold: no model at all.

    Args:
        columns: the feature that holds the prediction, or features by output name.
        name: for messages.
    """

    columns: str | Mapping[str, str]
    name: str = "prediction column"
    metadata: Any = None
    inputs: dict[str, TensorInfo] = field(default_factory=dict)
    outputs: dict[str, TensorInfo] = field(default_factory=dict)

    @property
    def needs(self) -> tuple[str, ...]:
        """The features that hold predictions."""
        return (self.columns,) if isinstance(self.columns, str) else tuple(self.columns.values())

    def predict(self, extracts: Extracts) -> Prediction:
        """Returns the columns as arrays; lists become rows of a matrix."""
        if isinstance(self.columns, str):
            return self._array(extracts, self.columns)
        return {output: self._array(extracts, key) for output, key in self.columns.items()}

    def _array(self, extracts: Extracts, key: str) -> Array:
        features: Sequence[str] | Mapping[str, Any] = extracts["features"]
        if key not in features:
            raise ModelError(f"{self.name}: no column {key!r} {did_you_mean(key, features)}")
        return column_array(extracts["features"][key], key)


def column_array(column: Any, name: str) -> Array:
    """Returns a column as numbers (rows,) or (rows, k), or as an array of strings.

    Rows of unequal lengths are padded with NaN.
    """
    from evaluator_component.saved_model.tensors import dense

    if isinstance(column, np.ndarray):
        return column
    kind = innermost(column.type)
    dtype = "string" if is_text(kind) or is_bytes(kind) else "float64"
    shape = (None, None) if is_list(column.type) else (None,)
    array = dense(column, TensorInfo(name, dtype, shape))
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
