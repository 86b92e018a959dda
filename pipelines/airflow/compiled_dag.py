"""Makes an Airflow DAG from a compiled pipeline: one task per node, run in TFX's environment.

This file needs Airflow (2.10 or 3) and nothing else: parsing it reads one small JSON file, where
TFX's own Airflow runner imports TFX whenever Airflow looks at the DAG. A condition in the pipeline
that is not met skips the node and all that depends on it.

Synopsis, in a file in Airflow's DAG folder (the word "airflow" must be in it: Airflow does not
look into other files)::

    from compiled_dag import dag_of  # for Airflow

    dag = dag_of("/srv/flights/compiled", schedule="@daily")
"""

from __future__ import annotations

import json
import shlex
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

try:  # Airflow 3
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.sdk import DAG
except ImportError:  # Airflow 2
    from airflow import DAG  # type: ignore[attr-defined,no-redef]
    from airflow.operators.bash import BashOperator  # type: ignore[no-redef]

__all__ = ["dag_of"]

#: The exit code by which a node says that a condition was not met.
SKIPPED_EXIT_CODE = 99


def dag_of(
    folder: str | Path,
    *,
    python: str | None = None,
    schedule: Any = None,
    retries: int = 1,
    retry_delay: timedelta = timedelta(minutes=1),
    environment: dict[str, str] | None = None,
    **settings: Any,
) -> Any:
    """Returns the DAG of a compiled pipeline.

    Args:
        folder: what `evaluator_component.component.compiled.compile_pipeline` wrote.
        python: the Python that has TFX; by default the one that compiled the pipeline.
        schedule: when to run; None: when triggered.
        retries: how often a node that fails is tried again.
        retry_delay: how long to wait before that.
        environment: environment variables of all tasks, added to Airflow's.
        settings: further arguments of the DAG.
    """
    compiled = json.loads((Path(folder) / "dag.json").read_text(encoding="utf-8"))
    python = python or compiled["python"]
    settings.setdefault("start_date", datetime(2024, 1, 1))
    settings.setdefault("catchup", False)
    # Steps share a metadata store; a run sees the model that the run before it blessed.
    settings.setdefault("max_active_runs", 1)
    dag = DAG(compiled["name"], schedule=schedule, **settings)
    tasks = {}
    for node in compiled["nodes"]:
        command = [
            python,
            "-W",
            "ignore",
            "-m",
            "evaluator_component.component.compiled",
            str(folder),
            "--node",
            node["id"],
        ]
        tasks[node["id"]] = BashOperator(
            task_id=node["id"],
            # Only the run's id is a template: braces in configs are left alone.
            bash_command=f"{shlex.join(command)} --run-id '{{{{ run_id }}}}'",
            cwd=compiled["folder"],
            skip_on_exit_code=SKIPPED_EXIT_CODE,
            env={"TF_CPP_MIN_LOG_LEVEL": "3", **(environment or {})},
            append_env=True,
            retries=retries,
            retry_delay=retry_delay,
            # The last line, what became of the node and where its outputs lie, is kept with it.
            do_xcom_push=True,
            dag=dag,
        )
    for node in compiled["nodes"]:
        for upstream in node["upstream"]:
            tasks[upstream] >> tasks[node["id"]]
    return dag
