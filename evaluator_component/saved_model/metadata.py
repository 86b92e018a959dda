"""The metadata of an eval SavedModel: a versioned proto in its folder `assets.extra`.

It says what the SavedModel offers (signatures, outputs with their labels and class names, how
features are parsed, the metrics in the graph), so that nobody has to guess. The message is defined,
field by field, in `proto/eval_model.proto`.
"""

from __future__ import annotations

import os
from typing import Any

from evaluator_component.errors import ModelError

__all__ = ["VERSION", "has_metadata", "read_metadata", "write_metadata"]

#: The version that this package writes, and the highest that it reads.
VERSION = 1
_FILE = os.path.join("assets.extra", "eval_model.pb")


def has_metadata(path: str) -> bool:
    """Tells whether the SavedModel at a path is one of ours."""
    return _exists(os.path.join(path, _FILE))


def read_metadata(path: str) -> Any:
    """Returns the `EvalModelMetadata` of the SavedModel at a path.

    Raises:
        ModelError: it has none, it cannot be read, or it is of a later version.
    """
    from google.protobuf.message import DecodeError

    from evaluator_component.protos import eval_model_pb2

    file = os.path.join(path, _FILE)
    if not _exists(file):
        raise ModelError(
            f"{path!r} is not an eval SavedModel: it has no {_FILE}; "
            "write one with export_eval_savedmodel"
        )
    metadata = eval_model_pb2.EvalModelMetadata()
    try:
        metadata.ParseFromString(_read(file))
    except DecodeError as error:
        raise ModelError(f"{file!r} cannot be read: {error}") from error
    if metadata.version > VERSION:
        raise ModelError(
            f"{path!r} was written by a later release (metadata version {metadata.version}, this "
            f"one reads up to {VERSION}): update evaluator_component"
        )
    return metadata


def write_metadata(metadata: Any, path: str) -> None:
    """Writes metadata into the SavedModel at a path."""
    file = os.path.join(path, _FILE)
    data = metadata.SerializeToString(deterministic=True)
    if "://" in path:
        import tensorflow as tf

        tf.io.gfile.makedirs(os.path.dirname(file))
        with tf.io.gfile.GFile(file, "wb") as stream:
            stream.write(data)
        return
    os.makedirs(os.path.dirname(file), exist_ok=True)
    with open(file, "wb") as stream:
        stream.write(data)


def _exists(file: str) -> bool:
    if "://" in file:
        import tensorflow as tf

        return tf.io.gfile.exists(file)
    return os.path.exists(file)


def _read(file: str) -> bytes:
    if "://" in file:
        import tensorflow as tf

        with tf.io.gfile.GFile(file, "rb") as stream:
            return stream.read()
    with open(file, "rb") as stream:
        return stream.read()
