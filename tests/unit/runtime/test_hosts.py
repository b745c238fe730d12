import asyncio
import zlib

import pytest

from stream.folds.base import Output, Record
from stream.runtime.checkpoint import CheckpointError, CheckpointStore, Loaded
from stream.runtime.file_port import read_log, write_log
from stream.runtime.memory_port import MemoryBroker, MemoryPointers, MemoryPort, MemoryPublisher
from stream.runtime.port import Bounds, LogError, TopicPartition
from stream.runtime.stateful_host import FoldError, StatefulHost
from stream.runtime.stateless_host import BatchHost, StatelessHost
from tests.counting import Counting

LEDGER = TopicPartition("ledger", 0)


@pytest.fixture
def broker():
    made = MemoryBroker({"ledger": 1, "partials": 1})
    for i in range(10):
        made.append(LEDGER, Output("ledger", b"%d" % i))
    return made


def host_of(broker, folder, port):
    store = CheckpointStore("", "measure", folder, MemoryPointers(broker))
    return StatefulHost(lambda p: Counting(5, p), port, MemoryPublisher(broker), store, 1_000)


async def checkpointed(broker, tmp_path):
    port = MemoryPort(broker, ["ledger"])
    await port.run(host_of(broker, tmp_path, port))
    return host_of(broker, tmp_path, port), port


async def test_a_restart_reads_the_last_record_again_and_goes_on(broker, tmp_path):
    host, _ = await checkpointed(broker, tmp_path)

    assert await host.assign([LEDGER]) == {LEDGER: 9}
    await host.run(LEDGER, broker.records("ledger")[9:])
    assert host.cells[LEDGER].state[0] == 10


async def test_a_start_at_the_end_of_a_log_commits_though_no_record_comes(broker, tmp_path):
    host, _ = await checkpointed(broker, tmp_path)
    broker.commits[LEDGER] = 7  # the worker died before its last commit
    await host.assign([LEDGER])

    assert broker.commits == {LEDGER: 10}


async def test_another_record_at_the_checkpoint_is_noticed(broker, tmp_path):
    host, _ = await checkpointed(broker, tmp_path)
    await host.assign([LEDGER])

    with pytest.raises(LogError, match="is not the one that was folded"):
        await host.run(LEDGER, [Record(9, 0, b"other")])


async def test_a_topic_that_was_created_again_is_noticed(broker, tmp_path):
    host, _ = await checkpointed(broker, tmp_path)
    broker.topic_id = "another"

    with pytest.raises(LogError, match="created again"):
        await host.assign([LEDGER])


@pytest.mark.parametrize(("bounds", "said"), [(Bounds(11, 20), "gap"), (Bounds(0, 9), "truncated")])
async def test_bounds_that_do_not_hold_the_checkpoint_are_noticed(broker, tmp_path, monkeypatch, bounds, said):
    host, _ = await checkpointed(broker, tmp_path)

    async def moved(self, tps):
        return dict.fromkeys(tps, bounds)

    monkeypatch.setattr(MemoryPort, "bounds", moved)
    with pytest.raises(LogError, match=said):
        await host.assign([LEDGER])


async def test_a_log_that_lost_its_beginning_is_not_begun_without_it(broker, tmp_path, monkeypatch):
    async def moved(self, tps):
        return dict.fromkeys(tps, Bounds(3, 10))

    monkeypatch.setattr(MemoryPort, "bounds", moved)
    with pytest.raises(LogError, match="offsets 0 to 2 are gone"):
        await host_of(broker, tmp_path, MemoryPort(broker, ["ledger"])).assign([LEDGER])


async def test_a_hole_in_the_log_is_noticed(broker, tmp_path):
    host = host_of(broker, tmp_path, MemoryPort(broker, ["ledger"]))
    await host.assign([LEDGER])

    with pytest.raises(LogError, match="gap: offset 1 came after -1"):
        await host.run(LEDGER, [Record(1, 0, b"")])


async def test_records_that_come_twice_are_folded_once(broker, tmp_path):
    host = host_of(broker, tmp_path, MemoryPort(broker, ["ledger"]))
    await host.assign([LEDGER])
    await host.run(LEDGER, broker.records("ledger")[:6])
    await host.run(LEDGER, broker.records("ledger")[2:])

    assert host.cells[LEDGER].state[0] == 10


class Deaf(MemoryPublisher):
    """Takes `takes` outputs, and refuses those that follow."""

    def __init__(self, broker, takes):
        super().__init__(broker)
        self.takes = takes

    async def publish(self, outputs):
        await super().publish(outputs[: self.takes])
        if len(outputs) > self.takes:
            raise ConnectionError
        self.takes -= len(outputs)


