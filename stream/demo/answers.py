"""The answers that an application waits for: predictions, as they come back from Kafka."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from streamgauge.kafka_client import KafkaConsumer, TopicPartition

from stream.demo.errors import DemoError

CHECK_S = 1.0
_ID = re.compile(rb'"prediction_id"\s*:\s*"([^"\\]*)"')


class Answers:
    """Follows a topic of predictions from its end on, in a thread, and knows who still waits for one.

    A prediction that comes twice (a worker died and its successor repeats it) counts once.

    Parameters
    ----------
    bootstrap
        Address of Kafka.
    topic
        The topic's name on the broker; it must exist.
    check
        Called about once a second during a wait; raises what makes it pointless.
    """

    def __init__(self, bootstrap: str, topic: str, check: Callable[[], None] = lambda: None) -> None:
        self._check = check
        self._consumer = KafkaConsumer(
            bootstrap_servers=bootstrap, group_id=None, auto_offset_reset="earliest", fetch_max_wait_ms=50
        )
        partitions = [TopicPartition(topic, p) for p in sorted(self._consumer.partitions_for_topic(topic) or ())]
        if not partitions:
            self._consumer.close()
            msg = f"the topic {topic} does not exist at {bootstrap}"
            raise DemoError(msg)
        self._consumer.assign(partitions)
        self._waiting: set[bytes] = set()
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._follow, name="answers", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def expect(self, ids: Iterable[str]) -> None:
        """Say which predictions will be waited for; before their features are sent."""
        with self._changed:
            self._waiting.update(prediction_id.encode() for prediction_id in ids)

    def wait(self, timeout_s: float) -> None:
        """Return when all expected predictions are there.

        Raises
        ------
        DemoError
            If none of them came for `timeout_s` seconds.
        """
        missing, progress_s = -1, time.monotonic()
        with self._changed:
            while self._waiting:
                self._check()
                if self._failure is not None:
                    msg = f"predictions cannot be read: {self._failure}"
                    raise DemoError(msg) from self._failure
                if len(self._waiting) != missing:
                    missing, progress_s = len(self._waiting), time.monotonic()
                if time.monotonic() - progress_s > timeout_s:
                    msg = f"{missing} predictions are missing, none came for {timeout_s:g} s: is `score` up?"
                    raise DemoError(msg)
                self._changed.wait(CHECK_S)

    def close(self) -> None:
        """Stop following."""
        self._stopped.set()
        self._thread.join(timeout=10)

    def _follow(self) -> None:
        try:
            while not self._stopped.is_set():
                for records in self._consumer.poll(timeout_ms=200).values():
                    self._note([record.value for record in records if record.value])
        except Exception as error:  # noqa: BLE001 - told to who waits, in its own thread
            with self._changed:
                self._failure = error
                self._changed.notify_all()
        finally:
            self._consumer.close()

    def _note(self, values: list[bytes]) -> None:
        came = {found for value in values for found in _ID.findall(value)}
        with self._changed:
            self._waiting -= came
            self._changed.notify_all()
