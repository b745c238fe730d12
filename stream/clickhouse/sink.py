"""Writes what `store` makes of records: one insert for each table and flush, acknowledged before anyone is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING

import structlog
from clickhouse_connect.driver.exceptions import ClickHouseError

from stream.clickhouse.client import (
    FIRST_WAIT_S,
    LONGEST_WAIT_S,
    ClickHouseRefused,
    ClickHouseUnreachable,
    connect,
    first_line,
    is_transient,
)
from stream.folds.base import Record
from stream.folds.store import Batch, Poison, join_batches, tables

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

    from stream.settings import ClickHouseSettings

# An insert returns when the rows are on disk; rows of many months (a backfill) may come in one.
INSERT_SETTINGS = {"async_insert": 0, "max_partitions_per_insert_block": 0}

# Says that other tables hold rows, so it is written after them.
LAST_TABLE = "ledger_positions"

_log = structlog.get_logger(__name__)


class _Flush:
    """Batches that are inserted together."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.rows = 0
        self.full = asyncio.Event()
        self.task: asyncio.Task[None] | None = None


class Sink:
    """Inserts rows of many partitions together. Rows may come twice: every table keeps one of equal keys.

    Parameters
    ----------
    connect_client
        Returns a new client; called in a thread, when the first rows come and after it failed.
    interval_s
        Time that a flush stays open for others after its first rows; what comes during an insert is in the next.
    max_rows
        Rows at which a flush closes at once.
    """

    def __init__(
        self, connect_client: Callable[[], Client], *, interval_s: float = 0.2, max_rows: int = 20_000
    ) -> None:
        self._connect, self._interval_s, self._max_rows = connect_client, interval_s, max_rows
        self._client: Client | None = None
        self._open: _Flush | None = None
        self._inserting = asyncio.Lock()

    @classmethod
    def of(cls, settings: ClickHouseSettings, *, interval_s: float = 0.2, max_rows: int = 20_000) -> Sink:
        """Return a sink into the database of `settings`."""
        return cls(lambda: connect(settings, wait_s=5), interval_s=interval_s, max_rows=max_rows)

    async def write(self, topic: str, partition: int, records: Sequence[Record]) -> list[Poison]:
        """Store a run of records and return those that could not be read, for the dead letters.

        Returns when the rows are durable; while ClickHouse is away it waits and tries again. Calls for several
        partitions may run at once and share inserts; of one partition, a call follows the end of the last.

        Raises
        ------
        ClickHouseRefused
            If ClickHouse says that the rows or the tables are wrong: nothing may be committed then.
        """
        stored = await asyncio.to_thread(tables, topic, partition, records)
        if stored.batches:
            await self._add(stored.batches)
        return stored.poison

    async def write_all(self, topic: str, runs: Mapping[int, Sequence[Record]]) -> dict[int, list[Poison]]:
        """Store runs of several partitions of one topic together; as `write` for each."""
        poison = await asyncio.gather(*(self.write(topic, p, records) for p, records in runs.items()))
        return dict(zip(runs, poison, strict=True))

    async def close(self) -> None:
        """Wait for what is under way and let go of the connection."""
        if self._open is not None and self._open.task is not None:
            self._open.full.set()
            await asyncio.wait([self._open.task])
        async with self._inserting:
            if self._client is not None:
                self._client.close()
                self._client = None

    async def _add(self, batches: list[Batch]) -> None:
        flush = self._open
        if flush is None:
            flush = self._open = _Flush()
            flush.task = asyncio.create_task(self._run(flush))
        flush.batches += batches
        flush.rows += sum(batch.rows for batch in batches)
        if flush.rows >= self._max_rows:
            flush.full.set()
        if flush.task is not None:
            await asyncio.shield(flush.task)

    async def _run(self, flush: _Flush) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(flush.full.wait(), self._interval_s)
        async with self._inserting:
            self._open = None
            for batch in _in_order(flush.batches):
                await self._insert(batch)

    async def _insert(self, batch: Batch) -> None:
        pause = FIRST_WAIT_S
        while True:
            try:
                return await asyncio.to_thread(self._insert_once, batch)
            except ClickHouseUnreachable as error:
                _log.warning("clickhouse.away", table=batch.table, rows=batch.rows, error=first_line(error))
            except ClickHouseError as error:
                if not is_transient(error):
                    raise ClickHouseRefused(_refusal(batch, error)) from error
                _log.warning("clickhouse.retry", table=batch.table, rows=batch.rows, error=first_line(error))
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_WAIT_S)

    def _insert_once(self, batch: Batch) -> None:
        if self._client is None:
            self._client = self._connect()
        self._client.insert_arrow(batch.table, batch.data, settings=INSERT_SETTINGS)


def _in_order(batches: Sequence[Batch]) -> Iterator[Batch]:
    joined = join_batches(list(batches))
    first = (batch for batch in joined if batch.table != LAST_TABLE)
    for batch in chain(first, (batch for batch in joined if batch.table == LAST_TABLE)):
        yield Batch(batch.table, batch.data.combine_chunks())  # many small pieces would be as many blocks


def _refusal(batch: Batch, error: ClickHouseError) -> str:
    return (
        f"ClickHouse refused {batch.rows} rows for table {batch.table}: {first_line(error)}. "
        "If the tables are of another release, run `streamgauge migrate`."
    )
