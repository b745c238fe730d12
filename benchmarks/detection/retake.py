"""A stream whose owner takes every change as the new normal: after an alarm the next panes are the reference."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from benchmarks.detection.tables import Columns, Cut, encoded, fit_table, pane
from detectors.panel.gauge import tick
from detectors.panel.gauge_state import initial
from detectors.panel.panel import Panel
from detectors.panel.plan import plan


class Setting(NamedTuple):
    """How a stream is watched, at the level of warnings.

    Attributes
    ----------
    rows, panes
        In a pane, and panes of each reference.
    scales
        Panes of the windows.
    phases
        Panes of a cycle.
    least_rows
        Effective rows of a window that is judged. With fewer than the 400 of the product small p-values are up to 15
        times too frequent: for streams that are watched for some thousand rows between two alarms.
    """

    rows: int
    panes: int
    scales: tuple[int, ...]
    phases: int
    least_rows: int


def alarmed_rows(columns: Columns, setting: Setting) -> list[int]:
    """Return after how many rows of the stream each alarm was raised."""
    alarms, place, rows = [], 0, len(next(iter(columns.values())))
    reference = setting.rows * setting.panes
    while place + reference < rows:
        known = {name: values[place : place + reference] for name, values in columns.items()}
        kinds = dict.fromkeys(columns, "number")
        panel = fit_table(known, kinds, Cut(setting.rows, setting.panes, setting.scales, setting.phases))
        if not panel.is_stationary:
            # It straddles a change: half a reference later it may not.
            place += reference // 2
            continue
        place = _until_alarm(_judging(panel, setting.least_rows), columns, setting, place + reference)
        if place <= rows:
            alarms.append(place)
    return alarms


def _judging(panel: Panel, least_rows: int) -> Panel:
    """Return the panel with windows of fewer rows judged."""
    rows = np.array(panel.scales)[:, None] * panel.rows_per_pane
    usable = rows / panel.design_effects >= least_rows
    joint = panel.joint
    if joint is not None:
        effects = np.maximum(1, joint.sd**2 * panel.rows_per_pane)
        joint = replace(joint, usable=rows / effects >= least_rows)
    return replace(panel, usable=usable, joint=joint)


def _until_alarm(panel: Panel, columns: Columns, setting: Setting, place: int) -> int:
    """Return the row after the pane that alarmed; beyond the stream if none did."""
    gauge, state, rows, number = plan(panel), initial(panel), setting.rows, setting.panes
    end = len(next(iter(columns.values())))
    while place + rows <= end:
        codes = encoded(panel, {name: values[place : place + rows] for name, values in columns.items()}, rows)
        state, verdict = tick(gauge, state, pane(panel, codes, number))
        place, number = place + rows, number + 1
        if verdict.alarms:
            return place
    return end + 1
