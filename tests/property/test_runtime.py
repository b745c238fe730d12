import ast
import asyncio
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from stream.folds.base import Output, Record
from stream.folds.blocks import Block, Covered, decode_entry, encode_entry, end_of
from stream.folds.frame_events import frame_of
from stream.runtime.checkpoint import CheckpointStore
from stream.runtime.intake_host import IntakeHost
from stream.runtime.memory_port import CrashError, MemoryBroker, MemoryPointers, MemoryPort, MemoryPublisher
from stream.runtime.port import TopicPartition
from stream.runtime.stateful_host import StatefulHost
from tests.counting import Counting
from tests.property.laws import assert_cut_law, assert_restore_law, cuts

EMPTY = frame_of([], [])
PARTITIONS = {"ledger": 2, "partials": 1, "predictions": 2, "dead-letters": 1}
crash_points = st.frozensets(st.integers(1, 120), max_size=12)


def records(n):
    return [Record(position, position, b"%d" % position) for position in range(n)]


@given(st.integers(0, 40), cuts)
def test_the_counting_fold_upholds_the_cut_law(n, sizes):
    assert_cut_law(Counting(every=3), records(n), sizes)


@given(st.integers(0, 40), st.integers(0, 40))
def test_the_counting_fold_upholds_the_restore_law(before, after):
    log = records(before + after)

    assert_restore_law(Counting(every=3), log[:before], log[before:])


def run_stateful(broker, folder, polls, checkpoint_s):
    async def once():
        ticks = iter(range(1_000_000))
        port = MemoryPort(broker, ["ledger"], polls)
        store = CheckpointStore("", "measure", folder, MemoryPointers(broker))
        publisher = MemoryPublisher(broker)
        host = StatefulHost(
            lambda p: Counting(3, p), port, publisher, store, checkpoint_s, clock=lambda: float(next(ticks))
        )
        await port.run(host)

    while True:
        try:
            return asyncio.run(once())
        except CrashError:
            continue


def last_of_each(broker):
    return {(r.key, r.value.split()[0]): r.value for r in broker.records("partials")}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=2, max_size=2), cuts, crash_points, st.integers(1, 40))
def test_crashes_at_any_point_leave_the_results_of_an_undisturbed_run(sizes, polls, crashes, checkpoint_s):
    undisturbed, disturbed = MemoryBroker(PARTITIONS), MemoryBroker(PARTITIONS, crashes)
    for broker in (undisturbed, disturbed):
        for partition, size in enumerate(sizes):
            for i in range(size):
                broker.append(TopicPartition("ledger", partition), Output("ledger", b"%d" % i))
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        run_stateful(undisturbed, Path(one), [7], 10)
        run_stateful(disturbed, Path(other), polls, checkpoint_s)

    assert last_of_each(disturbed) == last_of_each(undisturbed)
    said = {(r.key, r.value) for r in disturbed.records("partials")}
    assert said == {(r.key, r.value) for r in undisturbed.records("partials")}
    newest = {p.partition: p.position for p in sorted(disturbed.pointers, key=lambda p: p.position)}
    assert newest == {partition: size - 1 for partition, size in enumerate(sizes) if size}


class Splitting:
    """Intake in small: record n of a source belongs to ledger partition n mod 2."""

    def split(self, source, run, after):
        after = dict(after)
        outputs, touched = [], {}
        for record in run:
            p = record.position % 2
            to = end_of(record.position)
            if to > after[p]:
                outputs.append(Output("ledger", encode_entry(Block(source, after[p], to, EMPTY)), partition=p))
                after[p] = touched[p] = to
        return Split(outputs, touched, end_of(run[-1].position))


class Split:
    def __init__(self, outputs, after, covered):
        self.outputs, self.after, self.covered = outputs, after, covered
        self.dead_letters = []


def ticks(worker, covered, partitions):
    return [
        Output("ledger", repr([tuple(c) for c in map(plain, covered)]).encode(), b"tick", p) for p in range(partitions)
    ]


def plain(covered: Covered):
    return covered.source.partition, covered.to, covered.end


def run_intake(broker, polls):
    async def once():
        now = iter(range(1_000_000))
        port = MemoryPort(broker, ["predictions"], polls)
        host = IntakeHost(
            "w", Splitting(), ticks, port, MemoryPublisher(broker),
            partitions=2, tick_ms=3_000, dead_letters_per_minute=0, clock=lambda: float(next(now)),
        )  # fmt: skip
        await port.run(host)

    while True:
        try:
            return asyncio.run(once())
        except CrashError:
            continue


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 25), min_size=2, max_size=2), cuts, crash_points)
def test_the_ledger_has_no_hole_after_crashes_of_intake(sizes, polls, crashes):
    broker = MemoryBroker(PARTITIONS, crashes)
    for partition, size in enumerate(sizes):
        for i in range(size):
            broker.append(TopicPartition("predictions", partition), Output("predictions", b"%d" % i))

    run_intake(broker, polls)

    for p in range(2):
        high = {}
        for record in broker.records("ledger", p):
            if record.key == b"tick":
                for s, to, end in ast.literal_eval(record.value.decode()):
                    assert to <= end
                    assert covers(p, to, high.get(s, -1))
                    high[s] = max(high.get(s, -1), to)
                continue
            block = decode_entry(record.value)
            s = block.source.partition
            assert block.start <= high.get(s, -1), "a block begins behind what is covered: rows between are lost"
            high[s] = max(high.get(s, -1), block.to)
        for s, size in enumerate(sizes):
            mine = [n for n in range(size) if n % 2 == p]
            assert high.get(s, -1) >= (end_of(mine[-1]) if mine else -1)
    assert broker.commits == {TopicPartition("predictions", s): n for s, n in enumerate(sizes) if n}


def covers(p, to, high):
    """Whether a tick's claim is true: each row of this ledger partition up to `to` came before it."""
    mine = [end_of(n) for n in range((to >> 16) + 1) if n % 2 == p]
    return not mine or mine[-1] <= high
