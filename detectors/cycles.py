"""Cycles of a reference: hours of a day, or of a week, that each have an expectation of their own.

A phase can be learnt from whole cycles only. Where there are too few, or panes without rows in many of them, windows
are whole cycles instead: then no window holds more of one phase than another.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

MIN_CYCLES = 4
"""Whole cycles without which phases are not told apart."""

MOST_BROKEN = 0.1
"""Share of the cycles that may be left out for panes without rows: more of them are no accident."""


class Cycles(NamedTuple):
    """How a reference is cut to its cycle.

    Attributes
    ----------
    used
        Which panes take part, ``(R,)``; with phases the first of them has phase 0, and no pane lacks.
    phases
        Panes of a cycle that are told apart; 1 for none.
    window
        Panes with rows of which windows hold a multiple; 1 for any number.
    warnings
        What could not be had, in sentences.
    """

    used: Flags
    phases: int
    window: int
    warnings: tuple[str, ...]


def cycles_of(numbers: Ints, panes_per_cycle: int) -> Cycles:
    """Return the cut of panes that hold rows.

    Parameters
    ----------
    numbers
        Of the panes, rising, ``(R,)``: pane i begins ``i`` pane lengths after 1970. Its phase is i modulo the cycle.
    panes_per_cycle
        1 or more; 1 is no cycle.

    Examples
    --------
    >>> whole = cycles_of(np.arange(7, 7 + 5 * 24), 24)
    >>> int(whole.used.sum()), whole.phases, whole.window
    (96, 24, 1)
    >>> short = cycles_of(np.arange(3 * 24), 24)
    >>> short.phases, short.window, short.warnings[0][:62]
    (1, 24, '3 whole cycles, 4 needed to tell their 24 phases apart: window')
    """
    if panes_per_cycle == 1:
        return Cycles(np.ones(len(numbers), bool), 1, 1, ())
    of_pane, there = _by_cycle(numbers, panes_per_cycle)
    inside = _span(numbers, panes_per_cycle)
    full = there == panes_per_cycle
    cycles, broken = int(inside.sum()), int((inside & ~full).sum())
    if cycles - broken >= MIN_CYCLES and broken <= MOST_BROKEN * cycles:
        used = (inside & full)[of_pane]
        return Cycles(used, panes_per_cycle, 1, tuple(_left_out(broken, cycles)))
    return _without_phases(numbers, panes_per_cycle, cycles, broken)


def _by_cycle(numbers: Ints, panes: int) -> tuple[Ints, Ints]:
    """Return the place of each pane's cycle, ``(R,)``, and how many panes each cycle has, from first to last."""
    cycle = numbers // panes
    of_pane = cycle - cycle[0]
    return of_pane, np.bincount(of_pane).astype(np.int64)


def _span(numbers: Ints, panes: int) -> Flags:
    """Return which cycles, from the first pane's to the last one's, the reference covers whole."""
    first, last = int(numbers[0]), int(numbers[-1])
    inside = np.ones(last // panes - first // panes + 1, bool)
    inside[0] &= first % panes == 0
    inside[-1] &= last % panes == panes - 1
    return inside


def _left_out(broken: int, cycles: int) -> list[str]:
    if not broken:
        return []
    return [f"{broken} of {cycles} cycles left out: some of their panes hold no rows"]


def _without_phases(numbers: Ints, panes: int, cycles: int, broken: int) -> Cycles:
    """Return the newest stretch of whole cycles, which need not begin at phase 0; all panes if there is no cycle."""
    length = int(numbers[-1] - numbers[0]) + 1
    whole = length // panes
    used = numbers > numbers[-1] - whole * panes if whole else np.ones(len(numbers), bool)
    window = max(1, round(int(used.sum()) / whole)) if whole else panes
    if broken > MOST_BROKEN * cycles:
        why = f"{broken} of {cycles} whole cycles have panes without rows: their {panes} phases are not told apart"
    else:
        why = f"{cycles - broken} whole cycles, {MIN_CYCLES} needed to tell their {panes} phases apart"
    return Cycles(used, 1, window, (f"{why}: windows are whole cycles of {window} panes with rows",))
