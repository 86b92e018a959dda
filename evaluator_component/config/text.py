"""Unknown names in a text proto: all of them, with line and nearest name.

The parser of the protobuf library stops at the first unknown field. Once it has refused a text,
`note_unknown_fields` walks the text again, only to look at the names.

Example:
    >>> from evaluator_component.errors import Problems
    >>> from evaluator_component.protos import eval_config_pb2
    >>> problems = Problems()
    >>> text = "model_specs { lable_key: 'y' } option { }"
    >>> note_unknown_fields(text, eval_config_pb2.EvalConfig.DESCRIPTOR, problems)
    >>> for problem in problems.found:
    ...     print(problem)
    model_specs[0].lable_key: unknown field, line 1 (did you mean 'label_key'?)
    option: unknown field, line 1 (did you mean 'options'?)
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from google.protobuf.descriptor import Descriptor

from evaluator_component.config.tree import is_map, is_repeated
from evaluator_component.errors import Problems, did_you_mean

__all__ = ["note_unknown_fields"]

_TOKEN = re.compile(
    r"""(?P<space>\s+|\#[^\n]*)
      | (?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
      | (?P<word>[A-Za-z_][\w.]*)
      | (?P<number>[-+]?[\d.][\w.+-]*)
      | (?P<sign>.)""",
    re.VERBOSE | re.DOTALL,
)
_OPEN, _CLOSE = "{<", "}>"


@dataclass
class _Frame:
    """A message that is open; its descriptor is None inside of a field that is not known."""

    descriptor: Descriptor | None
    place: str
    seen: Counter[str] = field(default_factory=Counter)


def note_unknown_fields(text: str, descriptor: Descriptor, problems: Problems) -> None:
    """Notes every field name of a text proto that its message does not have.

    Args:
        text: the text proto.
        descriptor: of the message that the text is of.
        problems: collects the names.
    """
    stack = [_Frame(descriptor, "")]
    #: what the next brace opens
    nested = _Frame(None, "")
    in_list = False
    after_colon = False
    for token in _TOKEN.finditer(text):
        kind, value = token.lastgroup, token.group()
        if kind == "space":
            continue
        if value in _OPEN:
            stack.append(_Frame(nested.descriptor, nested.place))
            after_colon = in_list = False
        elif value in _CLOSE:
            if len(stack) > 1:
                stack.pop()
            after_colon = False
        elif value in "[]":
            in_list = value == "["
            after_colon = False
        elif value == ":":
            after_colon = True
        elif kind == "word" and not (after_colon or in_list):
            line = text.count("\n", 0, token.start()) + 1
            nested = _name(value, stack[-1], line, problems)
        elif kind != "sign":
            after_colon = False
    return


def _name(name: str, frame: _Frame, line: int, problems: Problems) -> _Frame:
    """Looks a name up in the open message; returns the frame that a brace after it opens."""
    if frame.descriptor is None:
        return _Frame(None, "")
    place = f"{frame.place}.{name}" if frame.place else name
    known = frame.descriptor.fields_by_name
    if name not in known:
        problems.add(place, f"unknown field, line {line}", did_you_mean(name, known))
        return _Frame(None, place)
    if is_repeated(known[name]) and not is_map(known[name]):
        place = f"{place}[{frame.seen[name]}]"
        frame.seen[name] += 1
    return _Frame(known[name].message_type, place)
