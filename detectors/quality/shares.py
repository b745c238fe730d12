r"""Shares of rows that are counted in each pane: what the reference lets expect, and how surely one has risen.

Of T kinds of rows (missing values of one feature, duplicates, ...) a reference tells the expected share p, by phase of
the cycle where phases differ beyond chance, and how its panes vary. The rows of a pane are alike: with the correlation
:math:`\rho`, a count among n has the variance :math:`n p (1 - p) (1 + n \rho)`. A pane smaller than the reference's may
be one cluster of a larger one, so that :math:`\rho` is raised as if n were the same, and the reference counts as if its
panes had been as small: what it never showed is then expected in one pane of R, however small.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.quality.counts import all_alike, at_least, beta_above, student
from detectors.quality.dependence import dependence

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

LEAST_FREEDOM = 5.0

_NEAR, _CYCLE_LEVEL = 2.0, 0.01
_HIGHEST = 1 - 1e-9
_LEAST_VARIANCE = 1e-300


class Shares(msgspec.Struct, frozen=True, dict=True):
    """What a reference says of T kinds of rows.

    Attributes
    ----------
    phases
        H, panes of a cycle; 1 for none.
    shares
        Expected, in (0, 1): what was never seen was seen once, so to say.
    by_phase
        The same by phase, for the kinds that follow the cycle: by place, as text, so that an artifact can sort them.
    correlation
        Of the rows of a pane, in [0, 1): 0 if they seem independent.
    worth
        Independent rows that the expected share is worth.
    freedom
        Degrees of freedom of the correlation.
    rows, rows_per_pane
        N of the reference, 1 at least, and of its panes with rows in the mean.
    """

    phases: int
    shares: tuple[float, ...]
    by_phase: dict[str, tuple[float, ...]]
    correlation: tuple[float, ...]
    worth: tuple[float, ...]
    freedom: tuple[float, ...]
    rows: tuple[float, ...]
    rows_per_pane: tuple[float, ...]

    @cached_property
    def expected(self) -> Floats:
        """Expected shares, ``(H, T)``."""
        found = np.tile(np.array(self.shares), (self.phases, 1))
        for kind, own in self.by_phase.items():
            found[:, int(kind)] = own
        return found

    @cached_property
    def arrays(self) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """Correlation, worth, freedom, rows, rows per pane: ``(T,)`` each."""
        fields = self.correlation, self.worth, self.freedom, self.rows, self.rows_per_pane
        correlation, worth, freedom, rows, typical = (np.array(field) for field in fields)
        return correlation, worth, freedom, rows, typical

    def risen(self, kinds: Ints, counts: Floats, rows: Floats, phase: int = 0, level: float = 1.0) -> Floats:
        """Return P(as many rows or more) in a pane like the reference's, ``(C,)``.

        1 where it is plain that it is above `level`; some 30 us for each other case.

        Parameters
        ----------
        kinds
            Which of the T each case is, ``(C,)``.
        counts, rows
            Of the pane, ``(C,)``, 1 <= counts <= rows.

        Examples
        --------
        >>> shares = fit_shares(np.zeros((60, 1), np.int64), np.full((60, 1), 1_000))
        >>> shares.risen(np.array([0, 0]), np.array([3.0, 5.0]), np.array([1_000.0, 1_000.0])) * 1e6
        array([19.7, 0.07])
        """
        cases = self._cases(kinds, rows, phase)
        far = _is_far(cases, counts, rows, level)
        p = np.ones(len(kinds))
        if far.any():
            chosen = Cases(*(field[far] for field in cases))
            p[far] = _risen(chosen, counts[far], rows[far])
        return p

    def all_rows(self, kinds: Ints, rows: Floats, phase: int = 0) -> Floats:
        """Return P(all rows) in a pane like the reference's, ``(C,)``; `rows` is 1 or more, ``(C,)``."""
        cases = self._cases(kinds, rows, phase)
        return student(all_alike(rows, cases.share, cases.total), cases.freedom)

    def over(self, rows: Ints) -> Shares:
        """Return what is expected of panes together that have so many rows in each phase, ``(H,)``, and one at least.

        Examples
        --------
        >>> counts = np.tile([[0], [100]], (60, 1))
        >>> shares = fit_shares(counts, np.full_like(counts, 1_000), phases=2)
        >>> shares.over(np.array([3_000, 1_000])).expected
        array([[0.025]])
        """
        weights = (rows / rows.sum())[:, None]
        expected = (weights * self.expected).sum(0)
        return msgspec.structs.replace(self, phases=1, shares=tuple(expected.tolist()), by_phase={})

    def _cases(self, kinds: Ints, rows: Floats, phase: int) -> Cases:
        correlation, worth, freedom, known, typical = (field[kinds] for field in self.arrays)
        smaller = np.maximum(1, typical / rows)
        share = np.minimum(self.expected[phase, kinds] + (smaller - 1) / known, _HIGHEST)
        between = (correlation + 1 / worth - 1 / known) * smaller
        return Cases(share, between, smaller / known, freedom, correlation)


