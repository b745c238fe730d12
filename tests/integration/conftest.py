"""A database of its own for each file of tests, and for those that want them topics of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from clickhouse_connect.driver.client import Client
from pydantic import SecretStr

from stream.clickhouse.client import connect
from stream.clickhouse.migrate import migrate_database
from stream.settings import ClickHouseSettings, KafkaSettings, Settings
from stream.topics import ensure_topics
from tests.integration.clickhouse_database import empty

if TYPE_CHECKING:
    from tests.conftest import ClickHouseServer, KafkaServer


@pytest.fixture(scope="module")
def settings(clickhouse: ClickHouseServer, request: pytest.FixtureRequest) -> ClickHouseSettings:
    """Settings of a database that no other file has."""
    return ClickHouseSettings(
        url=clickhouse.url,
        user=clickhouse.user,
        password=SecretStr(clickhouse.password),
        database=f"sg_{request.path.stem}",
    )


@pytest.fixture(scope="module")
def database(settings: ClickHouseSettings) -> Iterator[Client]:
    """The database with its tables, as long as the file's tests run."""
    migrate_database(settings)
    client = connect(settings)
    yield client
    client.command(f"DROP DATABASE {settings.database}")
    client.close()


@pytest.fixture
def client(database: Client) -> Client:
    """The database without rows."""
    return empty(database)


@pytest.fixture(scope="module")
def whole(
    kafka: KafkaServer, settings: ClickHouseSettings, database: Client, tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    """Settings of topics and a database that no other file has."""
    home, prefix = tmp_path_factory.mktemp(settings.database), f"{settings.database}."
    made = Settings(home=home, kafka=KafkaSettings(bootstrap=kafka.bootstrap, prefix=prefix), clickhouse=settings)
    ensure_topics(made)
    return made
