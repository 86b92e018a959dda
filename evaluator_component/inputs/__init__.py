"""Reading: files of any common format, tables in memory or PCollections -> batches of Extracts.

`Source` says what to read, `make_plan` finds out how, `Read` (Beam) and `read_batches` (without
Beam) read. Records that cannot be used are noted in `BadRecords`.

Names are imported when they are first used: Beam is needed for the transforms only.
"""

from __future__ import annotations

from evaluator_component.lazy import lazy_names

_HOMES = {
    "BadRecord": "bad_records",
    "BadRecords": "bad_records",
    "FixedBins": "derived",
    "LimitBadRecords": "read",
    "Plan": "plan",
    "Read": "read",
    "RecordBatchesToExtracts": "read",
    "RecordsToExtracts": "read",
    "Shard": "plan",
    "Source": "source",
    "SqlColumn": "sql",
    "SqlSlices": "sql",
    "derive": "derived",
    "expand": "files",
    "find_edges": "derived",
    "from_table": "batches",
    "make_plan": "plan",
    "needed": "derived",
    "read_batches": "batches",
    "require_columns": "plan",
    "rows_of": "batches",
    "write_dead_letters": "bad_records",
}

__all__ = [
    "BadRecord",
    "BadRecords",
    "FixedBins",
    "LimitBadRecords",
    "Plan",
    "Read",
    "RecordBatchesToExtracts",
    "RecordsToExtracts",
    "Shard",
    "Source",
    "SqlColumn",
    "SqlSlices",
    "derive",
    "expand",
    "find_edges",
    "from_table",
    "make_plan",
    "needed",
    "read_batches",
    "require_columns",
    "rows_of",
    "write_dead_letters",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
