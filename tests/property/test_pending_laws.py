"""Pending predictions are a dict from identities to entries, whatever the order of calls; and a fold's state."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.folds.pending import NEVER_HOUR, Pending

HOUR_MS = 3_600_000
LAST = (1 << 64) - 1
# Extremes, one fingerprint many times, one home many times, and words as hashes are.
HASHES = [
    0,
    1,
    LAST,
    LAST - 1,
    5 << 40,
    6 << 40,
    *(7 << 60 | i << 16 | 9 for i in range(6)),
    *range(1 << 50, (1 << 50) + 4),
]
HASHES += np.random.default_rng(0).integers(0, LAST, 24, dtype=np.uint64).tolist()
CONTEXTS = 4

Row = tuple[int, int, int, int]
Step = Callable[["Both"], None]


@dataclass
class Model:
    """The same, plainly."""

    entries: dict[int, list[int]] = field(default_factory=dict)
    floors: dict[int, int] = field(default_factory=dict)

    def add(self, row: Row) -> bool:
        one, served, event_ms, context = row
        if one in self.entries or self.is_gone(event_ms, context):
            return False
        self.entries[one] = [served, event_ms, context, 0]
        return True

    def is_gone(self, event_ms: int, context: int) -> bool:
        return (event_ms // HOUR_MS + 1) * HOUR_MS <= self.floors.get(context, NEVER_HOUR)

    def forget(self, floors: Iterable[int]) -> None:
        for context, floor in enumerate(floors):
            self.floors[context] = max(floor, self.floors.get(context, NEVER_HOUR))
        self.entries = {h: e for h, e in self.entries.items() if not self.is_gone(e[1], e[2])}


@dataclass
class Both:
    pending: Pending
    model: Model = field(default_factory=Model)

    def check(self) -> None:
        assert len(self.pending) == len(self.model.entries)
        refs = self.pending.find(np.array(HASHES, np.uint64))
        assert (refs >= 0).tolist() == [one in self.model.entries for one in HASHES]
        found = self.pending.read(refs[refs >= 0])
        expected = [self.model.entries[one] for one in HASHES if one in self.model.entries]
        assert [list(entry) for entry in zip(*(column.tolist() for column in found), strict=True)] == expected


def columns(rows: list[Row]) -> tuple[np.ndarray, ...]:
    parts = list(zip(*rows, strict=True)) or [(), (), (), ()]
    return tuple(np.array(p, t) for p, t in zip(parts, (np.uint64, np.uint64, np.int64, np.uint32), strict=True))


def adding(rows: list[Row]) -> Step:
    def step(both: Both) -> None:
        assert both.pending.add(*columns(rows)).tolist() == [both.model.add(row) for row in rows]

    return step


def marking(marks: list[tuple[int, int]]) -> Step:
    def step(both: Both) -> None:
        refs = both.pending.find(np.array([one for one, _ in marks], np.uint64))
        states = np.array([state for _, state in marks], np.uint16)
        both.pending.mark(refs[refs >= 0], states[refs >= 0])
        for one, state in marks:
            if one in both.model.entries:
                both.model.entries[one][3] = state

    return step


def sealing(both: Both) -> None:
    both.pending.seal()


def forgetting(floors: list[int]) -> Step:
    def step(both: Both) -> None:
        both.pending.forget(np.array(floors, np.int64))
        both.model.forget(floors)

    return step


def recoding(both: Both) -> None:
    data, files = both.pending.encode()
    both.pending = Pending.decode(data, files.__getitem__)
    assert both.pending.encode() == (data, files)


TIMES = st.builds(lambda hour, ms: hour * HOUR_MS + ms, st.integers(-2, 2), st.sampled_from([0, 1, HOUR_MS - 1]))
ROWS = st.tuples(st.sampled_from(HASHES), st.integers(0, LAST), TIMES, st.integers(0, CONTEXTS - 1))
FLOORS = st.lists(st.just(NEVER_HOUR) | TIMES, max_size=CONTEXTS)
ADDING = st.lists(ROWS, max_size=12).map(adding)
MARKING = st.lists(st.tuples(st.sampled_from(HASHES), st.integers(0, 0xFFFF)), max_size=8).map(marking)
STEPS = st.one_of(ADDING, MARKING, st.just(sealing), FLOORS.map(forgetting), st.just(recoding))
FOLDING = st.one_of(ADDING, MARKING, st.just(sealing), FLOORS.map(forgetting))


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=25), st.integers(1, 12))
def test_pending_predictions_are_a_dict(steps, seal_rows):
    both = Both(Pending(seal_rows))
    for step in steps:
        step(both)
        both.check()


@settings(max_examples=60, deadline=None)
@given(st.lists(FOLDING, max_size=12), st.lists(FOLDING, max_size=12), st.integers(1, 12))
def test_what_was_decoded_goes_on_as_the_original_to_the_byte(before, after, seal_rows):
    original = Both(Pending(seal_rows))
    for step in before:
        step(original)
    data, files = original.pending.encode()
    decoded = Both(
        Pending.decode(data, files.__getitem__), Model(dict(original.model.entries), dict(original.model.floors))
    )
    decoded.model.entries = {one: list(entry) for one, entry in original.model.entries.items()}
    for step in after:
        step(original)
        step(decoded)
    assert decoded.pending.encode() == original.pending.encode()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.lists(ROWS, max_size=20), FLOORS), max_size=6),
    st.lists(st.integers(1, 7), min_size=1, max_size=5),
    st.integers(1, 12),
)
def test_the_cut_of_batches_changes_no_byte(ticks, sizes, seal_rows):
    whole, cut = Pending(seal_rows), Pending(seal_rows)
    for rows, floors in ticks:
        whole.add(*columns(rows))
        at = 0
        while at < len(rows):
            for size in sizes:
                cut.add(*columns(rows[at : at + size]))
                at += size
        for pending in (whole, cut):
            pending.forget(np.array(floors, np.int64))
            pending.seal()
    assert cut.encode() == whole.encode()


@settings(max_examples=60, deadline=None)
@given(st.lists(FOLDING, max_size=15), st.integers(1, 12))
def test_a_name_is_of_one_content_for_ever(steps, seal_rows):
    both, seen = Both(Pending(seal_rows)), {}
    for step in steps:
        step(both)
        for name, content in both.pending.encode()[1].items():
            assert seen.setdefault(name, bytes(content)) == bytes(content)
