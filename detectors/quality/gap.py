r"""Panes without any row: how many in a row are too many.

A pane of the reference's kind is empty with the probability q of its phase, or, where none ever was, of about
1/(R + 1): by symmetry the next pane is no likelier to be the first than any of the R. And with the probability c a pane
is as its predecessor was, else drawn afresh: that makes c the correlation of neighbours. Both are uncertain, so each
empty pane makes the next one likelier, as in Polya's urn, and a run of g has the probability

.. math:: \prod_{j < g} \Bigl( c_j + (1 - c_j) \frac{q_j S + j}{S + j} \Bigr),

with S = R + 1 where panes are independent, and c_0 = 0. For c = 0 and equal q this is the beta-geometric law. c begins
at 1/20, worth three panes that followed an empty one, and learns from those of the reference and of the run itself.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.panel.panel import MIN_PANES
from detectors.quality.counts import LEAST_P
from detectors.quality.fault import Fault
from detectors.quality.health import refuse_rows
from detectors.quality.shares import fit_shares

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_MOST_PANES = 1_024
"""Longer runs are as sure as one of so many."""

_STICKY, _FOLLOWED = 0.15, 3.0


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
    sticky, followed
        Panes that were empty since their predecessor was, of those that followed an empty one; c is their quotient.
    """

    panes: int
    empty: tuple[float, ...]
    longest: tuple[int, ...]
    strength: float
    sticky: float
    followed: float


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
    refuse_rows(rows, phases)
    empty = (rows == 0).astype(np.int64)[:, None]
    shares = fit_shares(empty, np.ones_like(empty), phases)
    expected = shares.expected[np.arange(len(rows)) % phases, 0]
    sticky, followed = _sticky(empty[:, 0], expected)
    runs = _runs(empty[:, 0])
    # Each phase has been met less often, but what is uncertain about one is not about another.
    alone = phases if shares.by_phase else 1
    return GapProfile(
        len(rows),
        tuple(shares.expected[:, 0].tolist()),
        tuple(int(runs[phase::phases].max()) for phase in range(phases)),
        1 + shares.worth[0] * alone,
        _STICKY + sticky,
        _FOLLOWED + followed,
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
    >>> check_gap(profile, panes=2, allowed=0.001) is None
    True
    >>> fault = check_gap(profile, panes=3, allowed=0.001)
    >>> fault.check, fault.share, fault.expected, fault.p
    ('no-data', 3.0, 0.0, 0.0003)
    """
    if panes < 0 or not 0 < allowed < 1:
        raise ValueError(f"need panes of 0 or more and an error in (0, 1), got {panes} and {allowed}")
    longest = profile.longest[phase]
    if profile.panes < MIN_PANES or panes <= longest:
        return None
    p, run = run_chance(profile, panes, phase), float(panes)
    return Fault("no-data", "", "", p, 1, run, float(longest), 1.0, run, run) if p <= allowed else None


def run_chance(profile: GapProfile, panes: int, phase: int = 0) -> float:
    """Return the probability that a pane of this phase is the last of so many empty ones in a row; O(panes)."""
    counted, log_p = min(panes, _MOST_PANES), 0.0
    sticky, followed = profile.sticky, profile.followed
    for j in range(counted):
        empty = profile.empty[(phase - counted + 1 + j) % len(profile.empty)]
        afresh = (empty * profile.strength + j) / (profile.strength + j)
        alike = sticky / followed if j else 0.0
        chance = alike + (1 - alike) * afresh
        log_p += math.log(chance)
        if j:
            # This pane, too, was as the one before, as far as that was not chance.
            sticky, followed = sticky + alike / chance, followed + 1
    return max(LEAST_P, math.exp(log_p))


def _sticky(empty: Ints, expected: Floats) -> tuple[float, float]:
    """Return how many panes were empty since their predecessor was, and how many could show it.

    After an empty one a pane is empty with q + c (1 - q): c by least squares. Where q is near 1 nothing shows.
    """
    after = empty[:-1] > 0
    beyond, room = (empty[1:] - expected[1:])[after], (1 - expected[1:])[after]
    followed = float(room.sum())
    c = float((beyond * room).sum() / max(float((room**2).sum()), 1e-12))
    return min(max(c, 0.0), 1.0) * followed, followed


def _runs(empty: Ints) -> Ints:
    """Return how many empty panes in a row end at each pane, ``(R,)``."""
    panes = np.arange(1, len(empty) + 1)
    return panes - np.maximum.accumulate(np.where(empty > 0, 0, panes))
