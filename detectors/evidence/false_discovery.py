r"""Which of many p-values to believe: weighted Benjamini-Hochberg.

A test with share :math:`w_i` of the budget is judged by :math:`p_i / (K w_i)`, K tests in all; with equal shares
this is the usual procedure. While nothing has changed, anything is rejected with a probability of at most q, for
independent tests and for those that depend positively on each other.

References
----------
Benjamini and Hochberg, "Controlling the false discovery rate", JRSS B 57 (1995); Genovese, Roeder and Wasserman, "False
discovery control with p-value weighting", Biometrika 93 (2006).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_ROUNDING = 1e-9


def adjusted(p: ArrayLike, shares: ArrayLike | None = None) -> Floats:
    """Return the least level at which each test would be rejected, ``(tests,)``, at most 1; O(tests log tests).

    Parameters
    ----------
    p
        ``(tests,)`` in [0, 1].
    shares
        ``(tests,)``, 0 or more, at most 1 in all; None shares equally. A test without a share gets 1.

    Raises
    ------
    ValueError
        If a p-value or share is NaN or out of range, or the shapes differ.

    Examples
    --------
    >>> adjusted([0.01, 0.04, 0.03])
    array([0.03, 0.04, 0.04])
    """
    given = _p_values(p)
    if given.size == 0:
        return given
    weighted = _weighted(given, _shares(shares, given.size))
    order = np.argsort(weighted, kind="stable")
    steps = weighted[order] * given.size / np.arange(1, given.size + 1)
    found = np.empty_like(steps)
    found[order] = np.minimum(1.0, np.minimum.accumulate(steps[::-1])[::-1])
    return found


def rejected(p: ArrayLike, q: float, shares: ArrayLike | None = None) -> Flags:
    """Return which tests to believe at level q in [0, 1], ``(tests,)``; equal p-values and shares are treated alike.

    >>> rejected([0.01, 0.04, 0.03], q=0.04)
    array([ True,  True,  True])
    >>> rejected([0.01, 0.04, 0.03], q=0.02, shares=[0.8, 0.1, 0.1])
    array([ True, False, False])
    """
    if not 0 <= q <= 1:
        raise ValueError(f"a level lies in [0, 1], got {q}")
    # Level 0 is "off": without it, a p-value that underflowed to 0 would be rejected.
    return (adjusted(p, shares) <= q) & (q > 0)


def _p_values(p: ArrayLike) -> Floats:
    given = np.asarray(p, np.float64)
    if given.ndim != 1 or not ((given >= 0) & (given <= 1)).all():
        raise ValueError(f"need a row of p-values in [0, 1], got {given}")
    return given


def _shares(shares: ArrayLike | None, tests: int) -> Floats:
    given = np.full(tests, 1 / tests) if shares is None else np.asarray(shares, np.float64)
    if given.shape != (tests,) or not (given >= 0).all() or not given.sum() <= 1 + _ROUNDING:
        raise ValueError(f"need {tests} shares of 0 or more, at most 1 in all, got {given}")
    return given


def _weighted(p: Floats, shares: Floats) -> Floats:
    """Return p / (K share), 1 at most: larger ones are rejected at no level, and those without a share neither."""
    factor = shares * len(p)
    return np.divide(p, factor, out=np.full_like(p, np.inf), where=p < factor)
