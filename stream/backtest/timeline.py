"""When the rows of a file happened, and back: which row numbers a span of event time has."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
NEVER = -(1 << 62)


@dataclass(frozen=True, slots=True)
class Timeline:
    """The panes of a file.

    Attributes
    ----------
    pane_ms
        Length of a pane.
    rows
        How many there are.
    from_ms, to_ms
        Event time of the earliest and the latest row.
    panes
        Starts of the panes that hold rows, rising.
    first_row, last_row
        Lowest and highest row number in each of `panes`.
    steps, step_rows
        Where the watermark passes the end of a pane: that end, rising, and the row with which it does.
    """

    pane_ms: int
    rows: int
    from_ms: int
    to_ms: int
    panes: list[int]
    first_row: list[int]
    last_row: list[int]
    steps: list[int]
    step_rows: list[int]

    def first_from(self, at_ms: int) -> int:
        """Return the lowest row number of the panes from the one on that holds `at_ms`; `rows` if there is none."""
        rows = self.first_row[self._pane(at_ms) :]
        return min(rows, default=self.rows)

    def last_before(self, at_ms: int) -> int:
        """Return the highest row number of the panes that begin before `at_ms`; -1 if there is none."""
        return max(self.last_row[: bisect_left(self.panes, at_ms)], default=-1)

    def within(self, from_ms: int, to_ms: int) -> tuple[int, int]:
        """Return the lowest and highest row number of the panes that begin in ``[from_ms, to_ms)``.

        Without any: the row that comes next, twice.
        """
        some = slice(self._pane(from_ms), bisect_left(self.panes, to_ms))
        if not self.panes[some]:
            row = min(self.first_from(from_ms), self.rows - 1)
            return row, row
        return min(self.first_row[some]), max(self.last_row[some])

    def rows_until(self, at_ms: int) -> int:
        """Return how many rows are read when the watermark passes `at_ms`; all, if it never does."""
        place = bisect_left(self.steps, at_ms)
        return self.step_rows[place] + 1 if place < len(self.steps) else self.rows

    def _pane(self, at_ms: int) -> int:
        """Return the place of the pane that holds `at_ms`, or of the next one."""
        return bisect_left(self.panes, at_ms - at_ms % self.pane_ms)


@dataclass(slots=True)
class _Pane:
    first: int
    last: int


@dataclass(slots=True)
class _Watch:
    """What is known while event times are read."""

    pane_ms: int
    lateness_ms: int
    rows: int = 0
    from_ms: int = -NEVER
    newest_ms: int = NEVER
    panes: dict[int, _Pane] = field(default_factory=dict)
    steps: list[int] = field(default_factory=list)
    step_rows: list[int] = field(default_factory=list)

    def add(self, event_ms: Ints) -> None:
        """Take in the next rows."""
        self._add_panes(event_ms - event_ms % self.pane_ms)
        running = running_ms(event_ms, self.newest_ms)
        ends = passed_ms(running, self.pane_ms, self.lateness_ms)
        before = self.steps[-1] if self.steps else int(ends[0])
        at = np.flatnonzero(np.diff(ends, prepend=before) > 0)
        self.steps += ends[at].tolist()
        self.step_rows += (at + self.rows).tolist()
        self.from_ms, self.newest_ms = min(self.from_ms, int(event_ms.min())), int(running[-1])
        self.rows += len(event_ms)

    def _add_panes(self, pane_of_row: Ints) -> None:
        n = len(pane_of_row)
        panes, first = np.unique(pane_of_row, return_index=True)
        last = n - 1 - np.unique(pane_of_row[::-1], return_index=True)[1]
        for pane, low, high in zip(
            panes.tolist(), (first + self.rows).tolist(), (last + self.rows).tolist(), strict=True
        ):
            known = self.panes.setdefault(pane, _Pane(low, high))
            known.last = high


def timeline_of(times: Iterable[Ints], pane_ms: int, lateness_ms: int) -> Timeline:
    """Return the timeline of event times, epoch milliseconds, in the order of the file.

    >>> hours = [np.array([0, 1, 3_600_000]), np.array([7_200_000, 5])]
    >>> found = timeline_of(hours, 3_600_000, 0)
    >>> found.panes, found.first_row, found.last_row, found.rows_until(3_600_000)
    ([0, 3600000, 7200000], [0, 2, 3], [4, 2, 3], 3)
    """
    watch = _Watch(pane_ms, lateness_ms)
    for some in times:
        watch.add(some)
    panes = sorted(watch.panes)
    rows = [watch.panes[pane] for pane in panes]
    first, last = [each.first for each in rows], [each.last for each in rows]
    span = (pane_ms, watch.rows, watch.from_ms, watch.newest_ms)
    return Timeline(*span, panes, first, last, watch.steps, watch.step_rows)


def running_ms(event_ms: Ints, before_ms: int = NEVER) -> Ints:
    """Return the running maximum, ``(n,)``, that of all rows before being `before_ms`."""
    found: Ints = np.maximum(np.maximum.accumulate(event_ms), before_ms)
    return found


def passed_ms(newest_ms: Ints, pane_ms: int, lateness_ms: int) -> Ints:
    """Return up to where panes are over when the newest row is `newest_ms`, ``(n,)``: the watermark, cut to panes."""
    watermark_ms = newest_ms - lateness_ms
    return watermark_ms - watermark_ms % pane_ms
