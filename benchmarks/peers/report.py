"""The figures of a comparison as text and as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from benchmarks.detection.experiment import Experiment
from benchmarks.detection.parts import line
from benchmarks.peers.figures import OURS, Ours, Row, Speed
from benchmarks.peers.judge import Delays, per_thousand
from benchmarks.peers.streams import FEATURES, STATIONARY, Size


def lines(rows: list[Row], ours: Mapping[Size, Ours], speed: Speed, marks: list[Experiment]) -> list[str]:
    """Return tables of false alarms, delays and speed, and the marks."""
    told = []
    for size, mine in ours.items():
        here = [row for row in rows if row.window == size.window]
        told += ["", f"windows of {size.window:,} rows: false alarms in 1,000 windows of a feature, at defaults"]
        told += _table([_false_of_ours(mine, size), *(_false(row) for row in here)], ("", *STATIONARY))
        for kind in ("re-thresholded to our false alarms", "at defaults"):
            told += ["", f"windows of {size.window:,} rows: median rows until seen (share missed), {kind}"]
            told += _table([_delays(OURS, mine.delays, mine), *_of_peers(here, mine, kind)], ("", *mine.delays))
    for path, rates in speed.items():
        told += ["", f"rows a second of CPU, {FEATURES} numbers, {path}"]
        told += _table(
            [(who, f"{rate:,.0f}") for who, rate in sorted(rates.items(), key=lambda one: -one[1])], ("", "")
        )
    return [*told, "", *(line(mark) for mark in marks)]


def _false_of_ours(ours: Ours, size: Size) -> tuple[str, ...]:
    return (OURS, *(f"{per_thousand(ours.false[name], size.null * FEATURES):.3g}" for name in STATIONARY))


def _false(row: Row) -> tuple[str, ...]:
    rates = (row.false.get(name) for name in STATIONARY)
    return (f"{row.peer} {row.method}", *("-" if rate is None else f"{rate:.3g}" for rate in rates))


def _of_peers(rows: list[Row], ours: Ours, kind: str) -> list[tuple[str, ...]]:
    at_default = kind == "at defaults"
    return [
        _delays(f"{row.peer} {row.method}", row.at_default if at_default else row.rethresholded, ours) for row in rows
    ]


def _delays(name: str, delays: Mapping[str, Delays], ours: Ours) -> tuple[str, ...]:
    return (name, *(_delay(delays.get(case)) for case in ours.delays))


def _delay(delay: Delays | None) -> str:
    if delay is None:
        return "-"
    rows = "never" if math.isinf(delay.rows) else f"{delay.rows:,.0f}"
    return f"{rows} ({delay.missed:.0%})" if delay.missed else rows


def _table(rows: list[tuple[str, ...]], title: tuple[str, ...]) -> list[str]:
    widths = [max(len(row[i]) for row in [title, *rows]) for i in range(len(title))]
    return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in [title, *rows]]


def values(rows: list[Row], ours: Mapping[Size, Ours], speed: Speed, marks: list[Experiment]) -> dict[str, Any]:
    """Return the figures and marks as JSON writes them: what is not finite is null."""
    false = {
        f"n {size.window}": {name: per_thousand(alarms, size.null * FEATURES) for name, alarms in mine.false.items()}
        for size, mine in ours.items()
    }
    delays = {f"n {size.window}": _delay_values(mine.delays) for size, mine in ours.items()}
    peers = [
        {
            "peer": row.peer, "method": row.method, "window": row.window, "false": row.false,
            "at_default": _delay_values(row.at_default), "rethresholded": _delay_values(row.rethresholded),
        }
        for row in rows
    ]  # fmt: skip
    figures = {"ours": {"false": false, "delays": delays}, "peers": peers, "rows_per_s": speed}
    return {"figures": figures, "marks": [{**mark, "figure": _finite(mark["figure"])} for mark in marks]}


def _delay_values(delays: Mapping[str, Delays]) -> dict[str, dict[str, float | None]]:
    return {case: {"rows": _finite(delay.rows), "missed": delay.missed} for case, delay in delays.items()}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
