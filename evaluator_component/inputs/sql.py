"""SQL over a batch: derived columns, and slices in the form of `slice_keys_sql`.

The engine is DuckDB (the extra `sql`), which reads Arrow columns in place. An expression sees the
batch's features by name. A feature with one value per example at the most is a scalar there, others
are lists; bytes are text.

`slice_keys_sql` is the form that eval configs use: `SELECT STRUCT(carrier, hour AS h) FROM
example.carrier, example.hour WHERE hour > 12`. It is evaluated for each example by itself; FROM
takes the values of features apart, so that an example has a slice for every combination of values.
As in the dialect of those configs, "double quotes" make strings there, and `backticks` names.

Example:
    >>> import pyarrow as pa
    >>> features = {"distance": pa.array([[500], [2000], None])}
    >>> SqlColumn("distance > 1000").apply(features, 3).to_pylist()
    [False, True, None]
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluator_component.errors import ConfigError, InputError, did_you_mean
from evaluator_component.inputs.arrow_types import is_bytes, is_list

__all__ = ["SqlColumn", "SqlSlices"]

_local = threading.local()
_TOKEN = re.compile(
    r"""[bBrR]?'(?:[^'\\]|\\.|'')*'|[bBrR]?"(?:[^"\\]|\\.)*"|`[^`]*`|\w+|\s+|.""", re.S
)


@dataclass(frozen=True)
class SqlColumn:
    """A column computed from others by a SQL expression, such as `distance > 1000`.

    Attributes:
        sql: the expression, in DuckDB's SQL.
    """

    sql: str

    @cached_property
    def needs(self) -> tuple[str, ...]:
        """The features that the expression uses.

        Raises:
            ConfigError: it is no SQL expression.
        """
        return _columns(f"SELECT ({self.sql}) AS value FROM batch", self.sql)

    def apply(self, features: Mapping[str, Any], rows: int) -> Any:
        """Returns the column as an Arrow array.

        Args:
            features: the batch's columns by name.
            rows: their length.

        Raises:
            ConfigError: the expression does not fit the columns.
        """
        batch = _scalars({name: _known(features, name, self.sql) for name in self.needs}, rows)
        table = _run(f"SELECT _row, ({self.sql}) AS value FROM batch", batch, self.sql)
        return _in_order(table, rows)


@dataclass(frozen=True)
class SqlSlices:
    """Slices that a query of the form SELECT STRUCT(...) FROM example.feature, ... makes.

    Attributes:
        sql: the query.
    """

    sql: str

    @cached_property
    def query(self) -> str:
        """The query in DuckDB's SQL.

        Raises:
            ConfigError: it is not of the form above.
        """
        return _rewritten(self.sql)

    @cached_property
    def needs(self) -> tuple[str, ...]:
        """The features that the query uses.

        Raises:
            ConfigError: it is no SQL query.
        """
        return _columns(self.query, self.sql)

    def apply(
        self, features: Mapping[str, Any], rows: int
    ) -> tuple[npt.NDArray[np.int64], dict[str, Any]]:
        """Returns the slices of each row.

        Args:
            features: the batch's columns by name.
            rows: their length.

        Returns:
            int64 (entries,), the row of each entry, ascending; and the columns of the slice keys,
            Arrow arrays of one value per entry, by name.

        Raises:
            ConfigError: the query does not fit the columns.
        """
        import pyarrow as pa

        lists = {name: _as_list(_known(features, name, self.sql)) for name in self.needs}
        example = (
            pa.StructArray.from_arrays(list(lists.values()), list(lists))
            if lists
            else pa.nulls(rows, pa.struct([pa.field("_", pa.null())]))
        )
        batch = pa.table({"_row": pa.array(np.arange(rows)), "example": example})
        table = _run(self.query, batch, self.sql).combine_chunks()
        order = np.argsort(table["_row"].to_numpy(), kind="stable")
        table = table.take(order)
        columns = {name: table[name].combine_chunks() for name in table.column_names[1:]}
        return table["_row"].to_numpy(), columns


