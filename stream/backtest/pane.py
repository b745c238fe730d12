"""The length of a pane where a spec leaves it open: one that gives the reference panes enough."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from streamgauge.spec_parts import Reference

from detectors.panel.panel import MIN_PANES, WANTED_PANES

Ints = NDArray[np.int64]

ROWS: Final = 100
"""Rows that a pane should have; windows of several panes reach the 400 that tests need (`detectors.panel.plan`)."""

FEW_ROWS: Final = 10
"""Rows in a pane below which a longer one is advised: warnings are allowed by the pane, however few rows it has."""

_IN: Final = 100
"""One gap of so many may be longer than rows usually leave."""

_EVER: Final = 1 << 62

HOUR_MS: Final = 3_600_000
"""The default of a spec: longer panes are chosen only where these hold too few rows."""

_SECONDS = [*(s for s in range(1, 86_400) if 86_400 % s == 0), *(86_400 * days for days in range(1, 32))]
_LENGTHS_MS: Final = [1_000 * s for s in _SECONDS]
"""Whole seconds that divide a day, and whole days: what a spec may say."""


def fitting_ms(rows: int, span_ms: int, panes: int = WANTED_PANES) -> int:
    """Return the length of panes in which a reference of so many rows over so long a time is learnt best.

    The longest up to an hour that gives `panes`; longer if these had fewer than 100 rows, as long as 60 panes are left.
    Of fewer than 60 rows nothing is learnt, however they are cut: panes of 100.

    >>> from streamgauge.durations import DAY_MS
    >>> fitting_ms(20_000, 20_000_000), fitting_ms(5_000, 5_000_000), fitting_ms(90_000, 30 * DAY_MS)
    (100000, 80000, 3600000)
    >>> fitting_ms(8_760, 365 * DAY_MS) // DAY_MS, fitting_ms(10, 10_000)
    (5, 100000)
    """
    enough = _of_rows(rows, span_ms)
    if rows < MIN_PANES:
        return enough
    return max(min(_longest(span_ms // panes), HOUR_MS), min(enough, _longest(span_ms // MIN_PANES)))


def first_panes_ms(rows: int, span_ms: int, panes: int) -> int:
    """Return the length of panes of 100 rows, shorter if so many left less than a tenth of the time to judge.

    >>> from streamgauge.durations import DAY_MS
    >>> first_panes_ms(50_000, 50_000_000, 60), first_panes_ms(10_000, 10_000_000, 200)
    (100000, 45000)
    >>> first_panes_ms(8_760, 365 * DAY_MS, 60) // DAY_MS
    5
    """
    return min(_of_rows(rows, span_ms), _longest(9 * span_ms // (10 * panes)))


def _of_rows(rows: int, span_ms: int) -> int:
    """Return the shortest length in which 100 of so many rows lie, on the whole."""
    return next((ms for ms in _LENGTHS_MS if rows * ms >= ROWS * span_ms), _LENGTHS_MS[-1])


class Covered(NamedTuple):
    """How many rows there are, and over how long a time."""

    rows: int
    span_ms: int


def covered(times: Iterable[Ints], from_ms: int = -_EVER, to_ms: int = _EVER) -> Covered:
    """Return the rows in ``[from_ms, to_ms)`` and the time that they cover, of event times in epoch milliseconds.

    The longest gaps, one and one more in a hundred but fewer than 60, count as long as the next one: an outage, or a
    time that is wrong, is rarer than panes that a reference needs, and does not say how close rows follow each other.

    >>> seconds = 1_000 * np.arange(500)
    >>> covered([seconds]), covered([seconds, seconds + 86_400_000]).span_ms, covered([np.append(seconds, 1 << 60)])
    (Covered(rows=500, span_ms=499001), 999001, Covered(rows=501, span_ms=500001))
    """
    rows, parts = 0, [np.zeros(0, np.int64)]
    for some in times:
        inside = some[(some >= from_ms) & (some < to_ms)]
        rows += len(inside)
        parts.append(np.unique(inside // 1_000))
    gaps = np.diff(np.unique(np.concatenate(parts)))
    if len(gaps) > 1:
        rare = min(1 + len(gaps) // _IN, MIN_PANES - 1, len(gaps) - 1)
        gaps = np.minimum(gaps, np.partition(gaps, -1 - rare)[-1 - rare])
    return Covered(rows, 1_000 * int(gaps.sum()) + 1)


def chosen_ms(reference: Reference | None, times: Iterable[Ints]) -> int | None:
    """Return the length that suits the event times of a reference, epoch milliseconds; None without any.

    Parameters
    ----------
    times
        Of the file that the reference's rows are in: a range is a part of them, first panes are at its begin.
    """
    within = (-_EVER, _EVER) if reference is None or reference.kind != "range" else reference.range_ms
    found = covered(times, *within)
    if not found.rows:
        return None
    if reference is None or reference.first is None:
        return fitting_ms(*found)
    return first_panes_ms(*found, reference.first)


def _longest(at_most_ms: int) -> int:
    return max((ms for ms in _LENGTHS_MS if ms <= at_most_ms), default=_LENGTHS_MS[0])
