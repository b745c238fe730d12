"""The sink without a server: what shares an insert, what is tried again, what is refused."""

from __future__ import annotations

import asyncio
import threading

import pyarrow as pa
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError
from structlog.testing import capture_logs

from stream.clickhouse import sink as sink_module
from stream.clickhouse.client import ClickHouseRefused
from stream.clickhouse.sink import Sink
from stream.folds.base import Record
from stream.folds.blocks import Tick, encode_entry
from stream.folds.rows import RoleRow, encode_rows
from stream.folds.store import Origin


class Client:
    """Notes inserts; `errors` are raised first, one each; rows in `bad` are refused, alone and with others."""

    def __init__(self, *errors: Exception, bad: frozenset[int] = frozenset()) -> None:
        self.errors, self.bad = list(errors), bad
        self.inserts: list[tuple[str, int]] = []
        self.closed = False
        self.gate = threading.Event()
        self.gate.set()

    def insert_arrow(self, table: str, data: pa.Table, settings: dict[str, int]) -> None:
        assert self.gate.wait(10)
        if self.errors:
            raise self.errors.pop(0)
        if self.bad.intersection(data["position"].to_pylist()):
            raise DatabaseError("Code: 469", code=469)
        assert settings["async_insert"] == 0
        self.inserts.append((table, data.num_rows))

    def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink_module, "FIRST_WAIT_S", 0.001)


def sink_of(client: Client) -> Sink:
    return Sink(lambda: client)  # type: ignore[arg-type, return-value]


def roles(*positions: int) -> list[Record]:
    return [
        Record(position, 0, encode_rows([RoleRow(
            model="m", model_version="1", role="champion", since_ms=0, actor="decide", reason="", known_ms=1,
            position=position,
        )])) for position in positions
    ]  # fmt: skip


def tick(position: int) -> list[Record]:
    return [Record(position, 0, encode_entry(Tick("w", ())))]


async def test_runs_share_inserts_and_positions_come_last() -> None:
    client = Client()
    sink = sink_of(client)
    await sink.write({("ledger", 0): tick(5), ("panes", 1): roles(1), ("panes", 2): roles(1, 2)})
    assert client.inserts == [("roles_rows", 3), ("ledger_positions", 1)]
    await sink.close()
    assert client.closed


async def test_what_may_pass_is_tried_again_and_said_once() -> None:
    client = Client(OperationalError("no answer"), DatabaseError("Code: 252", code=252), OSError("reset"))
    with capture_logs() as logs:
        await sink_of(client).write({("panes", 0): roles(1)})
    assert client.inserts == [("roles_rows", 1)]
    assert [log["event"] for log in logs] == ["clickhouse.away", "clickhouse.back"]
    assert logs[1]["away_s"] >= 0


async def test_wrong_tables_are_refused_and_so_are_rows_that_wait_behind_them() -> None:
    client = Client(DatabaseError("Code: 60", code=60))
    client.gate.clear()
    sink = sink_of(client)
    writing = [asyncio.create_task(sink.write({("ledger", 0): tick(5 + i)})) for i in range(3)]
    await asyncio.sleep(0.01)
    client.gate.set()
    answers = await asyncio.gather(*writing, return_exceptions=True)
    assert [type(answer) for answer in answers] == [ClickHouseRefused] * 3
    assert client.inserts == []
    assert await sink.write({("ledger", 0): tick(9)}) == []


async def test_what_cannot_be_read_is_returned_and_nothing_is_inserted() -> None:
    client = Client()
    [poison] = await sink_of(client).write({("panes", 0): [Record(3, 0, b"nonsense")]})
    assert (poison.origin, poison.reason) == (Origin("panes", 0, 3), "fold-error")
    assert client.inserts == []


async def test_rows_that_clickhouse_refuses_are_set_apart_and_the_others_stored() -> None:
    client = Client(bad=frozenset({3, 7}))
    poison = await sink_of(client).write({("ledger", 0): tick(99), ("panes", 2): roles(*range(10))})
    assert [(one.origin, one.reason) for one in poison] == [
        (Origin("panes", 2, 3), "store-error"), (Origin("panes", 2, 7), "store-error"),
    ]  # fmt: skip
    assert sum(rows for table, rows in client.inserts if table == "roles_rows") == 8
    assert client.inserts[-1] == ("ledger_positions", 1)


async def test_a_table_that_refuses_every_row_is_at_fault_itself() -> None:
    with pytest.raises(ClickHouseRefused, match="refused 200 rows for table roles_rows"):
        await sink_of(Client(bad=frozenset(range(200)))).write({("panes", 2): roles(*range(200))})


async def test_what_is_too_large_for_the_memory_is_inserted_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink_module, "SMALL", 2)
    client = Client(*[DatabaseError("Code: 241", code=241)] * 4)
    assert await sink_of(client).write({("panes", 0): roles(*range(8))}) == []
    assert client.inserts == [("roles_rows", rows) for rows in (2, 2, 4)]


async def test_rows_are_made_while_others_are_inserted_and_no_more_than_that() -> None:
    client = Client()
    client.gate.clear()
    sink = sink_of(client)
    writing = [asyncio.create_task(sink.write({("ledger", 0): tick(i)})) for i in range(4)]
    while not sink._inserting._waiters:  # type: ignore[attr-defined]  # noqa: ASYNC110 - nobody is told
        await asyncio.sleep(0.001)
    assert sink._folding.locked()
    client.gate.set()
    assert await asyncio.gather(*writing) == [[]] * 4
    assert client.inserts == [("ledger_positions", 1)] * 4


async def test_a_call_that_is_given_up_takes_those_behind_it_along() -> None:
    client = Client()
    client.gate.clear()
    sink = sink_of(client)
    first, second = (asyncio.create_task(sink.write({("ledger", 0): tick(i)})) for i in (0, 1))
    await asyncio.sleep(0.01)
    first.cancel()
    with pytest.raises(ClickHouseRefused, match="rows before these"):
        await second
    client.gate.set()
    await sink.close()
    assert len(client.inserts) <= 1
