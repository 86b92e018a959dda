"""The version of the package: part of cache keys, results and reports."""

__version__ = "0.1.0"
