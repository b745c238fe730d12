import dataclasses
import json

import pytest

from stream.folds.base import Record, Records
from stream.folds.blocks import Block, Tick, decode_entry, end_of
from stream.folds.intake import Intake, tick
from stream.folds.measure import Measure
from stream.runtime.intake_host import IntakeHost
from stream.runtime.memory_port import MemoryBroker, MemoryPort, MemoryPublisher
from stream.runtime.port import Bounds, LogError, TopicPartition

SOURCE = TopicPartition("predictions", 0)


class KeptPort(MemoryPort):
    """A broker that keeps what `kept` says."""

    kept = Bounds(0, 0)

    async def bounds(self, tps):
        return dict.fromkeys(tps, self.kept)


@pytest.fixture
def broker():
    return MemoryBroker({"predictions": 1, "ledger": 1, "dead-letters": 1})


def host_of(broker, kept, tick_ms=1_000):
    port = KeptPort(broker, ["predictions"])
    port.kept = kept
    host = IntakeHost(
        "w", Intake(1), tick, port, MemoryPublisher(broker), partitions=1, tick_ms=tick_ms, dead_letters_per_minute=0
    )
    return host, port


def rows(first, n=3):
    event = {"model": "m", "event_time": 0, "features": {}}
    return [Record(i, 0, json.dumps(event | {"prediction_id": f"p{i}"}).encode()) for i in range(first, first + n)]


def entries(broker, kind):
    return [e for e in (decode_entry(r.value) for r in broker.records("ledger")) if isinstance(e, kind)]


async def test_a_tick_names_where_this_worker_began_to_read(broker):
    broker.commits[SOURCE] = 4
    host, _ = host_of(broker, Bounds(7, 10))
    await host.assign([SOURCE])
    await host.run(SOURCE, rows(7))
    await host.close()

    covered = entries(broker, Tick)[-1].covered[0]
    assert (covered.start, covered.to, covered.end) == (end_of(6), end_of(9), end_of(9))


async def test_all_sources_are_named_before_the_first_block_of_one(broker):
    host, _ = host_of(broker, Bounds(0, 10))
    await host.assign([SOURCE, TopicPartition("predictions", 1)])
    await host.run(SOURCE, rows(0))
    await host.close()

    first = decode_entry(broker.records("ledger")[0].value)
    assert [(c.source.partition, c.to, c.end) for c in first.covered] == [(p, -1, end_of(9)) for p in (0, 1)]


async def test_retention_that_overtakes_intake_ends_the_process_and_is_a_gap_after_the_restart(broker):
    host, port = host_of(broker, Bounds(0, 3))
    await host.assign([SOURCE])
    await host.run(SOURCE, rows(0))
    await host.revoke([])
    port.kept = Bounds(1_000, 1_003)
    with pytest.raises(LogError, match=r"is kept from 1000 on, but was read up to 2 only"):
        await host.run(SOURCE, rows(1_000))

    again, _ = host_of(broker, Bounds(1_000, 1_003))
    assert await again.assign([SOURCE]) == {SOURCE: 1_000}
    await again.run(SOURCE, rows(1_000))
    await again.close()
    measure = Measure(0)
    state = measure.start()
    measure.step(state, broker.records("ledger"))
    assert state.counts["", "gap", "predictions/0"][0] == 997


async def test_a_topic_that_is_created_again_while_it_is_read_ends_the_process(broker):
    host, port = host_of(broker, Bounds(0, 3), tick_ms=0)
    await host.assign([SOURCE])
    await host.run(SOURCE, rows(0))
    port.kept = Bounds(0, 2)
    await host.run(SOURCE, rows(0, 2))  # what a client reads when its offset is out of range
    with pytest.raises(LogError, match="ends at 2, but was read up to 2: the topic was created again or truncated"):
        await host.idle()


async def test_what_was_read_of_a_topic_is_not_committed_to_the_one_that_took_its_place(broker):
    host, port = host_of(broker, Bounds(0, 3))
    await host.assign([SOURCE])
    await host.run(SOURCE, rows(0))
    port.kept = Bounds(0, 0)
    await host.revoke([SOURCE])  # clients share partitions out anew when a topic is gone

    assert broker.commits == {}
    assert await host.assign([SOURCE]) == {SOURCE: 0}


async def test_offsets_that_no_record_has_are_no_loss_while_the_broker_keeps_what_is_around_them(broker):
    host, _ = host_of(broker, Bounds(0, 1_003))
    await host.assign([SOURCE])
    await host.run(SOURCE, rows(0))
    await host.run(SOURCE, rows(1_000))
    await host.close()

    ranges = [(block.start, block.to) for block in entries(broker, Block)]
    assert ranges == [
        (-1, end_of(2)),
        (end_of(2), end_of(1_002)),
    ]


async def test_a_log_that_goes_on_without_records_is_covered_to_where_it_goes_on(broker):
    host, _ = host_of(broker, Bounds(0, 5))
    await host.assign([SOURCE])
    await host.run(SOURCE, rows(0))
    aborted = dataclasses.replace(Records.of([]), next_position=5)
    await host.run(SOURCE, aborted)
    await host.close()

    covered = entries(broker, Tick)[-1].covered[0]
    assert (covered.to, covered.end) == (end_of(4), end_of(4))
    assert broker.commits[SOURCE] == 5


def told(broker):
    """How many partitions the last tick says that each topic has."""
    return {c.source.topic: c.partitions for c in entries(broker, Tick)[-1].covered}


async def test_ticks_name_how_many_partitions_each_topic_has():
    broker = MemoryBroker({"predictions": 3, "labels": 2, "ledger": 1})
    host, _ = host_of(broker, Bounds(0, 0))
    await host.assign([SOURCE, TopicPartition("labels", 1)])
    assert told(broker) == {"predictions": 3, "labels": 2}


async def test_partitions_that_are_added_are_told_before_anybody_reads_them(broker):
    host, _ = host_of(broker, Bounds(0, 0))
    await host.assign([SOURCE])
    assert told(broker) == {"predictions": 1}
    broker.partitions["predictions"] = 3
    await host.close()
    assert told(broker) == {"predictions": 3}


async def test_a_tick_of_which_the_broker_says_nothing_tells_what_was_known(broker):
    host, port = host_of(broker, Bounds(0, 0))
    await host.assign([SOURCE])

    async def silent(_topics):
        return {}

    port.partitions = silent
    await host.close()
    assert told(broker) == {"predictions": 1}


async def test_a_topic_that_was_made_again_has_its_own_number(broker):
    broker.partitions["predictions"] = 3
    host, _ = host_of(broker, Bounds(0, 0))
    await host.assign([SOURCE])
    broker.partitions["predictions"], broker.topic_id = 2, "again"
    await host.assign([SOURCE])
    assert told(broker) == {"predictions": 2}
    assert entries(broker, Tick)[-1].covered[0].source.topic_id == "predictions-again"
