"""The fold `store`: what each record of the log is as rows of ClickHouse's tables.

It keeps no state: every row is an upsert under its key, so the same records may come again in any cut and order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from stream.folds.base import Record
from stream.folds.blocks import Block, Fact, decode_entry
from stream.folds.rows import decode_rows
from stream.folds.store.batch import Batch, Origin, Poison, Stored, join_batches, unread
from stream.folds.store.control import JSON_TOPICS, rows_batch
from stream.folds.store.feedback import feedback_batches
from stream.folds.store.raw import Held, held, raw_batches
from stream.folds.store.results import result_batches
from stream.folds.store.specs import reference_rows, spec_batches

__all__ = ["POSITIONS", "Batch", "Origin", "Poison", "Runs", "Stored", "reference_rows", "tables", "tables_of"]

Runs = Mapping[tuple[str, int], Sequence[Record]]
"""Records by topic (logical name) and partition, in order."""

POSITIONS = "ledger_positions"
"""The table that says how far the ledger is stored: true once all other rows are in."""

_ERRORS = (msgspec.DecodeError, ArithmeticError, LookupError, TypeError, ValueError)


def tables_of(runs: Runs) -> Stored:
    """Return what records of several partitions are in tables: one batch for each table, that of positions last.

    Parameters
    ----------
    runs
        Of ``ledger``, ``panes``, ``verdicts``, ``alerts``, ``retrain``, ``models``, ``dead-letters``.

    Raises
    ------
    ValueError
        For another topic.
    """
    fold = _Fold()
    for (topic, partition), records in runs.items():
        fold.read(topic, partition, records)
    fold.frames(fold.held)
    ends = [_position(p, records[-1].position) for (topic, p), records in runs.items() if topic == "ledger" and records]
    return Stored(join_batches([*fold.batches, *ends]), fold.poison)


def tables(topic: str, partition: int, records: Sequence[Record]) -> Stored:
    """Return what a run of records of one partition is in tables; as `tables_of`."""
    return tables_of({(topic, partition): records})


class _Fold:
    """One call's batches, blocks of rows that wait to be joined, and what could not be read."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.held: list[Held] = []
        self.poison: list[Poison] = []

    def read(self, topic: str, partition: int, records: Sequence[Record]) -> None:
        read = self._reader(topic, partition)
        for record in records:
            origin = Origin(topic, partition, record.position)
            try:
                self.batches += [batch.of(origin) for batch in read(record)]
            except _ERRORS as error:
                self.poison.append(unread(topic, partition, record, error))

    def frames(self, some: Sequence[Held]) -> None:
        """Join blocks of rows; one that cannot be joined is set apart."""
        try:
            self.batches += list(raw_batches(some))
        except _ERRORS as error:
            if len(some) > 1:
                self.frames(some[: len(some) // 2])
                self.frames(some[len(some) // 2 :])
            else:
                self.poison.append(unread("ledger", some[0].partition, some[0].record, error))

    def _reader(self, topic: str, partition: int) -> Callable[[Record], Sequence[Batch]]:
        if topic == "ledger":
            return lambda record: list(self._ledger(partition, record))
        if topic in {"panes", "verdicts"}:
            return lambda record: result_batches(decode_rows(record.value))
        if topic not in JSON_TOPICS:
            raise ValueError(f"store reads no topic {topic!r}")
        return lambda record: _json(topic, record)

    def _ledger(self, partition: int, record: Record) -> Iterator[Batch]:
        entry = decode_entry(record.value)
        if isinstance(entry, Block):
            self.held.append(held(partition, record, entry))
        elif isinstance(entry, Fact) and entry.source.topic == "specs":
            yield from spec_batches(record, entry)
        elif isinstance(entry, Fact) and entry.source.topic == "commands":
            yield from feedback_batches(record, entry)


def _position(partition: int, position: int) -> Batch:
    batch = rows_batch(POSITIONS, [{"partition": partition, "position": position}])
    return batch.of(Origin("ledger", partition, position))


def _json(topic: str, record: Record) -> list[Batch]:
    table, row_of = JSON_TOPICS[topic]
    row = row_of(record)
    return [] if row is None else [rows_batch(table, [row])]
