"""Connections to ClickHouse, with patience at the start and errors that say what to do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError

from stream.errors import StreamgaugeError

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

    from stream.settings import ClickHouseSettings

FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 3.0

# What no wait mends: wrong names, types, SQL, rights. Everything else is tried again.
PERMANENT = frozenset({
    6, 10, 16, 20, 26, 27, 36, 38, 41, 43, 44, 46, 47, 50, 53, 60, 62, 69, 70, 72, 81, 117, 192, 193, 194,
    215, 349, 386, 497, 516,
})  # fmt: skip

# Of an insert: what may be wrong with a single row's values, so that the others can be stored without it.
OF_VALUES = frozenset({6, 26, 27, 38, 41, 53, 69, 70, 72, 117, 128, 131, 321, 349, 386, 407, 469})

# Of an insert: too large for the memory that there is.
OF_SIZE = frozenset({173, 241})


class ClickHouseUnreachable(StreamgaugeError):  # noqa: N818 - the name is the sentence
    """ClickHouse did not answer for as long as was allowed."""


class ClickHouseRefused(StreamgaugeError):  # noqa: N818 - the name is the sentence
    """ClickHouse answered that the request is wrong; waiting would not help."""


def connect(settings: ClickHouseSettings, *, wait_s: float = 30.0, database: str | None = None) -> Client:
    """Return a client of the database in `settings`, or of `database`; try for `wait_s` seconds.

    One client serves one thread at a time; it holds connections open, so close it.

    Raises
    ------
    ClickHouseUnreachable
        If nothing answers in time.
    ClickHouseRefused
        For wrong credentials or a database that is not there.
    """
    end, pause = time.monotonic() + wait_s, FIRST_WAIT_S
    while True:
        try:
            return _connect(settings, settings.database if database is None else database)
        except ClickHouseError as error:
            if not is_transient(error):
                raise ClickHouseRefused(_refusal(settings, error)) from error
            if time.monotonic() + pause > end:
                raise ClickHouseUnreachable(_silence(settings, wait_s, error)) from error
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_WAIT_S)


def is_transient(error: ClickHouseError) -> bool:
    """Return whether the same request may succeed later: no answer, or one that speaks of load or time."""
    return not isinstance(error, DatabaseError) or error.code not in PERMANENT


def first_line(error: BaseException) -> str:
    """Return what an error says, without the stack that ClickHouse may append; at most 300 characters."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:300]


def _connect(settings: ClickHouseSettings, database: str) -> Client:
    return clickhouse_connect.get_client(
        dsn=settings.url,
        username=settings.user,
        password=settings.password.get_secret_value(),
        database=database,
        autogenerate_session_id=False,
        connect_timeout=5,
        send_receive_timeout=120,
    )


def _refusal(settings: ClickHouseSettings, error: ClickHouseError) -> str:
    return (
        f"ClickHouse at {settings.url} refused user {settings.user!r} and database {settings.database!r}: "
        f"{first_line(error)}. Check STREAMGAUGE_CLICKHOUSE__USER, __PASSWORD and __DATABASE, "
        "and run `streamgauge migrate` if the database is new."
    )


def _silence(settings: ClickHouseSettings, wait_s: float, error: ClickHouseError) -> str:
    return (
        f"ClickHouse at {settings.url} did not answer for {wait_s:g} s ({first_line(error)}). "
        "Start it with `streamgauge up`, or set STREAMGAUGE_CLICKHOUSE__URL."
    )
