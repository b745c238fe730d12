"""Real parts for the tests that need them, started once for a whole session."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest

from stream.local import leash
from stream.local.clickhouse import access
from stream.local.clickhouse.local import LocalClickHouse
from stream.local.jars import kafka_jars
from stream.local.java import find_java
from stream.local.kafka import LocalKafka
from stream.local.ports import free_ports

# The first example of a law may load or compile code: a limit for each example would fail by chance.
hypothesis.settings.register_profile("laws", deadline=None)
hypothesis.settings.load_profile("laws")

CACHE = Path(os.environ.get("STREAMGAUGE_CACHE") or Path.home() / ".cache" / "streamgauge")


@dataclass(frozen=True, slots=True)
class KafkaServer:
    """A running broker; topics must be created, and are shared by the session: use names of your own."""

    bootstrap: str
    pid: int


@dataclass(frozen=True, slots=True)
class ClickHouseServer:
    """A running ClickHouse engine; `user` reads and writes, `reader` only reads."""

    url: str
    port: int
    user: str
    password: str
    database: str
    reader: str
    reader_password: str
    pid: int


@contextmanager
def running(
    command: Sequence[str], ready: Callable[[], Awaitable[bool]], log: Path, timeout_s: float = 60
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends; the block begins when it is ready. It dies with the tests, too."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-I", leash.__file__, str(os.getpid()), *command],
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _wait_until(ready, process, log, timeout_s)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until(
    ready: Callable[[], Awaitable[bool]], process: subprocess.Popen[bytes], log: Path, timeout_s: float
) -> None:
    async def ask() -> bool:
        return await ready()

    end = time.monotonic() + timeout_s
    with ThreadPoolExecutor(1) as own_thread:  # asyncio.run would take the loop of the tests' thread away
        while not own_thread.submit(asyncio.run, ask()).result():
            if process.poll() is not None or time.monotonic() > end:
                pytest.fail(f"{process.args!r} is not ready:\n{log.read_text()[-2000:]}")
            time.sleep(0.05)


Running = Callable[..., AbstractContextManager[subprocess.Popen[bytes]]]


@pytest.fixture(scope="session")
def run_server() -> Running:
    """`running`, for tests that stop and start servers of their own."""
    return running


@pytest.fixture(scope="session")
def jars() -> Path:
    """Folder of the broker's verified jars."""
    return kafka_jars(CACHE)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory, jars: Path) -> Iterator[KafkaServer]:
    home = tmp_path_factory.mktemp("kafka")
    node = LocalKafka(home, free_ports(2), find_java().path, jars)
    node.prepare()
    with running(node.command(), node.ready, home / "kafka.log") as process:
        yield KafkaServer(node.bootstrap, process.pid)


@pytest.fixture(scope="session")
def clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseServer]:
    home = tmp_path_factory.mktemp("clickhouse")
    users = (access.writer("default", "secret"), access.reader("reader", "look"))
    server = LocalClickHouse(home, free_ports(), users=users)
    server.prepare()
    with running(server.command(), server.ready, home / "clickhouse.log") as process:
        yield ClickHouseServer(
            url=server.url,
            port=server.port,
            user="default",
            password="secret",
            database=server.database,
            reader="reader",
            reader_password="look",
            pid=process.pid,
        )
