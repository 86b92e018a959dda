"""Confusion matrices, calibration histograms and tables as protos, and back.

In memory a structured value is a dict: "kind" names what it is, "columns" holds arrays of one
length by name, and other entries (such as "class_names") belong to the whole. The kinds that
TensorFlow Model Analysis knows have messages of their own; any other kind is a `Table`.

The messages of long curves are put together as bytes by NumPy: a curve of a thousand thresholds
takes microseconds, whereas setting its fields one by one takes milliseconds.

Example:
    >>> columns = {name: np.array([1.0, 2.0]) for name in CONFUSION_COLUMNS}
    >>> encoded = CODECS["confusion_matrices"].encode(columns)
    >>> message = pb.ConfusionMatrixAtThresholds.FromString(encoded)
    >>> CODECS["confusion_matrices"].decode(message)["threshold"]
    array([1., 2.])
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.protos import metrics_for_slice_pb2 as pb

__all__ = [
    "CODECS",
    "CONFUSION_COLUMNS",
    "Codec",
    "decode_table",
    "fill_table",
    "is_structured",
    "plain_column",
]

Array = npt.NDArray[Any]
Columns = Mapping[str, Array]

CONFUSION_COLUMNS = (
    "threshold",
    "true_positives",
    "false_positives",
    "true_negatives",
    "false_negatives",
)
_CALIBRATION_COLUMNS = ("lower", "upper", "weight", "label", "prediction")
_CALIBRATION_FIELDS = (
    "lower_threshold_inclusive",
    "upper_threshold_exclusive",
    "num_weighted_examples.value",
    "total_weighted_label.value",
    "total_weighted_refined_prediction.value",
)
_MULTI_CLASS_COLUMNS = ("threshold", "actual", "predicted", "weight")
_MULTI_LABEL_COLUMNS = (
    "threshold",
    "actual",
    "predicted",
    "false_negatives",
    "true_negatives",
    "false_positives",
    "true_positives",
)
_CLASS_IDS = ("actual", "predicted")


@dataclass(frozen=True)
class Codec:
    """How one kind of structured value becomes a message and back.

    Attributes:
        columns: names of the columns that the message holds.
        plot_field: field of `PlotData`.
        value_field: field of `MetricValue`; "" where it has none.
        encode: columns -> serialized message.
        decode: message -> columns.
    """

    columns: tuple[str, ...]
    plot_field: str
    value_field: str
    encode: Callable[[Columns], bytes]
    decode: Callable[[Any], dict[str, Array]]

    def fits(self, columns: Columns) -> bool:
        """Tells whether the message holds the columns that it needs, without loss."""
        if not all(name in columns for name in self.columns):
            return False
        for name in self.columns:
            array = columns[name]
            if array.dtype.kind not in ("iu" if name in _CLASS_IDS else "iuf"):
                return False
            if name in _CLASS_IDS and len(array) and np.abs(array).max() >= 2**31:
                return False
        return True


def is_structured(value: Any) -> bool:
    """Tells whether a value is a dict of "kind" and "columns" that a message can hold."""
    if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
        return False
    columns = value.get("columns")
    if not isinstance(columns, dict) or not columns:
        return False
    arrays = [plain_column(column) for column in columns.values()]
    if any(array is None for array in arrays) or not all(isinstance(name, str) for name in columns):
        return False
    return len({len(array) for array in arrays if array is not None}) == 1


def plain_column(column: Any) -> Array | None:
    """Returns a column as float64, int64 or an object array of text; None if it is none of them."""
    if not isinstance(column, (np.ndarray, list, tuple)):
        return None
    array = np.asarray(column)
    if array.ndim != 1:
        return None
    if array.dtype.kind == "f":
        return array.astype(np.float64)
    if array.dtype.kind in "bi":
        return array.astype(np.int64)
    if array.dtype.kind == "u":
        return array.astype(np.int64) if not len(array) or array.max() < 2**63 else None
    if array.dtype.kind == "U" or all(isinstance(item, str) for item in array):
        texts = np.empty(len(array), dtype=object)
        texts[:] = [str(item) for item in array]
        return texts if all(_is_unicode(text) for text in texts) else None
    return None


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:  # half a surrogate pair: bytes of another encoding
        return False
    return True


# -------------------------------------------------------------------------------------------------
# Fixed layouts: a repeated message (field 1) whose fields are all doubles


def _repeat(layout: list[tuple[bytes, Array]]) -> bytes:
    """Returns a repeated message (field 1), one entry per row.

    Args:
        layout: bytes that stand before each double (its tag, and the header of a wrapper message),
            and the doubles, one per row.
    """
    body = sum(len(tag) + 8 for tag, _ in layout)
    header = b"\x0a" + _varint(body)
    rows = len(layout[0][1])
    out = np.empty((rows, len(header) + body), dtype=np.uint8)
    out[:, : len(header)] = np.frombuffer(header, dtype=np.uint8)
    position = len(header)
    for tag, doubles in layout:
        out[:, position : position + len(tag)] = np.frombuffer(tag, dtype=np.uint8)
        position += len(tag)
        eight = np.ascontiguousarray(doubles, dtype="<f8").view(np.uint8).reshape(rows, 8)
        out[:, position : position + 8] = eight
        position += 8
    return out.tobytes()


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _double(field: int) -> bytes:
    return _varint(field << 3 | 1)


def _wrapped_double(field: int) -> bytes:
    return _varint(field << 3 | 2) + b"\x09\x09"


def _ratio(numerator: Array, denominator: Array, undefined: float) -> Array:
    defined = denominator > 0
    out = np.full(len(numerator), undefined)
    np.divide(numerator, denominator, out=out, where=defined)
    return out


def _encode_confusion(columns: Columns) -> bytes:
    threshold, tp, fp, tn, fn = (
        np.asarray(columns[name], dtype=np.float64) for name in CONFUSION_COLUMNS
    )
    # Ratios are there for others who read the file. Undefined ones are what TensorFlow Model
    # Analysis writes there, so that its curves close: precision 1, false omission rate NaN, else 0.
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        precision = _ratio(tp, tp + fp, 1.0)
        recall = _ratio(tp, tp + fn, 0.0)
        layout = [
            (1, threshold),
            (2, fn),
            (3, tn),
            (4, fp),
            (5, tp),
            (6, precision),
            (7, recall),
            (20, _ratio(fp, fp + tn, 0.0)),
            (21, _ratio(2 * tp, 2 * tp + fp + fn, 0.0)),
            (22, _ratio(tp + tn, tp + tn + fp + fn, 0.0)),
            (23, _ratio(fn, fn + tn, np.nan)),
        ]
    return _repeat([(_double(field), doubles) for field, doubles in layout])


def _decode_confusion(message: Any) -> dict[str, Array]:
    return _doubles(message.matrices, CONFUSION_COLUMNS, CONFUSION_COLUMNS)


def _doubles(messages: Any, fields: tuple[str, ...], columns: tuple[str, ...]) -> dict[str, Array]:
    """Returns fields of repeated messages as columns; one pass, which is what takes the time."""
    rows = itertools.chain.from_iterable(map(operator.attrgetter(*fields), messages))
    table = np.fromiter(rows, np.float64, len(fields) * len(messages)).reshape(-1, len(fields))
    return dict(zip(columns, np.ascontiguousarray(table.T), strict=True))


def _encode_calibration(columns: Columns) -> bytes:
    tags = (_double(1), _double(2), _wrapped_double(3), _wrapped_double(4), _wrapped_double(5))
    return _repeat(
        [
            (tag, np.asarray(columns[name]))
            for tag, name in zip(tags, _CALIBRATION_COLUMNS, strict=True)
        ]
    )


def _decode_calibration(message: Any) -> dict[str, Array]:
    return _doubles(message.buckets, _CALIBRATION_FIELDS, _CALIBRATION_COLUMNS)


def _encode_entries(columns: Columns, message: Any, fields: Mapping[str, str]) -> bytes:
    """Encodes rows (threshold, ...) as one matrix per run of equal thresholds."""
    threshold = np.asarray(columns["threshold"], dtype=np.float64)
    if not len(threshold):
        return b""
    starts = np.flatnonzero(np.diff(threshold, prepend=np.nan) != 0)
    stops = np.append(starts[1:], len(threshold))
    lists = {field: columns[name].tolist() for name, field in fields.items()}
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        matrix = message.matrices.add(threshold=float(threshold[start]))
        for row in range(start, stop):
            matrix.entries.add(**{field: values[row] for field, values in lists.items()})
    encoded: bytes = message.SerializeToString()
    return encoded


def _decode_entries(message: Any, fields: Mapping[str, str]) -> dict[str, Array]:
    entries = [(matrix.threshold, entry) for matrix in message.matrices for entry in matrix.entries]
    columns = {"threshold": np.array([threshold for threshold, _ in entries], dtype=np.float64)}
    for name, field in fields.items():
        kind: type = np.int64 if name in _CLASS_IDS else np.float64
        columns[name] = np.array([getattr(entry, field) for _, entry in entries], dtype=kind)
    return columns


_MULTI_CLASS_FIELDS = {
    "actual": "actual_class_id",
    "predicted": "predicted_class_id",
    "weight": "num_weighted_examples",
}
_MULTI_LABEL_FIELDS = {
    "actual": "actual_class_id",
    "predicted": "predicted_class_id",
    **{name: name for name in _MULTI_LABEL_COLUMNS[3:]},
}

#: Codec by kind.
CODECS: dict[str, Codec] = {
    "confusion_matrices": Codec(
        CONFUSION_COLUMNS,
        "confusion_matrix_at_thresholds",
        "confusion_matrix_at_thresholds",
        _encode_confusion,
        _decode_confusion,
    ),
    "calibration": Codec(
        _CALIBRATION_COLUMNS,
        "calibration_histogram_buckets",
        "",
        _encode_calibration,
        _decode_calibration,
    ),
    "multi_class_confusion_matrix": Codec(
        _MULTI_CLASS_COLUMNS,
        "multi_class_confusion_matrix_at_thresholds",
        "multi_class_confusion_matrix_at_thresholds",
        lambda columns: _encode_entries(
            columns, pb.MultiClassConfusionMatrixAtThresholds(), _MULTI_CLASS_FIELDS
        ),
        lambda message: _decode_entries(message, _MULTI_CLASS_FIELDS),
    ),
    "multi_label_confusion_matrix": Codec(
        _MULTI_LABEL_COLUMNS,
        "multi_label_confusion_matrix_at_thresholds",
        "",
        lambda columns: _encode_entries(
            columns, pb.MultiLabelConfusionMatrixAtThresholds(), _MULTI_LABEL_FIELDS
        ),
        lambda message: _decode_entries(message, _MULTI_LABEL_FIELDS),
    ),
}


# -------------------------------------------------------------------------------------------------
# Tables


def fill_table(columns: Columns, table: pb.Table) -> None:
    """Writes plain columns (see `plain_column`) into an empty table."""
    table.SetInParent()
    for name, array in columns.items():
        column = table.columns.add(name=name)
        if array.dtype.kind == "f":
            column.numbers.extend(array.tolist())
        elif array.dtype.kind == "i":
            column.integers.extend(array.tolist())
        else:
            column.strings.extend(array.tolist())


def decode_table(table: pb.Table) -> dict[str, Array]:
    """Returns the columns of a table; a column without entries is float64."""
    columns: dict[str, Array] = {}
    for column in table.columns:
        if column.integers:
            columns[column.name] = np.array(column.integers, dtype=np.int64)
        elif column.strings:
            texts = np.empty(len(column.strings), dtype=object)
            texts[:] = list(column.strings)
            columns[column.name] = texts
        else:
            columns[column.name] = np.array(column.numbers, dtype=np.float64)
    return columns
