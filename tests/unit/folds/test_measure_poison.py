"""A row that cannot be read is told and left out; the others of its block count as if it were not there."""

import copy
from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.folds.base import Record
from stream.folds.blocks import Block, decode_entry, encode_entry
from stream.folds.frame import TEXT
from stream.folds.measure import Measure
from stream.folds.measure.poison import MOST, BlockError
from stream.folds.measure.reading import Reading
from stream.folds.rows import PaneRow
from tests.loop import FoldLoop, day_of_events, spec_record, watched
from tests.unit.folds.test_measure import advance, closed, counts, fates, final_panes, label, prediction

POISON = np.uint64(TEXT | 9_999)


def broken(record, rows, column="labels"):
    """A ledger record in which some rows of its block have a code of no text."""
    entry = decode_entry(record.value)
    frame = entry.frame
    values = getattr(frame.columns(), column).copy()
    values[np.array(rows, np.int64)] = POISON if values.dtype == np.uint64 else 9_999
    spoilt = msgspec.structs.replace(frame, **{column: values.tobytes()})
    return Record(record.position, record.append_ms, encode_entry(msgspec.structs.replace(entry, frame=spoilt)))


def spoil(loop, rows, column="labels"):
    """Break rows of the newest block of a loop's only ledger partition."""
    log = loop.ledger[0]
    at = max(i for i, record in enumerate(log) if isinstance(decode_entry(record.value), Block))
    log[at] = broken(log[at], rows, column)


def sent(events, rows, column="labels", topic="predictions"):
    loop = watched(partitions=1)
    loop.send(topic, events)
    spoil(loop, rows, column)
    loop.tick(2)
    loop.run()
    return loop


@pytest.mark.parametrize("column", ["labels", "versions", "producers"])
def test_a_row_with_a_code_of_no_text_is_invalid_and_the_others_of_its_block_count(column):
    loop = sent([prediction(an_id, 0) for an_id in "abcde"], [2], column)
    closed(loop)

    reason = "word" if column == "labels" else "code"
    assert fates(loop) == [("c", "invalid", f"fold-error: a row has a {reason} of no text")]
    assert final_panes(loop) == [(0, 0, 4)]
    assert (counts(loop, "prediction")["received"], counts(loop, "prediction")["invalid"]) == (5, 1)


def test_a_row_whose_model_cannot_be_told_counts_under_other():
    loop = sent([prediction(an_id, 0) for an_id in "abc"], [1], "models")

    assert loop.states[0].counts["__other__", "prediction", ""] == [1, 0, 0, 0, 1, 0, 0]
    assert loop.states[0].counts["m", "prediction", ""] == [2, 2, 0, 0, 0, 0, 0]


def test_a_label_that_cannot_be_read_is_invalid_and_a_second_one_joins():
    loop = watched(partitions=1)
    advance(loop, *[prediction(an_id, 0) for an_id in "ab"])
    loop.send("labels", [label("a", 1), label("b", 1)])
    spoil(loop, [0])
    loop.tick(2)
    loop.run()
    advance(loop, label("a", 1), topic="labels")

    assert fates(loop) == [("a", "invalid", "fold-error: a row has a word of no text")]
    found = counts(loop, "label")
    assert (found["received"], found["used"], found["invalid"]) == (3, 2, 1)


@pytest.mark.parametrize("error", [ValueError("no such thing"), KeyError("gone"), ZeroDivisionError("by 0")])
def test_whatever_a_row_is_at_fault_for_only_that_row_is_left_out(error, monkeypatch):
    loop = watched(partitions=1)
    _raise_on(monkeypatch, "p7", error)
    events, _ = day_of_events(np.random.default_rng(1), 0, n=40)
    loop.send("predictions", events)
    loop.tick(2)
    loop.run()

    assert fates(loop) == [("p7", "invalid", f"fold-error: {error}")]
    assert counts(loop, "prediction")["used"] == 39


@pytest.mark.parametrize("error", [MemoryError(), TypeError("a bug"), RuntimeError("another")])
def test_an_error_that_no_row_is_at_fault_for_is_raised_and_nothing_has_changed(error, monkeypatch):
    loop = watched(partitions=1)
    events, _ = day_of_events(np.random.default_rng(1), 0, n=10)
    loop.send("predictions", events)
    before = copy.deepcopy(_measured(loop))
    _raise_on(monkeypatch, "p7", error)

    with pytest.raises(type(error)):
        loop.run()
    assert _measured(loop) == before


