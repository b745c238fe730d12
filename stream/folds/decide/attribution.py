"""What the model that serves makes of each feature: which features it goes by, and whether they move its answers now.

Only versions that were trained here say what they make of values, in their manifests. The verdicts raise no incident: a
feature whose change moves the answers has changed, and says so itself.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.attribution import Attributed, attributed, decode, importance, moved_by_bin, spreads
from detectors.evidence.budget import WARN
from detectors.evidence.false_discovery import adjusted
from detectors.panel.plan import Plan
from detectors.panel.windows import Windows
from stream.folds.decide.drift_rows import status_of
from stream.folds.decide.drift_words import moved_reason
from stream.folds.decide.gauges import plan_of
from stream.folds.decide.headings import of_verdict
from stream.folds.decide.state import Loop
from stream.folds.decide.turn import Turn
from stream.folds.monitor import Monitor
from stream.folds.rows import VerdictRow

Floats = NDArray[np.float64]

FLOOR = 0.1
"""A change matters from a tenth of the standard deviation of the answers on, as in the reference."""

UNITS = {"binary": "log odds"}


def ranked_plan(loop: Loop, monitor: Monitor) -> Plan:
    """Return the plan whose causes are ranked by what the serving version goes by, if that is known."""
    return _ranked(monitor, _curves(loop))


class _Judged(NamedTuple):
    """What windows say of each feature, ``(T, F)``; `levels` are p-values adjusted for the number of features."""

    plan: Plan
    windows: Windows
    found: Attributed
    levels: Floats
    floor: float


def judge_attribution(turn: Turn, plan: Plan, windows: Windows) -> list[VerdictRow]:
    """Return a verdict on each feature that the serving version knows, by the full window that tells most of it."""
    moved = _moved_by(turn.monitor, _curves(turn.loop))
    if moved is None:
        return []
    found = attributed(plan.panel, windows, moved)
    levels = np.stack([adjusted(p) for p in found.p])
    panes = np.array(plan.panel.scales)[windows.scale]
    # A scale of m panes is judged every m panes, and has its part of the level.
    best = (levels / np.array([WARN.q_at(int(m), len(plan.panel.scales)) for m in panes])[:, None]).argmin(0)
    floor = FLOOR * math.sqrt(float((spreads(plan.panel, moved) ** 2).sum()))
    judged = _Judged(plan, windows, found, levels, floor)
    return [_row(turn, judged, (int(best[f]), f)) for f in np.flatnonzero(moved.any(1)).tolist()]


def _curves(loop: Loop) -> bytes:
    version = loop.versions.get(loop.champion)
    return b"" if version is None else version.attribution


@lru_cache(maxsize=1 << 12)
def _moved_by(monitor: Monitor, curves: bytes) -> Floats | None:
    moved = moved_by_bin(plan_of(monitor).panel, decode(curves))
    return moved if moved.any() else None


@lru_cache(maxsize=1 << 12)
def _ranked(monitor: Monitor, curves: bytes) -> Plan:
    plan, moved = plan_of(monitor), _moved_by(monitor, curves)
    return plan if moved is None else replace(plan, importance=importance(plan.panel, moved))


def _row(turn: Turn, judged: _Judged, at: tuple[int, int]) -> VerdictRow:
    """Return the verdict by window and feature `at`."""
    monitor, (plan, windows, found, levels, floor), (window, f) = turn.monitor, judged, at
    scales, change, level = plan.panel.scales, float(found.change[at]), float(levels[at])
    panes, rows = scales[int(windows.scale[window])], int(windows.rows[window])
    days = monitor.budget.window_days(level, panes, len(scales), monitor.pane_ms)
    alarms = level <= WARN.q_at(panes, len(scales)) and abs(change) >= floor
    why = moved_reason(change, floor, UNITS.get(monitor.task, "in the unit of the answer"), days)
    return VerdictRow(
        **of_verdict(turn, "attribution", plan.names[f]),
        pane_s=panes * monitor.pane_ms // 1000,
        target=plan.names[f],
        kind="attribution",
        status=status_of(monitor, alarms, days),
        statistic=-math.log(max(level, 1e-300)),
        threshold=-math.log(WARN.q_at(panes, len(scales))),
        p=float(found.p[at]),
        n=rows,
        n_eff=rows / float(plan.panel.design_effects[f]),
        evidence_days=days,
        budget_days=monitor.budget.mark_days,
        effect=change,
        effect_name="contribution",
        floor=floor,
        lo=float(found.low[at]),
        hi=float(found.high[at]),
        reason=f"{plan.names[f]}: {why}",
    )
