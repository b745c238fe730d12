"""Rows as the ledger of one partition: a spec, blocks, labels at their time, and a close at the end.

Append time is the newest event time so far. A block ends with the row that lets a pane become final, so that each pane
is decided on as it would be live. A chunk in which nothing comes late for any pane, and no id again, is one block: sums
are the same then, and the fold is several times as fast where panes are small.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from stream.backtest.chunk import UNKNOWN_MS, Chunk, Labels
from stream.backtest.frames import label_frame, prediction_frame
from stream.backtest.labels import LabelFile, Waiting
from stream.backtest.texts import Texts
from stream.backtest.timeline import NEVER, passed_ms, running_ms
from stream.folds.base import Record
from stream.folds.blocks import Block, Covered, Entry, Fact, Source, Tick, encode_entry, end_of
from stream.folds.monitor import Monitor

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

TICK_MS = 1
"""Length of a tick: every record at a new time is one."""

PREDICTIONS, LABELS = Source("predictions", "backtest", 0), Source("labels", "backtest", 0)
SPECS, COMMANDS = Source("specs", "backtest", 0), Source("commands", "backtest", 0)

# A record, and how many rows of the file are read with it.
Step = tuple[Record, int]


class OpenRows:
    """Identities of the rows whose panes are not over: a second one of them counts as a duplicate of its pane.

    A second one of an older row changes nothing, unless it brings the label that the first had not: that may be known
    some panes later than it would be live, and is late either way.
    """

    def __init__(self) -> None:
        self._hashes, self._over_ms = np.zeros(0, np.uint64), np.zeros(0, np.int64)

    def is_again(self, hashes: Words, over_ms: Ints, passed: int) -> bool:
        """Say whether an identity comes again among new rows; keep those whose panes end after `passed`. O(open).

        >>> rows = OpenRows()
        >>> [rows.is_again(np.array(some, np.uint64), np.array([9] * 2), 0) for some in ([7, 3], [5, 4], [1, 5])]
        [False, False, True]
        """
        order = np.argsort(hashes, kind="stable")
        new, over_ms = hashes[order], over_ms[order]
        at = np.searchsorted(self._hashes, new)
        is_fresh = np.append(self._hashes, np.uint64(0))[at] != new
        is_fresh[at == len(self._hashes)] = True
        is_fresh[1:] &= new[1:] != new[:-1]
        self._keep(at[is_fresh], new[is_fresh], over_ms[is_fresh], passed)
        return not is_fresh.all()

    def _keep(self, at: Ints, hashes: Words, over_ms: Ints, passed: int) -> None:
        every, ends = np.insert(self._hashes, at, hashes), np.insert(self._over_ms, at, over_ms)
        self._hashes, self._over_ms = every[ends > passed], ends[ends > passed]


class Ledger:
    """Makes the records of a backtest.

    Parameters
    ----------
    monitor, spec
        The monitor, and the record of topic ``specs`` that puts it in force.
    truths
        The table of texts of labels.
    labels
        Labels of a file of their own; None: they are in the rows.
    is_fine
        Whether every chunk is cut at every pane, however little there is to gain.
    """

    def __init__(
        self, monitor: Monitor, spec: bytes, truths: Texts, labels: LabelFile | None = None, is_fine: bool = False
    ) -> None:
        self._monitor, self._spec, self._truths, self._labels = monitor, spec, truths, labels
        self._is_fine = is_fine
        self._waiting, self._open = Waiting(), OpenRows()
        self._position, self._clock_ms = 0, 0
        self._newest_ms, self._rows, self._to, self._appended = NEVER, 0, end_of(-1), 0

    def records(self, chunks: Iterable[Chunk]) -> Iterator[Step]:
        """Yield the records of all rows, then of labels that come after them, then those that close."""
        for chunk in chunks:
            if len(chunk):
                yield from self._chunk(chunk)
        yield from self._later_labels()
        yield from self._close()

    def _chunk(self, chunk: Chunk) -> Iterator[Step]:
        if self._newest_ms == NEVER:
            yield self._spec_record(int(chunk.event_ms[0]))
        running = running_ms(chunk.event_ms, self._newest_ms)
        self._await(chunk, running)
        start = 0
        for end in self._ends(chunk, running).tolist():
            self._rows = int(chunk.rows[end - 1]) + 1
            frame, before = prediction_frame(chunk, start, end), self._to
            self._to = end_of(int(chunk.rows[end - 1]))
            now_ms = int(running[end - 1])
            yield self._at(now_ms, Block(PREDICTIONS, before, self._to, frame))
            yield from self._due(now_ms)
            start = end
        self._newest_ms = int(running[-1])

    def _ends(self, chunk: Chunk, running: Ints) -> Ints:
        """Return behind which rows blocks end."""
        pane_ms, lateness_ms = self._monitor.pane_ms, self._monitor.lateness_ms
        ends = passed_ms(np.concatenate([[self._newest_ms], running]), pane_ms, lateness_ms)
        over_ms = chunk.event_ms - chunk.event_ms % pane_ms + pane_ms
        is_again = not chunk.is_numbered and self._open.is_again(chunk.hashes, over_ms, int(ends[-1]))
        is_late = (over_ms <= ends[:-1]).any() or self._waiting.is_any_late(int(running[-1]))
        if not (self._is_fine or is_late or is_again):
            return np.array([len(chunk)])
        moved = np.diff(ends) > 0
        moved[0] &= self._newest_ms != NEVER
        return np.unique(np.append(np.flatnonzero(moved) + 1, len(chunk)))

    def _await(self, chunk: Chunk, running: Ints) -> None:
        """Let the labels of a chunk wait for their time: not before their row is read."""
        labels, places = self._labels.of(chunk) if self._labels else (chunk.labels, chunk.labelled)
        if labels is None or not len(labels):
            return
        made_ms, pane_ms = chunk.event_ms[places], self._monitor.pane_ms
        came_ms = np.where(labels.event_ms == UNKNOWN_MS, made_ms, labels.event_ms)
        sealed_ms = made_ms - made_ms % pane_ms + pane_ms + self._monitor.lateness_ms
        due_ms = np.maximum(came_ms, running[places])
        self._waiting.add(replace(labels, event_ms=came_ms, due_ms=due_ms, sealed_ms=sealed_ms))

    def _due(self, now_ms: int) -> Iterator[Step]:
        """Yield the labels that are due, at the time of the record before: no tick lies between."""
        labels = self._waiting.take(now_ms)
        if labels is not None:
            yield self._record(self._label_block(labels))

    def _later_labels(self) -> Iterator[Step]:
        """Yield labels that come after the last row, a pane's together, and those whose prediction is not there."""
        pane_ms = self._monitor.pane_ms
        while len(self._waiting):
            until_ms = self._waiting.next_ms() // pane_ms * pane_ms + pane_ms - 1
            labels = self._waiting.take(until_ms)
            if labels is not None:
                yield self._at(int(labels.due_ms[-1]), self._label_block(labels))
        if self._labels is not None and len(rest := self._labels.rest()):
            came_ms = np.where(rest.event_ms == UNKNOWN_MS, self._clock_ms, rest.event_ms)
            yield self._at(int(came_ms.max()), self._label_block(replace(rest, event_ms=came_ms)))

    def _label_block(self, labels: Labels) -> Block:
        first, self._appended = self._appended, self._appended + len(labels)
        frame = label_frame(labels, self._truths, self._monitor.model, first)
        return Block(LABELS, end_of(first - 1), end_of(self._appended - 1), frame)

    def _spec_record(self, first_ms: int) -> Step:
        fact = Fact(SPECS, end_of(-1), end_of(0), self._monitor.name.encode(), self._spec)
        return self._at(first_ms - TICK_MS, fact)

    def _close(self) -> Iterator[Step]:
        """Yield what ends a model's rows: a command, and ticks that say that nothing more is to come."""
        model, pane_ms = self._monitor.model, self._monitor.pane_ms
        command = msgspec.json.encode({"id": "backtest", "command": "close", "model": model})
        yield self._at(self._clock_ms, Fact(COMMANDS, end_of(-1), end_of(0), model.encode(), command))
        covered = Tick("backtest", (Covered(PREDICTIONS, self._to, self._to, end_of(-1)),))
        over_ms = self._newest_ms + pane_ms + self._monitor.lateness_ms + self._monitor.idle_ms
        for at_ms in (0, 0, over_ms, 0):
            yield self._at(at_ms, covered)

    def _at(self, now_ms: int, entry: Entry) -> Step:
        """Return a record with a tick before it."""
        self._clock_ms = max(now_ms, self._clock_ms + TICK_MS)
        return self._record(entry)

    def _record(self, entry: Entry) -> Step:
        record = Record(self._position, self._clock_ms, encode_entry(entry))
        self._position += 1
        return record, self._rows
