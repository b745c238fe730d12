r"""Panes without any row: how many in a row are too many.

A pane of the reference's kind is empty with the probability q of its phase, or, where it never was, of 1/(R + 1): by
symmetry the next pane is no likelier than any of the R to be the first. q itself is uncertain, so each empty pane makes
the next likelier, as in Polya's urn: a run of g has the probability

.. math:: \prod_{j < g} (q_j S + j) / (S + j),

with S = R + 1 over the panes that count as one where empty panes follow each other. This is beta-geometric for equal q.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.panel.panel import MIN_PANES
from detectors.quality.counts import LEAST_P
from detectors.quality.fault import Fault
from detectors.quality.health import refuse_cycles
from detectors.quality.shares import fit_shares

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_MOST_PANES = 4_096
"""Longer runs are as sure as one of so many."""


class GapProfile(msgspec.Struct, frozen=True):
    """The empty panes of a reference.

    Attributes
    ----------
    panes
        R.
    empty
        Probability of an empty pane, by phase, ``(H,)``.
    longest
        Empty panes in a row, at most, up to one of this phase, ``(H,)``.
    strength
        S: panes that these probabilities are worth, and one.
    """

    panes: int
    empty: tuple[float, ...]
    longest: tuple[int, ...]
    strength: float


def fit_gap(rows: Ints, phases: int = 1) -> GapProfile:
    """Return the profile of a reference's panes, ``(R,)`` in time order from phase 0, empty ones with 0 rows; O(R).

    Raises
    ------
    ValueError
        If a count is negative, or there are fewer than two cycles.

    Examples
    --------
    >>> fit_gap(np.tile([5, 0, 0, 7], 20)).longest
    (2,)
    """
    refuse_cycles(len(rows), phases)
    if rows.ndim != 1 or (rows < 0).any():
        raise ValueError(f"need rows of 0 or more, (R,), got {rows.shape}")
    empty = (rows == 0).astype(np.int64)[:, None]
    shares = fit_shares(empty, np.ones_like(empty), phases)
    runs = _runs(empty[:, 0])
    # Each phase has been met less often, but what is uncertain about one is not about another.
    alone = phases if shares.by_phase else 1
    return GapProfile(
        len(rows),
        tuple(shares.expected[:, 0].tolist()),
        tuple(int(runs[phase::phases].max()) for phase in range(phases)),
        1 + shares.worth[0] * alone,
    )


def check_gap(profile: GapProfile, panes: int, allowed: float, phase: int = 0) -> Fault | None:
    """Return whether there have been too many empty panes in a row.

    It must be more of them than the reference ever had up to this phase; O(panes).

    Parameters
    ----------
    panes
        Empty ones in a row up to now, 0 or more.
    allowed
        Probability, in (0, 1), that a pane like the reference's is the last of so many.
    phase
        Of the newest of them.

    Examples
    --------
    >>> profile = fit_gap(np.full(60, 1_000))
    >>> check_gap(profile, panes=1, allowed=0.001) is None
    True
    >>> fault = check_gap(profile, panes=2, allowed=0.001)
    >>> fault.check, fault.share, fault.expected, fault.p
    ('no-data', 2, 0, 0.00052)
    """
    if panes < 0 or not 0 < allowed < 1:
        raise ValueError(f"need panes of 0 or more and an error in (0, 1), got {panes} and {allowed}")
    longest = profile.longest[phase]
    if profile.panes < MIN_PANES or panes <= longest:
        return None
    p = run_chance(profile, panes, phase)
    return Fault("no-data", "", "", p, 1, panes, longest, 1.0, panes, panes) if p <= allowed else None


def run_chance(profile: GapProfile, panes: int, phase: int = 0) -> float:
    """Return the probability that a pane of this phase is the last of so many empty ones in a row."""
    before = np.arange(min(panes, _MOST_PANES))
    chance = np.array(profile.empty)[(phase - before) % len(profile.empty)]
    drawn = (chance[::-1] * profile.strength + before) / (profile.strength + before)
    return max(LEAST_P, float(np.exp(np.log(np.minimum(drawn, 1)).sum())))


def _runs(empty: Ints) -> Ints:
    """Return how many empty panes in a row end at each pane, ``(R,)``."""
    panes = np.arange(1, len(empty) + 1)
    return panes - np.maximum.accumulate(np.where(empty > 0, 0, panes))
