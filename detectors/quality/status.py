"""Why a check says nothing, in words."""

from __future__ import annotations

import math

from scipy import special

from detectors.panel.panel import MIN_PANES
from detectors.panel.status import INSUFFICIENT, JUDGED, LEARNING, Status, too_few_panes
from detectors.quality.counts import LEAST_P
from detectors.quality.labels import LabelProfile, lack_chance
from detectors.quality.profile import QualityProfile
from detectors.quality.volume import VolumeProfile, fallen

NO_DATA = "no-data"


def pane_status(profile: QualityProfile, rows: int, allowed: float) -> Status:
    """Return whether a pane of so many rows is judged by `check_pane`.

    Of what the reference never had, each row is as likely as one pane of R: some are needed before all is said.

    >>> rows_needed(panes=60, level=1e-5)
    4
    """
    if not profile.can_alarm:
        return Status(LEARNING, too_few_panes(profile.panes))
    if rows == 0:
        return Status(NO_DATA, "no rows")
    needed = rows_needed(profile.panes, allowed / profile.tests)
    if rows < needed:
        return Status(INSUFFICIENT, f"{rows} rows prove nothing, {needed} needed")
    return Status(JUDGED, "")


def rows_needed(panes: int, level: float) -> int:
    """Return how many rows a pane needs so that anything could be proven of it: by each, p falls to 1/(R + 1)."""
    least = special.ndtr(special.stdtrit(panes - 1, level))
    return max(1, math.ceil(-math.log(max(least, LEAST_P)) / math.log(panes + 1)))


def volume_status(profile: VolumeProfile, allowed: float, phase: int = 0) -> Status:
    """Return whether a fall of the volume could be seen in one pane; a rise is always judged."""
    if profile.panes < MIN_PANES:
        return Status(LEARNING, too_few_panes(profile.panes))
    if 2 * fallen(profile, 0, phase) > allowed:
        return Status(INSUFFICIENT, f"{profile.expected[phase]:.3g} rows expected: even none would prove nothing")
    return Status(JUDGED, "")


def labels_status(profile: LabelProfile, rows: int, allowed: float, matured: float = 1.0, phase: int = 0) -> Status:
    """Return whether lacking labels could be seen in a pane of so many rows."""
    if profile.panes < MIN_PANES:
        return Status(LEARNING, too_few_panes(profile.panes))
    if rows == 0 or lack_chance(profile, rows, 0, matured, phase) > allowed:
        expected = profile.expected(matured, phase) * rows
        return Status(INSUFFICIENT, f"{expected:.3g} labels expected: even none would prove nothing")
    return Status(JUDGED, "")
