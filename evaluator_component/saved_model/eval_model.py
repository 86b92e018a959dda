"""Eval SavedModels, loaded: predictions, extracts and metrics out of one graph.

Example::

    model = load_model("model/Format-TFMA")
    extracts |= model.extract(extracts)               # features, labels, weights, predictions
    auc = model.metrics["auc"]
    states = auc.row_states(extracts)                 # what each row adds
    value = auc.result({name: rows.sum(0, keepdims=True) for name, rows in states.items()})
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.errors import ModelError
from evaluator_component.saved_model import robust
from evaluator_component.saved_model.metadata import read_metadata
from evaluator_component.saved_model.model import SERIALIZED, Extracts, Prediction
from evaluator_component.saved_model.signature import SignatureModel, first_line, load_saved_model

__all__ = ["EvalModel", "InGraphMetric"]

Array = npt.NDArray[Any]
States = dict[str, Array]

#: Numbers of row states that are held at once: bounds the memory of large states (an AUC has 800).
_CELLS = 1 << 22


class EvalModel:
    """A SavedModel that `export_eval_savedmodel` has written.

    Args:
        path: its folder.
        signature_name: the signature to predict with; "" for its own.
        defaults: unused: missing values are handled in the graph.

    Attributes:
        parts: the signatures it calls.
        metrics: the metrics in the graph, {name: InGraphMetric}.
    """

    def __init__(
        self, path: str, signature_name: str = "", defaults: Mapping[str, Any] | None = None
    ) -> None:
        self.name = path
        self.metadata = read_metadata(path)
        loaded = load_saved_model(path)
        self._evaluate = SignatureModel(loaded, path, self.metadata.features_signature)
        self._predict = SignatureModel(
            loaded, path, signature_name or self.metadata.predict_signature
        )
        self.parts = (self._evaluate, self._predict)
        self.needs: str | tuple[str, ...] = SERIALIZED
        self.inputs = self._predict.inputs
        self.outputs = self._predict.outputs
        outputs = [output.name for output in self.metadata.outputs]
        self.metrics = {
            entry.name: InGraphMetric(entry, outputs, loaded, path)
            for entry in self.metadata.metrics
        }

    def predict(self, extracts: Extracts) -> Prediction:
        """Returns the predictions for a batch; parses only what the model takes."""
        given = _grouped(self._predict.run(extracts))
        return given.get("predictions", given)

    def extract(self, extracts: Extracts) -> Extracts:
        """Returns features, labels, example weights and predictions for a batch.

        Labels are as the metrics take them: looked up in the vocabulary, or made by `label_fn`.
        Features of variable length are Arrow arrays of lists, others NumPy arrays.
        """
        return _grouped(self._evaluate.run(extracts))


def _grouped(flat: Mapping[str, Array]) -> dict[str, Any]:
    """Turns {"features/a": x, "labels": y} into {"features": {"a": x}, "labels": y}."""
    import pyarrow as pa

    groups: dict[str, Any] = {}
    for name, array in flat.items():
        if name.endswith("#lengths"):
            continue
        key = name.removesuffix("#values")
        if key != name:
            offsets = np.concatenate([[0], np.cumsum(flat[f"{key}#lengths"])])
            array = pa.LargeListArray.from_arrays(offsets, pa.array(array.tolist()))
        group, slash, inner = key.partition("/")
        if slash:
            groups.setdefault(group, {})[inner] = array
        else:
            groups[key] = array
    return groups


class InGraphMetric:
    """A metric whose update and result are functions of a SavedModel's graph.

    Its state adds up: what the rows of a group add, summed, is the state of the group. Evaluated on
    all rows it gives what Keras' own `model.evaluate` gives.

    Args:
        entry: its description in the metadata.
        outputs: the names of the model's outputs.
        loaded: the loaded SavedModel.
        path: for messages.

    Attributes:
        name: as Keras reports it.
        output_name: the output it looks at; "" for a single one, and for the loss of all.
        shapes: the shape of each state array, by name.
        example_weighted: whether it takes example weights.
        direction: 1 higher is better, -1 lower is better, 0 not known.
    """

    def __init__(self, entry: Any, outputs: list[str], loaded: Any, path: str) -> None:
        self.entry = entry
        self.name = entry.name
        self.output_name = entry.output_name
        self.example_weighted = entry.example_weighted
        self.direction = {1: -1, 2: 1}.get(entry.direction, 0)
        self.shapes = {state.name: tuple(state.tensor.shape) for state in entry.state}
        self.path = path
        self._outputs = [entry.output_name] if entry.output_name in outputs else outputs
        self._keep = loaded
        self._update = loaded.signatures[entry.update_signature]
        self._result = loaded.signatures[entry.result_signature]
        self._specs = self._update.structured_input_signature[1]
        self._sizer = robust.Sizer()

    @property
    def size(self) -> int:
        """Numbers in the state of one group."""
        return int(sum(np.prod(shape, dtype=np.int64) for shape in self.shapes.values()))

    def row_states(self, extracts: Extracts) -> States:
        """Returns what each row adds to the state.

        The memory is rows x `size` x 4 bytes: 13 MB for an AUC of 200 thresholds over 4,096 rows.

        Args:
            extracts: a batch with labels and predictions (and example weights).

        Returns:
            {state name: float32 (rows, *state shape)}.

        Raises:
            ModelError: labels or predictions are missing, or do not fit the metric.
        """
        arrays = self._arrays(extracts)
        return self._rows(arrays, 0, len(next(iter(arrays.values()))))

    def group_states(
        self, extracts: Extracts, group_ids: Array, n_groups: int, rows: Array | None = None
    ) -> States:
        """Returns the state of each group: sums of row states in double precision.

        Large states are computed and summed piece by piece, so that no more than a few megabytes
        are held beside the result.

        Args:
            extracts: a batch.
            group_ids: int (entries,), the group of each entry; -1 for none.
            n_groups: how many groups there are.
            rows: int (entries,), the row of each entry; None: entry i is row i.

        Returns:
            {state name: float64 (n_groups, *state shape)}.
        """
        from scipy import sparse

        arrays = self._arrays(extracts)
        count = len(next(iter(arrays.values())))
        ids = np.asarray(group_ids, dtype=np.int64)
        entries = np.arange(count) if rows is None else np.asarray(rows, dtype=np.int64)
        member = ids >= 0
        matrix = sparse.csc_matrix(
            (np.ones(int(member.sum())), (ids[member], entries[member])), shape=(n_groups, count)
        )
        totals = {
            name: np.zeros((n_groups, int(np.prod(shape, dtype=np.int64))))
            for name, shape in self.shapes.items()
        }
        step = max(1, _CELLS // max(1, self.size))
        for start in range(0, count, step):
            stop = min(count, start + step)
            part = matrix[:, start:stop].tocsr()
            for name, states in self._rows(arrays, start, stop).items():
                totals[name] += part @ states.reshape(stop - start, -1).astype(np.float64)
        return {name: total.reshape(n_groups, *self.shapes[name]) for name, total in totals.items()}

    def result(self, states: Mapping[str, Array]) -> Array:
        """Returns the metric of each group.

        Args:
            states: {state name: (groups, *state shape)}, sums of row states.

        Returns:
            float64 (groups,), or (groups, k) for metrics with several values.
        """
        import tensorflow as tf

        given = {
            f"state_{place}": tf.constant(np.asarray(states[name]), tf.float32)
            for place, name in enumerate(self.shapes)
        }
        groups = len(next(iter(states.values())))
        if not groups:
            return np.zeros(0)
        try:
            return self._result(**given)["value"].numpy().astype(np.float64)
        except Exception as error:
            raise ModelError(f"{self.path}, metric {self.name!r}: {first_line(error)}") from error

    def _rows(self, arrays: dict[str, Array], start: int, stop: int) -> States:
        import tensorflow as tf

        def call(low: int, high: int) -> States:
            tensors = {
                name: tf.constant(array[start + low : start + high], dtype=self._specs[name].dtype)
                for name, array in arrays.items()
            }
            given = self._update(**tensors)
            return {name: given[f"state_{place}"].numpy() for place, name in enumerate(self.shapes)}

        try:
            return self._sizer.call(call, stop - start)
        except Exception as error:
            raise ModelError(f"{self.path}, metric {self.name!r}: {first_line(error)}") from error

    def _arrays(self, extracts: Extracts) -> dict[str, Array]:
        arrays: dict[str, Array] = {}
        for place, output in enumerate(self._outputs):
            for kind, key in (("label", "labels"), ("prediction", "predictions")):
                name = f"{kind}_{place}"
                arrays[name] = self._fitted(self._picked(extracts, key, output), name)
            weight = self._picked(extracts, "example_weights", output, needed=False)
            rows = len(arrays[f"label_{place}"])
            arrays[f"weight_{place}"] = (
                np.ones(rows, np.float32)
                if weight is None
                else np.asarray(weight, np.float32).reshape(rows)
            )
        # The graph keeps no input that a metric does not look at.
        return {name: array for name, array in arrays.items() if name in self._specs}

    def _picked(self, extracts: Extracts, key: str, output: str, needed: bool = True) -> Any:
        given = extracts.get(key)
        if isinstance(given, Mapping):
            given = given.get(output) if output else next(iter(given.values()), None)
        if given is None and needed:
            raise ModelError(f"{self.path}, metric {self.name!r}: the batch has no {key}")
        return given

    def _fitted(self, array: Any, name: str) -> Array:
        """Brings labels and predictions to the rank and type of the graph."""
        spec = self._specs.get(name)
        array = np.asarray(array)
        if spec is None:
            return array
        if spec.shape.rank == 1 and array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
        elif spec.shape.rank == 2 and array.ndim == 1:
            array = array[:, None]
        if spec.dtype.name == "string":
            return array.astype(object)
        return array.astype(spec.dtype.as_numpy_dtype)
