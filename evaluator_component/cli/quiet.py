"""Quiet: keeps the log noise of TensorFlow, absl and Beam off the terminal."""

from __future__ import annotations

import logging
import os
import warnings

__all__ = ["be_quiet"]


def be_quiet() -> None:
    """Silences what libraries log; must run before they are imported."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    warnings.filterwarnings("ignore")
    logging.getLogger().setLevel(logging.ERROR)
    for name in ("absl", "apache_beam", "tensorflow"):
        logging.getLogger(name).setLevel(logging.ERROR)
