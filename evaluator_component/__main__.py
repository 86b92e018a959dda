"""`python -m evaluator_component` is the `evaluator-component` command."""

from evaluator_component.cli import main

main()
