"""Producers that push rounds of load, each in a thread of its own, and remember what the broker acknowledged."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol, Self

from kafka.errors import KafkaError
from streamgauge import Producer
from streamgauge.errors import DeliveryError
from streamgauge.kafka_client import KafkaProducer

from benchmarks.chaos.load import WARM_ROUNDS, Live, Sending
from benchmarks.chaos.replayed import Replayed
from benchmarks.chaos.system import Lags
from stream.runtime.lag import Offsets
from stream.settings import Settings
from stream.topology import kafka_name

Acked = tuple[str, int, int]
"""Topic, partition and offset of a record that the broker acknowledged."""
AHEAD = 2
MANY = 5_000
TIMEOUT_S = 90.0


class _Metadata(Protocol):
    partition: int
    offset: int


class Feed(threading.Thread):
    """Pushes rounds until told to stop or until `rounds` are pushed, whichever is first.

    Parameters
    ----------
    push
        Sends a round and returns when it may be followed by the next.
    rounds
        How many to push at most; None: until `stop`.
    """

    def __init__(self, name: str, push: Callable[[int], None], rounds: int | None) -> None:
        super().__init__(name=name, daemon=True)
        self._push, self._rounds = push, rounds
        self._stopped = threading.Event()
        self.pushed = 0
        self.error: BaseException | None = None

    def run(self) -> None:
        """Push."""
        try:
            while not self._stopped.is_set() and self.pushed != self._rounds:
                self._push(self.pushed)
                self.pushed += 1
        except BaseException as error:  # noqa: BLE001  raised again where the feed is waited for
            self.error = error

    def stop(self) -> None:
        """Let the round that is being pushed be the last one."""
        self._stopped.set()

    def finish(self) -> int:
        """Wait for the last round and return how many were pushed; raise what went wrong."""
        self.join()
        if self.error is not None:
            raise self.error
        return self.pushed


class Pace:
    """Lets no two rounds begin within so many seconds, and makes up for at most one that was late."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._due = seconds, time.monotonic()

    def wait(self) -> None:
        """Return when the next round may begin."""
        self._due = max(self._due + self._seconds, time.monotonic() - self._seconds)
        time.sleep(max(0.0, self._due - time.monotonic()))


class Pipe:
    """Lets a few rounds be on their way to the ledger, so that event time never runs ahead of what is read."""

    def __init__(self, lags: Lags) -> None:
        self._lags, self._sent = lags, deque[Offsets]()

    def wait_for_room(self) -> None:
        """Note that a round was sent; wait until the one `AHEAD` before it is in the ledger."""
        self._sent.append(self._lags.ends("intake"))
        if len(self._sent) > AHEAD:
            self._lags.wait_done("intake", self._sent.popleft())


class LivePusher:
    """Sends rounds of today's models with a plain Kafka client.

    Parameters
    ----------
    pace_s
        Seconds between the begins of two rounds; 0: as soon as most rounds before are in the ledger.
    """

    def __init__(self, settings: Settings, load: Live, pace_s: float) -> None:
        self._prefix, self._load, self._pace_s = settings.kafka.prefix, load, pace_s
        self._lags = Lags(settings)
        self._pipe, self._pace = Pipe(self._lags), Pace(pace_s)
        self._client = KafkaProducer(
            bootstrap_servers=settings.kafka.bootstrap.split(","), acks="all", enable_idempotence=True,
            compression_type="lz4", linger_ms=50, delivery_timeout_ms=int(TIMEOUT_S * 1000), max_block_ms=60_000,
            request_timeout_ms=10_000, allow_auto_create_topics=False,
        )  # fmt: skip
        self._open: deque[tuple[Sending, object]] = deque()
        self.acked: list[Acked] = []
        self.sent_again = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
        self._lags.close()

    def push(self, number: int) -> None:
        """Send the next round, and wait until it is time for the one after."""
        for sending in self._load.round():
            self._send(sending)
        if number == WARM_ROUNDS - 1:
            self.collect()
            warm_up(self._lags)
        elif self._pace_s == 0:
            self.collect()
            self._pipe.wait_for_room()
        elif len(self._open) > MANY:
            self.collect()
        self._pace.wait()

    def collect(self) -> None:
        """Wait for all acknowledgements; what was refused is sent again."""
        while self._open:
            sending, future = self._open.popleft()
            try:
                got: _Metadata = future.get(timeout=TIMEOUT_S)  # type: ignore[attr-defined]
            except KafkaError:
                self.sent_again += 1
                self._send(sending)
            else:
                self.acked.append((sending.topic, got.partition, got.offset))

    def _send(self, sending: Sending) -> None:
        future = self._client.send(
            kafka_name(self._prefix, sending.topic), key=sending.key, value=sending.value, partition=sending.partition,
            headers=list(sending.headers),
        )  # fmt: skip
        self._open.append((sending, future))


class ReplayPusher:
    """Sends rounds of the replayed model with the SDK; each when most before it are in the ledger."""

    def __init__(self, settings: Settings, load: Replayed, pace_s: float) -> None:
        self._load, self._lags = load, Lags(settings)
        self._pipe, self._pace = Pipe(self._lags), Pace(pace_s)
        self._producer = Producer(settings.kafka.bootstrap, prefix=settings.kafka.prefix, timeout_s=TIMEOUT_S)
        self.identities: set[tuple[str, str]] = set()
        self.sent_again = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._producer.close()
        self._lags.close()

    def push(self, number: int) -> None:
        """Send the next round and wait until there is room for another."""
        events = self._load.round()
        for event in events:
            self._producer.send(event)
        self._flush()
        self.identities |= {(type(event).__name__, event.prediction_id) for event in events}
        if number == WARM_ROUNDS - 1:
            warm_up(self._lags)
        else:
            self._pipe.wait_for_room()
        self._pace.wait()

    def _flush(self) -> None:
        while True:
            try:
                return self._producer.flush()
            except DeliveryError as error:
                for undelivered in error.undelivered:
                    self.sent_again += 1
                    self._producer.send(undelivered.event)


def warm_up(lags: Lags) -> None:
    """Wait until every ledger partition has a watermark of what was sent so far."""
    lags.wait_done("intake", lags.ends("intake"))
    lags.wait_done("measure", {tp: end + 8 for tp, end in lags.ends("measure").items()})
