"""SavedModels, called by one of their signatures.

A signature takes either serialized examples or features. A single input of strings that is not
named like a feature is taken for serialized examples.

Signatures are called as `tf.saved_model.load` gives them, which works for every exporter of
TensorFlow 2, Keras 3 included.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import Any

from evaluator_component.errors import ModelError, did_you_mean
from evaluator_component.saved_model import robust
from evaluator_component.saved_model.model import (
    SERIALIZED,
    Extracts,
    Prediction,
    input_records,
    pick_feature,
)
from evaluator_component.saved_model.tensors import TensorInfo, dense, serialized

__all__ = ["SignatureModel", "choose_signature", "load_saved_model", "tensor_info"]

#: The order in which signatures are looked for when none is named.
USUAL_SIGNATURES = ("serving_default", "predict", "serving", "eval")
#: Inputs of these names hold serialized examples.
RECORD_INPUTS = (
    "examples",
    "example",
    "serialized",
    "serialized_examples",
    "serialized_example",
    "serialized_tf_examples",
    "input_example_tensor",
    "tf_examples",
    "inputs",
    "input",
)


def load_saved_model(path: str) -> Any:
    """Loads a SavedModel; the errors say what can be done.

    Raises:
        ModelError: it cannot be loaded.
    """
    import tensorflow as tf

    if not tf.io.gfile.exists(os.path.join(path, "saved_model.pb")):
        pbtxt = os.path.join(path, "saved_model.pbtxt")
        if not tf.io.gfile.exists(pbtxt):
            raise ModelError(f"{path!r} holds no saved_model.pb")
    try:
        return tf.saved_model.load(path)
    except Exception as error:
        raise ModelError(f"cannot load {path!r}: {_explained(error)}") from error


def _explained(error: Exception) -> str:
    text = f"{type(error).__name__}: {error}"
    if "Op type not registered" in text:
        return (
            f"{text.splitlines()[0]}. The model uses an op of another package: import it before "
            "(tensorflow_text, tensorflow_transform, struct2tensor, ...), on every worker"
        )
    return text


def choose_signature(names: Collection[str], wanted: str, where: str) -> str:
    """Returns the signature to call.

    Args:
        names: the signatures that there are.
        wanted: its name; "" for the usual one, or the only one.
        where: for messages.

    Raises:
        ModelError: there is no such signature, or none of the usual ones among several.

    Example:
        >>> choose_signature(["train", "serving_default"], "", "m")
        'serving_default'
    """
    real = [name for name in names if not name.startswith("__")]
    if wanted:
        if wanted not in real:
            raise ModelError(f"{where}: no signature {wanted!r} {did_you_mean(wanted, real)}")
        return wanted
    for name in USUAL_SIGNATURES:
        if name in real:
            return name
    if len(real) == 1:
        return real[0]
    if not real:
        raise ModelError(
            f"{where}: has no signature; export it with tf.saved_model.save(model, path, "
            "signatures=...) or with export_eval_savedmodel"
        )
    raise ModelError(f"{where}: say which signature {did_you_mean(wanted, real)}")


def tensor_info(name: str, spec: Any) -> TensorInfo:
    """Returns the TensorInfo of a TensorFlow TensorSpec (or of anything with dtype and shape)."""
    shape = None if spec.shape.rank is None else tuple(spec.shape.as_list())
    return TensorInfo(name, spec.dtype.name, shape)


class SignatureModel:
    """One signature of a loaded SavedModel.

    Args:
        loaded: what `tf.saved_model.load` gave; or any object with `signatures`.
        name: its path, for messages.
        signature_name: see `choose_signature`.
        feature_names: the data's features, where known; they decide whether a lone string input
            takes a feature or serialized examples.
        defaults: what stands for missing values, by input name.
        metadata: of an eval SavedModel.
    """

    def __init__(
        self,
        loaded: Any,
        name: str,
        signature_name: str = "",
        feature_names: Collection[str] = (),
        defaults: Mapping[str, Any] | None = None,
        metadata: Any = None,
    ) -> None:
        self.name = name
        self.metadata = metadata
        self.defaults = dict(defaults or {})
        self._keep = loaded  # a signature does not keep its variables alive
        self.signature_name = choose_signature(list(loaded.signatures), signature_name, name)
        self._call = loaded.signatures[self.signature_name]
        _, specs = self._call.structured_input_signature
        self.inputs = {key: tensor_info(key, spec) for key, spec in sorted(specs.items())}
        outputs = self._call.structured_outputs
        if not isinstance(outputs, Mapping):
            raise ModelError(f"{name}: signature {self.signature_name!r} gives no named outputs")
        self.outputs = {key: tensor_info(key, spec) for key, spec in sorted(outputs.items())}
        self._record_input = record_input(self.inputs, feature_names)
        self.needs: str | tuple[str, ...] = (
            SERIALIZED
            if self._record_input
            else tuple(key.removesuffix("_input") for key in self.inputs)
        )
        self.sizer = robust.Sizer()

    def predict(self, extracts: Extracts) -> Prediction:
        """Calls the signature on a batch."""
        given = self.run(extracts)
        return next(iter(given.values())) if len(given) == 1 else given

    def run(self, extracts: Extracts) -> dict[str, Any]:
        """Calls the signature on a batch; returns every output by name.

        Raises:
            ModelError: the batch lacks an input, or TensorFlow fails.
        """
        arrays = self._arrays(extracts)
        rows = len(next(iter(arrays.values()))) if arrays else 0
        try:
            return self.sizer.call(
                lambda start, stop: self._run_slice(arrays, start, stop, rows), rows
            )
        except ModelError:
            raise
        except Exception as error:
            raise ModelError(
                f"{self.name}, signature {self.signature_name!r}: "
                f"{type(error).__name__}: {first_line(error)}"
            ) from error

    def _arrays(self, extracts: Extracts) -> dict[str, Any]:
        if self._record_input:
            return {self._record_input: serialized(input_records(extracts, self.name))}
        return {
            key: dense(
                pick_feature(extracts, key, self.name),
                info,
                self.defaults.get(key, self.defaults.get(key.removesuffix("_input"))),
            )
            for key, info in self.inputs.items()
        }

    def _run_slice(self, arrays: dict[str, Any], start: int, stop: int, rows: int) -> Any:
        import tensorflow as tf

        whole = start == 0 and stop == rows
        tensors = {
            key: tf.constant(
                array if whole else array[start:stop], dtype=tf.as_dtype(self.inputs[key].dtype)
            )
            for key, array in arrays.items()
        }
        return {key: value.numpy() for key, value in self._call(**tensors).items()}


def record_input(inputs: Mapping[str, TensorInfo], feature_names: Collection[str]) -> str:
    """Returns the name of the input that takes serialized examples; "" if there is none."""
    if len(inputs) != 1:
        return ""
    ((name, info),) = inputs.items()
    if info.dtype != "string" or (info.shape is not None and len(info.shape) > 1):
        return ""
    known = set(feature_names)
    if name in known or name.removesuffix("_input") in known:
        return ""
    return name


#: What the one line of a long error has that says what is wrong.
_TELLING = ("rror:", "Key:", "Feature:", "required", "xpected")


def first_line(error: BaseException | str) -> str:
    """Returns the first line of an error, or of its text, that says something."""
    text = getattr(error, "message", None) or str(error)
    lines = [line.strip() for line in str(text).splitlines() if line.strip()]
    noise = ("Graph execution", "Detected at", "<stack traces", "[[")
    telling = [line for line in lines if not line.startswith(noise)] or lines or [""]
    wanted = next((line for line in telling if any(mark in line for mark in _TELLING)), telling[0])
    return wanted[:500]
