"""What is on time at its source is never late, however its partitions are read (docs/architecture.md, rule 5)."""

import json
from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stream.folds.base import Record
from stream.folds.blocks import Covered, Source, end_of
from stream.folds.intake import Intake, tick
from stream.folds.measure import Measure
from stream.folds.measure.watermark import SILENT_TICKS
from tests.loop import spec_record
from tests.measured import counts_of
from tests.property.laws import assert_cut_law, assert_restore_law, cuts

laws = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

START_MS = 1_700_000_000_000
TICK_MS, PANE_MS, LATENESS_MS = 10, 1_000, 10_000
SOURCES = 2
FATES = ("received", "used", "late_used")


@dataclass
class Reader:
    """A worker that reads one source partition: from where, how far, and what it asked last."""

    name: str
    start: int
    read: int
    committed: int
    end: int | None = None
    has_ticked: bool = False


class Backlog:
    """Partitions of predictions that fill, readers that each go at their own pace, and the ledger that they write.

    `newest` is the newest event time that was appended to any partition: a row is on time if it is at most the lateness
    (less what the clock may be ahead, see rule 5) before it.
    """

    def __init__(self):
        self.clock_ms, self.event_ms = START_MS + 10**9, START_MS
        self.intake, self.ledger, self.sent, self.closed = Intake(1), [], 0, 0
        self.logs = [[] for _ in range(SOURCES)]
        spec = spec_record(pane="1s", lateness=f"{LATENESS_MS}ms")
        source = Source("specs", "id", 0)
        self._write(self.intake.split(source, [Record(0, 0, json.dumps(spec).encode(), b"m")], {0: end_of(-1)}).outputs)
        self.readers = [Reader(f"w{s}", 0, 0, 0) for s in range(SOURCES)]

    def append(self, s, ahead_ms, late_ms):
        """Event time goes on, and a row is appended that is somewhat behind it, at the very end of a pane."""
        self.event_ms += ahead_ms
        at_ms = self.event_ms - min(late_ms, LATENESS_MS - SILENT_TICKS * TICK_MS)
        at_ms += PANE_MS - 1 - at_ms % PANE_MS
        self.event_ms = max(self.event_ms, at_ms)
        event = {"prediction_id": f"p{self.sent}", "model": "m", "event_time": at_ms, "features": {}}
        self.logs[s].append(json.dumps(event).encode())
        self.sent += 1

    def read(self, s, n):
        """Put the next rows of a partition into the ledger; a reader names its partition before it reads."""
        reader, log = self.readers[s], self.logs[s]
        if not reader.has_ticked:
            self.tick(s)
        rows = [Record(i, 0, log[i]) for i in range(reader.read, min(reader.read + n, len(log)))]
        if rows:
            after = {0: end_of(reader.read - 1)}
            self._write(self.intake.split(Source("predictions", "id", s), rows, after).outputs)
            reader.read = rows[-1].position + 1

    def ask(self, s):
        """A reader asks where its log ends: what it says at its next tick."""
        self.readers[s].end = len(self.logs[s])

    def tick(self, s, waited_ms=TICK_MS):
        """A reader ticks after a while, with the end that it asked for, and commits."""
        reader = self.readers[s]
        if reader.end is None:
            self.ask(s)
        self.clock_ms += waited_ms
        places = (end_of(at - 1) for at in (reader.read, reader.end, reader.start))
        self._write(tick(reader.name, [Covered(Source("predictions", "id", s), *places, SOURCES)], 1))
        reader.committed, reader.end, reader.has_ticked = reader.read, None, True

    def replace(self, s):
        """A reader is gone; another one begins where it committed, and ticks first."""
        at = self.readers[s].committed
        self.readers[s] = Reader(f"{self.readers[s].name}'", at, at, at)
        self.tick(s)

    def close(self):
        """A command says that no more rows come; whoever reads commands is faster than those who read rows."""
        command = {"id": f"c{self.closed}", "command": "close", "model": "m"}
        record = Record(self.closed, 0, json.dumps(command).encode(), b"m")
        after = {0: end_of(self.closed - 1)}
        self._write(self.intake.split(Source("commands", "id", 0), [record], after).outputs)
        self.closed += 1

    def finish(self):
        """Read all that is there, with ticks."""
        for _ in range(6):
            for s in range(SOURCES):
                self.read(s, len(self.logs[s]))
                self.tick(s)

    def _write(self, outputs):
        self.ledger += [Record(len(self.ledger) + i, self.clock_ms, out.value) for i, out in enumerate(outputs)]


sources = st.integers(0, SOURCES - 1)
appends = st.tuples(st.just("append"), sources, st.sampled_from([0, 5, 1_000, 50_000]), st.integers(0, LATENESS_MS))
reads = st.tuples(st.just("read"), sources, st.integers(1, 30))
asks = st.tuples(st.just("ask"), sources)
replaced = st.tuples(st.just("replace"), sources)
ticks = st.tuples(st.just("tick"), sources, st.sampled_from([TICK_MS, TICK_MS, 2 * TICK_MS, 100 * TICK_MS]))
steps = st.lists(st.one_of(reads, reads, ticks, ticks, asks, replaced), min_size=5, max_size=40)
everything = st.lists(st.one_of(appends, appends, reads, reads, asks, replaced, ticks), min_size=15, max_size=80)


def folded(backlog):
    measure = Measure(0, 1, TICK_MS, "ledger")
    state = measure.start()
    counts = counts_of(measure.step(state, backlog.ledger)).values()
    return {fate: sum(count[fate] for count in counts if count["kind"] == "prediction") for fate in FATES}


def played(filled, read):
    """A ledger: a backlog that was there before, readers that name it, and what they do."""
    backlog = Backlog()
    for step in filled:
        getattr(backlog, step[0])(*step[1:])
    for s in range(SOURCES):
        backlog.tick(s)
    for step in read:
        getattr(backlog, step[0])(*step[1:])
    backlog.finish()
    return backlog


@laws
@given(everything, steps)
def test_a_model_is_closed_only_when_what_came_before_the_command_is_read(filled, read):
    backlog = played(filled, [("close",), *read])

    assert folded(backlog) == {"received": backlog.sent, "used": backlog.sent, "late_used": 0}


@laws
@given(st.lists(appends, min_size=10, max_size=60), steps)
def test_a_backlog_makes_nothing_late_however_its_partitions_are_interleaved(filled, read):
    assert folded(played(filled, read)) == {"received": len(filled), "used": len(filled), "late_used": 0}


@laws
@given(everything)
def test_a_topic_that_fills_while_it_is_read_makes_nothing_late(read):
    backlog = played([], read)

    assert folded(backlog) == {"received": backlog.sent, "used": backlog.sent, "late_used": 0}


@laws
@given(everything, cuts, st.integers(0, 60))
def test_what_is_known_of_sources_is_a_function_of_the_log(read, sizes, at):
    ledger = played([], read).ledger

    assert_cut_law(Measure(0, 1, TICK_MS, "ledger"), ledger, sizes)
    assert_restore_law(Measure(0, 1, TICK_MS, "ledger"), ledger[:at], ledger[at:])
