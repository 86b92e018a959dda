"""Arrow columns -> dense arrays for inputs."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from evaluator_component.errors import ModelError
from evaluator_component.saved_model.tensors import TensorInfo, dense


def info(dtype, *shape):
    return TensorInfo("x", dtype, (None, *shape))


def lists(values, kind=None):
    return pa.array(values, pa.large_list(kind or pa.int64()))


def test_single_values_take_the_rank_of_the_input():
    column = lists([[7], [9]])
    assert dense(column, info("int64")).shape == (2,)
    assert dense(column, info("int64", 1)).shape == (2, 1)
    assert dense(column, TensorInfo("x", "int64")).shape == (2,)
    assert dense(pa.array([7, 9]), info("float32", 1)).tolist() == [[7.0], [9.0]]


def test_missing_floats_are_nan_and_missing_strings_empty_unless_told_otherwise():
    column = lists([[1.0], None, []], pa.float32())
    assert np.isnan(dense(column, info("float32"))).tolist() == [False, True, True]
    assert dense(column, info("float32"), -1).tolist() == [1.0, -1.0, -1.0]
    text = lists([[b"a"], None], pa.large_binary())
    assert dense(text, info("string")).tolist() == [b"a", b""]
    assert dense(pa.array(["é", None]), info("string"), "none").tolist() == ["é".encode(), b"none"]


def test_a_missing_integer_needs_a_default():
    with pytest.raises(ModelError, match=r"missing in 2 examples.*defaults=\{'x': 0\}"):
        dense(lists([[1], None, []]), info("int64"))
    assert dense(lists([[1], None]), info("int64"), -1).tolist() == [1, -1]
    assert dense(lists([[1], None]), info("float32")).tolist()[0] == 1.0


def test_lists_fill_rows_and_are_padded_to_the_longest_where_the_width_is_free():
    column = lists([[1, 2], [3, 4]])
    assert dense(column, info("int64", 2)).tolist() == [[1, 2], [3, 4]]
    ragged = lists([[1.0], [2.0, 3.0], None], pa.float64())
    found = dense(ragged, info("float64", None))
    np.testing.assert_array_equal(found, [[1, np.nan], [2, 3], [np.nan, np.nan]])
    with pytest.raises(ModelError, match="takes 1 value per example, the column has up to 2"):
        dense(column, info("int64"))


def test_images_of_several_dimensions_are_shaped():
    flat = lists([list(range(12)), list(range(12))])
    assert dense(flat, info("float32", 2, 2, 3)).shape == (2, 2, 2, 3)
    nested = pa.array([[[1, 2], [3, 4]], [[5, 6], [7, 8]]])
    assert dense(nested, info("int64", 2, 2)).tolist() == [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]
    fixed = pa.array([[1.0, 2.0], [3.0, 4.0]], pa.list_(pa.float64(), 2))
    assert dense(fixed, info("float32", 2)).tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_types_that_do_not_fit_are_said():
    with pytest.raises(ModelError, match="takes string values, the column has int64"):
        dense(pa.array([1]), info("string"))
    with pytest.raises(ModelError, match="takes float32 values, the column has string"):
        dense(pa.array(["a"]), info("float32"))
    with pytest.raises(ModelError, match="takes int64, the column has fractions"):
        dense(pa.array([1.5]), info("int64"))
    assert dense(pa.array([1.0]), info("int64")).tolist() == [1]
    assert dense(pa.array([True, False]), info("float32")).tolist() == [1.0, 0.0]


def test_a_column_that_is_missing_altogether_takes_the_default():
    assert np.isnan(dense(pa.nulls(2), info("float32", 1))).all()
    assert dense(pa.nulls(2), info("string")).tolist() == [b"", b""]


def test_slices_of_columns_and_numpy_columns_are_fine():
    assert dense(lists([[1], [2], [3]])[1:], info("int64")).tolist() == [2, 3]
    assert dense(np.array([[1.0], [2.0]]), info("float32")).tolist() == [1.0, 2.0]
    assert dense(np.array(["a"]), info("string")).tolist() == [b"a"]
    assert dense(lists([]), info("int64", 3)).shape == (0, 3)
