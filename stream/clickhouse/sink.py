"""Writes what `store` makes of records: one insert for each table, acknowledged before anyone is told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError

from stream.clickhouse.client import (
    FIRST_WAIT_S,
    LONGEST_WAIT_S,
    OF_SIZE,
    OF_VALUES,
    ClickHouseRefused,
    ClickHouseUnreachable,
    connect,
    first_line,
    is_transient,
)
from stream.folds.store import Batch, Poison, Runs, Stored, tables_of

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

    from stream.settings import ClickHouseSettings

# An insert returns when the rows are on disk; rows of many months (a backfill) may come in one. Readers and merges
# keep one row of equal keys anyhow, so that the insert need not look for them: that took two thirds of its time.
INSERT_SETTINGS = {"async_insert": 0, "max_partitions_per_insert_block": 0, "optimize_on_insert": 0}

SMALL = 1_000
"""Rows that are not cut further for want of memory."""

MOST_REFUSED = 100
"""Rows of a batch that may be refused before any of it is taken; then the table is at fault, not the rows."""

_log = structlog.get_logger(__name__)


class Sink:
    """Stores records: while the rows of one call are inserted, those of the next are made.

    Rows may come twice: every table keeps one of equal keys.

    Parameters
    ----------
    connect_client
        Returns a new client; called in a thread, when the first rows come and after it failed.
    """

    def __init__(self, connect_client: Callable[[], Client]) -> None:
        self._connect = connect_client
        self._client: Client | None = None
        self._folding, self._inserting = asyncio.Lock(), asyncio.Lock()
        self._failures = 0
        self._away_since: float | None = None

    @classmethod
    def of(cls, settings: ClickHouseSettings) -> Sink:
        """Return a sink into the database of `settings`."""
        return cls(lambda: connect(settings, wait_s=0))

    async def write(self, runs: Runs) -> list[Poison]:
        """Store records of partitions, and return what cannot be, for the dead letters.

        Returns when the rows are durable; while ClickHouse is away it waits and tries again. Calls are served one
        after the other, with at most one more in memory; when one fails or is cancelled, so do those behind it, since
        the positions that they would write speak of its rows too.

        Raises
        ------
        ClickHouseRefused
            If ClickHouse says that the tables or the rights are wrong, or if a call before failed: nothing may be
            committed then.
        """
        failures = self._failures
        try:
            async with self._folding:
                stored = await asyncio.to_thread(tables_of, runs)
                await self._inserting.acquire()
            try:
                return await self._store(stored, failures)
            except BaseException:
                self._client = None  # a thread may still be at work with it
                raise
            finally:
                self._inserting.release()
        except BaseException:
            self._failures += 1
            raise

    async def close(self) -> None:
        """Wait for what is under way and let go of the connection."""
        async with self._folding, self._inserting:
            if self._client is not None:
                self._client.close()
                self._client = None

    async def _store(self, stored: Stored, failures: int) -> list[Poison]:
        if failures != self._failures:
            raise ClickHouseRefused("rows before these could not be stored")
        found = list(stored.poison)
        for batch in stored.batches:  # that of positions is the last
            found += await self._insert(batch)
        return found

    async def _insert(self, batch: Batch) -> list[Poison]:
        """Insert a batch, in parts where ClickHouse refuses the whole; return the rows that it refuses alone."""
        found: list[Poison] = []
        waiting, taken = [batch], 0
        while waiting:
            part = waiting.pop()
            error = await self._try(part)
            if error is None:
                taken += part.rows
            elif part.rows > 1:
                waiting += reversed(part.halves())
            else:
                found.append(part.refused(first_line(error)))
                if not taken and len(found) >= MOST_REFUSED:
                    raise ClickHouseRefused(_refusal(batch, error)) from error
        return found

    async def _try(self, batch: Batch) -> ClickHouseError | None:
        """Insert a batch, however long ClickHouse is away; return an error that a part of it might not have."""
        pause = FIRST_WAIT_S
        while True:
            try:
                await asyncio.to_thread(self._insert_once, batch)
            except ClickHouseUnreachable as error:
                self._note_away(batch, error)
            except (ClickHouseError, OSError) as error:
                if isinstance(error, ClickHouseError) and _may_differ(error, batch.rows):
                    return error
                if isinstance(error, ClickHouseError) and not is_transient(error):
                    raise ClickHouseRefused(_refusal(batch, error)) from error
                self._note_away(batch, error)
            else:
                self._note_back()
                return None
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_WAIT_S)

    def _insert_once(self, batch: Batch) -> None:
        client = self._client
        if client is None:
            client = self._client = self._connect()
        client.insert_arrow(batch.table, batch.data, settings=INSERT_SETTINGS)

    def _note_away(self, batch: Batch, error: Exception) -> None:
        """Say once that rows wait."""
        if self._away_since is None:
            self._away_since = time.monotonic()
            _log.warning("clickhouse.away", table=batch.table, rows=batch.rows, error=first_line(error))

    def _note_back(self) -> None:
        if self._away_since is not None:
            _log.info("clickhouse.back", away_s=round(time.monotonic() - self._away_since, 1))
            self._away_since = None


def _may_differ(error: ClickHouseError, rows: int) -> bool:
    """Say whether a part of so many rows may be taken though they are not."""
    if not isinstance(error, DatabaseError):
        return False
    return error.code in OF_VALUES or (error.code in OF_SIZE and rows > SMALL)


def _refusal(batch: Batch, error: ClickHouseError) -> str:
    return (
        f"ClickHouse refused {batch.rows} rows for table {batch.table}: {first_line(error)}. "
        "If the tables are of another release, run `streamgauge migrate`."
    )
