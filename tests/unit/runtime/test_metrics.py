"""What a worker counts, what it says about its health, and where it says so."""

import asyncio
import json
import urllib.error
import urllib.request

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from stream.folds.base import Output, Record, Records
from stream.folds.blocks import Source
from stream.folds.deadletters import dead_letter
from stream.folds.measure.state import LineageState, MeasureState, SourceState
from stream.health import Health, addresses, announce, ask, withdraw
from stream.runtime import exposition
from stream.runtime.exposition import Exposition, sample
from stream.runtime.health import OFF, Limits, judge, serving
from stream.runtime.memory import Memory, resident_bytes
from stream.runtime.memory_port import MemoryBroker, MemoryPointers, MemoryPort, MemoryPublisher
from stream.runtime.metered import MeteredCheckpoints, MeteredHandler, MeteredLog, MeteredPublisher
from stream.runtime.metrics import Metrics, measured
from stream.runtime.observe import of_measure
from stream.runtime.port import Bounds, TopicPartition
from stream.runtime.stateful_host import StatefulHost
from tests.counting import Counting

LEDGER = TopicPartition("ledger", 0)


class Time:
    """A clock that goes on when it is told to."""

    def __init__(self):
        self.now = 1_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def metrics(time):
    made = Metrics("measure", "measure-1", clock=time, monotonic=time)
    Exposition(made)
    return made


def told(metrics, name, **labels):
    """The value of a sample, None if there is none."""
    text = generate_latest(metrics.registry).decode()
    samples = (s for family in text_string_to_metric_families(text) for s in family.samples)
    values = [s.value for s in samples if s.name == name and labels.items() <= s.labels.items()]
    assert len(values) < 2
    return values[0] if values else None


class Ends:
    """A broker that says where logs end."""

    def __init__(self, end=10, committed=None):
        self.end, self.done = end, committed or {}

    async def bounds(self, tps):
        return {tp: Bounds(2, self.end) for tp in tps}

    async def committed(self, tps):
        return {tp: self.done[tp] for tp in tps if tp in self.done}


async def worked(metrics, folder, records=10):
    """Let a worker fold a log whole."""
    broker = MemoryBroker({"ledger": 1, "partials": 1})
    for i in range(records):
        broker.append(LEDGER, Output("ledger", b"%d" % i, b"k"))
    port = MemoryPort(broker, ["ledger"], [4])
    log, publisher = MeteredLog(port, metrics), MeteredPublisher(MemoryPublisher(broker), metrics)
    store = MeteredCheckpoints(metrics, "", "measure", folder, MemoryPointers(broker), 1)
    host = StatefulHost(lambda p: Counting(5, p), log, publisher, store, 1_000)
    await port.run(MeteredHandler(host, metrics))


async def test_runs_results_and_checkpoints_are_counted(metrics, tmp_path):
    await worked(metrics, tmp_path)
    here = {"fold": "measure", "topic": "ledger", "partition": "0"}

    assert told(metrics, "streamgauge_read_records_total", **here) == 10
    assert told(metrics, "streamgauge_read_bytes_total", **here) == 20
    assert told(metrics, "streamgauge_step_seconds_count", topic="ledger") == 3
    assert told(metrics, "streamgauge_written_records_total", topic="partials") == 2
    assert told(metrics, "streamgauge_written_bytes_total", topic="partials") > 0
    assert told(metrics, "streamgauge_publish_seconds_count") == 2
    assert told(metrics, "streamgauge_position_offset", **here) == 10
    assert told(metrics, "streamgauge_last_commit_timestamp_seconds", **here) == 1_000_000
    assert told(metrics, "streamgauge_checkpoint_seconds_count") == 1
    assert told(metrics, "streamgauge_checkpoint_bytes", partition="0") > 0
    assert told(metrics, "process_resident_memory_bytes") > 1e6


async def test_lag_is_what_waits_and_since_when(metrics, time, tmp_path):
    await worked(metrics, tmp_path)
    assert told(metrics, "streamgauge_lag_records") is None  # nobody has asked the broker yet

    await sample(metrics, Ends(10))
    time.now += 60
    assert told(metrics, "streamgauge_lag_records") == 0
    assert told(metrics, "streamgauge_lag_seconds") == 0

    await sample(metrics, Ends(13))  # three records came within the minute since it was seen caught up
    assert told(metrics, "streamgauge_lag_records") == 3
    metrics.of(LEDGER).append_s = 0.0
    assert told(metrics, "streamgauge_lag_seconds") == 60


