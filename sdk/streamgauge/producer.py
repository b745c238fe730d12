"""The Kafka producer of events: packed, acknowledged by all replicas, and nothing lost in silence."""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType, TracebackType
from typing import Final, Protocol, cast

from streamgauge.batching import MAX_RECORD_BYTES, Batching, Pack, Packer, Place
from streamgauge.errors import DeliveryError, StreamgaugeError, Undelivered, UnreachableError
from streamgauge.events import Event
from streamgauge.kafka_client import KafkaError, KafkaProducer
from streamgauge.partition import partition_of
from streamgauge.reach import why_unreachable
from streamgauge.sender import KIND_OF, Sender, checked_line
from streamgauge.wire import LINES_HEADERS

_CONNECT_MS: Final = 15_000  # how long a broker or a topic is waited for
_PROXIES: Final = {"proxy_url", "socks5_proxy"}
_log: Final = logging.getLogger("streamgauge")


class _Future(Protocol):
    def add_callback(self, call: partial[None]) -> object: ...
    def add_errback(self, call: partial[None]) -> object: ...


class _Kafka(Protocol):
    """What is used of kafka-python's producer."""

    def send(self, topic: str, *, value: bytes, partition: int, headers: list[tuple[str, bytes]]) -> _Future: ...
    def partitions_for(self, topic: str) -> set[int]: ...
    def flush(self) -> None: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Stats:
    """What became of the events so far: sent = delivered + failed + waiting."""

    sent: int
    delivered: int
    failed: int
    waiting: int
    waiting_bytes: int


