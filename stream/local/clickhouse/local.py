"""The server as a local part: its command line, its users file, and whether it is ready."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, field
from pathlib import Path

from stream.local.clickhouse import access

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class LocalClickHouse:
    """The ClickHouse engine on the loopback address; its data stay between starts.

    Attributes
    ----------
    home
        Folder of the part: ``data`` and ``users.json``.
    port
        Port of the HTTP interface.
    database
        Database that stands for ``default``; made when absent.
    users
        Who may log in.
    """

    home: Path
    port: int
    database: str = "streamgauge"
    users: tuple[access.User, ...] = field(default_factory=lambda: tuple(access.OPEN.values()))

    @property
    def url(self) -> str:
        """Address that clients are given."""
        return f"http://{LOOPBACK}:{self.port}"

    def prepare(self) -> None:
        """Write the users file."""
        access.save(list(self.users), self.home / "users.json")

    def command(self) -> list[str]:
        """Return the command line of the server, to run after `prepare`."""
        return [
            sys.executable,
            "-m",
            "stream.local.clickhouse",
            *("--path", str(self.home / "data")),
            *("--port", str(self.port)),
            *("--database", self.database),
            *("--users", str(self.home / "users.json")),
        ]

    async def ready(self) -> bool:
        """Ask the server whether it serves; true when it says so."""
        return await answers(LOOPBACK, self.port)


async def answers(host: str, port: int, timeout_s: float = 2.0) -> bool:
    """Whether a ClickHouse HTTP interface answers ``/ping`` within `timeout_s` seconds."""
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(f"GET /ping HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
                status = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
    return b" 200 " in status