@pytest.mark.parametrize(("committed", "lag"), [({LEDGER: 7}, 3), ({}, 8)])
async def test_before_the_first_commit_the_groups_own_counts_else_the_logs_begin(metrics, committed, lag):
    metrics.owned = {LEDGER}
    await sample(metrics, Ends(10, committed))

    assert told(metrics, "streamgauge_lag_records") == lag
    assert told(metrics, "streamgauge_lag_seconds") is None


async def test_a_partition_that_went_to_another_worker_has_no_lag_here(metrics, tmp_path):
    await worked(metrics, tmp_path)
    await sample(metrics, Ends(10))
    handler = MeteredHandler(StatefulHost(Counting, None, None, None, 1), metrics)
    await handler.revoke([LEDGER])

    assert told(metrics, "streamgauge_lag_records") is None
    assert told(metrics, "streamgauge_checkpoint_age_seconds") is None
    assert told(metrics, "streamgauge_read_records_total") == 10  # a counter goes on


async def test_dead_letters_are_counted_by_their_topic_and_reason(metrics):
    from streamgauge.events import Code, Refusal

    broker = MemoryBroker({"dead-letters": 1})
    letters = [
        dead_letter(Source("labels", "t", 0), i, 0, 0, Refusal(code=code, field="", message=""))
        for i, code in enumerate([Code.NOT_JSON, Code.NOT_JSON, Code.EMPTY_ID])
    ]
    await MeteredPublisher(MemoryPublisher(broker), metrics).publish(letters)

    assert told(metrics, "streamgauge_dead_letters_total", topic="labels", reason="not-json") == 2
    assert told(metrics, "streamgauge_dead_letters_total", topic="labels", reason="empty-id") == 1


def test_records_in_columns_and_one_by_one_measure_the_same():
    records = [Record(1, 5, b"abc", b"k", (("h", b"x"),)), Record(2, 7, b"", b"")]
    assert measured(records) == measured(Records.of(records)) == (2, 4, 7)


def test_a_state_of_measure_tells_its_watermark_and_its_fates(metrics):
    state = MeasureState(clock_ms=10_000)
    assert of_measure(MeasureState()).clock_s is None
    assert of_measure(state).watermark_age_s is None
    state.lineages = {
        "a": LineageState("a", "m", 0, 7_000), "b": LineageState("b", "m", 0, 4_000),
        "gone": LineageState("c", "m", 0, 1, retired=True), "new": LineageState("d", "m", 0),
    }  # fmt: skip
    state.counts = {("m", "label", "p"): [9, 5, 1, 0, 0, 0, 3], ("m", "label", "q"): [1, 1, 0, 0, 0, 0, 0]}
    seen = of_measure(state)

    assert (seen.watermark_age_s, seen.clock_s, seen.pending) == (6.0, 10.0, 3)
    assert seen.rows == {("label", "used"): 6, ("label", "duplicate"): 1}
    metrics.observe = lambda: [(2, seen)]
    assert told(metrics, "streamgauge_watermark_age_seconds", partition="2") == 6
    assert told(metrics, "streamgauge_rows_total", partition="2", kind="label", fate="used") == 6


def test_a_state_of_measure_tells_how_many_partitions_nobody_has_named(metrics):
    named, gone = SourceState(0, 0, False, 0, siblings=3), SourceState(0, 0, False, 0, gone=True, siblings=9)
    state = MeasureState(sources={("predictions", "id", 0): named, ("predictions", "old", 0): gone})
    seen = of_measure(state)
    assert seen.unnamed == {"predictions": 2, "labels": 0}
    metrics.observe = lambda: [(0, seen)]
    assert told(metrics, "streamgauge_unnamed_partitions", partition="0", topic="predictions") == 2


LIMITS = Limits()


def test_a_worker_starts_until_it_has_partitions_and_stalls_when_none_come(metrics, time):
    assert judge(metrics, LIMITS) == Health("starting", "waits for its partitions")
    assert judge(metrics, LIMITS).ok
    time.now += LIMITS.start_s + 1
    assert judge(metrics, LIMITS) == Health("stalled", "no partitions were assigned for 121 s", "kafka")


