"""The `evaluator-component` command: evaluate, and look at results, without a pipeline.

Exit codes: 0 blessed (or nothing to judge), 1 not blessed, 2 a mistake in config or input,
3 inconclusive.
"""

from evaluator_component.cli.main import main

__all__ = ["main"]
