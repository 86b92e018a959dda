"""View: TFMA's name of `views`."""

from evaluator_component.views import *  # noqa: F403
from evaluator_component.views import __all__ as __all__
