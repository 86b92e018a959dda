"""The flights pipeline for Airflow; put this folder into Airflow's DAG folder.

python -m pipelines.airflow.compile_flights --root demo/airflow     # in TFX's environment
export FLIGHTS_COMPILED=$PWD/demo/airflow/compiled                  # in Airflow's
airflow dags test flights
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from compiled_dag import dag_of

COMPILED = os.environ.get("FLIGHTS_COMPILED", "demo/airflow/compiled")

dag = dag_of(COMPILED, schedule=None, tags=["evaluator_component"])