class Producer(Sender):
    """Sends events to Kafka in the background; `flush` and `close` raise what was not acknowledged.

    Events of one prediction_id keep their order. Calls return at once, unless `batching.buffer_bytes` wait for
    their acknowledgement: then they block until there is room. Thread safe; not to be shared over a fork.

    Parameters
    ----------
    bootstrap
        Addresses of brokers, ``host:port``, several with commas.
    model, version, source
        What events carry that do not say otherwise.
    prefix
        What stands before the names of topics on this broker.
    batching
        When packs are sent, and how much may wait.
    timeout_s
        How long an event is tried, retries included, before it counts as not delivered.
    kafka
        Further settings of kafka-python's producer: TLS and SASL.

    Raises
    ------
    UnreachableError
        If no broker answers; later, by the first event for a topic that does not exist.
    """

    def __init__(
        self,
        bootstrap: str = "127.0.0.1:9092",
        *,
        model: str | None = None,
        version: str | None = None,
        source: str | None = None,
        prefix: str = "streamgauge.",
        batching: Batching | None = None,
        timeout_s: float = 120.0,
        kafka: Mapping[str, object] = MappingProxyType({}),
    ) -> None:
        super().__init__(model, version, source)
        self._bootstrap, self._prefix = bootstrap, prefix
        self._batching = Batching() if batching is None else batching
        self._packer = Packer(self._batching)
        self._kafka = connect(bootstrap, timeout_s, kafka)
        self._partitions: dict[str, int] = {}
        # Guards all that follows. Never held while kafka-python is called: its callbacks take it.
        self._state = threading.Condition()
        self._ready: deque[Pack] = deque()
        self._outstanding: dict[int, Pack] = {}
        self._undelivered: list[Undelivered] = []
        self._undelivered_bytes = self._waiting_bytes = 0
        self._sent = self._delivered = self._failed = 0
        self._closed = False
        # Held while packs are handed to kafka-python, so that they keep their order.
        self._handover = threading.Lock()
        self._clock = threading.Thread(target=self._send_aged, name="streamgauge-linger", daemon=True)
        self._clock.start()
        atexit.register(self._close_at_exit)

    def send(self, event: Event) -> None:
        """Take one event.

        Raises
        ------
        RefusedError
            If it breaks the contract; a ValueError that names field, reason and mend.
        ValueError
            If it is larger than `batching.event_bytes`, or the producer is closed.
        DeliveryError
            If events that failed before fill the buffer, and no flush has asked for them.
        """
        line = checked_line(event, self._batching.event_bytes)
        place = self._place(event)
        with self._state:
            self._wait_for_room(len(line) + 1)
            self._sent += 1
            self._waiting_bytes += len(line) + 1
            idle = self._packer.next_due_s() is None
            self._ready.extend(self._packer.add(place, event, line, time.monotonic()))
            if idle:
                self._state.notify_all()
            full = bool(self._ready)
        if full:
            self._hand_over_ready()

    def flush(self) -> None:
        """Send what waits, and return when all of it is acknowledged.

        Raises
        ------
        DeliveryError
            With each event that was not acknowledged since the last flush, and why.
        """
        with self._state:
            self._ready.extend(self._packer.take_all())
            mine = {id(pack) for pack in self._ready} | set(self._outstanding)
        self._hand_over_ready()
        self._kafka.flush()
        with self._state:
            self._state.wait_for(lambda: mine.isdisjoint(self._outstanding))
            self._raise_undelivered()

    def stats(self) -> Stats:
        """Return what became of the events so far."""
        with self._state:
            waiting = self._sent - self._delivered - self._failed
            return Stats(self._sent, self._delivered, self._failed, waiting, self._waiting_bytes)

    def close(self) -> None:
        """Flush and disconnect; DeliveryError as `flush`. A second call does nothing."""
        with self._state:
            if self._closed:
                return
            self._closed = True
            self._state.notify_all()
        atexit.unregister(self._close_at_exit)
        try:
            self.flush()
        finally:
            self._clock.join()
            self._kafka.close()

    def __enter__(self) -> Producer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close; an error from within the block stays the error, and what was not delivered is its note."""
        try:
            self.close()
        except DeliveryError as undelivered:
            if error is None:
                raise
            error.add_note(str(undelivered))

    def _place(self, event: Event) -> Place:
        topic = self._prefix + KIND_OF[type(event)]
        count = self._partitions.get(topic)
        if count is None:
            count = self._partitions[topic] = self._count_partitions(topic)
        return Place(topic, partition_of(event.prediction_id.encode(), count))

    def _count_partitions(self, topic: str) -> int:
        try:
            return len(self._kafka.partitions_for(topic))
        except KafkaError as error:
            msg = (
                f"no topic {topic} at {self._bootstrap} ({error}); "
                "start the system, or give this producer the prefix of its topics"
            )
            raise UnreachableError(msg) from error

    def _wait_for_room(self, size: int) -> None:
        limit = self._batching.buffer_bytes
        if self._undelivered_bytes > limit:
            self._raise_undelivered()
        self._state.wait_for(lambda: self._closed or self._waiting_bytes + size <= limit)
        if self._closed:
            msg = "the producer is closed"
            raise ValueError(msg)

    def _raise_undelivered(self) -> None:
        found, self._undelivered = self._undelivered, []
        self._undelivered_bytes = 0
        if found:
            raise DeliveryError(found)

    def _hand_over_ready(self) -> None:
        """Give packs to kafka-python, in the order in which they became ready."""
        with self._handover:
            while True:
                with self._state:
                    if not self._ready:
                        return
                    pack = self._ready.popleft()
                    self._outstanding[id(pack)] = pack
                self._hand_over(pack)

    def _hand_over(self, pack: Pack) -> None:
        topic, partition = pack.place
        try:
            future = self._kafka.send(topic, value=pack.value, partition=partition, headers=list(LINES_HEADERS))
        except Exception as error:  # noqa: BLE001 — whatever it is, the pack's events are reported as undelivered
            self._settle(pack, error)
            return
        future.add_callback(partial(self._acknowledged, pack))
        future.add_errback(partial(self._settle, pack))

    def _acknowledged(self, pack: Pack, _metadata: object) -> None:
        self._settle(pack, None)

    def _settle(self, pack: Pack, error: BaseException | None) -> None:
        with self._state:
            del self._outstanding[id(pack)]
            self._waiting_bytes -= pack.size
            if error is None:
                self._delivered += len(pack.events)
            else:
                reason = f"{type(error).__name__}: {error}"
                self._failed += len(pack.events)
                self._undelivered += [Undelivered(event, reason) for event in pack.events]
                self._undelivered_bytes += pack.size
            self._state.notify_all()

    def _send_aged(self) -> None:
        """Hand over packs as they become old enough, until the producer is closed."""
        while True:
            with self._state:
                if self._closed:
                    return
                due = self._packer.next_due_s()
                now = time.monotonic()
                if due is None or due > now:
                    self._state.wait(None if due is None else due - now)
                    continue
                self._ready.extend(self._packer.take_older(now))
            self._hand_over_ready()

    def _close_at_exit(self) -> None:
        try:
            self.close()
        except StreamgaugeError as error:
            _log.error("at exit: %s", error)


def connect(bootstrap: str, timeout_s: float, kafka: Mapping[str, object]) -> _Kafka:
    """Return kafka-python's producer, idempotent, acknowledged by all replicas; UnreachableError if none answers."""
    timeout_ms = int(timeout_s * 1_000)
    addresses = bootstrap.split(",")
    why = "" if _PROXIES & set(kafka) else why_unreachable(addresses, min(_CONNECT_MS, timeout_ms) / 1_000)
    if why:
        msg = f"no Kafka broker answers at {bootstrap} ({why}); is it started?"
        raise UnreachableError(msg)
    settings = {
        "bootstrap_servers": addresses,
        "client_id": "streamgauge-sdk",
        "acks": "all",
        "enable_idempotence": True,
        "compression_type": "lz4",
        "linger_ms": 5,
        "batch_size": 256 << 10,
        "max_request_size": MAX_RECORD_BYTES,
        "request_timeout_ms": min(30_000, timeout_ms - 5),
        "delivery_timeout_ms": timeout_ms,
        "max_block_ms": min(_CONNECT_MS, timeout_ms),
        "bootstrap_timeout_ms": min(_CONNECT_MS, timeout_ms),
        "allow_auto_create_topics": False,
    }
    try:
        return cast(_Kafka, KafkaProducer(**{**settings, **kafka}))
    except KafkaError as error:
        msg = f"no Kafka broker answers at {bootstrap} ({type(error).__name__}: {error}); is it started?"
        raise UnreachableError(msg) from error
