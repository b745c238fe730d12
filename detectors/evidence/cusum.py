r"""E-CUSUMs: evidence that begins anew whenever it has fallen below 1.

:math:`M_t = \max(M_{t-1}, 1) \, e_t`. If each :math:`e_t` has, given the past, a mean of at most 1 while nothing has
changed, the first time that a mean of such M reaches A lies at least A steps away on average. All is kept as
logarithms; a row holds the M of one test under several alternatives, a mean over them is the test's evidence.

References
----------
Shin, Ramdas and Rinaldo, "E-detectors: a nonparametric framework for sequential change detection" (2022).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def step(log_m: Floats, log_e: Floats, seen: Flags | None = None) -> Floats:
    """Return the evidence after one more step; where nothing was seen it stays as it is.

    Parameters
    ----------
    log_m, log_e
        ``(tests, alternatives)``, logarithms of M and of this step's e.
    seen
        ``(tests,)``; None means all.

    Examples
    --------
    >>> step(np.array([[-3.0, 2.0]]), np.array([[0.5, 0.5]]))
    array([[0.5, 2.5]])
    """
    stepped = np.maximum(log_m, 0.0) + log_e
    return stepped if seen is None else np.where(seen[:, None], stepped, log_m)


def evidence(log_m: Floats) -> Floats:
    """Return the log of the mean of M over the alternatives, ``(tests,)``; O(alternatives) per test.

    >>> evidence(np.log([[1.0, 3.0]])) - np.log(2.0)
    array([0.])
    """
    top = log_m.max(axis=1)
    return np.asarray(top + np.log(np.exp(log_m - top[:, None]).mean(axis=1)), np.float64)


def restarted(log_m: Floats, which: ArrayLike) -> Floats:
    """Return the state in which these tests, ``(tests,)`` flags, have no evidence; after an alarm, as the caller wants.

    >>> restarted(np.array([[4.0], [5.0]]), [True, False])
    array([[0.], [5.]])
    """
    return np.where(np.asarray(which, np.bool_)[:, None], 0.0, log_m)
