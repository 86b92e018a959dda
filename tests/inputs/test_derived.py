"""Bins and SQL expressions over batches."""

from __future__ import annotations

import threading

import numpy as np
import pyarrow as pa
import pytest

from evaluator_component.errors import ConfigError, InputError
from evaluator_component.inputs import (
    FixedBins,
    Source,
    SqlColumn,
    SqlSlices,
    derive,
    find_edges,
    make_plan,
    needed,
)
from evaluator_component.inputs.derived import bin_labels, quantile_edges

FEATURES = {
    "carrier": pa.array([[b"UA"], [b"AA"], None, [b"UA"]], pa.large_list(pa.large_binary())),
    "distance": pa.array([[100], [1500], [2500], None], pa.large_list(pa.int64())),
    "tags": pa.array([[b"a", b"b"], [b"a"], [], None], pa.large_list(pa.large_binary())),
    "delay": pa.array([1.5, None, -3.0, 7.0]),
}


def test_a_value_on_an_edge_belongs_to_the_bin_above():
    bins = FixedBins("delay", (-3, 1.5), ("low", "middle", "high"))
    assert bins.apply(FEATURES, 4).to_pylist() == ["high", None, "middle", "high"]


def test_bins_of_a_list_feature_keep_its_shape():
    bins = FixedBins("distance", (1000, 2000))
    assert bins.apply(FEATURES, 4).to_pylist() == [["<1000"], ["1000-2000"], [">=2000"], None]


def test_labels_tell_edges_apart_and_negative_ones_are_bracketed():
    assert bin_labels((1e-9, 2e-9))[1] == "1e-09-2e-09"
    assert bin_labels((-2, -1)) == ("<-2", "[-2, -1)", ">=-1")
    assert len(set(bin_labels((0.1234567, 0.1234568)))) == 3


def test_bins_that_make_no_sense_are_refused():
    with pytest.raises(ConfigError, match="must increase"):
        FixedBins("a", (2, 1))
    with pytest.raises(ConfigError, match="2 edges make 3 bins, got 2 labels"):
        FixedBins("a", (1, 2), ("x", "y"))
    with pytest.raises(InputError, match="expected numbers"):
        FixedBins("carrier", (1,)).apply(FEATURES, 4)
    with pytest.raises(ConfigError, match="did you mean 'distance'"):
        FixedBins("distence", (1,)).apply(FEATURES, 4)


def test_quantile_bins_hold_about_as_many_values_each():
    values = np.random.default_rng(0).exponential(size=10_000)
    edges = quantile_edges(values, 5)
    counts = np.bincount(np.searchsorted(edges, values, side="right"))
    assert len(counts) == 5
    assert counts.min() > 1990
    assert quantile_edges(np.array([1.0] * 90 + [2.0] * 10), 4) == ()
    assert quantile_edges(np.array([np.nan]), 4) == ()
    assert quantile_edges(np.repeat([1.0, 2.0, 3.0], 10), 3) == (2.0, 3.0)


def test_edges_are_found_in_the_data(tmp_path):
    (tmp_path / "f.csv").write_text("a,b\n" + "".join(f"{i},x\n" for i in range(1000)))
    plan = make_plan(Source(str(tmp_path / "f.csv")))
    assert find_edges(plan, {"a_bin": ("a", 4)}) == {"a_bin": (250.0, 500.0, 750.0)}
    with pytest.raises(ConfigError, match="no feature 'c'"):
        find_edges(plan, {"c_bin": ("c", 4)})
    with pytest.raises(InputError, match="expected numbers"):
        find_edges(plan, {"b_bin": ("b", 4)})


def test_expressions_see_single_values_as_scalars_and_bytes_as_text():
    def value(sql):
        return SqlColumn(sql).apply(FEATURES, 4).to_pylist()

    assert value("distance > 1000") == [False, True, True, None]
    assert value("distance // 1000") == [0, 1, 2, None]
    assert value("lower(carrier) || '!'") == ["ua!", "aa!", None, "ua!"]
    assert value("CASE WHEN delay > 0 THEN 'late' ELSE 'early' END") == [
        "late",
        "early",
        "early",
        "late",
    ]
    assert value("len(tags)") == [2, 1, 0, None]
    assert value("list_contains(tags, 'b')") == [True, False, False, None]