def _connection() -> Any:
    """One connection per thread: DuckDB's are not to be shared."""
    if not hasattr(_local, "connection"):
        try:
            import duckdb
        except ImportError as error:
            raise ConfigError(
                "SQL expressions need DuckDB: pip install 'evaluator_component[sql]'"
            ) from error
        _local.connection = duckdb.connect(config={"threads": 1})
    return _local.connection


def _run(query: str, batch: Any, shown: str) -> Any:
    import duckdb

    connection = _connection()
    connection.register("batch", batch)
    try:
        result = connection.sql(query)
        for fetch in ("to_arrow_table", "fetch_arrow_table"):  # by its name before DuckDB 2
            if hasattr(result, fetch):
                return getattr(result, fetch)()
        return result.arrow()
    except duckdb.Error as error:
        _local.__dict__.pop("connection", None)
        raise ConfigError(f"SQL {shown!r}: {_first_paragraph(error)}") from error
    finally:
        if hasattr(_local, "connection"):
            connection.unregister("batch")


def _first_paragraph(error: Exception) -> str:
    return str(error).strip().split("\n\n")[0].replace("\n", " ")


def _columns(query: str, shown: str) -> tuple[str, ...]:
    """Returns the columns that a query refers to, by DuckDB's own parser."""
    found = json.loads(
        _connection().execute("SELECT json_serialize_sql(?)", [query]).fetchall()[0][0]
    )
    if found.get("error"):
        message = str(found.get("error_message", "")).split("\n")[0]
        raise ConfigError(f"SQL {shown!r}: {message}")
    names: dict[str, None] = {}
    _collect(found["statements"][0]["node"], names)
    own = {name.removeprefix("example.") for name in names if name.startswith("example.")}
    if own:
        return tuple(name.removeprefix("example.") for name in names if name.startswith("example."))
    return tuple(name for name in names if name != "_row")


def _collect(node: Any, names: dict[str, None]) -> None:
    if isinstance(node, dict):
        if node.get("class") == "COLUMN_REF":
            names[".".join(node["column_names"])] = None
        for part in node.values():
            _collect(part, names)
    elif isinstance(node, list):
        for part in node:
            _collect(part, names)


def _known(features: Mapping[str, Any], name: str, sql: str) -> Any:
    import pyarrow as pa

    if name not in features:
        raise ConfigError(f"SQL {sql!r}: no feature {name!r} {did_you_mean(name, features)}")
    column = features[name]
    if isinstance(column, np.ndarray):
        column = pa.array(column if column.ndim == 1 else list(column))
    return column


def _scalars(columns: Mapping[str, Any], rows: int) -> Any:
    """Returns a table of columns; lists of one value at the most become scalars."""
    import pyarrow as pa
    import pyarrow.compute as pc

    given: dict[str, Any] = {"_row": pa.array(np.arange(rows))}
    for name, column in columns.items():
        if is_list(column.type):
            lengths = pc.list_value_length(column)
            if (pc.max(lengths).as_py() or 0) <= 1:
                present = np.asarray(pc.greater(lengths, 0).fill_null(False))
                places = np.where(present, np.cumsum(present) - 1, -1)
                column = column.flatten().take(pa.array(places, mask=~present))
        given[name] = _as_text(column, name)
    return pa.table(given)


def _as_list(column: Any) -> Any:
    import pyarrow as pa

    if is_list(column.type):
        return _as_text(column, "")
    valid = np.asarray(column.is_valid())
    offsets = np.concatenate([[0], np.cumsum(valid)]).astype(np.int64)
    return pa.LargeListArray.from_arrays(offsets, _as_text(column.drop_null(), ""))


