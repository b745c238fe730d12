r"""How surely a count is too high, or too low, if its mean is known only by its panes' own spread.

Rows are sampled: a count of mean m among n has variance :math:`m (1 - m/n)`, and :math:`\epsilon m^2` more, as m itself
comes from a count. It is negative binomial, Poisson or binomial, whichever has that variance (Panjer's class). And the
mean differs between panes: upwards by lognormal factors of the odds :math:`m / (n - m)`, whose tail is heavier than
that of the gamma law with the same variance, since rates that wander by factors are common and false alarms lie in that
tail; downwards by gamma factors, whose lower tail is the heavier. What is then still to be said, that the spread was
learnt from so many panes only, Student's distribution says in the place of the normal one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEAST_P = 1e-300
"""No p-value is smaller, so that none has infinite evidence."""

_FARTHEST, _NEAREST = 12.0, -6.0
"""Standard deviations of the log mean that are looked at; beyond lies less than 2e-33."""

_SAMPLING = 5.0
"""Standard deviations of sampling within which a count turns from certain to impossible."""

_LEAST_SPREAD, _BELOW_ONE = 1e-6, 1 - 1e-15
_MOST_SIZE, _LEAST_CHANCE, _LEAST_TRIALS = 1e12, 1e-12, 1e-9


def _rule(points: int) -> tuple[Floats, Floats]:
    """Return Gauss and Legendre's nodes and weights on [0, 1], ``(points, 1)`` each."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    return (nodes[:, None] + 1) / 2, weights[:, None] / 2


_FAR, _NEAR = _rule(8), _rule(10)


def at_least(count: Floats, mean: Floats, rows: Floats, error: Floats, between: Floats) -> Floats:
    """Return P(K >= count), ``(C,)``, for counts of 1 or more; about 20 incomplete beta functions a case.

    Parameters
    ----------
    mean
        Expected, positive, and below `rows`.
    rows
        n, those that could count, no fewer than the count; infinite for rows themselves.
    error
        Squared relative error of the mean by the count that it comes from.
    between
        Variance of the odds between panes, relative to their square.

    Examples
    --------
    >>> count, mean, rows = np.array([3.0]), np.array([1 / 60]), np.array([1_000.0])
    >>> at_least(count, mean, rows, error=np.array([1.0]), between=np.array([0.0])) * 1e6
    array([4.41])
    """
    from scipy import special

    spread = np.maximum(np.sqrt(np.log1p(between)), _LEAST_SPREAD)
    shift = spread**2 * (0.5 - mean / rows)
    z, weights, last = _nodes(count, mean, rows, error, spread, shift)
    rate = 1 / (1 / rows + (1 / mean - 1 / rows) * np.exp(shift - spread * z))
    given = _upper(np.broadcast_to(count, rate.shape), rate, rate * (1 - rate / rows) + error * rate**2)
    return np.asarray((weights * _density(z) * given).sum(0) + special.ndtr(-last), np.float64)


def at_most(count: Floats, mean: Floats, variance: Floats) -> Floats:
    """Return P(K <= count), ``(C,)``, for counts of 0 or more with this mean and variance, both positive.

    >>> at_most(np.array([0.0]), np.array([3.0]), np.array([3.0]))
    array([0.0498])
    """
    from scipy import special

    p, is_wide = np.empty(len(count)), variance >= mean
    k, m, v = count[is_wide], mean[is_wide], variance[is_wide]
    size, success = _negative_binomial(m, v)
    p[is_wide] = special.betainc(size, k + 1, success)
    k, m, v = count[~is_wide], mean[~is_wide], variance[~is_wide]
    trials, chance = _binomial(m, v)
    p[~is_wide] = special.betaincc(k + 1, np.maximum(trials - k, _LEAST_TRIALS), chance)
    return p


def beta_above(found: Floats, share: Floats, correlation: Floats) -> Floats:
    """Return P(a pane's share > found), ``(C,)``, by the beta law of shares of this mean and correlation.

    >>> beta_above(np.array([0.75]), np.array([0.5]), np.array([1 / 3]))
    array([0.25])
    """
    from scipy import special

    weight = 1 / np.clip(correlation, 1e-12, 1 - 1e-3) - 1
    return np.asarray(special.betaincc(share * weight, (1 - share) * weight, found), np.float64)


def all_alike(rows: Floats, share: Floats, correlation: Floats) -> Floats:
    """Return P(all of the rows), ``(C,)``: beta-binomial, for a share in (0, 1) and rows correlated so much.

    >>> all_alike(np.array([2.0]), np.array([0.5]), np.array([0.2]))
    array([0.3])
    """
    from scipy import special

    weight = 1 / np.clip(correlation, 1e-12, 1 - 1e-3) - 1
    own, other = share * weight, (1 - share) * weight
    log_p = special.betaln(own + rows, other) - special.betaln(own, other)
    return np.asarray(np.exp(np.minimum(log_p, 0)), np.float64)


def student(p: Floats, freedom: Floats) -> Floats:
    """Return the p-value of an equal deviation whose standard error has so many degrees of freedom.

    >>> student(np.array([1e-5]), np.array([59.0])) * 1e5
    array([3.66])
    """
    from scipy import special

    z = special.ndtri(np.clip(p, LEAST_P, _BELOW_ONE))
    return np.asarray(np.clip(special.stdtr(freedom, z), LEAST_P, 1.0), np.float64)


def _nodes(
    count: Floats, mean: Floats, rows: Floats, error: Floats, spread: Floats, shift: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return deviations of the log odds, ``(18, C)``, their weights, and the last one, ``(C,)``.

    Few are far from where the mean would be the count, more near it, where sampling decides; beyond, it is certain.
    """
    inside = np.minimum(count, rows - 0.5)
    odds = np.log(1 / mean - 1 / rows) - np.log(1 / inside - 1 / rows)
    reached = np.minimum((odds + shift) / spread, _FARTHEST)
    near = _SAMPLING * np.sqrt(1 / inside + 1 / (rows - inside) + error) / spread
    middle = np.maximum(np.maximum(reached - near, np.minimum(reached, 1.0)), _NEAREST)
    last = np.maximum(np.minimum(reached + near, _FARTHEST), middle)
    far = _NEAREST + (middle - _NEAREST) * _FAR[0], (middle - _NEAREST) * _FAR[1]
    close = middle + (last - middle) * _NEAR[0], (last - middle) * _NEAR[1]
    return np.concatenate([far[0], close[0]]), np.concatenate([far[1], close[1]]), last


def _density(z: Floats) -> Floats:
    return np.asarray(np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi), np.float64)


def _upper(count: Floats, mean: Floats, variance: Floats) -> Floats:
    from scipy import special

    p, is_wide = np.empty(mean.shape), variance >= mean
    k, m, v = count[is_wide], mean[is_wide], variance[is_wide]
    size, success = _negative_binomial(m, v)
    p[is_wide] = special.betaincc(size, k, success)
    k, m, v = count[~is_wide], mean[~is_wide], variance[~is_wide]
    trials, chance = _binomial(m, v)
    p[~is_wide] = special.betainc(k, np.maximum(trials - k + 1, _LEAST_TRIALS), chance)
    return p


def _negative_binomial(mean: Floats, variance: Floats) -> tuple[Floats, Floats]:
    beyond = np.maximum(variance - mean, mean**2 / _MOST_SIZE)
    size = mean**2 / beyond
    return size, size / (size + mean)


def _binomial(mean: Floats, variance: Floats) -> tuple[Floats, Floats]:
    chance = np.clip(1 - variance / mean, _LEAST_CHANCE, 1.0)
    return mean / chance, chance
