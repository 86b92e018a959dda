"""Beam transforms that read: files, or what other transforms give, -> batches of Extracts.

Elements are whole batches from the first step on, so that Beam costs nothing per example.

Vocabulary:
    batches: PCollection of Extracts, one batch each.
    bad_records: PCollection of `BadRecords`, one for every shard that had any.

Synopsis::

    read = pipeline | Read(Source("eval-*.gz"), max_bad_records=10)
    read["batches"] | ...
    checked = read["bad_records"] | LimitBadRecords(10)    # one BadRecords; fails when over it
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics

from evaluator_component.coders import large
from evaluator_component.inputs.bad_records import BadRecords
from evaluator_component.inputs.batches import from_table, rows_of
from evaluator_component.inputs.plan import Plan, Shard, make_plan
from evaluator_component.inputs.reader import Reader
from evaluator_component.inputs.source import Source
from evaluator_component.inputs.tally import TALLY, Tally
from evaluator_component.inputs.versions import Versions

__all__ = ["LimitBadRecords", "Read", "RecordBatchesToExtracts", "RecordsToExtracts"]

Extracts = dict[str, Any]

#: Namespace of the counters: rows, batches, bytes, bad_records.
COUNTERS = "evaluator_component/inputs"


class Read(beam.PTransform):
    """Reads a source into batches.

    The files are looked up and the first one is looked into when the pipeline is built, so that
    mistakes show before anything runs.

    Args:
        source: what to read, or a plan made of it.
        max_bad_records: how many bad records are tolerated by one worker's shard; over the whole
            run by `LimitBadRecords`. None for any number.
        spread: let several workers share the shards.
        redistribute: shuffle batches between reading and what follows, for few large files that
            cannot be read in parts on many workers.

    Returns:
        {"batches": PCollection[Extracts], "bad_records": PCollection[BadRecords]}
    """

    def __init__(
        self,
        source: Source | Plan,
        max_bad_records: int | None = 0,
        *,
        spread: bool = True,
        redistribute: bool = False,
    ) -> None:
        super().__init__()
        self.plan = source if isinstance(source, Plan) else make_plan(source)
        self.max_bad_records = max_bad_records
        self.spread = spread
        self.redistribute = redistribute

    def expand(self, begin: Any) -> dict[str, Any]:
        """Builds the transform."""
        shards = begin | "Once" >> beam.Impulse() | "Shards" >> beam.ParDo(_Shards(self.plan))
        if self.spread:
            shards = shards | "Spread" >> beam.Reshuffle()
        read = shards | "ReadShards" >> beam.ParDo(
            _ReadShard(self.plan, self.max_bad_records)
        ).with_outputs("bad_records", main="batches")
        batches = large(read.batches)
        if self.redistribute:
            batches = large(batches | "Redistribute" >> beam.Reshuffle())
        return {"batches": batches, "bad_records": read.bad_records}


class _Shards(beam.DoFn):
    """Once -> the shards. Alone in its stage, so that a stale worker says so before it fails."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.versions = Versions.here()

    def setup(self) -> None:
        self.versions.check()

    def process(self, _: bytes) -> list[Shard]:
        return self.plan.shards()


class _ReadShard(beam.DoFn):
    """One shard -> its batches."""

    def __init__(self, plan: Plan, limit: int | None) -> None:
        self.plan = plan
        self.limit = limit
        self.versions = Versions.here()

    def setup(self) -> None:
        self.versions.check()
        self.reader = Reader(self.plan)
        self.rows = Metrics.counter(COUNTERS, "rows")
        self.batches = Metrics.counter(COUNTERS, "batches")
        self.bytes = Metrics.counter(COUNTERS, "bytes")
        self.bad = Metrics.counter(COUNTERS, "bad_records")

    def process(self, shard: Shard) -> Iterator[Any]:
        bad = BadRecords(self.limit)
        counted = Tally()
        for batch in self.reader.read(shard, bad):
            self.batches.inc()
            self._count(counted, rows_of(batch), min(self.reader.position, shard.size), bad.count)
            yield batch
        self._count(counted, 0, shard.size, bad.count)
        if bad.count:
            yield beam.pvalue.TaggedOutput("bad_records", bad)

    def _count(self, counted: Tally, rows: int, position: int, bad: int) -> None:
        """Counts what was read of a shard since the last time, here and in Beam's counters."""
        size, bad = max(0, position - counted.size), bad - counted.bad_records
        counted.add(rows, size, bad)
        TALLY.add(rows, size, bad)
        self.rows.inc(rows)
        self.bytes.inc(size)
        self.bad.inc(bad)


