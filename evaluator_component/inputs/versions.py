"""What a worker must have in common with the process that submitted the job.

Beam sends code and data between the two as pickles. With other versions at the other end these fail
to decode somewhere, or decode to something else; the readers, with which every job begins, compare
first and say so.

Example:
    >>> Versions.here().check()
    >>> Versions("9.9.9", "2.73.0", "3.11").differences(Versions("9.9.9", "2.70.0", "3.11"))
    ['the submitter has apache-beam 2.73.0, the worker 2.70.0']
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields

from evaluator_component.errors import EvaluatorError
from evaluator_component.version import __version__

__all__ = ["Versions"]


@dataclass(frozen=True)
class Versions:
    """Versions of a process.

    Attributes:
        evaluator_component: of this package.
        apache_beam: of Beam.
        python: of the interpreter, without the last number.
    """

    evaluator_component: str
    apache_beam: str
    python: str

    @classmethod
    def here(cls) -> Versions:
        """Returns the versions of this process."""
        import apache_beam

        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        return cls(__version__, apache_beam.__version__, python)

    def differences(self, worker: Versions) -> list[str]:
        """Returns a sentence for each version that differs."""
        pairs = [(each.name, getattr(self, each.name)) for each in fields(self)]
        return [
            f"the submitter has {name.replace('apache_beam', 'apache-beam')} {version}, "
            f"the worker {getattr(worker, name)}"
            for name, version in pairs
            if getattr(worker, name) != version
        ]

    def check(self) -> None:
        """Compares the submitter's versions with those of this process, which is a worker.

        Raises:
            EvaluatorError: they differ.
        """
        found = self.differences(Versions.here())
        if found:
            raise EvaluatorError(
                f"this worker cannot run the job: {'; '.join(found)} (install the submitter's "
                "versions in the workers' image or environment, or ship them)"
            )
