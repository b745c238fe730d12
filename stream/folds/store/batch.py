"""What `store` makes of a run: columns for tables, and what could not be stored."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

import msgspec
import pyarrow as pa

from stream.folds.base import Record
from stream.folds.blocks import LINE_BITS

INSTANT = pa.timestamp("ms", tz="UTC")
EXCERPT = 1_000


class Origin(NamedTuple):
    """Where in the log a row comes from; the topic's logical name."""

    topic: str
    partition: int
    offset: int
    line: int = 0


@dataclass(frozen=True, slots=True)
class Poison:
    """What could not be stored, for the dead letters.

    Attributes
    ----------
    reason
        ``fold-error``: this code cannot read the record. ``store-error``: ClickHouse refuses the row.
    message
        Why, in the words of the error.
    excerpt
        Begin of the record, or of the row as JSON.
    size
        Bytes of what is excerpted.
    at_ms
        When the ledger or the topic stored it, epoch milliseconds; 0 if unknown.
    """

    origin: Origin
    reason: str
    message: str
    excerpt: str
    size: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one table, as Arrow columns named like the table's.

    Attributes
    ----------
    origins
        Numbers of rows, and the log's record that they come from, in order; empty for raw rows, which say it.
    first
        How many rows of `origins` stand before `data`.
    """

    table: str
    data: pa.Table
    origins: tuple[tuple[int, Origin], ...] = ()
    first: int = 0

    @property
    def rows(self) -> int:
        """Return the number of rows."""
        return int(self.data.num_rows)

    def of(self, origin: Origin) -> Batch:
        """Return the batch as rows of one record."""
        return replace(self, origins=((self.rows, origin),))

    def halves(self) -> tuple[Batch, Batch]:
        """Return the first half of the rows, and the second."""
        half = self.rows // 2
        return replace(self, data=self.data[:half]), replace(self, data=self.data[half:], first=self.first + half)

    def refused(self, message: str) -> Poison:
        """Return the only row as what ClickHouse refuses."""
        [row] = self.data.to_pylist(maps_as_pydicts="lossy")
        excerpt, known = msgspec.json.encode(row), row.get("known")
        at_ms = round(known.timestamp() * 1_000) if isinstance(known, datetime) else 0
        text = excerpt[:EXCERPT].decode("utf-8", "replace")
        return Poison(self._origin(row), "store-error", f"{self.table}: {message}", text, len(excerpt), at_ms)

    def _origin(self, row: dict[str, object]) -> Origin:
        if not self.origins:
            topic, partition, place = row["topic"], row["partition"], row["place"]
            assert isinstance(topic, str) and isinstance(partition, int) and isinstance(place, int)  # noqa: S101, PT018
            return Origin(topic, partition, place >> LINE_BITS, place & (1 << LINE_BITS) - 1)
        before = self.first
        for rows, origin in self.origins:
            if before < rows:
                return origin
            before -= rows
        raise IndexError(f"a batch of {self.table} has more rows than origins")


@dataclass(frozen=True, slots=True)
class Stored:
    """What records are in tables, and what could not be read."""

    batches: list[Batch]
    poison: list[Poison]


def unread(topic: str, partition: int, record: Record, error: Exception) -> Poison:
    """Return a record that this code cannot read."""
    excerpt = record.value[:EXCERPT].decode("utf-8", "replace")
    message = f"{type(error).__name__}: {error}"[:300]
    origin = Origin(topic, partition, record.position)
    return Poison(origin, "fold-error", message, excerpt, len(record.value), record.append_ms)


def join_batches(batches: Iterable[Batch]) -> list[Batch]:
    """Return one batch for each table and schema, rows in order, tables in order of first appearance."""
    alike: dict[tuple[str, pa.Schema], list[Batch]] = {}
    for batch in batches:
        alike.setdefault((batch.table, batch.data.schema), []).append(batch)
    return [_join(table, some) for (table, _), some in alike.items()]


def _join(table: str, batches: list[Batch]) -> Batch:
    if len(batches) == 1:
        return batches[0]
    data = pa.concat_tables([batch.data for batch in batches]).combine_chunks()  # small pieces would be as many blocks
    return Batch(table, data, tuple(origin for batch in batches for origin in batch.origins))