def test_an_expression_says_which_features_it_needs():
    assert set(SqlColumn("distance > 1000 AND lower(carrier) = 'ua'").needs) == {
        "distance",
        "carrier",
    }
    assert SqlColumn("1").needs == ()
    columns = {"far": SqlColumn("distance > 1000"), "both": SqlColumn("far AND delay > 0")}
    assert set(needed(columns)) == {"distance", "delay"}
    derived = derive(FEATURES, columns, 4)
    assert derived["both"].to_pylist() == [False, None, False, None]


def test_mistakes_in_expressions_name_the_expression():
    with pytest.raises(ConfigError, match=r"SQL 'distance >': .*syntax error"):
        _ = SqlColumn("distance >").needs
    with pytest.raises(ConfigError, match=r"no feature 'distence' .*did you mean 'distance'"):
        SqlColumn("distence > 1").apply(FEATURES, 4)
    with pytest.raises(ConfigError, match="SQL 'nofunction"):
        SqlColumn("nofunction(distance)").apply(FEATURES, 4)
    assert SqlColumn("distance + 1").apply(FEATURES, 4).to_pylist()[0] == 101  # and it goes on
    with pytest.raises(ConfigError, match="have a feature of that name"):
        derive(FEATURES, {"delay": SqlColumn("1")}, 4)


def slices(sql):
    rows, columns = SqlSlices(sql).apply(FEATURES, 4)
    values = zip(*(column.to_pylist() for column in columns.values()), strict=True)
    return list(columns), list(zip(rows.tolist(), *zip(*values, strict=True), strict=True)) if len(
        rows
    ) else []


def test_struct_queries_make_a_slice_for_every_value():
    names, found = slices("SELECT STRUCT(carrier) FROM example.carrier")
    assert (names, found) == (["carrier"], [(0, "UA"), (1, "AA"), (3, "UA")])
    assert sorted(slices("SELECT STRUCT(tags) FROM example.tags")[1]) == [
        (0, "a"),
        (0, "b"),
        (1, "a"),
    ]


def test_struct_queries_rename_cross_and_filter():
    names, found = slices(
        """
        SELECT
          STRUCT(carrier AS airline, distance)
        FROM
          example.carrier,
          example.distance
        WHERE distance >= 1500;
        """
    )
    assert names == ["airline", "distance"]
    assert found == [(1, "AA", 1500)]
    assert len(slices("SELECT STRUCT(t, d) FROM example.tags AS t, example.distance d")[1]) == 3


def test_the_dialect_of_existing_configs_is_understood():
    found = slices('SELECT STRUCT(carrier) FROM example.carrier WHERE carrier = "UA"')[1]
    assert found == [(0, "UA"), (3, "UA")]
    assert slices("SELECT STRUCT(`carrier`) FROM example.`carrier` WHERE carrier IN (b'AA')")[
        1
    ] == [(1, "AA")]
    found = slices(
        "SELECT STRUCT(IF(distance > 1000, 'far', 'near') AS reach) FROM example.distance"
    )
    assert found == (["reach"], [(0, "near"), (1, "far"), (2, "far")])


def test_from_may_be_left_out():
    assert slices("SELECT STRUCT(carrier)")[1] == [(0, "UA"), (1, "AA"), (3, "UA")]
    assert slices("SELECT STRUCT(carrier) WHERE distance > 1000")[1] == [(1, "AA")]


def test_struct_queries_say_what_they_need_and_what_is_wrong():
    query = "SELECT STRUCT(carrier) FROM example.carrier, example.distance WHERE distance > 1"
    assert set(SqlSlices(query).needs) == {"carrier", "distance"}
    with pytest.raises(ConfigError, match=r"expected SELECT STRUCT"):
        slices("SELECT carrier FROM example.carrier")
    with pytest.raises(ConfigError, match=r"FROM takes example\.feature"):
        slices("SELECT STRUCT(a) FROM a JOIN b")
    with pytest.raises(ConfigError, match="not closed"):
        slices("SELECT STRUCT(a FROM example.a")
    with pytest.raises(ConfigError, match="did you mean 'carrier'"):
        slices("SELECT STRUCT(carier) FROM example.carier")


def test_threads_have_connections_of_their_own():
    results = []

    def work():
        found = (SqlColumn("distance + 1").apply(FEATURES, 4).to_pylist() for _ in range(5))
        results.extend(found)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [[101, 1501, 2501, None]] * 20


def test_columns_and_queries_pickle():
    import pickle

    for made in (
        SqlColumn("distance > 1"),
        SqlSlices("SELECT STRUCT(carrier)"),
        FixedBins("a", (1,)),
    ):
        _ = made.needs
        assert pickle.loads(pickle.dumps(made)) == made
