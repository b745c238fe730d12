"""The embedded engine: one fresh connection for each statement, in a pool of threads."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Protocol, TypeVar

import chdb

from stream.local.clickhouse import sql as text
from stream.local.clickhouse.access import User

T = TypeVar("T")
_SESSIONS = 64


class Result(Protocol):
    """What chDB returns for a statement."""

    def bytes(self) -> bytes | None: ...  # noqa: D102
    def rows_read(self) -> int: ...  # noqa: D102
    def bytes_read(self) -> int: ...  # noqa: D102
    def rows_written(self) -> int: ...  # noqa: D102
    def bytes_written(self) -> int: ...  # noqa: D102


class Stream(Protocol):
    """A result that comes in pieces."""

    def fetch(self) -> Result | None: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


class Connection(Protocol):
    """A connection of chDB: its settings and its current database are its own."""

    def query(  # noqa: D102
        self, query: str, fmt: str = ..., params: Mapping[str, str] | None = ...
    ) -> Result | None: ...
    def send_query(  # noqa: D102
        self, query: str, fmt: str = ..., params: Mapping[str, str] | None = ...
    ) -> Stream: ...
    def close(self) -> None: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class External:
    """A table that comes with a statement and ends with it."""

    name: str
    structure: str
    format: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Context:
    """What surrounds a statement.

    Attributes
    ----------
    user
        Who asks.
    read_only
        Whether the statement may only read, whoever asks (GET requests).
    database
        Current database; empty takes the server's own.
    session
        Name of a session whose settings and temporary tables stay, or empty.
    settings, params
        Settings of the request; values of ``{name:Type}``.
    external
        Tables that came with it.
    """

    user: User
    read_only: bool = False
    database: str = ""
    session: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    external: tuple[External, ...] = ()

    @property
    def locked(self) -> bool:
        """Whether nothing may change, settings included."""
        return self.read_only or not self.user.writes


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole result with its counts."""

    data: bytes
    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0


class Engine:
    """The ClickHouse engine over one data folder; one process may hold a folder.

    Parameters
    ----------
    path
        Data folder, made when absent.
    database
        Made when absent; takes the place of ``default``, which the embedded engine keeps in plain files.
    workers
        Statements that run at once.
    """

    def __init__(self, path: Path, database: str, workers: int = 8) -> None:
        config = resources.files("stream.local.clickhouse").joinpath("config.xml")
        path.mkdir(parents=True, exist_ok=True)
        self.database = database
        self._path = str(path.resolve())
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="query")
        self._root: Connection = chdb.connect(f"{self._path}?config-file={config}")
        self._root.query(f"CREATE DATABASE IF NOT EXISTS `{database}` ENGINE = Atomic")
        self.version, self.timezone = self._cells("SELECT version(), timezone()")
        self.settings = frozenset(self._cells("SELECT name FROM system.settings"))
        self._sessions: dict[str, Connection] = {}
        self._guard = threading.Lock()

    async def call(self, work: Callable[[], T]) -> T:
        """Run blocking work in the pool."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def run(self, context: Context, sql: str, fmt: str) -> Answer:
        """Run a statement to its end; the whole result is in memory."""
        with self._connection(context, keep=text.changes_session(sql)) as connection:
            return _answer(connection.query(sql, fmt, params=context.params))

    def insert(self, context: Context, insert: text.Insert) -> Answer:
        """Run an INSERT with its data."""
        with self._connection(context) as connection:
            return _answer(_load(connection, insert, context.params))

    @contextlib.contextmanager
    def stream(self, context: Context, sql: str, fmt: str) -> Iterator[Stream]:
        """Run a SELECT whose result comes in pieces."""
        with self._connection(context) as connection:
            result = connection.send_query(sql, fmt, params=context.params)
            try:
                yield result
            finally:
                result.close()

    def kill(self, query_id: str) -> None:
        """End the statement of a client that has gone away."""
        self._pool.submit(self._root.query, f"KILL QUERY WHERE Settings['log_comment'] = {text.quote(query_id)} ASYNC")

    def close(self) -> None:
        """Let running statements end, then close the engine."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        for connection in self._sessions.values():
            connection.close()
        self._root.close()

    @contextlib.contextmanager
    def _connection(self, context: Context, *, keep: bool = False) -> Iterator[Connection]:
        session = "" if context.locked else context.session
        with self._guard:
            connection = self._sessions.pop(session, None) if session else None
        known = connection is not None
        if connection is None:
            connection = chdb.connect(self._path)
        try:
            self._prepare(connection, context, fresh=not known)
            yield connection
        finally:
            self._release(connection, session if known or keep else "")

    def _prepare(self, connection: Connection, context: Context, *, fresh: bool) -> None:
        named = context.database if context.database != "default" else self.database
        if fresh or named:
            connection.query("USE `" + (named or self.database).replace("`", "") + "`")
        if settings := _bounded(context):
            pairs = (f"{name} = {text.quote(value)}" for name, value in settings.items())
            connection.query("SET " + ", ".join(pairs))
        for table in context.external:
            connection.query(f"CREATE TEMPORARY TABLE `{table.name}` ({table.structure})")
            _load(connection, text.Insert(f"INSERT INTO `{table.name}`", table.format, table.data), {})
        if context.locked:
            connection.query("SET readonly = 1")  # from here on neither data nor settings can be changed

    def _release(self, connection: Connection, session: str) -> None:
        if not session:
            connection.close()
            return
        with self._guard:
            self._sessions[session] = connection
            old = [self._sessions.pop(next(iter(self._sessions)))] if len(self._sessions) > _SESSIONS else []
        for unused in old:
            unused.close()

    def _cells(self, sql: str) -> list[str]:
        answer = _answer(self._root.query(sql, "TabSeparated"))
        return answer.data.decode().strip().replace("\t", "\n").split("\n")


def _bounded(context: Context) -> dict[str, str]:
    """Return a request's settings, none above the user's limit; 0 means no limit and becomes the limit."""
    settings = {name: str(limit) for name, limit in context.user.limits.items()}
    for name, value in context.settings.items():
        limit = context.user.limits.get(name)
        if limit is None or (value.isdigit() and 0 < int(value) <= limit):
            settings[name] = value
    return settings


def _load(connection: Connection, insert: text.Insert, params: Mapping[str, str]) -> Result | None:
    """Insert bytes that the engine reads from an anonymous file in memory, for which it needs no right."""
    if not insert.data:
        return None
    memory = os.memfd_create("insert")
    try:
        rest = memoryview(insert.data)
        while rest:
            rest = rest[os.write(memory, rest) :]
        found = re.search(r"\bSETTINGS\b", text.blank(insert.head), re.IGNORECASE)
        at = found.start() if found else len(insert.head)
        source = f"FROM INFILE '/proc/self/fd/{memory}'"
        statement = f"{insert.head[:at]} {source} {insert.head[at:]} FORMAT {insert.format}"
        return connection.query(statement, "Null", params=params)
    finally:
        os.close(memory)


def _answer(result: Result | None) -> Answer:
    if result is None:
        return Answer(b"")
    counts = (result.rows_read(), result.bytes_read(), result.rows_written(), result.bytes_written())
    return Answer(result.bytes() or b"", *counts)
