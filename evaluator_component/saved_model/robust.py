"""Calling a model on batches that may be too large for it, or hold rows that it cannot take.

Vocabulary:
    Sizer: remembers how many rows a model can take at once.

Example:
    >>> sizer = Sizer()
    >>> def call(start, stop):
    ...     if stop - start > 2:
    ...         raise MemoryError("too large")
    ...     return np.arange(start, stop)
    >>> sizer.call(call, 5).tolist(), sizer.rows
    ([0, 1, 2, 3, 4], 2)
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.errors import ModelError
from evaluator_component.inputs.batches import rows_of

__all__ = ["Sizer", "call_in_pieces", "concatenate_outputs", "predict_good", "take_rows"]

Array = npt.NDArray[Any]
Extracts = dict[str, Any]

_log = logging.getLogger(__name__)


def _is_exhausted(error: BaseException) -> bool:
    if isinstance(error, MemoryError):
        return True
    return type(error).__name__ in ("ResourceExhaustedError", "OutOfMemoryError")


def call_in_pieces(sizer: Sizer, call: Callable[[Extracts], Any], extracts: Extracts) -> Any:
    """Returns `call(extracts)`, put together from calls on pieces of the batch where needed."""
    rows = rows_of(extracts)

    def piece(start: int, stop: int) -> Any:
        whole = start == 0 and stop == rows
        return call(extracts if whole else take_rows(extracts, slice(start, stop)))

    return sizer.call(piece, rows)


@dataclass
class Sizer:
    """Calls in pieces small enough for the memory at hand, and remembers what worked.

    Attributes:
        rows: the most rows in a piece; None: not limited so far.
    """

    rows: int | None = None

    def call(self, call: Callable[[int, int], Any], rows: int) -> Any:
        """Returns `call(0, rows)`, put together from pieces where memory does not suffice.

        Args:
            call: (start, stop) -> array or arrays by name, one row for each of the range.
            rows: how many there are.

        Raises:
            Exception: whatever `call` raises on a single row, or for another reason than memory.
        """
        pieces = []
        start = 0
        while start < rows or not pieces:
            stop = rows if self.rows is None else min(rows, start + self.rows)
            try:
                pieces.append(call(start, stop))
            except Exception as error:
                if not _is_exhausted(error) or stop - start <= 1:
                    raise
                self.rows = (stop - start) // 2
                _log.warning("out of memory at %d rows; going on with %d", stop - start, self.rows)
                continue
            start = stop
        return concatenate_outputs(pieces)


def concatenate_outputs(pieces: list[Any]) -> Any:
    """Puts predictions of consecutive rows together."""
    if len(pieces) == 1:
        return pieces[0]
    if isinstance(pieces[0], Mapping):
        return {name: _stack([piece[name] for piece in pieces]) for name in pieces[0]}
    return _stack(pieces)


def _stack(arrays: list[Array]) -> Array:
    widths = {array.shape[1:] for array in arrays}
    if len(widths) > 1 and all(array.ndim == 2 for array in arrays):
        width = max(array.shape[1] for array in arrays)  # ragged outputs padded by each call
        fill = np.nan if arrays[0].dtype.kind == "f" else -1
        arrays = [
            np.pad(array, ((0, 0), (0, width - array.shape[1])), constant_values=fill)
            for array in arrays
        ]
    return np.concatenate(arrays)


def take_rows(value: Any, rows: Any) -> Any:
    """Returns the rows (a slice or indices) of everything in a batch."""
    if isinstance(value, Mapping):
        return {name: take_rows(part, rows) for name, part in value.items()}
    if value is None:
        return None
    if isinstance(value, np.ndarray) or isinstance(rows, slice):
        return value[rows]
    return value.take(rows)


def predict_good(
    model: Any, extracts: Extracts, rows: int
) -> tuple[Any, npt.NDArray[np.intp] | None, list[tuple[int, str]]]:
    """Predicts a batch; rows that the model fails on are found by halving, and left out.

    Args:
        model: the model.
        extracts: the batch.
        rows: its number of rows.

    Returns:
        the predictions; the rows they are for, None for all; (row, reason) of those left out.

    Raises:
        ModelError: the model fails on every row.
    """
    try:
        return model.predict(extracts), None, []
    except ModelError as error:
        if rows <= 1:
            raise
        first = error
    good: list[tuple[int, Any]] = []
    bad: list[tuple[int, str]] = []
    _halve(model, extracts, 0, rows, good, bad)
    if not good:
        raise first
    kept = np.concatenate([np.arange(start, start + _length(part)) for start, part in good])
    return concatenate_outputs([part for _, part in good]), kept, bad


def _halve(
    model: Any, extracts: Extracts, start: int, stop: int, good: list[Any], bad: list[Any]
) -> None:
    middle = (start + stop) // 2
    for low, high in ((start, middle), (middle, stop)):
        if low == high:
            continue
        try:
            good.append((low, model.predict(take_rows(extracts, slice(low, high)))))
        except ModelError as error:
            if high - low == 1:
                bad.append((low, str(error)))
            else:
                _halve(model, extracts, low, high, good, bad)


def _length(prediction: Any) -> int:
    if isinstance(prediction, Mapping):
        return len(next(iter(prediction.values())))
    return len(prediction)