class Cases(NamedTuple):
    """What is expected of C counts: share, correlation and error for their rows; freedom, and typical correlation."""

    share: Floats
    between: Floats
    error: Floats
    freedom: Floats
    correlation: Floats

    @property
    def total(self) -> Floats:
        """Correlation of the rows, with the error of the share."""
        return self.between + self.error


def _is_far(cases: Cases, counts: Floats, rows: Floats, level: float) -> Flags:
    r"""Return which counts may have a p-value up to the level.

    Nearer than two standard deviations none has one of note. And a binomial count alone has the probability
    :math:`e^{-n D} / \sqrt{8 k}` at least, with the divergence D of its share from the expected one.
    """
    from scipy import special

    mean, share, found = rows * cases.share, cases.share, counts / rows
    deviates = counts - mean > _NEAR * np.sqrt(mean * (1 - share) * (1 + rows * cases.total))
    divergence = special.rel_entr(found, share) + special.rel_entr(1 - found, 1 - share)
    return np.asarray(deviates & (rows * divergence + 0.5 * np.log(8 * counts) >= -np.log(level)), np.bool_)


def _risen(cases: Cases, counts: Floats, rows: Floats) -> Floats:
    """Return the p-values of counts: by lognormal odds, or by the beta law where that has the heavier tail."""
    share, odds = cases.share, (1 - cases.share) / cases.share
    rarer = np.minimum(odds, 1 / odds)
    freedom = np.maximum(LEAST_FREEDOM, cases.freedom / (1 + 3 * cases.correlation / rarer))
    between = cases.between / (share * (1 - share))
    wandering = student(at_least(counts, rows * share, rows, cases.error * odds, between), freedom)
    return np.maximum(wandering, beta_above((counts - 0.5) / rows, share, cases.total))


def fit_shares(counts: Ints, rows: Ints, phases: int = 1) -> Shares:
    """Return what the panes of a reference say, in time order from phase 0; O(R T).

    Parameters
    ----------
    counts, rows
        ``(R, T)``: rows of each kind, and rows in which it could be; panes without rows tell nothing.
    """
    expected, follows = _expected(counts, rows, phases)
    share = expected.mean(0)
    held, known = np.maximum((rows > 0).sum(0), 1), np.maximum(rows.sum(0), 1)
    seen = known / held * np.minimum(share, 1 - share)
    varying = _varying(_residuals(counts, rows, expected), held, np.where(follows, phases, 1), seen)
    typical = known / held
    return Shares(
        phases,
        tuple(share.tolist()),
        {str(kind): tuple(expected[:, kind].tolist()) for kind in np.flatnonzero(follows).tolist()},
        tuple(np.minimum(varying.excess / typical, _HIGHEST).tolist()),
        tuple((known / varying.cost).tolist()),
        tuple(varying.freedom.tolist()),
        tuple(known.astype(np.float64).tolist()),
        tuple(typical.tolist()),
    )


