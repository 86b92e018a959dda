"""Puts the pipelines of this checkout, and helpers beside the tests, on the import path."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent.parent)]
