"""Tables in memory -> batches."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from evaluator_component.errors import InputError
from evaluator_component.inputs import from_table, rows_of


def test_frames_tables_and_dicts_of_the_same_content_have_the_same_ids():
    columns = {"label": [1, 0, 1], "carrier": ["UA", None, "AA"], "score": [0.5, 0.25, np.nan]}
    ids = []
    for made in (pd.DataFrame(columns), pa.Table.from_pandas(pd.DataFrame(columns)), columns):
        (batch,) = from_table(made)
        ids.append(batch["example_ids"].tolist())
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 3


def test_missing_values_of_a_frame_are_null():
    (batch,) = from_table(pd.DataFrame({"a": [1.0, np.nan], "b": ["x", None]}))
    assert batch["features"]["a"].to_pylist() == [1.0, None]
    assert batch["features"]["b"].to_pylist() == ["x", None]


def test_cells_may_hold_lists_arrays_and_matrices_are_columns_of_lists():
    frame = pd.DataFrame(
        {"scores": [np.array([0.1, 0.9]), np.array([0.5, 0.5])], "tags": [["a"], []]}
    )
    (batch,) = from_table(frame)
    assert batch["features"]["scores"].to_pylist() == [[0.1, 0.9], [0.5, 0.5]]
    assert batch["features"]["tags"].to_pylist() == [["a"], []]
    (batch,) = from_table({"scores": np.eye(2)})
    assert batch["features"]["scores"].to_pylist() == [[1.0, 0.0], [0.0, 1.0]]


def test_categories_come_as_their_values():
    (batch,) = from_table(pd.DataFrame({"c": pd.Categorical(["a", "b", "a"])}))
    assert batch["features"]["c"].to_pylist() == ["a", "b", "a"]


def test_a_column_of_mixed_types_is_named():
    with pytest.raises(InputError, match="column 'c' mixes types"):
        list(from_table(pd.DataFrame({"c": [1, "x"]})))


def test_batches_have_the_asked_size_and_ids_do_not_depend_on_it():
    table = pa.table({"a": np.arange(10)})
    batches = list(from_table(table, 4))
    assert [rows_of(batch) for batch in batches] == [4, 4, 2]
    ids = np.concatenate([batch["example_ids"] for batch in batches])
    (whole,) = from_table(table)
    np.testing.assert_array_equal(ids, whole["example_ids"])


def test_an_empty_table_gives_no_batch():
    assert list(from_table(pa.table({"a": pa.array([], pa.int64())}))) == []


def test_nested_lists_and_structs_tell_rows_apart():
    column = pa.array([[[1], [2]], [[1, 2]], [], None])
    (batch,) = from_table(pa.table({"c": column}))
    assert len(set(batch["example_ids"].tolist())) >= 3
    column = pa.array([{"a": 1, "b": 2}, {"a": 2, "b": 1}])
    (batch,) = from_table(pa.table({"c": column}))
    assert len(set(batch["example_ids"].tolist())) == 2


def test_equal_rows_share_their_id_unless_rows_are_told_apart():
    table = {"a": [1, 1, 1]}
    (batch,) = from_table(table)
    assert len(np.unique(batch["example_ids"])) == 1
    ids = np.concatenate([batch["example_ids"] for batch in from_table(table, 2, ids="row")])
    assert len(np.unique(ids)) == 3
    (batch,) = from_table(table, ids="")
    assert "example_ids" not in batch
