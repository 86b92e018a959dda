"""Results of several runs added up: the numbers of one run over all their data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import evaluator_component as ec
from evaluator_component.errors import ResultError

CONFIG = """
model_specs { name: "new" label_key: "label" prediction_key: "prediction" }
model_specs { name: "old" label_key: "label" prediction_key: "x" is_baseline: true }
slicing_specs {} slicing_specs { feature_keys: "color" }
metrics_specs {
  metrics { class_name: "ExampleCount" } metrics { class_name: "ExactAUC" }
  metrics { class_name: "MeanSquaredError" } metrics { class_name: "MeanPrediction" }
}
metrics_specs { model_names: "new" metrics { class_name: "ConfusionMatrixPlot" } }
options {
  compute_confidence_intervals { value: true }
  confidence_intervals { method: POISSON_BOOTSTRAP num_replicates { value: 20 } } }
"""


def evaluated(rows: pd.DataFrame, path: Path, config: str = CONFIG) -> Any:
    rows.to_parquet(path, index=False)
    return ec.evaluate(config, str(path), report=False)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_days_add_up_to_one_pass_over_all_of_them(
    seed: int, frame: pd.DataFrame, tmp_path: Path
) -> None:
    random = np.random.default_rng(seed)
    day = random.choice(3, len(frame), p=[0.7, 0.29, 0.01])
    parts = [
        evaluated(frame[day == number], tmp_path / f"{number}.parquet").output_path
        for number in range(3)
    ]
    whole = evaluated(frame, tmp_path / "all.parquet").result
    merged = ec.merge_results(parts)
    one, other = merged.to_frame(), whole.to_frame()
    for column in ("slice", "metric", "model", "is_diff"):
        assert list(one[column]) == list(other[column])
    for column in ("value", "standard_error", "ci_low", "ci_high"):
        np.testing.assert_allclose(
            one[column].astype(float), other[column].astype(float), rtol=1e-12, equal_nan=True
        )
    assert set(merged.tables[0].plots) == set(whole.tables[0].plots)
    assert merged.run.rows_read == whole.run.rows_read


@pytest.mark.slow
def test_runs_that_do_not_fit_each_other_are_refused(frame: pd.DataFrame, tmp_path: Path) -> None:
    one = evaluated(frame[:1000], tmp_path / "one.parquet").output_path
    other = CONFIG.replace('feature_keys: "color"', 'feature_keys: "region"')
    two = evaluated(frame[1000:], tmp_path / "two.parquet", other).output_path
    with pytest.raises(ResultError, match="slices"):
        ec.merge_results([one, two])
    with pytest.raises(ResultError, match="holds no result"):
        ec.merge_results([one, str(tmp_path)])
