"""Whether two configs are the same: a hash of what they say, not of how they are written."""

from __future__ import annotations

import hashlib
import json

from google.protobuf import json_format
from google.protobuf.message import Message

__all__ = ["canonical_json", "hash_of"]


def canonical_json(config: Message) -> str:
    """Returns a config as JSON with sorted keys and no spaces; equal configs give equal text."""
    tree = json_format.MessageToDict(config, preserving_proto_field_name=True)
    return json.dumps(tree, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def hash_of(config: Message) -> str:
    """Returns 32 hexadecimal digits that are the same for equal configs, on any machine.

    Example:
        >>> from evaluator_component.config.parse import parse_config
        >>> hash_of(parse_config("options {}")) == hash_of(parse_config({"options": {}}))
        True
    """
    return hashlib.sha256(canonical_json(config).encode()).hexdigest()[:32]
