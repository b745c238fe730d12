"""The consumer: takes retrain events one at a time, works on each in a thread, commits when it is answered.

Beside that it builds the references that specs want of their first panes (`retrain.references`).

While there is work the partitions are paused and polled, so the group does not rebalance, however long a training
takes. An event that is taken away (a rebalance, a stop) is given up and not committed: its next owner does it.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import structlog
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import CommitFailedError, KafkaError
from kafka.structs import OffsetAndMetadata
from streamgauge.kafka_client import KafkaConsumer, TopicPartition

from retrain.event import RetrainEvent, decode
from retrain.references import FirstReferences
from retrain.register import KafkaBooks
from retrain.store import ClickHouseStore
from retrain.training import CancelledError
from retrain.work import Work
from stream.errors import StreamgaugeError
from stream.settings import Settings
from stream.topics import ensure_topics
from stream.topology import RETRAIN, RETRAINER, group_name, kafka_name

log = structlog.get_logger(__name__)
# A poll of kafka-python 3.0.12 in a group spins while it waits, at the cost of a core: wait little in it, then rest.
POLL_MS, REST_S = 20, 0.25
JOIN_MS = 500


class Consumer:
    """The retraining consumer of one process.

    Parameters
    ----------
    settings
        Where everything is.
    stop
        Set to end in good order: work in flight is given up.
    """

    def __init__(self, settings: Settings, stop: threading.Event) -> None:
        self._settings, self._stop = settings, stop
        self._references = FirstReferences(settings)
        self._books = KafkaBooks(settings.kafka)
        self._store = ClickHouseStore(settings.clickhouse)

    def run(self) -> None:
        """Work until told to stop."""
        wait_for_topics(self._settings, self._stop)
        consumer = open_consumer(self._settings)
        try:
            while not self._stop.wait(REST_S):
                self._build_references(consumer)
                for tp, records in poll(consumer).items():
                    for record in records:
                        self._answer(consumer, tp, record)
        finally:
            consumer.close()
            self._references.close()
            self._books.close()

    def _build_references(self, consumer: KafkaConsumer) -> None:
        """Build what is to be built if this process has the first partition: of a group, one process does."""
        self._references.look(is_mine=any(tp.partition == 0 for tp in consumer.assignment()))

    def _answer(self, consumer: KafkaConsumer, tp: TopicPartition, record: ConsumerRecord) -> None:
        try:
            event = decode(record.value or b"")
        except ValueError as error:
            log.error("a retrain event cannot be read", offset=record.offset, error=str(error))  # noqa: TRY400
            self._books.refuse(tp.partition, record.offset, record.timestamp, record.value or b"", str(error))
        else:
            if not self._work(consumer, tp, event):
                return
        try:
            consumer.commit({tp: OffsetAndMetadata(record.offset + 1, "", -1)})
        except CommitFailedError:
            # The group gave the partition to another, who finds the event answered.
            log.warning("not committed", offset=record.offset)

    def _work(self, consumer: KafkaConsumer, tp: TopicPartition, event: RetrainEvent) -> bool:
        """Return whether the event is answered; False if it was taken away."""
        taken = threading.Event()
        work = Work(
            home=self._settings.home,
            settings=self._settings.retrain,
            books=self._books,
            store=self._store,
            is_cancelled=taken.is_set,
            wait=taken.wait,
        )
        log.info("retrain", retrain=event.id, model=event.model, reason=event.reason)
        with ThreadPoolExecutor(1, "retrain") as thread:
            future = thread.submit(copy_context().run, work.do, event)  # with what is bound to the log
            try:
                while not future.done() and not taken.wait(REST_S):
                    stay_in_group(consumer)
                    self._build_references(consumer)
                    if self._stop.is_set() or tp not in consumer.assignment():
                        taken.set()
            finally:
                taken.set()
        consumer.resume(*consumer.assignment())
        try:
            future.result()
        except CancelledError:
            log.info("given up", retrain=event.id)
            return False
        return True


def poll(consumer: KafkaConsumer) -> dict[TopicPartition, list[ConsumerRecord]]:
    """Return one record of each partition that has one; wait longer only to join the group."""
    records: dict[TopicPartition, list[ConsumerRecord]] = consumer.poll(
        timeout_ms=POLL_MS if consumer.assignment() else JOIN_MS, max_records=1
    )
    return records


def stay_in_group(consumer: KafkaConsumer) -> None:
    """Poll without taking records: all partitions are paused, also those that a rebalance has just brought."""
    consumer.pause(*consumer.assignment())
    for tp, records in poll(consumer).items():
        consumer.seek(tp, records[0].offset)


def open_consumer(settings: Settings) -> KafkaConsumer:
    """Return a consumer of topic `retrain` in its group, which commits only when told."""
    prefix = settings.kafka.prefix
    return KafkaConsumer(
        kafka_name(prefix, RETRAIN),
        bootstrap_servers=settings.kafka.bootstrap.split(","),
        group_id=group_name(prefix, RETRAINER.name),
        client_id="streamgauge-retrain",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=round(max(6.0, settings.runtime.session_timeout_s) * 1_000),
        heartbeat_interval_ms=2_000,
        # A member that joins before it knows the topic gets no partition until it looks again.
        metadata_max_age_ms=2_000,
    )


def wait_for_topics(settings: Settings, stop: threading.Event) -> None:
    """Return once the broker answers and all topics are there, or when told to stop.

    Raises
    ------
    StreamgaugeError
        If the broker does not answer within `settings.kafka.wait_s`.
    """
    end = time.monotonic() + settings.kafka.wait_s
    while not stop.is_set():
        try:
            return ensure_topics(settings)
        except KafkaError as error:
            if time.monotonic() > end:
                raise StreamgaugeError(
                    f"no Kafka broker at {settings.kafka.bootstrap} for {settings.kafka.wait_s:g} s; start it "
                    "with `streamgauge up`, or set STREAMGAUGE_KAFKA__BOOTSTRAP"
                ) from error
            log.info("waiting for the broker", bootstrap=settings.kafka.bootstrap)
            stop.wait(0.5)
    return None
