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

from detectors.bins import UNSEEN, fit_number
from detectors.columns import count_by_pane
from detectors.quality.binned import binned
from detectors.quality.health import PaneHealth, ReferenceHealth
from detectors.quality.profile import QualityProfile, fit_quality

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Generator = np.random.Generator

NUMBERS, CATEGORIES = 14, 6
FEATURES = NUMBERS + CATEGORIES
IS_NUMBER = np.arange(FEATURES) < NUMBERS
NAMES = tuple(f"x{f}" for f in range(FEATURES))

MISSING_SHARES = np.resize([0.0, 1e-4, 1e-3, 0.02, 0.3, 0.95], FEATURES)
INVALID_SHARES = np.resize([0.0, 0.0, 1e-3, 0.005], FEATURES)
UNSEEN_SHARES = np.where(IS_NUMBER, 0.0, np.resize([0.0, 1e-4, 2e-3], FEATURES))
MODAL_SHARES = np.resize([1e-3, 0.05, 0.5, 0.9, 0.999], FEATURES)
DUPLICATE_SHARE = np.array([1e-3])
END, END_ROWS = 0.01, 2.0
"""Share of the reference's rows at either end of its range, or so many rows a pane: see `detectors.quality.binned`."""


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

    missing = drawn(MISSING_SHARES)
    invalid = np.minimum(drawn(INVALID_SHARES), rows[:, None] - missing)
    present = rows[:, None] - missing - invalid
    modal = np.where(IS_NUMBER, np.maximum(np.minimum(1, present), g.binomial(present, MODAL_SHARES)), 0)
    low, below = _ends(g, present, reference, nature)
    high, above = _ends(g, present, reference, nature)
    duplicates = drawn(DUPLICATE_SHARE)[:, 0]
    health = ReferenceHealth(
        rows, duplicates, missing, invalid, np.minimum(drawn(UNSEEN_SHARES), present), low, high, modal
    )
    return _Counted(health, below, above)


def _moved(g: Generator, share: Floats, panes: int, odds: Wander) -> Floats:
    held = (share > 0) & (share < 1)
    logit = special.logit(np.where(held, share, 0.5))
    return np.where(held, special.expit(logit + odds.draw(g, panes, len(share))), share)


def _ends(g: Generator, present: Ints, reference: int, nature: Nature) -> tuple[Ints, Ints]:
    """Return rows at the reference's upper end, and beyond all of it, of normal numbers whose means wander."""
    mean = nature.means.draw(g, len(present), FEATURES)
    largest = mean - special.ndtri(-np.expm1(np.log(g.random(present.shape)) / np.maximum(present, 1)))
    limit = np.where(present > 0, largest, -np.inf)[:reference].max(0)
    cut = _upper_quantile(mean[:reference], min(0.25, max(END, END_ROWS / max(1.0, float(present.mean())))))
    beyond = g.binomial(present, special.ndtr(mean - limit))
    beyond[:reference] = 0
    ends = g.binomial(present, special.ndtr(mean - cut))
    return np.where(IS_NUMBER, ends, 0), np.where(IS_NUMBER, beyond, 0)


def _upper_quantile(means: Floats, share: float) -> Floats:
    """Return where the upper share of normal numbers with these means begins, ``(F,)``."""
    grid = np.linspace(-10, 10, 801)
    above = special.ndtr(means[:, :, None] - grid).mean(0)
    return np.array([grid[np.argmax(own <= share)] for own in above])


def _panes(counted: _Counted, first: int) -> Iterator[PaneHealth]:
    health = counted.health
    present = health.rows[:, None] - health.missing - health.invalid
    constant = IS_NUMBER & (present > 1) & (health.modal == present)
    for t in range(first, len(health.rows)):
        counts = health.missing[t], health.invalid[t], health.unseen[t], counted.below[t], counted.above[t]
        yield PaneHealth(int(health.rows[t]), int(health.duplicates[t]), *counts, constant[t])


def of_values(columns: list[Floats], rows: int, reference: int) -> Healthy:
    """Return the profile of the first `reference` panes of numbers, and the others, from their values, pane by pane."""
    known = reference * rows
    bins = tuple(fit_number(f"x{f}", values[:known]) for f, values in enumerate(columns))
    width, panes = max(feature.width for feature in bins), len(columns[0]) // rows
    pane = np.repeat(np.arange(panes), rows)
    codes = [feature.number_codes(values) for feature, values in zip(bins, columns, strict=True)]
    counts = np.stack([count_by_pane(own, width, pane, panes) for own in codes], 1).astype(np.int64)
    none, sizes = np.zeros((panes, len(bins)), np.int64), np.full(panes, rows)
    of_bins = (fields[:reference] for fields in binned(bins, counts))
    health = ReferenceHealth(sizes[:reference], sizes[:reference] * 0, *(none[:reference],) * 3, *of_bins)
    profile = fit_quality(health, np.ones(len(bins), np.bool_), [feature.name for feature in bins])
    above = np.stack([counts[:, f, feature.width - 1] for f, feature in enumerate(bins)], 1)
    varied = none[0] > 0
    later = range(reference, panes)
    return Healthy(
        profile, [PaneHealth(rows, 0, none[t], none[t], none[t], counts[t, :, UNSEEN], above[t], varied) for t in later]
    )