def _as_text(column: Any, name: str) -> Any:
    """Returns bytes as text."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        return _as_text(column.dictionary_decode(), name)
    try:
        if is_bytes(kind):
            return column.cast(pa.large_string())
        if is_list(kind) and is_bytes(kind.value_type):
            return column.cast(pa.large_list(pa.large_string()))
    except pa.ArrowInvalid as error:
        raise InputError(f"feature {name!r} has values that are not UTF-8") from error
    return column


def _in_order(table: Any, rows: int) -> Any:
    table = table.combine_chunks()
    order = table["_row"].to_numpy()
    column = table["value"]
    if not (order == np.arange(rows)).all():
        column = column.take(np.argsort(order, kind="stable"))
    column = column.combine_chunks()
    return column.combine_chunks() if hasattr(column, "chunks") else column


def _rewritten(sql: str) -> str:
    """Turns SELECT STRUCT(...) FROM example.f, ... into a query over the whole batch."""
    tokens = _TOKEN.findall(sql.strip().rstrip(";"))
    words = [place for place, token in enumerate(tokens) if not token.isspace()]
    head = [tokens[place].upper() for place in words[:3]]
    if head != ["SELECT", "STRUCT", "("]:
        raise ConfigError(
            f"slice_keys_sql {sql!r}: expected SELECT STRUCT(feature [AS name], ...) "
            "[FROM example.feature, ... [WHERE ...]]"
        )
    close = _closing(tokens, words[2], sql)
    inner = "".join(map(_token, tokens[words[2] + 1 : close]))
    rest = [token for token in tokens[close + 1 :]]
    source, where = _clauses(rest, sql)
    items = _split(source) if source is not None else _unnamed(inner, where)
    unnested = "".join(f", {_unnest(item, place, sql)}" for place, item in enumerate(items))
    return f"SELECT _row, {inner} FROM batch{unnested} {where}".strip()


def _token(token: str) -> str:
    """Turns a token of the configs' dialect into DuckDB's."""
    if token[0] == "`":
        return '"' + token[1:-1] + '"'
    quote = token[1:2] if token[:1] in "bBrR" and token[1:2] in "'\"" else token[:1]
    if quote in ("'", '"') and len(token) > 1:
        body = token[token.index(quote) + 1 : -1]
        if quote == '"':
            body = body.replace("'", "''")
        return "'" + body.replace('\\"', '"').replace("\\'", "''") + "'"
    return token


def _closing(tokens: list[str], opened: int, sql: str) -> int:
    depth = 0
    for place in range(opened, len(tokens)):
        depth += {"(": 1, ")": -1}.get(tokens[place], 0)
        if not depth:
            return place
    raise ConfigError(f"slice_keys_sql {sql!r}: the parenthesis after STRUCT is not closed")


def _clauses(tokens: list[str], sql: str) -> tuple[list[str] | None, str]:
    """Returns the tokens of the FROM clause, None without one, and whatever follows it."""
    words = [token for token in tokens if not token.isspace()]
    if not words or words[0].upper() == "WHERE":
        return None, "".join(map(_token, tokens))
    if words[0].upper() != "FROM":
        raise ConfigError(
            f"slice_keys_sql {sql!r}: expected FROM after STRUCT(...), got {words[0]!r}"
        )
    begin = tokens.index(words[0]) + 1
    for place in range(begin, len(tokens)):
        if tokens[place].upper() in ("WHERE", "GROUP", "ORDER", "LIMIT"):
            return tokens[begin:place], "".join(map(_token, tokens[place:]))
    return tokens[begin:], ""


def _split(tokens: list[str]) -> list[str]:
    items = [""]
    for token in tokens:
        if token == ",":
            items.append("")
        else:
            items[-1] += _token(token)
    return [item.strip() for item in items if item.strip()]


def _unnamed(inner: str, where: str) -> list[str]:
    """Without FROM every feature that is named is taken apart."""
    query = f"SELECT {inner} FROM batch {where}"
    return [f"example.{_quoted(name)}" for name in _columns(query, query)]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


_ITEM = re.compile(
    r'^example\s*\.\s*(?P<name>"[^"]+"|\w+)(?:\s+(?:AS\s+)?(?P<alias>"[^"]+"|\w+))?$', re.I
)


def _unnest(item: str, place: int, sql: str) -> str:
    match = _ITEM.match(item)
    if match is None:
        raise ConfigError(
            f"slice_keys_sql {sql!r}: FROM takes example.feature [AS name], separated by commas; "
            f"got {item!r}"
        )
    name = _quoted(match["name"].strip('"'))
    alias = _quoted((match["alias"] or match["name"]).strip('"'))
    return f"UNNEST(example.{name}) AS _{place}({alias})"
