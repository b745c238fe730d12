"""The producer's packing and bookkeeping, with a broker in memory; and the fake for users' tests."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest
from streamgauge import Batching, DeliveryError, LabelEvent, PredictionEvent, Producer, RefusedError, decode, producer
from streamgauge.testing import FakeProducer


class Future:
    def __init__(self) -> None:
        self.calls: list[Callable] = []
        self.errors: list[Callable] = []

    def add_callback(self, call: Callable) -> None:
        self.calls.append(call)

    def add_errback(self, call: Callable) -> None:
        self.errors.append(call)


class Kafka:
    """A broker that answers when it is told to, or at once."""

    def __init__(self) -> None:
        self.records: list[tuple[str, int, bytes]] = []
        self.open: list[Future] = []
        self.sent = threading.Event()
        self.broken: Exception | None = None
        self.closed = False

    def send(self, topic: str, *, value: bytes, partition: int, headers: list) -> Future:
        if self.broken is not None:
            raise self.broken
        assert headers == [("content-type", b"application/x-ndjson")]
        self.records.append((topic, partition, value))
        self.open.append(Future())
        self.sent.set()
        return self.open[-1]

    def partitions_for(self, topic: str) -> set[int]:
        return {0, 1, 2}

    def answer(self, error: Exception | None = None) -> None:
        waiting, self.open = self.open, []
        for future in waiting:
            for call in future.calls if error is None else future.errors:
                call(error)

    def flush(self) -> None:
        self.answer(self.failing)

    failing: Exception | None = None

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def kafka(monkeypatch) -> Kafka:
    broker = Kafka()
    monkeypatch.setattr(producer, "connect", lambda *_: broker)
    return broker


NEVER = 3_600_000.0


def test_packs_are_cut_by_lines_and_keep_their_order(kafka):
    with Producer(model="m", batching=Batching(lines=3, linger_ms=NEVER)) as sender:
        for number in range(7):
            sender.label("same", number, at=number)
        assert [len(value.split(b"\n")) for _, _, value in kafka.records] == [3, 3]
    assert [len(value.split(b"\n")) for _, _, value in kafka.records] == [3, 3, 1]
    found = [each.label for _, _, value in kafka.records for each in decode("labels", value, HEADERS)]
    assert found == [0, 1, 2, 3, 4, 5, 6]
    assert {(topic, partition) for topic, partition, _ in kafka.records} == {
        ("streamgauge.labels", kafka.records[0][1])
    }
    assert kafka.closed


HEADERS = (("content-type", b"application/x-ndjson"),)


def test_packs_are_cut_by_bytes(kafka):
    with Producer(model="m", batching=Batching(record_bytes=1_000, linger_ms=NEVER)) as sender:
        for number in range(10):
            sender.features("same", {"text": "x" * 300}, number)
        sender.features("same", {"text": "x" * 3_000}, 10)
    sizes = [len(value) for _, _, value in kafka.records]
    assert max(sizes[:-1]) <= 1_000 < sizes[-1]


def test_a_pack_leaves_when_it_is_old_enough(kafka):
    with Producer(model="m", batching=Batching(linger_ms=1)) as sender:
        sender.label("a", 1, at=1)
        assert kafka.sent.wait(20)


def test_an_event_above_the_limit_is_refused_with_both_sizes(kafka):
    with Producer(model="m", batching=Batching(event_bytes=1_000)) as sender:
        with pytest.raises(ValueError, match=r"has 2\d\d\d bytes, above the limit of 1000"):
            sender.features("a", {"text": "x" * 2_000}, 1)
        assert sender.stats().sent == 0


def test_an_event_that_breaks_the_contract_is_refused_before_it_leaves(kafka):
    with Producer(model="m") as sender:
        with pytest.raises(RefusedError, match="score is nan, not a finite number; leave it out"):
            sender.prediction("a", {}, score=float("nan"), at=1)
        with pytest.raises(RefusedError, match="prediction_id is an empty text"):
            sender.label("", 1, at=1)
        with pytest.raises(ValueError, match="needs a zone"):
            sender.label("a", 1, at=datetime(2013, 1, 1))  # noqa: DTZ001
        with pytest.raises(ValueError, match="got None"):
            sender.label("a", None, at=1)
        with pytest.raises(TypeError, match="x is a object"):
            sender.features("a", {"x": object()}, 1)
    with Producer() as sender, pytest.raises(ValueError, match="which model"):
        sender.label("a", 1, at=1)


def test_failures_are_kept_until_a_flush_raises_them_once(kafka):
    sender = Producer(model="m", batching=Batching(linger_ms=NEVER))
    kafka.failing = OSError("gone")
    sender.label("a", 1, at=1)
    sender.label("b", 1, at=1)
    with pytest.raises(DeliveryError, match=r"2 events were not acknowledged.*OSError: gone") as caught:
        sender.flush()
    assert {each.event.prediction_id for each in caught.value.undelivered} == {"a", "b"}
    kafka.failing = None
    sender.label("c", 1, at=1)
    sender.close()
    stats = sender.stats()
    assert (stats.sent, stats.delivered, stats.failed, stats.waiting, stats.waiting_bytes) == (3, 1, 2, 0, 0)
    sender.close()
    with pytest.raises(ValueError, match="closed"):
        sender.label("d", 1, at=1)


def test_a_client_that_refuses_a_record_loses_nothing_in_silence(kafka):
    kafka.broken = RuntimeError("no such codec")
    sender = Producer(model="m", batching=Batching(lines=1))
    sender.label("a", 1, at=1)
    with pytest.raises(DeliveryError, match="no such codec"):
        sender.close()


def test_failures_that_nobody_asks_for_stop_the_sending(kafka):
    kafka.broken = RuntimeError("down")
    sender = Producer(model="m", batching=Batching(lines=1, buffer_bytes=1_000, event_bytes=900))

    def send_many() -> None:
        for number in range(100):
            sender.label(str(number), 1, at=1)

    with pytest.raises(DeliveryError):
        send_many()
    assert sender.stats().sent < 30
    sender.close()


def test_a_full_buffer_blocks_until_an_acknowledgement_makes_room(kafka):
    sender = Producer(model="m", batching=Batching(lines=1, buffer_bytes=100, event_bytes=90))
    sender.label("a", 1, at=1)
    blocked = threading.Thread(target=sender.label, args=("b", 1), kwargs={"at": 1})
    blocked.start()
    blocked.join(0.1)
    assert blocked.is_alive()
    kafka.answer()
    blocked.join(20)
    assert not blocked.is_alive()
    sender.close()
    assert sender.stats().delivered == 2


def test_an_error_in_the_block_stays_the_error(kafka):
    kafka.failing = OSError("gone")

    def fail_inside() -> None:
        with Producer(model="m") as sender:
            sender.label("a", 1, at=1)
            raise KeyError("mine")

    with pytest.raises(KeyError) as caught:
        fail_inside()
    assert "not acknowledged" in caught.value.__notes__[0]


def test_the_verbs_build_the_events_of_the_contract():
    at = datetime(2013, 1, 1, 10, 15, tzinfo=UTC)
    with FakeProducer(model="flight-delay", version="3", source="checkin-api") as fake:
        values = {"d": np.float64(1.5), "n": np.int64(3), "b": np.bool_(True), "s": np.str_("UA"), "x": None}
        fake.prediction("a", values | {"m": Decimal("2.5")}, score=np.float32(0.5), at=at)
        fake.label("a", True, at=at, kind="feedback")
    plain = {"d": 1.5, "n": 3, "b": True, "s": "UA", "x": None, "m": 2.5}
    common = {
        "prediction_id": "a",
        "model": "flight-delay",
        "event_time_ms": 1_357_035_300_000,
        "source": "checkin-api",
    }
    assert fake.events == [
        PredictionEvent(features=plain, version="3", score=0.5, **common),
        LabelEvent(label=True, kind="feedback", **common),
    ]
    assert {type(value) for value in fake.events[0].features.values()} == {float, int, bool, str, type(None)}
    with pytest.raises(ValueError, match="closed"):
        fake.label("b", 1, at=1)


@pytest.mark.parametrize("wrong", [{"lines": 0}, {"linger_ms": -1}, {"event_bytes": 0}, {"record_bytes": 5 << 20}])
def test_wrong_settings_are_refused(wrong):
    with pytest.raises(ValueError, match="must"):
        Batching(**wrong)
