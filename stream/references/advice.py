"""What would make a reference better, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from streamgauge.durations import format_duration
from streamgauge.spec_rules import MAX_PHASES

from detectors.artifact import Reference
from detectors.panel.panel import MIN_PANES, WANTED_PANES

LEAST_ROWS = 100
"""Rows of a pane below which shorter panes say no more."""

_MINUTES = (1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 480, 720, 1_440)


def advice(reference: Reference) -> tuple[str, ...]:
    """Return what to do about too few panes, and about drift inside; nothing where all is well."""
    found = []
    if reference.can_alarm and not reference.panel.is_stationary:
        found.append("take a span in which nothing changed: a newer one, or one between two changes")
    if reference.panes < WANTED_PANES:
        found += _of_panes(reference.panes, reference.rows, reference.pane_ms, reference.cycle_ms)
    return tuple(found)


def _of_panes(panes: int, rows: int, pane_ms: int, cycle_ms: int) -> Iterator[str]:
    """Yield which length of panes would do, or that there are too few rows for any.

    >>> list(_of_panes(44, 26_400, 3_600_000, 0))
    ['a pane of 10m would give 264 panes of 100 rows']
    >>> list(_of_panes(44, 4_400, 3_600_000, 0))
    ['60 panes of 100 rows need 6,000 rows, and it has 4,400: take a longer span']
    """
    found = [
        (round(panes * pane_ms / length), length)
        for length in (60_000 * minutes for minutes in _MINUTES)
        if length < pane_ms and rows / panes * length / pane_ms >= LEAST_ROWS and cycle_ms <= MAX_PHASES * length
    ]
    wanted = [each for each in found if each[0] >= WANTED_PANES] or found[:1]
    if wanted and wanted[-1][0] >= max(panes + 1, MIN_PANES):
        number, length = wanted[-1]
        yield f"a pane of {format_duration(length)} would give {number:,} panes of {round(rows / number):,} rows"
    elif panes < MIN_PANES and rows < MIN_PANES * LEAST_ROWS:
        need = f"{MIN_PANES} panes of {LEAST_ROWS} rows need {MIN_PANES * LEAST_ROWS:,} rows"
        yield f"{need}, and it has {rows:,}: take a longer span"
    else:
        yield f"take a longer span: {WANTED_PANES} panes are {format_duration(WANTED_PANES * pane_ms)}"
