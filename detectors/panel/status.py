"""Why a feature is not judged, in words."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.panel.panel import MIN_EFFECTIVE_PANES, MIN_EFFECTIVE_ROWS, MIN_PANES, WANTED_PANES, Panel
from detectors.panel.window_tests import LEAST_WINDOW_ROWS

Flags = NDArray[np.bool_]

JUDGED, LEARNING, INSUFFICIENT = "judged", "learning", "insufficient"


class Status(NamedTuple):
    """Whether a feature is judged at a scale, and why not; the reason is empty where it is."""

    status: str
    reason: str


def statuses(panel: Panel, scale: int, rows: int) -> tuple[Status, ...]:
    """Return the status of each feature in a window.

    Parameters
    ----------
    scale
        Place of the window's scale in `Panel.scales`.
    rows
        Of the window, 0 or more.
    """
    if not panel.can_alarm:
        return (Status(LEARNING, too_few_panes(panel.panes)),) * len(panel.bins)
    typical = panel.scales[scale] * panel.rows_per_pane
    return tuple(_status(typical / effect, rows / effect) for effect in panel.design_effects.tolist())


def _status(expected: float, found: float) -> Status:
    if expected < MIN_EFFECTIVE_ROWS:
        return Status(INSUFFICIENT, f"n_eff {expected:.0f} < {MIN_EFFECTIVE_ROWS}")
    if found < LEAST_WINDOW_ROWS:
        return Status(INSUFFICIENT, f"n_eff {found:.0f} < {LEAST_WINDOW_ROWS} in a window of {expected:.0f}")
    return Status(JUDGED, "")


def too_few_panes(panes: int) -> str:
    """Return the sentence about a short reference.

    >>> too_few_panes(44)
    '44 panes: too few to alarm, 60 needed, 200 wanted'
    """
    return f"{panes} panes: too few to alarm, {MIN_PANES} needed, {WANTED_PANES} wanted"


def warnings(panel: Panel) -> tuple[str, ...]:
    """Return what speaks against the reference, in sentences."""
    found = []
    if not panel.can_alarm:
        found.append(too_few_panes(panel.panes))
    elif panel.panes < WANTED_PANES:
        found.append(f"{panel.panes} panes: enough to alarm, {WANTED_PANES} wanted")
    if panel.can_alarm and not panel.is_stationary:
        why = "the reference itself drifts" + (", or has too few cycles" if panel.phases > 1 else "")
        found.append(f"{why}: {_named(panel, panel.effective_panes < MIN_EFFECTIVE_PANES)}")
    unwatched = np.asarray(~panel.usable.any(0), np.bool_)
    if panel.can_alarm and unwatched.any():
        found.append(f"not watched at any scale up to {panel.scales[-1]} panes: {_named(panel, unwatched)}")
    return tuple(found)


def _named(panel: Panel, features: Flags) -> str:
    names = [panel.names[f] for f in np.flatnonzero(features)]
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more
