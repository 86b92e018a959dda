"""Logged predictions: PredictionLog records of TFX's BulkInferrer and of serving request logs.

A log holds a request and its response: the features (or serialized examples) of one or more rows,
and what the model said about them then. The batch gets `predictions` beside `features`, so that it
is evaluated without any model.

The forms, and what becomes of them:
    predict: outputs by name; features from the request's named inputs, or from its examples.
    classify: `scores` (rows, classes), and `classes` where the server named them.
    regress: `outputs` (rows,).
    multi-inference: the above by signature name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.errors import InputError
from evaluator_component.inputs.bad_records import BadRecords
from evaluator_component.inputs.example_ids import record_ids, splitmix64
from evaluator_component.inputs.examples import Decoder, decode_good
from evaluator_component.inputs.source import Source
from evaluator_component.inputs.tensor_protos import from_proto
from evaluator_component.protos import serving_wire_pb2 as wire

__all__ = ["LogDecoder", "response_arrays"]

Array = npt.NDArray[Any]
Extracts = dict[str, Any]


class LogDecoder:
    """Decodes PredictionLog records into batches.

    Args:
        source: what is read; its columns restrict the features.
        types: known feature types of examples inside the requests.
    """

    def __init__(self, source: Source, types: dict[str, str]) -> None:
        self.source = source
        self.decode = Decoder("tfrecord", types, source.columns)

    def __call__(
        self,
        data: Sequence[bytes],
        checksums: npt.NDArray[np.uint32],
        offsets: npt.NDArray[np.int64],
        path: str,
        bad: BadRecords,
    ) -> Extracts | None:
        """Returns the rows of some logs as one batch; None when none can be used."""
        good: list[tuple[_Log, int]] = []
        keys: tuple[Any, ...] | None = None
        for row, record in enumerate(data):
            try:
                log = _Log(record)
            except Exception as error:
                bad.add(path, offsets[row], "unparsable", f"no PredictionLog: {error}")
                continue
            if keys is None:
                keys = log.keys
            if log.keys != keys:
                bad.add(
                    path,
                    offsets[row],
                    "type",
                    f"its inputs and outputs {log.keys} are not those of the logs before {keys}",
                )
                continue
            good.append((log, row))
        if not good:
            return None
        extracts, kept = self._features([log for log, _ in good], path, bad, offsets, good)
        rows = np.array([log.rows for log, _ in good])
        outputs = _joined([log.outputs for log, _ in good])
        if self.source.ids:
            used = np.array([row for _, row in good])
            ids = record_ids(checksums[used], np.array([len(data[row]) for row in used]))
            place = np.arange(rows.sum()) - np.repeat(np.cumsum(rows) - rows, rows)
            extracts["example_ids"] = splitmix64(np.repeat(ids, rows) + place.astype(np.uint64))
        if kept is not None:
            outputs = {name: array[kept] for name, array in outputs.items()}
            if "example_ids" in extracts:
                extracts["example_ids"] = extracts["example_ids"][kept]
        single = len(outputs) == 1
        extracts["predictions"] = next(iter(outputs.values())) if single else outputs
        return extracts

    def _features(
        self, logs: list[_Log], path: str, bad: BadRecords, offsets: Any, good: Any
    ) -> tuple[Extracts, Any]:
        import pyarrow as pa

        if logs[0].examples is None:
            named = _joined([log.inputs for log in logs])
            wanted = named if self.source.columns is None else self.source.columns
            columns = {name: _column(named[name]) for name in wanted if name in named}
            count = sum(log.rows for log in logs)
            for name in self.source.columns or ():
                columns.setdefault(name, pa.nulls(count))
            return {"features": columns}, None
        records = [example for log in logs for example in log.examples or ()]
        columns, kept, wrong = decode_good(self.decode, records)
        log_of = np.repeat([row for _, row in good], [log.rows for log in logs])
        for row, reason in wrong:
            bad.add(
                path, offsets[log_of[row]], "unparsable", f"an example inside the log: {reason}"
            )
        if kept is not None:
            records = [records[row] for row in kept]
        extracts: Extracts = {"features": columns}
        if self.source.keep_records:
            extracts["input"] = pa.array(records, pa.large_binary())
        return extracts, kept


class _Log:
    """One PredictionLog: inputs or examples, outputs, and how many rows they have."""

    def __init__(self, record: bytes) -> None:
        log = wire.PredictionLog.FromString(record)
        kind = log.WhichOneof("log_type")
        if kind is None:
            raise InputError("it holds none of the known logs")
        held = getattr(log, kind)
        self.examples: list[bytes] | None = None
        self.inputs: dict[str, Array] = {}
        if kind == "predict_log":
            self.inputs = {name: from_proto(part) for name, part in held.request.inputs.items()}
            if len(self.inputs) == 1:
                ((_, only),) = self.inputs.items()
                if only.dtype == object and only.ndim <= 1 and _looks_serialized(only):
                    self.examples, self.inputs = [bytes(part) for part in only.reshape(-1)], {}
        else:
            self.examples = _input_examples(held.request.input)
        self.outputs = response_arrays(kind, held.response)
        self.rows = self._count()
        self.keys = (
            "examples" if self.examples is not None else tuple(sorted(self.inputs)),
            tuple(sorted(self.outputs)),
        )

    def _count(self) -> int:
        counts = {len(array) if array.ndim else 1 for array in self.outputs.values()}
        counts |= {len(array) if array.ndim else 1 for array in self.inputs.values()}
        if self.examples is not None:
            counts.add(len(self.examples))
        if len(counts) != 1:
            raise InputError(f"its inputs and outputs have different numbers of rows {counts}")
        return counts.pop()


def _looks_serialized(values: Array) -> bool:
    """A serialized tf.Example begins with field 1, length-delimited (or is empty)."""
    return all(not value or value[:1] == b"\n" for value in values.reshape(-1)[:10])


def _input_examples(given: Any) -> list[bytes]:
    kind = given.WhichOneof("kind")
    return list(getattr(given, kind).examples) if kind else []


def response_arrays(kind: str, response: Any) -> dict[str, Array]:
    """Returns a response's outputs by name.

    Args:
        kind: "predict_log", "classify_log", "regress_log" or "multi_inference_log".
        response: the response message.
    """
    if kind == "predict_log":
        return {name: from_proto(part) for name, part in response.outputs.items()}
    if kind == "classify_log":
        return _classifications(response.result.classifications)
    if kind == "regress_log":
        return {"outputs": np.array([part.value for part in response.result.regressions])}
    found = {}
    for result in response.results:
        name = result.model_spec.signature_name
        if result.WhichOneof("result") == "regression_result":
            parts = {
                "outputs": np.array([part.value for part in result.regression_result.regressions])
            }
        else:
            parts = _classifications(result.classification_result.classifications)
        found.update({f"{name}/{key}" if name else key: part for key, part in parts.items()})
    return found


def _classifications(results: Any) -> dict[str, Array]:
    scores = np.array([[part.score for part in result.classes] for result in results])
    found = {"scores": scores}
    labels = [[part.label for part in result.classes] for result in results]
    if labels and any(any(row) for row in labels):
        found["classes"] = np.array(labels, dtype=object)
    return found


def _joined(parts: list[dict[str, Array]]) -> dict[str, Array]:
    return {
        name: np.concatenate([np.atleast_1d(part[name]) for part in parts]) for name in parts[0]
    }


def _column(array: Array) -> Any:
    import pyarrow as pa

    if array.dtype == object:
        array = np.array(array)
        flat = pa.array(array.reshape(-1).tolist(), pa.large_binary())
    else:
        flat = pa.array(array.reshape(-1))
    if array.ndim == 1:
        return flat
    width = int(np.prod(array.shape[1:]))
    return pa.LargeListArray.from_arrays(np.arange(len(array) + 1) * width, flat)