async def test_results_that_were_not_acknowledged_are_in_no_checkpoint_though_the_worker_ends_in_good_order(
    broker, tmp_path
):
    port, store = MemoryPort(broker, ["ledger"]), CheckpointStore("", "measure", tmp_path, MemoryPointers(broker))
    host = StatefulHost(lambda p: Counting(5, p), port, Deaf(broker, 1), store, 1_000)
    await host.assign([LEDGER])
    await host.run(LEDGER, broker.records("ledger")[:7])
    with pytest.raises(ConnectionError):  # a worker that was told to stop meanwhile closes all the same
        await host.run(LEDGER, broker.records("ledger")[7:])
    await host.close()

    await port.run(host_of(broker, tmp_path, port))
    assert [int(r.value.split()[0]) for r in broker.records("partials")][-1] == 9


async def test_a_run_that_was_cancelled_is_folded_again_after_a_rebalance(broker, tmp_path):
    class Stuck(MemoryPublisher):
        async def publish(self, outputs):
            await asyncio.Event().wait()

    port, store = MemoryPort(broker, ["ledger"]), CheckpointStore("", "measure", tmp_path, MemoryPointers(broker))
    host = StatefulHost(lambda p: Counting(5, p), port, Stuck(broker), store, 1_000)
    await host.assign([LEDGER])
    run = asyncio.create_task(host.run(LEDGER, broker.records("ledger")))
    await asyncio.sleep(0)
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)

    assert await host.assign([LEDGER]) == {LEDGER: 0}
    assert host.cells[LEDGER].position == -1


async def test_a_topic_that_is_created_again_while_it_is_read_is_noticed_though_its_offsets_go_on(broker, tmp_path):
    host = host_of(broker, tmp_path, MemoryPort(broker, ["ledger"]))
    await host.assign([LEDGER])
    await host.run(LEDGER, broker.records("ledger")[:6])
    with pytest.raises(LogError, match="the record at 5 is not the one that was folded"):
        await host.run(LEDGER, [Record(i, 0, b"other %d" % i) for i in range(9)])


async def test_reading_does_not_go_back_behind_what_was_committed_before_the_newest_run(broker, tmp_path):
    host = host_of(broker, tmp_path, MemoryPort(broker, ["ledger"]))
    await host.assign([LEDGER])
    for first, end in [(0, 3), (3, 6), (3, 7)]:  # the last one after a seek to what was committed
        await host.run(LEDGER, broker.records("ledger")[first:end])
    with pytest.raises(LogError, match="offset 2 came after 6: offsets must rise"):
        await host.run(LEDGER, broker.records("ledger")[2:3])


async def test_a_state_outlives_a_rebalance(broker, tmp_path):
    host = host_of(broker, tmp_path, MemoryPort(broker, ["ledger"]))
    await host.assign([LEDGER])
    await host.run(LEDGER, broker.records("ledger")[:6])
    await host.revoke([LEDGER])

    assert await host.assign([LEDGER]) == {LEDGER: 5}
    assert host.cells[LEDGER].checksum() == zlib.crc32(b"5")


async def test_a_checkpoint_knows_the_record_that_it_ends_with(broker, tmp_path):
    await checkpointed(broker, tmp_path)
    store = CheckpointStore("", "measure", tmp_path, MemoryPointers(broker))

    state = [10, sum(zlib.crc32(b"%d" % i) * (i + 1) for i in range(10))]
    found = await store.newest([0], lambda _p, data, open_file: Counting().decode(data, open_file))
    assert found == {0: Loaded(9, "ledger-memory", zlib.crc32(b"9"), state)}


async def test_without_a_readable_checkpoint_a_whole_log_is_folded_again(broker, tmp_path):
    host, _ = await checkpointed(broker, tmp_path)
    for path in tmp_path.iterdir():
        path.unlink()

    assert await host.assign([LEDGER]) == {LEDGER: 0}
    await host.run(LEDGER, broker.records("ledger"))
    assert host.cells[LEDGER].state[0] == 10


async def test_without_a_readable_checkpoint_a_log_without_its_beginning_is_refused(broker, tmp_path, monkeypatch):
    host, _ = await checkpointed(broker, tmp_path)
    for path in tmp_path.iterdir():
        path.unlink()

    async def moved(self, tps):
        return dict.fromkeys(tps, Bounds(3, 10))

    monkeypatch.setattr(MemoryPort, "bounds", moved)
    with pytest.raises(CheckpointError, match="kept from 3 on only"):
        await host.assign([LEDGER])


async def test_what_people_were_told_is_not_told_again_after_a_restart(broker, tmp_path):
    port = MemoryPort(broker, ["ledger"])
    await port.run(host_of(broker, tmp_path, port))
    for path in tmp_path.iterdir():
        path.unlink()
    for i in range(10, 20):
        broker.append(LEDGER, Output("ledger", b"%d" % i))
    said = len(broker.records("partials"))
    store = CheckpointStore("", "measure", tmp_path, MemoryPointers(broker))
    host = StatefulHost(lambda p: Counting(5, p), port, MemoryPublisher(broker), store, 1_000, told_once=["partials"])
    await port.run(host)

    positions = [int(r.value.split()[0]) for r in broker.records("partials")]
    assert positions[:said] == [4, 9]
    assert positions[said:] == [14, 19]


