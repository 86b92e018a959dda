"""Serialized `tf.Example` and `tf.SequenceExample` records -> Arrow columns.

Records are decoded by the C++ decoder of `tfx_bsl`, restricted to the features that are needed.
That needs their types: from a schema, or from the first records of the first file.

Vocabulary:
    feature types: {name: "bytes" | "int" | "float"}.
    decoder: a callable, list of records -> {name: Arrow array of lists}.

Example:
    >>> types = {"hour": "int"}
    >>> Decoder("tfrecord", types, ("hour",))([b""])["hour"].to_pylist()
    [None]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.errors import InputError
from evaluator_component.inputs.arrow_types import innermost

__all__ = ["Decoder", "decode_good", "feature_types", "schema_types"]

#: The column in which tfx_bsl puts the sequence features of SequenceExamples.
_SEQUENCE = "##SEQUENCE##"

Columns = dict[str, Any]


def schema_types(schema: bytes) -> dict[str, str]:
    """Returns the feature types that a serialized `tensorflow_metadata` Schema names.

    Raises:
        InputError: the bytes are not a Schema.
    """
    from google.protobuf.message import DecodeError
    from tensorflow_metadata.proto.v0 import schema_pb2

    parsed = schema_pb2.Schema()
    try:
        parsed.ParseFromString(schema)
    except DecodeError as error:
        raise InputError(
            "source.schema: these bytes are not a tensorflow_metadata Schema"
        ) from error
    names = {schema_pb2.BYTES: "bytes", schema_pb2.INT: "int", schema_pb2.FLOAT: "float"}
    return {item.name: names[item.type] for item in parsed.feature if item.type in names}


def feature_types(records: Sequence[bytes], kind: str = "tfrecord") -> dict[str, str]:
    """Returns the feature types that some records show.

    Features that are there without any value have no type and are left out.

    Raises:
        RuntimeError: a record cannot be parsed, or records disagree.
    """
    columns = Decoder(kind)(records)
    types = {name: _type_name(column.type) for name, column in columns.items()}
    return {name: found for name, found in types.items() if found}


def _type_name(kind: Any) -> str:
    import pyarrow as pa

    kind = innermost(kind)
    if pa.types.is_integer(kind):
        return "int"
    if pa.types.is_floating(kind):
        return "float"
    if pa.types.is_null(kind):
        return ""
    return "bytes"


class Decoder:
    """Decodes lists of records into columns.

    Args:
        kind: "tfrecord" (tf.Example) or "sequence_example".
        types: known feature types.
        columns: the features to return; None for whatever the records hold.
    """

    def __init__(
        self,
        kind: str = "tfrecord",
        types: Mapping[str, str] | None = None,
        columns: Sequence[str] | None = None,
    ) -> None:
        self.kind = kind
        self.types = dict(types or {})
        self.columns = columns
        self.full: Any = None
        # Without the type of every wanted feature, everything must be decoded.
        known = columns is not None and all(name in self.types for name in columns)
        self.reduced = bool(known and columns and kind == "tfrecord")
        self.strict = self._make(columns if known else None, self.types) if self.types else None

    def __call__(self, records: Sequence[bytes]) -> Columns:
        """Decodes records.

        Raises:
            RuntimeError: a record cannot be parsed or has a feature of another type.
        """
        if self.columns is not None and not self.columns:
            return {}
        if self.reduced:
            return self._flat(self.strict.DecodeBatch(records))
        if self.full is None:
            self.full = self._make(None, {})
        found = self._flat(self.full.DecodeBatch(records))
        return self._completed(found, len(records))

    def _make(self, columns: Sequence[str] | None, types: Mapping[str, str]) -> Any:
        from tensorflow_metadata.proto.v0 import schema_pb2
        from tfx_bsl.cc.tfx_bsl_extension import coders

        schema = None
        names = types if columns is None else columns
        if types and self.kind == "tfrecord":
            built = schema_pb2.Schema()
            codes = {"bytes": schema_pb2.BYTES, "int": schema_pb2.INT, "float": schema_pb2.FLOAT}
            for name in names:
                built.feature.add(name=name, type=codes[types[name]])
            schema = built.SerializeToString()
        if self.kind == "sequence_example":
            return coders.SequenceExamplesToRecordBatchDecoder(_SEQUENCE)
        return coders.ExamplesToRecordBatchDecoder(schema)

    def _flat(self, batch: Any) -> Columns:
        columns: Columns = {}
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if name == _SEQUENCE:
                for place in range(column.type.num_fields):
                    columns[column.type.field(place).name] = column.field(place)
            else:
                columns[name] = column
        return columns

    def _completed(self, found: Columns, rows: int) -> Columns:
        """Picks the wanted columns, adds absent ones as nulls, and checks known types."""
        import pyarrow as pa

        arrow = {"bytes": pa.large_binary(), "int": pa.int64(), "float": pa.float32()}
        for name, column in found.items():
            shown = _type_name(column.type)
            known = self.types.get(name)
            if shown and known and shown != known:
                raise RuntimeError(
                    f'Feature had wrong type, expected {known}, found {shown} for feature "{name}"'
                )
        wanted = self.columns if self.columns is not None else [*self.types, *found]
        columns: Columns = {}
        for name in wanted:
            column = found.get(name)
            known = self.types.get(name)
            if column is None or (known and not _type_name(column.type)):
                kind = pa.large_list(arrow[known]) if known else pa.null()
                column = pa.nulls(rows, kind)
            columns[name] = column
        return columns


def decode_good(
    decode: Decoder, records: Sequence[bytes]
) -> tuple[Columns, npt.NDArray[np.intp] | None, list[tuple[int, str]]]:
    """Decodes records, leaving out those that cannot be decoded.

    Returns:
        the columns; the rows that they hold, None for all; (row, reason) of each one left out.
    """
    try:
        return decode(records), None, []
    except RuntimeError:
        bad = _isolate(decode, records, 0)
    wrong = {row for row, _ in bad}
    rows = np.array([row for row in range(len(records)) if row not in wrong], np.intp)
    return decode([records[row] for row in rows]), rows, bad


def _isolate(decode: Decoder, records: Sequence[bytes], first: int) -> list[tuple[int, str]]:
    try:
        decode(records)
    except RuntimeError as error:
        if len(records) == 1:
            return [(first, str(error).partition(": ")[2] or str(error))]
        half = len(records) // 2
        left = _isolate(decode, records[:half], first)
        return left + _isolate(decode, records[half:], first + half)
    return []
