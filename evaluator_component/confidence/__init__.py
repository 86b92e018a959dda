"""Confidence: resamples of the examples, and intervals from them."""

from evaluator_component.confidence.interval import Interval, interval, with_intervals
from evaluator_component.confidence.resampling import BOOTSTRAP, JACKKNIFE, Resampling

__all__ = ["BOOTSTRAP", "JACKKNIFE", "Interval", "Resampling", "interval", "with_intervals"]
