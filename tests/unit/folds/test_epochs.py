"""A command `begin` ends lineages and positions; models and what is known of them go on (rule 11)."""

import json

import numpy as np
import pytest

from stream.folds.base import Record
from stream.folds.decide import Decide
from stream.folds.monitor import monitor_of, scope_of
from stream.folds.partials import Forwarded, Mark, Message, encode_messages
from stream.folds.rows import FateRow, LineageRow, PaneRow, decode_rows
from tests.loop import MODEL, day_of_events, spec_record, watched

SPEC = {"monitor": "m", "model": "m", "task": "binary", "pane": "1m", "features": {"x": {"type": "number"}}}
RECORD = json.dumps({"monitor": "m", "revision": 1, "spec": SPEC}).encode()


class Partials:
    """One partition of partials, folded as it grows."""

    def __init__(self):
        self.fold = Decide(0, 1, "ledger")
        self.state = self.fold.start()
        self.outputs, self.position = [], 0

    def say(self, to, epoch=0, watermark_ms=-1, facts=(), start=-1):
        """Fold a message with a mark of the epoch's lineage."""
        lineage = monitor_of(RECORD, scope_of("ledger", epoch)).lineage
        marks = (Mark(lineage, "m", "m", watermark_ms, False, 0),)
        message = Message(0, start, to, 0, 1, 1_000 + to, facts=facts, marks=marks, epoch=epoch)
        (value,) = encode_messages(message)
        outputs = self.fold.step(self.state, [Record(self.position, 1_000, value)])
        self.position += 1
        return [row for output in outputs if output.topic == "panes" for row in decode_rows(output.value)]


@pytest.fixture
def partials():
    made = Partials()
    made.say(50, facts=(Forwarded("specs", b"m", RECORD),))
    return made


def test_an_epoch_begins_a_lineage_of_its_own_from_the_same_revision(partials):
    rows = partials.say(3, epoch=7, facts=(Forwarded("specs", b"m", RECORD),))

    (lineage,) = [row for row in rows if isinstance(row, LineageRow)]
    assert lineage.lineage != monitor_of(RECORD, "ledger").lineage
    assert list(partials.state.lineages) == [lineage.lineage]


def test_positions_of_a_new_epoch_may_be_lower_than_those_before(partials):
    partials.say(3, epoch=7, facts=(Forwarded("specs", b"m", RECORD),))
    assert partials.say(4, epoch=7, start=3) == []

    assert partials.state.seen == {0: (4, 0)}
    assert partials.state.gaps == {}


def test_what_an_ended_epoch_still_says_is_not_heard(partials):
    partials.say(3, epoch=7, facts=(Forwarded("specs", b"m", RECORD),))
    before = partials.fold.encode(partials.state)
    partials.say(99)

    assert partials.state.seen == {0: (3, 0)}
    partials.state.position -= 1
    assert partials.fold.encode(partials.state) == before


def test_a_silence_is_not_blamed_on_the_beginning_of_an_epoch(partials):
    partials.state.hearing.active_ms = 3_600_000
    partials.state.hearing.heard_ms = {0: 3_600_000}
    partials.say(3, epoch=7, facts=(Forwarded("specs", b"m", RECORD),))

    assert not partials.state.hearing.is_told


def begun(loop, epoch=1_800_000_000_000):
    loop.send("commands", [{"id": "b", "command": "begin", "model": "", "args": {"epoch": epoch}}], key="")
    loop.send("specs", [spec_record()])
    loop.tick(2)
    loop.run()


def test_a_command_ends_what_is_measured_and_a_lineage_begins_with_the_specs_that_follow():
    loop, rng = watched(partitions=2), np.random.default_rng(0)
    predictions, labels = day_of_events(rng, 3, 40, version="1")
    loop.send("predictions", predictions)
    loop.tick(2)
    loop.run()
    begun(loop)
    assert all(len(state.pending) == 0 for state in loop.states)
    loop.send("labels", labels)
    loop.send("predictions", day_of_events(rng, 4, 40, version="1")[0])
    loop.send("commands", [{"id": "c", "command": "close", "model": MODEL}])
    loop.tick(3)
    loop.run()

    old, new = [row.lineage for row in loop.of(LineageRow)]
    panes = {row.lineage: row for row in loop.of(PaneRow) if not row.segment_key}
    assert old not in panes
    assert panes[new].n == 40
    assert loop.state.epoch == loop.states[0].epoch == 1_800_000_000_000


def test_an_epoch_that_is_not_newer_changes_nothing():
    loop = watched(partitions=1)
    begun(loop)
    before = [list(state.lineages) for state in loop.states]
    loop.send("commands", [{"id": "d", "command": "begin", "model": "", "args": {"epoch": 5}}], key="")
    loop.tick(2)
    loop.run()

    assert [list(state.lineages) for state in loop.states] == before


def test_a_begin_without_an_epoch_is_told_and_changes_nothing():
    loop = watched(partitions=1)
    loop.send("commands", [{"id": "d", "command": "begin", "model": MODEL}])
    loop.tick(2)
    loop.run()

    assert loop.states[0].lineages
    assert any("begin needs an epoch" in row.reason for row in loop.of(FateRow))