class LimitBadRecords(beam.PTransform):
    """Adds up bad records and fails when there are more than the limit.

    Let whatever must not happen then (such as writing results) wait for its output.

    Args:
        limit: how many are tolerated; None for any number.

    Returns:
        PCollection of one `BadRecords`.
    """

    def __init__(self, limit: int | None = 0) -> None:
        super().__init__()
        self.limit = limit

    def expand(self, found: Any) -> Any:
        """Builds the transform."""
        once = found.pipeline | "Once" >> beam.Impulse()
        return once | "Total" >> beam.Map(_total, beam.pvalue.AsIter(found), self.limit)


def _total(_: bytes, found: Iterable[BadRecords], limit: int | None) -> BadRecords:
    total = BadRecords(limit=None)
    for each in found:
        total.merge(each)
    result = BadRecords(limit, total.count, sorted(total.samples, key=str))
    result.check()
    return result


class RecordBatchesToExtracts(beam.PTransform):
    """PCollection of Arrow record batches (or Extracts, passed on) -> batches of Extracts.

    Args:
        raw_record_column: the column that holds serialized records, as TFXIO adds it on request.
        batch_rows: larger batches are cut.
    """

    def __init__(self, raw_record_column: str = "", batch_rows: int = 4096) -> None:
        super().__init__()
        self.raw_record_column = raw_record_column
        self.batch_rows = batch_rows

    def expand(self, batches: Any) -> Any:
        """Builds the transform."""
        return batches | beam.FlatMap(_from_any, self.raw_record_column, self.batch_rows)


def _from_any(batch: Any, raw: str, batch_rows: int) -> Iterator[Extracts]:
    if isinstance(batch, dict) and "features" in batch:
        yield batch
        return
    for extracts in from_table(batch, batch_rows):
        if raw and raw in extracts["features"]:
            column = extracts["features"].pop(raw)
            extracts["input"] = column.flatten() if hasattr(column, "flatten") else column
        yield extracts


class RecordsToExtracts(beam.PTransform):
    """PCollection of serialized tf.Examples -> batches of Extracts.

    Args:
        types: feature types by name ("bytes", "int", "float"), of the features that are needed.
        columns: the features that are needed; None for all.
        batch_rows: the most rows in a batch.
    """

    def __init__(
        self,
        types: dict[str, str] | None = None,
        columns: tuple[str, ...] | None = None,
        batch_rows: int = 4096,
    ) -> None:
        super().__init__()
        self.types = dict(types or {})
        self.columns = columns
        self.batch_rows = batch_rows

    def expand(self, records: Any) -> Any:
        """Builds the transform."""
        source = Source("", format="tfrecord", columns=self.columns, batch_rows=self.batch_rows)
        plan = Plan(source, (), self.types)
        return (
            records
            | beam.BatchElements(min_batch_size=self.batch_rows, max_batch_size=self.batch_rows)
            | beam.ParDo(_DecodeRecords(plan))
        )


class _DecodeRecords(beam.DoFn):
    """A list of serialized tf.Examples -> one batch."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def setup(self) -> None:
        self.reader = Reader(self.plan)

    def process(self, records: list[bytes]) -> Iterator[Extracts]:
        bad = BadRecords()
        extracts = self.reader.decode(records, "records", bad)
        bad.check()
        if extracts is not None:
            yield extracts
