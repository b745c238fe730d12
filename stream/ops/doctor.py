"""Look at an installation: what is there, what is missing, and the mend of each fault."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from stream.errors import StreamgaugeError
from stream.health import addresses, ask
from stream.local import kafka, ports
from stream.local.addresses import (
    CLICKHOUSE_SETTING,
    KAFKA_SETTING,
    clickhouse_address,
    clickhouse_port,
    kafka_addresses,
    kafka_port,
)
from stream.local.clickhouse import local as clickhouse
from stream.local.errors import LocalError
from stream.local.jars import NAME, faults, lock_list
from stream.local.java import find_java
from stream.local.parts import FREE_BYTES, free_bytes
from stream.local.state import supervisor_pid
from stream.settings import Settings

OLDEST_PYTHON = (3, 11)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes
    ----------
    name
        What was looked at.
    ok
        Whether it is as it should be.
    found
        What is there.
    mend
        What to do; empty when nothing is to be done.
    reaches
        Whether it asks a server: a fault then is one of reach, not of the installation.
    """

    name: str
    ok: bool
    found: str
    mend: str = ""
    reaches: bool = False


def examine(settings: Settings) -> list[Check]:
    """Look at everything, in the order in which a start needs it."""
    return list(_checks(settings))


def _checks(settings: Settings) -> Iterator[Check]:
    yield _python()
    if not settings.kafka.external:
        yield _java()
        yield _jars(settings)
    yield _disk(settings)
    if not supervisor_pid(settings.home):
        yield from _ports(settings)
    broker = _kafka(settings)
    yield broker
    yield _clickhouse(settings)
    yield from _workers(settings)
    if broker.ok:
        yield from _unread(settings)


def _python() -> Check:
    found = ".".join(str(part) for part in sys.version_info[:3])
    oldest = ".".join(str(part) for part in OLDEST_PYTHON)
    return Check("Python", sys.version_info[:2] >= OLDEST_PYTHON, found, f"Use Python {oldest} or newer.")


def _java() -> Check:
    try:
        java = find_java()
    except LocalError as error:
        return Check("Java", False, error.what, error.mend)
    return Check("Java", True, f"{java.major} from {java.origin}, {java.path}")


def _jars(settings: Settings) -> Check:
    folder = settings.cache / NAME
    if not folder.is_dir():
        return Check("Kafka's files", True, "not there yet; the first start fetches 44 MB")
    wrong = faults(folder, lock_list())
    if wrong:
        more = f" and {len(wrong) - 1} more" if wrong[1:] else ""
        return Check("Kafka's files", False, wrong[0] + more, "The next start fetches them again.")
    return Check("Kafka's files", True, f"{len(lock_list())} verified in {folder}")


def _disk(settings: Settings) -> Check:
    free = free_bytes(settings.home)
    mend = "Free some space there, or set STREAMGAUGE_HOME to a folder on another disk."
    return Check("Disk", free >= FREE_BYTES, f"{free / 1e9:.1f} GB free for {settings.home.absolute()}", mend)


def _ports(settings: Settings) -> Iterator[Check]:
    if not settings.kafka.external:
        yield _port("Kafka", KAFKA_SETTING, lambda: [kafka_port(settings), kafka_port(settings) + 1])
    if not settings.clickhouse.external:
        yield _port("ClickHouse", CLICKHOUSE_SETTING, lambda: [clickhouse_port(settings)])


def _port(part: str, setting: str, wanted: Callable[[], list[int]]) -> Check:
    name = f"Ports of {part}"
    try:
        numbers = wanted()
        ports.require_free(numbers, part, setting)
    except LocalError as error:
        return Check(name, False, error.what, error.mend)
    return Check(name, True, f"{', '.join(str(number) for number in numbers)} free")


def _kafka(settings: Settings) -> Check:
    mend = f"Start it with `streamgauge up`, or set {KAFKA_SETTING}."
    addresses = kafka_addresses(settings)
    answered = any(asyncio.run(kafka.answers(host, port)) for host, port in addresses)
    found = f"{settings.kafka.bootstrap} {'answers' if answered else 'does not answer'}"
    return Check("Kafka", answered, found, "" if answered else mend, reaches=True)


def _clickhouse(settings: Settings) -> Check:
    from stream.clickhouse.client import connect

    mend = f"Start it with `streamgauge up`, or set {CLICKHOUSE_SETTING}."
    url = settings.clickhouse.url
    if url.startswith("http:") and not asyncio.run(clickhouse.answers(*clickhouse_address(settings))):
        return Check("ClickHouse", False, f"{url} does not answer", mend, reaches=True)
    try:
        client = connect(settings.clickhouse, wait_s=0, database="system")
    except StreamgaugeError as error:
        return Check("ClickHouse", False, str(error), reaches=True)
    try:
        return Check("ClickHouse", True, f"{client.server_version} at {url}", reaches=True)
    finally:
        client.close()


def _workers(settings: Settings) -> Iterator[Check]:
    """Ask each worker that says where it answers how it is."""
    for address in addresses(settings.home):
        health = ask(address)
        found = f"{health.status}{': ' if health.reason else ''}{health.reason}, {address.url}"
        mend = f"Look into {settings.home / 'logs' / address.worker}.log and at `streamgauge lag`."
        yield Check(f"Worker {address.worker}", health.ok, found, "" if health.ok else mend)


def _unread(settings: Settings) -> Iterator[Check]:
    """Name partitions that nobody reads: no worker is ill, and yet no pane becomes final."""
    from kafka.errors import KafkaError

    from stream.ops.unread import MEND, unread

    try:
        for found in unread(settings):
            yield Check(f"Intake of {found.topic}", False, str(found), f"{MEND[0].upper()}{MEND[1:]}.")
    except KafkaError as error:
        yield Check("Intake", False, f"Kafka did not say who reads what: {error}", "Try again.", reaches=True)
