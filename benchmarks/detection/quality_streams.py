"""Simulated health of panes: counts of features that nothing is wrong with, and the profile of the first panes.

Rows are not drawn one by one: counts have the laws that independent rows of a pane have, given what wanders between
panes. So panes of a million rows cost as little as those of twenty.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import signal, special

from detectors.quality.health import PaneHealth, ReferenceHealth
from detectors.quality.profile import QualityProfile, fit_quality

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Generator = np.random.Generator

NUMBERS, CATEGORIES = 14, 6
FEATURES = NUMBERS + CATEGORIES
IS_NUMBER = np.arange(FEATURES) < NUMBERS
NAMES = tuple(f"x{f}" for f in range(FEATURES))

MISSING = np.resize([0.0, 1e-4, 1e-3, 0.02, 0.3, 0.95], FEATURES)
INVALID = np.resize([0.0, 0.0, 1e-3, 0.005], FEATURES)
UNSEEN = np.where(IS_NUMBER, 0.0, np.resize([0.0, 1e-4, 2e-3], FEATURES))
MODE = np.resize([1e-3, 0.05, 0.5, 0.9, 0.999], FEATURES)
DUPLICATES = 1e-3
END = 0.01


class Wander(NamedTuple):
    """How far a quantity moves from pane to pane: standard deviation, and correlation of neighbours."""

    sd: float = 0.0
    phi: float = 0.0

    def draw(self, g: Generator, panes: int, series: int) -> Floats:
        """Return a stationary autoregression, ``(panes, series)``."""
        steps = g.standard_normal((panes + 200, series)) * self.sd * np.sqrt(1 - self.phi**2)
        return np.asarray(signal.lfilter([1], [1, -self.phi], steps, axis=0)[200:], np.float64)


class Nature(NamedTuple):
    """What varies between panes though nothing is wrong: log odds of shares, and means of numbers in their own sd."""

    odds: Wander = Wander()
    means: Wander = Wander()


class Healthy(NamedTuple):
    """The profile of a reference, and the panes after it."""

    profile: QualityProfile
    panes: list[PaneHealth]


def healthy(g: Generator, rows: Ints, reference: int, nature: Nature) -> Healthy:
    """Return the profile of the first `reference` panes, and the others; `rows` of all of them, ``(panes,)``."""
    counted = _counted(g, rows, reference, nature)
    known = ReferenceHealth(*(counts[:reference] for counts in counted.health))
    return Healthy(fit_quality(known, IS_NUMBER, NAMES), [*_panes(counted, reference)])


class _Counted(NamedTuple):
    """All panes as a reference's, and rows out of its range, ``(panes, F)``."""

    health: ReferenceHealth
    below: Ints
    above: Ints


def _counted(g: Generator, rows: Ints, reference: int, nature: Nature) -> _Counted:
    def drawn(share: Floats) -> Ints:
        return g.binomial(rows[:, None], _moved(g, share, len(rows), nature.odds))

    missing = drawn(MISSING)
    invalid = np.minimum(drawn(INVALID), rows[:, None] - missing)
    present = rows[:, None] - missing - invalid
    modal = np.where(IS_NUMBER, np.maximum(np.minimum(1, present), g.binomial(present, MODE)), 0)
    low, below = _ends(g, present, reference, nature)
    high, above = _ends(g, present, reference, nature)
    duplicates = drawn(np.array([DUPLICATES]))[:, 0]
    health = ReferenceHealth(rows, duplicates, missing, invalid, np.minimum(drawn(UNSEEN), present), low, high, modal)
    return _Counted(health, below, above)


def _moved(g: Generator, share: Floats, panes: int, odds: Wander) -> Floats:
    held = (share > 0) & (share < 1)
    logit = special.logit(np.where(held, share, 0.5))
    return np.where(held, special.expit(logit + odds.draw(g, panes, len(share))), share)


def _ends(g: Generator, present: Ints, reference: int, nature: Nature) -> tuple[Ints, Ints]:
    """Return rows in the reference's highest hundredth, and beyond all of it, of normal numbers whose means wander."""
    mean = nature.means.draw(g, len(present), FEATURES)
    largest = mean - special.ndtri(-np.expm1(np.log(g.random(present.shape)) / np.maximum(present, 1)))
    limit = np.where(present > 0, largest, -np.inf)[:reference].max(0)
    cut = _quantile(mean[:reference])
    beyond = g.binomial(present, special.ndtr(mean - limit))
    beyond[:reference] = 0
    ends = g.binomial(present, special.ndtr(mean - cut))
    return np.where(IS_NUMBER, ends, 0), np.where(IS_NUMBER, beyond, 0)


def _quantile(means: Floats) -> Floats:
    """Return where the reference's highest hundredth begins, ``(F,)``."""
    grid = np.linspace(-10, 10, 801)
    share = special.ndtr(means[:, :, None] - grid).mean(0)
    return np.array([grid[np.argmax(own <= END)] for own in share])


def _panes(counted: _Counted, first: int) -> Iterator[PaneHealth]:
    health = counted.health
    present = health.rows[:, None] - health.missing - health.invalid
    constant = IS_NUMBER & (present > 1) & (health.modal == present)
    for t in range(first, len(health.rows)):
        counts = health.missing[t], health.invalid[t], health.unseen[t], counted.below[t], counted.above[t]
        yield PaneHealth(int(health.rows[t]), int(health.duplicates[t]), *counts, constant[t])
