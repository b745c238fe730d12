"""A connection to ClickHouse as the user that only reads, for one who waits at a terminal."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from stream.clickhouse.client import connect
from stream.local.addresses import clickhouse_address
from stream.local.clickhouse.local import answers
from stream.local.errors import LocalError
from stream.settings import Settings

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client


def require_clickhouse(settings: Settings) -> None:
    """Return if ClickHouse answers now; LocalError if nothing does, before a client tries again and again."""
    url = settings.clickhouse.url
    if url.startswith("http:") and not asyncio.run(answers(*clickhouse_address(settings))):
        raise LocalError(f"ClickHouse does not answer at {url}.", "Start it with `streamgauge up`.")


@contextmanager
def reader(settings: Settings) -> Iterator[Client]:
    """Connect, and disconnect at the end of the block.

    Raises
    ------
    LocalError
        If nothing answers there now.
    """
    require_clickhouse(settings)
    given = settings.clickhouse
    client = connect(given.model_copy(update={"user": given.reader, "password": given.reader_password}), wait_s=2)
    try:
        yield client
    finally:
        client.close()
