"""What the tests of ClickHouse share: an empty database, rows in by the sink, rows out as dictionaries."""

from __future__ import annotations

import asyncio

from clickhouse_connect.driver.client import Client

from stream.clickhouse.sink import Sink
from stream.folds.base import Record
from stream.settings import ClickHouseSettings

_FILLED = (
    "SELECT DISTINCT table FROM system.parts WHERE database = currentDatabase() AND active AND table != 'migrations'"
)

Run = tuple[str, int, list[Record]]


def rows_of(client: Client, sql: str, **parameters: object) -> list[dict[str, object]]:
    """Return the answer to `sql`."""
    rows: list[dict[str, object]] = client.query_arrow(sql, parameters=parameters, use_strings=True).to_pylist()
    return rows


def empty(client: Client) -> Client:
    """Remove all rows."""
    for row in rows_of(client, _FILLED):
        client.command(f"TRUNCATE TABLE {row['table']}")
    return client


def write(settings: ClickHouseSettings, *runs: Run) -> None:
    """Write runs of records (topic, partition, records), one after the other; all must be read."""

    async def go() -> None:
        sink = Sink.of(settings)
        for topic, partition, records in runs:
            assert await sink.write({(topic, partition): records}) == []
        await sink.close()

    asyncio.run(go())
