"""How much panes of the reference say, if neighbours are alike."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_MOST = 0.97
_LEAST_SQUARES = 1e-12


class Dependence(NamedTuple):
    """Of T series, ``(T,)`` each.

    Attributes
    ----------
    panes
        Of what lies between panes, as many neighbours say as much as one alone, 1 or more; half of all at most.
    squares
        Share of the panes that say something of their own about the variance, in (0, 1].
    """

    panes: Floats
    squares: Floats


def dependence(residuals: Floats, between: ArrayLike = 1.0) -> Dependence:
    r"""Return how much neighbouring panes depend on each other, from residuals in time order, ``(R, T)``.

    What lies between panes is taken as an autoregression. Its :math:`\phi` is the correlation of neighbours, with its
    bias :math:`(1 + 3 \phi) / R` added, over the share of the variance that it has: the sampling of rows only hides
    it. Where it is there beyond chance it is taken a standard error larger: to think panes more independent than they
    are costs false alarms.

    Parameters
    ----------
    between
        Share of the residuals' variance that is not sampling, in [0, 1], ``(T,)``.

    References
    ----------
    Marriott and Pope, "Bias in the estimation of autocorrelations", Biometrika 41 (1954).

    Examples
    --------
    >>> apart, alike = np.tile([1.0, -1.0], 50), np.repeat([1.0, -1.0], 50)
    >>> dependence(np.stack([apart, alike], 1)).panes
    array([ 1., 50.])
    """
    part = np.asarray(between, np.float64)
    phi = np.minimum(_correlation(residuals - residuals.mean(0)) / np.maximum(part, 1e-9), _MOST)
    panes = np.minimum((1 + phi) / (1 - phi), max(1.0, len(residuals) / 2))
    return Dependence(panes, 1 / (1 + 2 * (part * phi) ** 2 / (1 - phi**2)))


def _correlation(residuals: Floats) -> Floats:
    """Return the correlation of neighbours, 0 at least; ``(T,)``."""
    panes = len(residuals)
    squares = (residuals**2).sum(0)
    products = np.where(squares > _LEAST_SQUARES, (residuals[1:] * residuals[:-1]).sum(0), 0.0)
    found = products / np.maximum(squares, _LEAST_SQUARES)
    error = np.sqrt((1 - np.minimum(found, 1) ** 2) / panes)
    raised = found + (1 + 3 * found) / panes + np.where(found > 2 * error, error, 0.0)
    return np.where(found > 0, raised, 0.0)
