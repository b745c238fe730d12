"""References that specs want of their first panes, ``reference: {first: 200 panes}``: built when those are final.

Nothing is kept but what the topic of specs says: a monitor waits if its newest revision names first panes and has no
reference. What is built is a revision with one, so a process that begins anew, or another one, finds nothing to do.
"""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from contextvars import copy_context

import msgspec
import structlog
from clickhouse_connect.driver.exceptions import ClickHouseError
from kafka.errors import KafkaError
from streamgauge.kafka_client import KafkaConsumer, TopicPartition
from streamgauge.spec import MonitorSpec

from stream.clickhouse.client import ClickHouseRefused, ClickHouseUnreachable, connect, first_line, is_transient
from stream.errors import StreamgaugeError
from stream.local.errors import LocalError
from stream.ops.controls import KafkaSilentError
from stream.ops.reference import build_and_apply
from stream.ops.reference_first import NotYetError, first_panes
from stream.ops.reference_sources import InFirst
from stream.settings import Settings
from stream.topology import SPECS, kafka_name

log = structlog.get_logger(__name__)

LOOK_S = 5.0
"""Seconds between two looks at the panes that are awaited."""

WHO = "first panes"
_SILENCE = (NotYetError, ClickHouseUnreachable, ClickHouseRefused, LocalError, KafkaSilentError, KafkaError)


class Revision(msgspec.Struct):
    """A record of topic `specs` without the artifact."""

    monitor: str
    revision: int
    spec: dict[str, object]
    reference_sha: str | None = None


class FirstReferences:
    """Builds references in a thread of its own; an error that nobody foresaw ends the process that asks."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._thread = ThreadPoolExecutor(1, "references")
        self._running: Future[None] | None = None
        self._next_s = 0.0
        self._specs = _Specs(settings)
        self._given_up: set[tuple[str, int]] = set()

    def look(self, *, is_mine: bool) -> None:
        """Begin to look whether panes that are awaited are there, if it is time to; return at once."""
        if self._running is not None:
            if not self._running.done():
                return
            self._running.result()
            self._running = None
        if is_mine and time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + LOOK_S
            self._running = self._thread.submit(copy_context().run, self.build_all)

    def close(self) -> None:
        """Begin nothing more, and wait for what is being built."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._specs.close()

    def build_all(self) -> None:
        """Build the references of all monitors that wait, and whose panes are there."""
        try:
            waiting = self._specs.waiting()
        except KafkaError as error:
            log.info("the topic of specs does not answer", error=str(error))
            return
        for revision in waiting:
            if (revision.monitor, revision.revision) not in self._given_up:
                self._build(revision)

    def _build(self, revision: Revision) -> None:
        try:
            self._build_if_there(MonitorSpec.model_validate(revision.spec))
        except _SILENCE as error:
            log.debug("no reference yet", monitor=revision.monitor, why=str(error))
        except ClickHouseError as error:
            if not is_transient(error):
                raise
            log.info("the store does not answer", error=first_line(error))
        except (StreamgaugeError, ValueError) as error:
            # It would fail again: until there is another revision, or somebody builds one.
            log.warning("no reference", monitor=revision.monitor, why=str(error))
            self._given_up.add((revision.monitor, revision.revision))

    def _build_if_there(self, spec: MonitorSpec) -> None:
        panes = _first(spec)
        if panes is None:
            return
        with closing(connect(self._settings.clickhouse, wait_s=1.0)) as client:
            first_panes(client, spec, panes)
        built = build_and_apply(self._settings, spec.monitor, InFirst(panes), WHO)
        log.info("reference", monitor=spec.monitor, sha=built.sha, revision=built.revision, panes=panes)


class _Specs:
    """The newest revision of each monitor, read from where the last look ended."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._consumer: KafkaConsumer | None = None
        self._newest: dict[str, Revision] = {}

    def waiting(self) -> list[Revision]:
        """Return the newest revisions that have no reference and name first panes, by monitor."""
        consumer = self._open()
        ends = consumer.end_offsets(list(consumer.assignment()))
        while any(consumer.position(tp) < end for tp, end in ends.items()):
            for records in consumer.poll(timeout_ms=500).values():
                for record in records:
                    self._take(record.value)
        return [one for _, one in sorted(self._newest.items()) if one.reference_sha is None and _names_first(one)]

    def close(self) -> None:
        """Disconnect."""
        if self._consumer is not None:
            self._consumer.close()

    def _open(self) -> KafkaConsumer:
        if self._consumer is None:
            kafka = self._settings.kafka
            consumer = KafkaConsumer(
                bootstrap_servers=kafka.bootstrap.split(","), enable_auto_commit=False, auto_offset_reset="earliest"
            )
            name = kafka_name(kafka.prefix, SPECS)
            tps = [TopicPartition(name, p) for p in sorted(consumer.partitions_for_topic(name) or ())]
            consumer.assign(tps)
            consumer.seek_to_beginning(*tps)
            self._consumer = consumer
        return self._consumer

    def _take(self, value: bytes | None) -> None:
        if value is None:
            return
        try:
            found = msgspec.json.decode(value, type=Revision)
        except msgspec.DecodeError:
            return  # what it is, intake says
        before = self._newest.get(found.monitor)
        if before is None or before.revision <= found.revision:
            self._newest[found.monitor] = found


def _names_first(revision: Revision) -> bool:
    reference = revision.spec.get("reference")
    return isinstance(reference, dict) and reference.get("first") is not None


def _first(spec: MonitorSpec) -> int | None:
    return None if spec.reference is None else spec.reference.first
