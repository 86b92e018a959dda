"""Evaluates a model on a whole dataset, slice by slice, and says whether it may be pushed."""
