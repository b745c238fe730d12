"""Tables and the sink on the real engine: migrations, rows that come again, what is refused and what waits."""

from __future__ import annotations

import asyncio

import pytest
from clickhouse_connect.driver.client import Client
from pydantic import SecretStr

from stream.clickhouse import read
from stream.clickhouse.client import ClickHouseRefused, ClickHouseUnreachable, connect
from stream.clickhouse.migrate import Migration, MigrationError, migrate, migrations
from stream.clickhouse.sink import Sink
from stream.settings import ClickHouseSettings
from tests.integration.clickhouse_database import rows_of, write
from tests.integration.clickhouse_rows import everything, pane, results

pytestmark = pytest.mark.integration


def digest(client: Client, table: str) -> list[str]:
    return sorted(str(row) for row in rows_of(client, f"SELECT * FROM {table} FINAL"))


def test_migrating_again_changes_nothing(client: Client) -> None:
    assert migrate(client) == []
    numbers = rows_of(client, "SELECT number FROM migrations FINAL ORDER BY number")
    assert [row["number"] for row in numbers] == [migration.number for migration in migrations()]


def test_a_changed_migration_and_a_newer_database_are_refused(client: Client) -> None:
    known = migrations()
    changed = [Migration(known[0].number, known[0].title, "0" * 64, known[0].statements), *known[1:]]
    with pytest.raises(MigrationError, match="was changed after it was applied"):
        migrate(client, changed)
    with pytest.raises(MigrationError, match="this code ends at"):
        migrate(client, known[:-1])


def test_a_migration_that_fails_says_which_statement(client: Client) -> None:
    broken = Migration(len(migrations()) + 1, "9999_broken", "0" * 64, ("SELECT 1", "SELECT nonsense FROM nowhere"))
    with pytest.raises(MigrationError, match=r"9999_broken\.sql, statement 2"):
        migrate(client, [*migrations(), broken])


def test_rows_may_come_twice_and_in_any_order(client: Client, settings: ClickHouseSettings) -> None:
    rows = everything()
    write(settings, ("panes", 0, results(*rows)))
    tables = [row["name"] for row in rows_of(client, "SHOW TABLES LIKE '%_rows'")]
    before = {table: digest(client, str(table)) for table in tables}
    write(settings, ("panes", 0, results(*reversed(rows))), ("panes", 1, results(*rows[::2])))
    assert {table: digest(client, str(table)) for table in tables} == before


def test_the_lower_position_loses(client: Client, settings: ClickHouseSettings) -> None:
    write(settings, ("panes", 0, results(pane(0, n=5, position=9))))
    write(settings, ("panes", 0, results(pane(0, n=4, position=8))))
    assert rows_of(client, "SELECT n, merged FROM panes_rows FINAL") == [
        {"n": 5, "merged": [{"partition": 0, "position": 7}, {"partition": 1, "position": 9}]}
    ]


def test_nothing_is_acknowledged_while_clickhouse_is_away(client: Client, settings: ClickHouseSettings) -> None:
    away = [True, True]

    def connect_client() -> Client:
        if away:
            away.pop()
            raise ClickHouseUnreachable("no answer")
        return connect(settings)

    async def go() -> None:
        sink = Sink(connect_client)
        writing = asyncio.create_task(sink.write({("panes", 0): results(pane(0))}))
        while away:
            assert not writing.done()
            await asyncio.sleep(0.01)
        assert await writing == []
        await sink.close()

    asyncio.run(go())
    assert len(rows_of(client, "SELECT * FROM panes_rows")) == 1


def test_rows_that_no_wait_mends_are_refused(client: Client, settings: ClickHouseSettings) -> None:
    without_tables = settings.model_copy(update={"database": "default"})

    async def go() -> None:
        sink = Sink.of(without_tables)
        with pytest.raises(ClickHouseRefused, match="refused 1 rows for table panes_rows"):
            await sink.write({("panes", 0): results(pane(0))})
        await sink.close()

    asyncio.run(go())


def test_errors_of_connecting_say_what_to_do(settings: ClickHouseSettings) -> None:
    with pytest.raises(ClickHouseRefused, match="streamgauge migrate"):
        connect(settings.model_copy(update={"database": "sg_test_none"}))
    wrong = settings.model_copy(update={"password": SecretStr("wrong")})
    with pytest.raises(ClickHouseRefused, match="STREAMGAUGE_CLICKHOUSE__USER"):
        connect(wrong, database="system")
    nowhere = settings.model_copy(update={"url": "http://127.0.0.1:21299"})
    with pytest.raises(ClickHouseUnreachable, match="streamgauge up"):
        connect(nowhere, wait_s=0)


def test_nothing_stored_is_no_position(client: Client) -> None:
    assert read.stored_positions(client) == {}
    assert not read.has_stored(client, {0: 0})
