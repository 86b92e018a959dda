"""Questions about Arrow types that pyarrow answers one width at a time.

Example:
    >>> import pyarrow as pa
    >>> is_list(pa.large_list(pa.int64())), is_text(pa.large_string()), is_bytes(pa.binary())
    (True, True, True)
    >>> innermost(pa.list_(pa.list_(pa.float32())))
    DataType(float)
"""

from __future__ import annotations

from typing import Any

__all__ = ["innermost", "is_bytes", "is_list", "is_text"]


def is_list(kind: Any) -> bool:
    """Tells whether a type is a list, of 32-bit or 64-bit offsets or of fixed size."""
    import pyarrow as pa

    types = pa.types
    return types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)


def is_text(kind: Any) -> bool:
    """Tells whether a type is a UTF-8 string."""
    import pyarrow as pa

    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def is_bytes(kind: Any) -> bool:
    """Tells whether a type is bytes of any length."""
    import pyarrow as pa

    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def innermost(kind: Any) -> Any:
    """Returns the type of the values inside lists of lists."""
    while is_list(kind):
        kind = kind.value_type
    return kind
