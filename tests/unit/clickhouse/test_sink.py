"""The sink without a server: what shares an insert, what is tried again, what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pyarrow as pa
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

from stream.clickhouse import sink as sink_module
from stream.clickhouse.client import ClickHouseRefused
from stream.clickhouse.sink import Sink
from stream.folds.base import Record
from stream.folds.blocks import Tick, encode_entry
from stream.folds.rows import RoleRow, encode_rows


class Client:
    """Notes inserts; `errors` are raised first, one each."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.inserts: list[tuple[str, int]] = []
        self.closed = False

    def insert_arrow(self, table: str, data: pa.Table, settings: dict[str, int]) -> None:
        if self.errors:
            raise self.errors.pop(0)
        assert settings["async_insert"] == 0
        self.inserts.append((table, data.num_rows))

    def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink_module, "FIRST_WAIT_S", 0.001)


def sink_of(client: Client, **options: float) -> Sink:
    connect: Callable[[], Client] = lambda: client  # noqa: E731
    return Sink(connect, **{"interval_s": 0.01, **options})  # type: ignore[arg-type]


def roles(n: int = 1) -> list[Record]:
    row = RoleRow(
        model="m", model_version="1", role="champion", since_ms=0, actor="decide", reason="", known_ms=1, position=2
    )
    return [Record(0, 0, encode_rows([row] * n))]


def tick(position: int) -> list[Record]:
    return [Record(position, 0, encode_entry(Tick("w", ())))]


async def test_writes_at_once_share_inserts_and_positions_come_last() -> None:
    client = Client()
    sink = sink_of(client)
    await asyncio.gather(
        sink.write("ledger", 0, tick(5)), sink.write("panes", 1, roles()), sink.write("panes", 2, roles(2))
    )
    assert client.inserts == [("roles_rows", 3), ("ledger_positions", 1)]
    await sink.close()
    assert client.closed


async def test_rows_enough_do_not_wait() -> None:
    client = Client()
    sink = sink_of(client, interval_s=60, max_rows=2)
    await asyncio.wait_for(sink.write("panes", 0, roles(2)), 5)
    assert client.inserts == [("roles_rows", 2)]


async def test_what_may_pass_is_tried_again_until_it_does() -> None:
    client = Client(OperationalError("no answer"), DatabaseError("Code: 252", code=252))
    await sink_of(client).write("panes", 0, roles())
    assert client.inserts == [("roles_rows", 1)]


async def test_a_refusal_reaches_everyone_whose_rows_were_in_the_flush() -> None:
    sink = sink_of(Client(DatabaseError("Code: 60", code=60)))
    answers = await asyncio.gather(
        sink.write("panes", 0, roles()), sink.write("ledger", 0, tick(5)), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [ClickHouseRefused, ClickHouseRefused]


async def test_what_cannot_be_read_is_returned_and_nothing_is_inserted() -> None:
    client = Client()
    bad = Record(3, 0, b"nonsense")
    poison = await sink_of(client).write("panes", 0, [bad])
    assert [one.record for one in poison] == [bad]
    assert client.inserts == []


async def test_a_caller_that_gives_up_does_not_stop_the_others() -> None:
    client = Client()
    sink = sink_of(client, interval_s=0.05)
    first, second = (asyncio.create_task(sink.write("panes", p, roles())) for p in (0, 1))
    await asyncio.sleep(0.02)
    first.cancel()
    assert await second == []
    assert sum(rows for _, rows in client.inserts) >= 1


async def test_closing_writes_what_waits() -> None:
    client = Client()
    sink = sink_of(client, interval_s=60)
    writing = asyncio.create_task(sink.write("panes", 0, roles()))
    while sink._open is None:  # noqa: ASYNC110 - nobody is told
        await asyncio.sleep(0.001)
    await sink.close()
    assert await writing == []
    assert client.inserts == [("roles_rows", 1)]
