"""Quiets the libraries underneath, so that what a program itself says can be read.

Must run before TensorFlow is imported: its C++ part reads the level once, when it is loaded.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["muted_stderr", "quiet_libraries"]

#: Read by TensorFlow, gRPC and oneDNN when they are loaded.
ENVIRONMENT = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "GRPC_VERBOSITY": "ERROR",
    "GLOG_minloglevel": "3",
    "KERAS_BACKEND": "tensorflow",
}


def quiet_libraries(verbose: bool = False) -> None:
    """Leaves errors only of what TensorFlow, absl, Beam, TFX and Google's clients say.

    Args:
        verbose: keep everything.
    """
    if verbose:
        logging.basicConfig(level=logging.INFO)
        return
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    warnings.simplefilter("ignore")
    # Child processes of Beam inherit this.
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    from absl import logging as absl_logging

    absl_logging.set_verbosity(absl_logging.ERROR)
    # absl writes to stderr by itself until its handler is in use.
    absl_logging.use_absl_handler()
    logging.getLogger().setLevel(logging.ERROR)


@contextmanager
def muted_stderr(verbose: bool = False) -> Iterator[None]:
    """Swallows what is written to stderr, by C++ code too; gives it back if the block fails.

    Meant for imports: TensorFlow prints lines there before its log level is read.

    Args:
        verbose: swallow nothing.
    """
    if verbose:
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as swallowed:
        os.dup2(swallowed.fileno(), 2)
        try:
            yield
        except BaseException:
            swallowed.seek(0)
            os.write(kept, swallowed.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
