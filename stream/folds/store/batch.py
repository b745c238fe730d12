"""What `store` makes of a run: columns for tables, and what could not be read."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from stream.folds.base import Record

INSTANT = pa.timestamp("ms", tz="UTC")


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one table, as Arrow columns named like the table's."""

    table: str
    data: pa.Table

    @property
    def rows(self) -> int:
        """Return the number of rows."""
        return int(self.data.num_rows)


@dataclass(frozen=True, slots=True)
class Poison:
    """A record that holds no rows that this code can read, and why."""

    record: Record
    reason: str


@dataclass(frozen=True, slots=True)
class Stored:
    """What a run of records is in tables; `poison` is for the dead letters."""

    batches: list[Batch]
    poison: list[Poison]


def join_batches(batches: list[Batch]) -> list[Batch]:
    """Return one batch for each table and schema, rows in order, tables in order of first appearance."""
    alike: dict[tuple[str, pa.Schema], list[pa.Table]] = {}
    for batch in batches:
        alike.setdefault((batch.table, batch.data.schema), []).append(batch.data)
    return [Batch(table, pa.concat_tables(parts)) for (table, _), parts in alike.items()]
