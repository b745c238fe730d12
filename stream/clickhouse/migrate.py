"""Numbered migrations: each file of ``migrations/`` runs once, in order, and must not change afterwards.

A file is ``NNNN_title.sql``. A statement ends with a semicolon at the end of its line. Every statement can be run
again without harm (``IF NOT EXISTS``, ``OR REPLACE``), since a file that broke in the middle starts over.
``${database}`` stands for the database's name.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clickhouse_connect.driver.exceptions import ClickHouseError

from stream.clickhouse.client import connect, first_line
from stream.errors import StreamgaugeError

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

    from stream.settings import ClickHouseSettings

FOLDER = Path(__file__).with_name("migrations")
_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_END = re.compile(r";[ \t]*(?:\n|\Z)")
_COMMENT = re.compile(r"^[ \t]*--[^\n]*\n?", re.MULTILINE)

_TABLE = """
CREATE TABLE IF NOT EXISTS migrations (
    number  UInt16 COMMENT 'Number of the migration',
    title   String COMMENT 'Its file name',
    sha256  String COMMENT 'Hash of the file when it was applied, hex',
    applied DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When [UTC]'
) ENGINE = ReplacingMergeTree(applied) ORDER BY number COMMENT 'What was applied to this database'
"""


class MigrationError(StreamgaugeError):
    """A migration that cannot be applied, or that is not what was applied."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its number, its name, the hash of its bytes, its statements."""

    number: int
    title: str
    sha256: str
    statements: tuple[str, ...]


def statements(text: str) -> tuple[str, ...]:
    r"""Return the statements of a migration, without comment lines.

    >>> statements("-- why\nCREATE TABLE a (x Int8);\nDROP TABLE b;\n")
    ('CREATE TABLE a (x Int8)', 'DROP TABLE b')
    """
    parts = (part.strip() for part in _END.split(_COMMENT.sub("", text)))
    return tuple(part for part in parts if part)


def migrations(folder: Path = FOLDER) -> list[Migration]:
    """Return the migrations in order; MigrationError unless they are numbered without gaps."""
    found = [_read(path) for path in sorted(folder.glob("*.sql"))]
    numbers = [migration.number for migration in found]
    if numbers != list(range(1, len(found) + 1)):
        raise MigrationError(f"migrations in {folder.name} must be numbered 1, 2, 3 …, found {numbers}")
    return found


def migrate(client: Client, wanted: Sequence[Migration] | None = None) -> list[Migration]:
    """Apply what is new to the client's database and return it; again: nothing.

    Raises
    ------
    MigrationError
        If an applied file was changed, if the database is ahead of this code, or if a statement fails.
    """
    known = migrations() if wanted is None else list(wanted)
    client.command(_TABLE)
    done = _applied(client)
    _check(known, done)
    new = [migration for migration in known if migration.number not in done]
    for migration in new:
        _apply(client, migration)
    return new


def create_database(settings: ClickHouseSettings, *, wait_s: float = 30.0) -> None:
    """Create the database of `settings` if it is not there."""
    client = connect(settings, wait_s=wait_s, database="system")
    try:
        client.command(f"CREATE DATABASE IF NOT EXISTS {settings.database} ENGINE = Atomic")
    finally:
        client.close()


def migrate_database(settings: ClickHouseSettings, *, wait_s: float = 30.0) -> list[Migration]:
    """Wait for ClickHouse, create its database, bring it up to date, and return what was new."""
    create_database(settings, wait_s=wait_s)
    client = connect(settings, wait_s=wait_s)
    try:
        return migrate(client)
    finally:
        client.close()


def _read(path: Path) -> Migration:
    match = _NAME.fullmatch(path.name)
    if match is None:
        raise MigrationError(f"a migration is named NNNN_title.sql, found {path.name}")
    data = path.read_bytes()
    return Migration(int(match[1]), path.stem, hashlib.sha256(data).hexdigest(), statements(data.decode()))


def _applied(client: Client) -> dict[int, str]:
    table = client.query_arrow("SELECT number, sha256 FROM migrations FINAL", use_strings=True)
    return dict(zip(table["number"].to_pylist(), table["sha256"].to_pylist(), strict=True))


def _check(known: Sequence[Migration], done: dict[int, str]) -> None:
    by_number = {migration.number: migration for migration in known}
    for number, sha256 in sorted(done.items()):
        if number not in by_number:
            raise MigrationError(f"the database has migration {number}, this code ends at {len(known)}: upgrade it")
        if by_number[number].sha256 != sha256:
            raise MigrationError(
                f"{by_number[number].title}.sql was changed after it was applied: restore it, and put the change into "
                "a new migration; a database from before the first release has to be made anew"
            )


def _apply(client: Client, migration: Migration) -> None:
    for number, statement in enumerate(migration.statements, 1):
        try:
            client.command(statement.replace("${database}", str(client.database)))
        except ClickHouseError as error:
            raise MigrationError(f"{migration.title}.sql, statement {number}: {first_line(error)}") from error
    client.insert(
        "migrations",
        [[migration.number, migration.title, migration.sha256]],
        column_names=["number", "title", "sha256"],
        settings={"async_insert": 0},
    )
