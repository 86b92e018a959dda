"""Exceptions, and the collector that turns many problems into one message.

The tree::

    EvaluatorError
    ├── ConfigError    the eval config asks for something that cannot be
    ├── InputError     data cannot be found, read or decoded
    ├── ModelError     a model cannot be loaded or called
    ├── MetricError    a metric was given values that it cannot use
    └── ResultError    a result folder is missing, half-written or of another version

Every message says what is wrong, where, what was found, what is allowed and, where a name was
mistyped, the nearest name that exists.

Example:
    >>> problems = Problems()
    >>> hint = did_you_mean("Acu", ["AUC", "Recall"])
    >>> problems.add("metrics_specs[0].metrics[1]", "unknown metric 'Acu'", hint)
    >>> problems.raise_if_any()
    Traceback (most recent call last):
    ...
    evaluator_component.errors.ConfigError: 1 problem in the configuration:
      metrics_specs[0].metrics[1]: unknown metric 'Acu' (did you mean 'AUC'?)
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = [
    "ConfigError",
    "EvaluatorError",
    "InputError",
    "MetricError",
    "ModelError",
    "Problem",
    "Problems",
    "ResultError",
    "did_you_mean",
]


class EvaluatorError(Exception):
    """Base of every error that this package raises on purpose."""


class ConfigError(EvaluatorError):
    """The eval config asks for something that cannot be."""


class InputError(EvaluatorError):
    """Data cannot be found, read or decoded."""


class ModelError(EvaluatorError):
    """A model cannot be loaded or called."""


class MetricError(EvaluatorError):
    """A metric was given values that it cannot use."""


class ResultError(EvaluatorError):
    """A result folder is missing, half-written or of another version."""


def did_you_mean(got: object, allowed: Iterable[object], listed: int = 8) -> str:
    """Returns a hint in parentheses: the nearest allowed name, or else the allowed names.

    Args:
        got: the name that does not exist.
        allowed: the names that do.
        listed: how many names to list at the most.

    Example:
        >>> did_you_mean("lable", ["label", "weight"])
        "(did you mean 'label'?)"
        >>> did_you_mean("x", ["label", "weight"])
        "(have 'label', 'weight')"
    """
    names = sorted({str(name) for name in allowed})
    if not names:
        return "(there are none)"
    by_lower = {name.lower(): name for name in names}
    near = difflib.get_close_matches(str(got).lower(), by_lower, n=1, cutoff=0.6)
    if near:
        return f"(did you mean {by_lower[near[0]]!r}?)"
    shown = ", ".join(repr(name) for name in names[:listed])
    rest = f" and {len(names) - listed} more" if len(names) > listed else ""
    return f"(have {shown}{rest})"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: `where` is a field path, a file or a name; `what` a sentence."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.where else self.what


@dataclass
class Problems:
    """Collects problems, to raise them all in one error."""

    found: list[Problem] = field(default_factory=list)

    def add(self, where: str, what: str, hint: str = "") -> None:
        """Notes one problem; `hint` (see `did_you_mean`) is appended to the sentence."""
        problem = Problem(where, f"{what} {hint}".rstrip())
        if problem not in self.found:
            self.found.append(problem)

    def __bool__(self) -> bool:
        return bool(self.found)

    def raise_if_any(
        self, kind: type[EvaluatorError] = ConfigError, of: str = "in the configuration"
    ) -> None:
        """Raises one error that lists every problem found so far.

        Raises:
            EvaluatorError: of the given kind, when any problem was noted.
        """
        if self.found:
            count = len(self.found)
            lines = "\n".join(f"  {problem}" for problem in self.found)
            raise kind(f"{count} problem{'s' if count > 1 else ''} {of}:\n{lines}")
