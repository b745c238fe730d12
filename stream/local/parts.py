"""The parts that the settings ask for: Kafka, ClickHouse, migrations, workers, the retraining consumer."""

from __future__ import annotations

import functools
import shutil
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from stream import health
from stream.local import ports
from stream.local.addresses import CLICKHOUSE_SETTING, KAFKA_SETTING, clickhouse_port, kafka_port
from stream.local.clickhouse import access
from stream.local.clickhouse.local import LocalClickHouse
from stream.local.errors import LocalError
from stream.local.groups import Workers
from stream.local.jars import Progress, kafka_jars
from stream.local.java import find_java
from stream.local.kafka import LocalKafka
from stream.local.part import Part
from stream.settings import Settings, as_environment
from stream.topology import group_name

FOLDS = ("intake", "score", "measure", "decide", "store")
FREE_BYTES = 1 << 30
WORKERS_POLL_S = 0.2
FIRST_START_S = 300.0
"""On a machine where nothing is compiled yet all workers compile at once, for a minute of a whole core each."""
# Several processes share a small machine: one thread for linear algebra each, and few arenas of the allocator.
_FRUGAL = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "PYTHONUNBUFFERED": "1",
}


def build(settings: Settings, progress: Progress | None = None) -> list[Part]:
    """Prepare the local parts and return all parts in the order of their start.

    Parameters
    ----------
    settings
        Where things are, and what is run by others.
    progress
        Told about each jar that has to be fetched.

    Raises
    ------
    LocalError
        When something that a part needs is missing or taken; nothing has been started then.
    """
    env = {**_FRUGAL, **as_environment(settings)}
    servers: list[Part] = []
    if not settings.kafka.external:
        servers.append(_kafka(settings, progress))
    if not settings.clickhouse.external:
        servers.append(_clickhouse(settings))
    command = [sys.executable, "-m", "stream.cli.main", "migrate"]
    migrate = Part("migrate", command, env, after=[server.name for server in servers], once=True)
    return [*servers, migrate, *(_worker(fold, settings, env) for fold in FOLDS), _retrain(settings, env)]


def _kafka(settings: Settings, progress: Progress | None) -> Part:
    port = kafka_port(settings)
    ports.require_free([port, port + 1], "Kafka", KAFKA_SETTING)
    java = find_java().path
    node = LocalKafka(settings.home / "kafka", port, java, kafka_jars(settings.cache, progress))
    node.prepare()
    return Part("kafka", node.command(), ready=node.ready, port=port, grace_s=30)


def _clickhouse(settings: Settings) -> Part:
    given = settings.clickhouse
    port = clickhouse_port(settings)
    ports.require_free([port], "ClickHouse", CLICKHOUSE_SETTING)
    if given.user == given.reader:
        raise LocalError(
            f"The user that writes and the one that only reads are both {given.user!r}.",
            "Set STREAMGAUGE_CLICKHOUSE__READER to another name.",
        )
    users = (
        access.writer(given.user, given.password.get_secret_value()),
        access.reader(given.reader, given.reader_password.get_secret_value()),
    )
    server = LocalClickHouse(settings.home / "clickhouse", port, given.database, users)
    server.prepare()
    return Part("clickhouse", server.command(), _FRUGAL, ready=server.ready, port=port, grace_s=20)


def _worker(fold: str, settings: Settings, env: Mapping[str, str]) -> Part:
    command = [sys.executable, "-m", "stream.worker", "--fold", fold, "--name", fold]
    works = functools.partial(health.works, settings.home, fold)
    return Part(
        fold,
        command,
        env,
        _joined(settings, fold),
        after=["migrate"],
        start_s=FIRST_START_S,
        poll_s=WORKERS_POLL_S,
        works=works,
    )


def _retrain(settings: Settings, env: Mapping[str, str]) -> Part:
    command = [sys.executable, "-m", "retrain"]
    return Part("retrain", command, env, _joined(settings, "retrain"), after=["migrate"], poll_s=WORKERS_POLL_S)


def _joined(settings: Settings, fold: str) -> Callable[[], Awaitable[bool]]:
    group = group_name(settings.kafka.prefix, fold)
    return Workers(settings.kafka.bootstrap, group, settings.runtime.session_timeout_s).at_work


def require_space(home: Path) -> None:
    """Look whether there is room to work.

    Raises
    ------
    LocalError
        With what is free, when that is less than a gigabyte.
    """
    free = free_bytes(home)
    if free < FREE_BYTES:
        raise LocalError(
            f"Only {free >> 20} MB are free for {home}, and 1 GB is the least to work with.",
            "Free some space there, or set STREAMGAUGE_HOME to a folder on another disk.",
        )


def free_bytes(folder: Path) -> int:
    """Return what is free on the disk of a folder that need not exist yet."""
    existing = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    return shutil.disk_usage(existing).free