async def test_a_worker_that_is_not_asked_any_more_is_stalled(metrics, time, tmp_path):
    await worked(metrics, tmp_path)
    assert judge(metrics, LIMITS) == Health("ok")
    time.now += LIMITS.poll_s + 1
    assert judge(metrics, LIMITS) == Health("stalled", "no poll for 31 s")


async def test_results_that_are_not_acknowledged_and_work_that_does_not_end_are_stalled(metrics, time, tmp_path):
    await worked(metrics, tmp_path)
    with metrics.calling("records of ledger/0"):
        time.now += LIMITS.work_s + 1
        assert judge(metrics, LIMITS) == Health("stalled", "records of ledger/0: at it for 61 s", "work")
    metrics.pulse.acks[1] = time.now
    time.now += LIMITS.ack_s + 1
    assert judge(metrics, LIMITS) == Health("stalled", "results wait for Kafka's acknowledgement for 31 s", "kafka")


async def test_folding_on_without_checkpoints_is_stalled_and_idling_without_is_not(metrics, time, tmp_path):
    await worked(metrics, tmp_path)
    time.now += LIMITS.checkpoint_s + 1
    metrics.pulse.seen_s = time.now
    assert judge(metrics, LIMITS).ok
    metrics.of(LEDGER).position += 1
    assert judge(metrics, LIMITS) == Health("stalled", "no checkpoint of partition 0 for 301 s", "checkpoint")


async def test_a_worker_serves_its_metrics_and_its_health_and_writes_down_where(tmp_path, monkeypatch):
    monkeypatch.setattr(exposition, "SAMPLE_S", 0.01)
    metrics = Metrics("intake", "intake-1")
    async with serving(metrics, Ends(), tmp_path, "127.0.0.1", 0) as url:
        (address,) = addresses(tmp_path)
        assert (address.worker, address.fold, address.url) == ("intake-1", "intake", url)
        assert await asyncio.to_thread(ask, address) == Health("starting", "waits for its partitions")
        status, kind, text = await asyncio.to_thread(fetch, f"{url}/metrics")
        assert (status, kind.partition(";")[0]) == (200, "text/plain")
        assert b"process_resident_memory_bytes" in text
        metrics.pulse.acks[1] = metrics.monotonic() - 1_000
        status, _, text = await asyncio.to_thread(fetch, f"{url}/healthz")
        assert (status, json.loads(text)["waits_for"]) == (503, "kafka")
    assert addresses(tmp_path) == []
    assert (await asyncio.to_thread(ask, address)).status == "silent"


async def test_a_taken_port_is_replaced_and_no_port_is_none(tmp_path):
    metrics = Metrics("intake", "a")
    async with (
        serving(metrics, Ends(), tmp_path, "127.0.0.1", 0) as first,
        serving(Metrics("intake", "b"), Ends(), tmp_path, "127.0.0.1", int(first.rpartition(":")[2])) as second,
    ):
        assert first != second
        assert [address.url for address in addresses(tmp_path)] == [first, second]
    async with serving(Metrics("intake", "c"), Ends(), tmp_path, "127.0.0.1", OFF) as url:
        assert url == ""
        assert addresses(tmp_path) == []


def test_an_address_of_a_process_that_has_gone_is_not_told(tmp_path):
    path = announce(tmp_path, "w", "store", "http://127.0.0.1:1")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"pid": 1 << 23}))  # above every pid_max
    assert addresses(tmp_path) == []
    withdraw(path)  # not ours any more
    assert path.exists()
    path.write_text("{")
    assert addresses(tmp_path) == []


def fetch(url):
    try:
        with urllib.request.urlopen(url) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read()


def test_a_worker_says_once_that_it_uses_too_much_memory_and_goes_on(metrics):
    used = [500_000_000]
    metrics.memory = memory = Memory(limit_bytes=1_000_000_000, resident=lambda: used[0])
    metrics.pulse.assigned = True
    with capture_logs() as logs:
        for now in (500_000_000, 1_500_000_000, 1_600_000_000, 900_000_000):
            used[0] = now
            memory.look()
            health = judge(metrics, LIMITS)
            assert health.ok
            assert ("of memory, more than the 1,000 MB" in health.reason) == (now > memory.limit_bytes)

    assert [line["log_level"] for line in logs] == ["warning", "info"]
    assert told(metrics, "streamgauge_memory_limit_bytes") == 1e9


def test_without_a_limit_nobody_looks_at_the_memory(metrics):
    metrics.memory.look()

    assert metrics.memory.excess == ""
    assert resident_bytes() > 1_000_000