def test_more_rows_than_a_block_may_have_spoilt_are_raised_and_nothing_has_changed():
    loop = watched(partitions=1)
    loop.send("predictions", [prediction(f"p{i}", 0) for i in range(MOST + 1)])
    spoil(loop, range(MOST + 1))
    before = copy.deepcopy(_measured(loop))

    with pytest.raises(BlockError, match=f"more than {MOST} rows of the block of predictions/0"):
        loop.run()
    assert _measured(loop) == before


def test_a_frame_that_does_not_hold_together_is_raised():
    loop = watched(partitions=1)
    loop.send("predictions", [prediction("a", 0), prediction("b", 0)])
    record = loop.ledger[0][-1]
    entry = decode_entry(record.value)
    short = msgspec.structs.replace(entry.frame, event_ms=entry.frame.event_ms[:8])
    loop.ledger[0][-1] = Record(
        record.position, record.append_ms, encode_entry(msgspec.structs.replace(entry, frame=short))
    )

    with pytest.raises(ValueError, match="a frame says 2 rows, and a column has others"):
        loop.run()


DAYS = [day_of_events(np.random.default_rng(day), day, n=30, version="1") for day in range(4)]
LOG = watched(partitions=1)
for _predictions, _labels in DAYS:
    LOG.send("predictions", _predictions)
    LOG.tick(2)
    LOG.send("labels", _labels)
    LOG.tick(2)
BLOCKS = [i for i, record in enumerate(LOG.ledger[0]) if isinstance(decode_entry(record.value), Block)]


@given(
    st.lists(st.tuples(st.sampled_from(BLOCKS), st.sets(st.integers(0, 29), max_size=6)), max_size=4),
    st.lists(st.integers(1, len(LOG.ledger[0]) - 1)),
)
def test_the_fold_law_holds_with_rows_that_cannot_be_read(spoilt, cuts):
    log = list(LOG.ledger[0])
    for at, rows in spoilt:
        log[at] = broken(log[at], sorted(rows), "labels") if rows else log[at]
    measure = Measure(0, 4, 1_000, "ledger")
    whole, cut = measure.start(), measure.start()
    expected, found = measure.step(whole, log), []
    bounds = sorted({0, *cuts, len(log)})
    for start, end in pairwise(bounds):
        found += measure.step(cut, log[start:end])
        snapshot = measure.encode(cut)
        cut = measure.decode(snapshot.data, lambda name, files=snapshot.files: files[name])

    assert found == expected
    assert measure.encode(cut).data == measure.encode(whole).data
    for numbers in whole.counts.values():
        assert numbers[0] == sum(numbers[1:])


def test_a_block_with_spoilt_rows_leaves_the_sums_of_the_block_without_them():
    events, _ = day_of_events(np.random.default_rng(3), 0, n=50)
    kept = [event for i, event in enumerate(events) if i not in (0, 17, 49)]
    spoilt, clean = sent(events, [0, 17, 49]), sent(kept, [])
    closed(spoilt)
    closed(clean)

    assert [row.n for row in spoilt.of(PaneRow)] == [row.n for row in clean.of(PaneRow)]
    keys = [[partial for message in loop.messages() for partial in message.sealed] for loop in (spoilt, clean)]
    assert keys[0] == keys[1]


def test_a_spec_is_in_force_or_not_but_never_ends_the_fold():
    loop = FoldLoop(1)
    record = spec_record()
    record["spec"] = record["spec"] | {"features": {}, "segments": []}
    loop.send("specs", [record])
    loop.tick(2)
    loop.run()

    assert loop.states[0].specs == {}


def _raise_on(monkeypatch, an_id, error):
    """Let the reading of a block fail as long as a certain row is among its rows."""
    made = Reading.__init__

    def read(self, *args, **kwargs):
        made(self, *args, **kwargs)
        if an_id in self.ids(np.arange(self.first, self.n)):
            raise error

    monkeypatch.setattr(Reading, "__init__", read)


def _measured(loop):
    """What rows change in a state."""
    state = loop.states[0]
    return dict(state.counts), len(state.keys), len(state.pending), state.fates, state.contexts.versions
