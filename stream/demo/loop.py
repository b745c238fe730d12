"""What the demo asks of the system while it replays: that it has caught up, that no retrain runs, commands."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
from kafka import KafkaProducer

from stream.clickhouse.client import connect
from stream.demo.collect import Now, Reader
from stream.demo.errors import DemoError
from stream.runtime.lag import caught_up
from stream.topology import COMMANDS, kafka_name

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from stream.settings import Settings

POLL_S = 0.25


class Loop:
    """The running system, as its operator sees it.

    Parameters
    ----------
    settings
        Where it is.
    model
        The model that is replayed.
    timeout_s
        How long any wait may last, seconds.
    """

    def __init__(self, settings: Settings, model: str, timeout_s: float = 300) -> None:
        self._settings, self._model, self._timeout_s = settings, model, timeout_s
        self._client = connect(settings.clickhouse)
        self.reader = Reader(self._client, model)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def settle(self, tell: Callable[[str], None] = lambda _what: None) -> Now:
        """Return when all that was sent has gone the whole way and no retrain is in flight.

        Parameters
        ----------
        tell
            Is told what is waited for, in words; an empty text at the end.

        Raises
        ------
        DemoError
            If the system does not catch up in time, or a retrain does not end.
        """
        end = time.monotonic() + self._timeout_s
        while True:
            self._catch_up(end)
            running = self.reader.in_flight()
            if not running:
                tell("")
                return self.reader.now()
            tell(", ".join(f"retrain {name}: {step}" for name, step in running.items()))
            self._pause(end, f"retrain {', '.join(running)} did not end")

    def wait_for_champion(self, tell: Callable[[str], None] = lambda _what: None) -> Now:
        """Return when a version serves and all has settled."""
        end = time.monotonic() + self._timeout_s
        while True:
            now = self.settle(tell)
            if now.champion:
                return now
            tell("waiting for the first version")
            self._pause(end, "no version came to serve")

    def command(self, command: str) -> None:
        """Send a command about the model, and return when Kafka has it."""
        record = {
            "id": uuid.uuid4().hex,
            "command": command,
            "model": self._model,
            "who": "demo",
            "at_ms": time.time_ns() // 1_000_000,
            "args": {},
        }
        producer = KafkaProducer(bootstrap_servers=self._settings.kafka.bootstrap.split(","), acks="all")
        try:
            topic = kafka_name(self._settings.kafka.prefix, COMMANDS)
            sent = producer.send(topic, key=self._model.encode(), value=msgspec.json.encode(record))
            sent.get(timeout=30)
        finally:
            producer.close()

    def _catch_up(self, end: float) -> None:
        left_s = end - time.monotonic()
        if left_s <= 0 or not caught_up(self._settings, left_s):
            msg = f"the system did not catch up within {self._timeout_s:g} s; see the logs of its workers"
            raise DemoError(msg)

    def _pause(self, end: float, failed: str) -> None:
        if time.monotonic() > end:
            msg = f"{failed} within {self._timeout_s:g} s; see the logs of its workers"
            raise DemoError(msg)
        time.sleep(POLL_S)