async def test_a_stateless_host_commits_after_its_outputs(broker):
    async def step(tp, records):
        return [Output("partials", r.value) for r in records]

    port = MemoryPort(broker, ["ledger"], [4])
    await port.run(StatelessHost(step, port, MemoryPublisher(broker)))

    assert [r.value for r in broker.records("partials")] == [b"%d" % i for i in range(10)]
    assert broker.commits == {LEDGER: 10}


async def test_a_batch_is_written_before_it_is_committed(broker):
    written = []

    async def write(runs):
        written.append([r.position for r in runs[LEDGER]])
        assert broker.commits.get(LEDGER, 0) <= written[-1][0]
        await asyncio.sleep(0)
        return [Output("partials", b"dead letter")]

    port = MemoryPort(broker, ["ledger"], [2])
    await port.run(BatchHost(write, port, MemoryPublisher(broker), max_records=4, max_wait_s=1_000))

    assert written == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert broker.commits == {LEDGER: 10}
    assert len(broker.records("partials")) == 3


class Slow:
    """A write that does not end before it is told; it notes what it was given and what was committed by then."""

    def __init__(self, broker):
        self.broker, self.given, self.going = broker, [], asyncio.Event()

    async def __call__(self, runs):
        self.given.append([r.position for r in runs[LEDGER]])
        await self.going.wait()
        return []


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.001)


async def test_two_batches_are_written_at_once_and_the_third_keeps_the_reader_waiting(broker):
    slow, port = Slow(broker), MemoryPort(broker, ["ledger"], [2])
    running = asyncio.create_task(
        port.run(BatchHost(slow, port, MemoryPublisher(broker), max_bytes=1, max_wait_s=1_000))
    )
    await until(lambda: len(slow.given) == 2)
    await asyncio.sleep(0.01)
    assert (slow.given, broker.commits) == ([[0], [1]], {})
    slow.going.set()
    await asyncio.wait_for(running, 5)
    assert slow.given == [[i] for i in range(10)]
    assert broker.commits == {LEDGER: 10}


async def test_who_waits_gives_up_when_it_is_wanted_and_nothing_is_committed(broker):
    slow, port = Slow(broker), MemoryPort(broker, ["ledger"], [10])
    host = BatchHost(
        slow, port, MemoryPublisher(broker), max_records=1, patience_s=0.01, wanted=lambda: bool(slow.given[1:])
    )
    await asyncio.wait_for(port.run(host), 5)
    assert (slow.given, broker.commits) == ([[0], [1]], {})

    slow.going.set()
    await MemoryPort(broker, ["ledger"], [10]).run(host)
    assert slow.given == [[0], [1], *([i] for i in range(10))]


async def test_letting_go_does_not_wait_for_ever_for_what_is_written(broker):
    slow, port = Slow(broker), MemoryPort(broker, ["ledger"], [10])
    host = BatchHost(slow, port, MemoryPublisher(broker), max_wait_s=1_000, patience_s=0.01)
    await host.assign([LEDGER])
    await host.run(LEDGER, broker.records("ledger"))
    await host.revoke([LEDGER])
    slow.going.set()
    await asyncio.sleep(0)
    assert (slow.given, broker.commits) == ([list(range(10))], {})


async def test_what_goes_wrong_while_writing_ends_the_run(broker):
    async def write(runs):
        raise ValueError("wrong tables")

    port = MemoryPort(broker, ["ledger"], [2])
    with pytest.raises(ValueError, match="wrong tables"):
        await port.run(BatchHost(write, port, MemoryPublisher(broker), max_records=1))
    assert broker.commits == {}


def test_a_log_file_gives_back_what_was_written(tmp_path):
    log = {0: [Record(4, 5, b"v", b"k", (("h", b"x"),))], 2: [Record(0, 1, b"")]}

    assert write_log(tmp_path / "log", log) == 2
    assert read_log(tmp_path / "log") == log
    (tmp_path / "log").write_bytes((tmp_path / "log").read_bytes()[:-1])
    with pytest.raises(LogError, match="cut or damaged"):
        read_log(tmp_path / "log")


async def test_a_record_that_a_fold_cannot_take_ends_the_worker_and_is_named(broker, tmp_path, monkeypatch):
    host, _ = await checkpointed(broker, tmp_path)
    await host.assign([LEDGER])

    def step(self, state, run):
        raise KeyError("lineage")

    monkeypatch.setattr(Counting, "step", step)
    broker.append(LEDGER, Output("ledger", b"10"))
    with pytest.raises(FoldError, match="ledger, partition 0: offsets 10 to 10 cannot be folded"):
        await host.run(LEDGER, broker.records("ledger")[9:])


async def test_a_machine_without_memory_is_no_record_that_cannot_be_folded(broker, tmp_path, monkeypatch):
    host, _ = await checkpointed(broker, tmp_path)
    await host.assign([LEDGER])

    def step(self, state, run):
        raise MemoryError

    monkeypatch.setattr(Counting, "step", step)
    broker.append(LEDGER, Output("ledger", b"10"))
    with pytest.raises(MemoryError):
        await host.run(LEDGER, broker.records("ledger")[9:])
