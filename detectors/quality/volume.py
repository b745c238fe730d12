r"""How many rows a pane should have, and how surely it has too few or too many.

By phase of the cycle the reference's panes say the mean :math:`\mu`; counts vary with :math:`\mu + \kappa \mu^2`. A
fall is judged by the negative binomial law, a rise by the Poisson law with lognormal means (see `counts`).
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.estimates import Z95
from detectors.panel.panel import MIN_PANES
from detectors.quality.counts import at_least, at_most, student
from detectors.quality.dependence import dependence
from detectors.quality.fault import Fault
from detectors.quality.health import refuse_rows
from detectors.quality.shares import LEAST_FREEDOM

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

VOLUME_FLOOR = 1 / 3
"""A change by a third, either way, matters: where three producers or partitions feed a model, one that stops takes so
much. Growth of 1 % a week needs half a year to get there, long after a new reference is due."""

_STEPS = 60


class VolumeProfile(msgspec.Struct, frozen=True):
    """The rows of a reference's panes.

    Attributes
    ----------
    panes
        R, empty ones too.
    expected
        Mean rows by phase, ``(H,)``, above 0.
    variance
        kappa: variance of the mean between panes, relative to its square.
    error
        Relative variance of the means, by phase, ``(H,)``.
    freedom
        Degrees of freedom of kappa.
    """

    panes: int
    expected: tuple[float, ...]
    variance: float
    error: tuple[float, ...]
    freedom: float


def fit_volume(rows: Ints, phases: int = 1) -> VolumeProfile:
    """Return the profile of a reference's panes, ``(R,)`` in time order from phase 0, empty ones with 0 rows; O(R).

    Raises
    ------
    ValueError
        If a count is negative, or there are fewer than two cycles.

    Examples
    --------
    >>> fit_volume(np.tile([900, 1_000, 1_100], 20)).expected
    (1000.0,)
    """
    refuse_rows(rows, phases)
    phase = np.arange(len(rows)) % phases
    cycles = np.bincount(phase, minlength=phases)
    expected = (np.bincount(phase, rows, phases) + 0.5) / cycles
    mean = expected[phase]
    free = max(1, len(rows) - phases)
    kappa = _kappa(rows - mean, mean, free)
    sampling = float((1 / mean).mean())
    alike = dependence(((rows - mean) / mean)[:, None], kappa / max(kappa + sampling, 1e-300))
    together, freedom = float(alike.panes[0]), free * float(alike.squares[0])
    kappa *= (1 + np.sqrt(2 / freedom)) / max(1 - (together - 1) / free, 0.5)
    error = (1 / expected + kappa * (together if phases == 1 else 1.0)) / cycles
    return VolumeProfile(
        len(rows),
        tuple(expected.tolist()),
        float(kappa),
        tuple(error.tolist()),
        max(LEAST_FREEDOM, freedom / (1 + 3 * float(kappa))),
    )


def check_volume(profile: VolumeProfile, rows: int, allowed: float, phase: int = 0) -> Fault | None:
    """Return whether a pane has far fewer or far more rows than the reference lets expect.

    An empty pane of a stream that is dense enough is a fault here at once; `gap` needs some in a row.

    Parameters
    ----------
    rows
        Of the pane, 0 or more.
    allowed
        Probability, in (0, 1), of a finding in a pane like the reference's.

    Examples
    --------
    >>> profile = fit_volume(np.tile([900, 1_000, 1_100], 20))
    >>> fault = check_volume(profile, rows=400, allowed=0.001)
    >>> fault.check, fault.share, fault.floor
    ('volume', 0.4, 0.333)
    >>> check_volume(profile, rows=700, allowed=0.001) is None
    True
    """
    _refuse_pane(rows, allowed)
    expected = profile.expected[phase]
    if profile.panes < MIN_PANES or abs(rows / expected - 1) < VOLUME_FLOOR:
        return None
    p = min(1.0, 2 * (fallen(profile, rows, phase) if rows < expected else _risen(profile, rows, phase)))
    if p > allowed:
        return None
    lo, hi = _interval(rows, expected, profile.error[phase])
    return Fault("volume", "", "", p, 1, rows / expected, 1.0, VOLUME_FLOOR, lo, hi)


def fallen(profile: VolumeProfile, rows: int, phase: int = 0) -> float:
    """Return P(so few rows or fewer) in a pane like the reference's."""
    mean = np.array([profile.expected[phase]])
    variance = mean + mean**2 * (profile.variance + profile.error[phase])
    p = at_most(np.array([float(rows)]), mean, variance)
    return float(student(p, np.array([profile.freedom]))[0])


def _risen(profile: VolumeProfile, rows: int, phase: int) -> float:
    mean, between = np.array([profile.expected[phase]]), np.array([profile.variance + profile.error[phase]])
    p = at_least(np.array([float(rows)]), mean, np.array([np.inf]), np.zeros(1), between)
    return float(student(p, np.array([profile.freedom]))[0])


def _kappa(deviation: Floats, mean: Floats, free: float) -> float:
    """Return the kappa, 0 at least, with which squared deviations over their variances add up to the free panes.

    Their sum falls with kappa, so it is found by halving.
    """
    low, high = 0.0, float(((deviation / mean) ** 2).sum() / free)
    if (deviation**2 / mean).sum() <= free:
        return 0.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        too_much = (deviation**2 / (mean + middle * mean**2)).sum() > free
        low, high = (middle, high) if too_much else (low, middle)
    return high


def _interval(rows: int, expected: float, error: float) -> tuple[float, float]:
    """Return bounds of the ratio: of a Poisson count by its root, and of the expectation by its logarithm."""
    factor = float(np.exp(Z95 * np.sqrt(error)))
    low, high = max(0.0, np.sqrt(rows) - Z95 / 2) ** 2, (np.sqrt(rows + 1) + Z95 / 2) ** 2
    return float(low) / expected / factor, float(high) / expected * factor


def _refuse_pane(rows: int, allowed: float) -> None:
    if rows < 0 or not 0 < allowed < 1:
        raise ValueError(f"need rows of 0 or more and an error in (0, 1), got {rows} and {allowed}")
