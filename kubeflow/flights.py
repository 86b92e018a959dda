"""Compiles the flights pipeline for Kubeflow Pipelines, and submits runs of it.

python kubeflow/flights.py compile --image registry/flights:1
python kubeflow/flights.py submit --image registry/flights:1 --host http://localhost:8888 \
    --metadata grpc://localhost:8080

The code is in `pipelines/kubeflow/flights.py`; this file finds it from wherever it is called.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pipelines.kubeflow.flights import main

if __name__ == "__main__":
    sys.exit(main())
