"""The fold `store`: what each record of the log is as rows of ClickHouse's tables.

It keeps no state: every row is an upsert under its key, so the same records may come again in any cut and order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from stream.folds.base import Record
from stream.folds.blocks import Block, Fact, FrameBlock, decode_entry
from stream.folds.rows import decode_rows
from stream.folds.store.batch import Batch, Poison, Stored, join_batches
from stream.folds.store.control import JSON_TOPICS, rows_batch
from stream.folds.store.old_raw import block_batches
from stream.folds.store.raw import Held, held, raw_batches
from stream.folds.store.results import result_batches
from stream.folds.store.specs import reference_rows, spec_batches

__all__ = ["Batch", "Poison", "Stored", "join_batches", "positions_batch", "reference_rows", "tables"]


def tables(topic: str, partition: int, records: Sequence[Record]) -> Stored:
    """Return what a run of records of one topic is in tables: one batch for each table.

    Parameters
    ----------
    topic
        Logical name: ``ledger``, ``panes``, ``verdicts``, ``alerts``, ``retrain``, ``models``, ``dead-letters``.

    Raises
    ------
    ValueError
        For another topic.
    """
    blocks: list[Held] = []
    read = _reader(topic, partition, blocks)
    batches: list[Batch] = []
    poison: list[Poison] = []
    for record in records:
        try:
            batches.extend(read(record))
        except (msgspec.DecodeError, ArithmeticError, LookupError, TypeError, ValueError) as error:
            poison.append(Poison(record, f"{type(error).__name__}: {error}"[:300]))
    batches.extend(raw_batches(blocks))
    if topic == "ledger" and records:
        batches.append(positions_batch(partition, records[-1].position))
    return Stored(join_batches(batches), poison)


def positions_batch(partition: int, position: int) -> Batch:
    """Return the row that says that a partition of the ledger is stored up to `position`."""
    return rows_batch("ledger_positions", [{"partition": partition, "position": position}])


def _reader(topic: str, partition: int, blocks: list[Held]) -> Callable[[Record], list[Batch]]:
    if topic == "ledger":
        return lambda record: list(_ledger(partition, record, blocks))
    if topic in {"panes", "verdicts"}:
        return lambda record: result_batches(decode_rows(record.value))
    if topic not in JSON_TOPICS:
        raise ValueError(f"store reads no topic {topic!r}")
    return lambda record: _json(topic, record)


def _ledger(partition: int, record: Record, blocks: list[Held]) -> Iterator[Batch]:
    entry = decode_entry(record.value)
    if isinstance(entry, FrameBlock):
        blocks.append(held(partition, record, entry))
    elif isinstance(entry, Block):
        yield from block_batches(partition, record, entry)
    elif isinstance(entry, Fact) and entry.source.topic == "specs":
        yield from spec_batches(record, entry)


def _json(topic: str, record: Record) -> list[Batch]:
    table, row_of = JSON_TOPICS[topic]
    row = row_of(record)
    return [] if row is None else [rows_batch(table, [row])]