class _Varying(NamedTuple):
    """Variance of counts beyond sampling, in units of it; rows that one row is worth; degrees of freedom."""

    excess: Floats
    cost: Floats
    freedom: Floats


def _varying(residuals: Floats, held: Ints, used: Ints, seen: Floats) -> _Varying:
    """Return how counts vary between panes: of T kinds, from the panes that are held, and phases that are used.

    Neighbours that are alike show less of the variance, so it is taken for larger; and by a standard error more.
    """
    free = np.maximum(held - used, 1)
    squares = (residuals**2).sum(0) / free
    seldom = np.minimum(1, seen)
    beyond = np.maximum(squares * (1 + seldom * np.sqrt(2 / free)) - 1, 0)
    alike = dependence(residuals, beyond / (1 + beyond))
    freedom = free * alike.squares
    hidden = np.maximum(1 - (alike.panes - 1) / free, 0.5)
    excess = np.maximum(squares * (1 + seldom * np.sqrt(2 / freedom)) - 1, 0) / hidden
    return _Varying(excess, used * (1 + excess * np.maximum(1, alike.panes / used)), freedom)


def joined(parts: list[Shares]) -> Shares:
    """Return the kinds of several, one after the other, all of the same cycle."""
    by_phase, at = {}, 0
    for part in parts:
        by_phase.update({str(at + int(kind)): own for kind, own in part.by_phase.items()})
        at += len(part.shares)
    return Shares(
        parts[0].phases,
        sum((part.shares for part in parts), ()),
        by_phase,
        sum((part.correlation for part in parts), ()),
        sum((part.worth for part in parts), ()),
        sum((part.freedom for part in parts), ()),
        sum((part.rows for part in parts), ()),
        sum((part.rows_per_pane for part in parts), ()),
    )


def _expected(counts: Ints, rows: Ints, phases: int) -> tuple[Floats, Flags]:
    """Return expected shares, ``(H, T)``, and which follow the cycle: drawn to the overall ones by chance's part.

    Differences between phases count if the panes within phases differ so much less that chance does it in 1 %.
    """
    from scipy import special

    overall = _share(counts.sum(0), rows.sum(0))
    if phases == 1:
        return overall[None], np.zeros(len(overall), np.bool_)
    own_rows = _by_phase(rows, phases)
    own = (_by_phase(counts, phases) + overall) / (own_rows + 1)
    freedom = max(1, len(rows) - phases)
    within = np.maximum(1, (_residuals(counts, rows, own) ** 2).sum(0) / freedom)
    chance = (phases - 1) * within
    apart = (own_rows * (own - overall) ** 2).sum(0) / (overall * (1 - overall))
    follows = special.fdtrc(phases - 1, freedom, apart / chance) < _CYCLE_LEVEL
    drawn = np.where(follows, 1 - chance / np.maximum(apart, chance), 0.0)
    return overall + drawn * (own - overall), follows


def _share(counts: Ints, rows: Ints) -> Floats:
    """Return shares in (0, 1): half a row more of what was seen, a whole one of what never was."""
    yes, no = np.where(counts > 0, 0.5, 1.0), np.where(counts < rows, 0.5, 1.0)
    return np.asarray((counts + yes) / (rows + yes + no), np.float64)


def _by_phase(values: Ints, phases: int) -> Floats:
    return np.stack([values[phase::phases].sum(0) for phase in range(phases)]).astype(np.float64)


def _residuals(counts: Ints, rows: Ints, expected: Floats) -> Floats:
    """Return how many binomial standard deviations each count lies from its mean, ``(R, T)``; 0 without rows."""
    share = expected[np.arange(len(rows)) % len(expected)]
    variance = np.maximum(rows * share * (1 - share), _LEAST_VARIANCE)
    return np.where(rows > 0, (counts - rows * share) / np.sqrt(variance), 0.0)
