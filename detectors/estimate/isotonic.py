"""Rising through noise: the calibration map from shares of positives in score bins.

References
----------
Barlow, Bartholomew, Bremner and Brunk, "Statistical Inference under Order Restrictions" (1972), by
`scipy.optimize.isotonic_regression`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_NEXT_TO_NOTHING = 1e-9
"""Weight of an empty bin: it goes along with its neighbours."""


def rising(hits: ArrayLike, rows: ArrayLike) -> Floats:
    """Return the share of hits of each bin, such that it never falls from one bin to the next; ``(bins,)`` in (0, 1).

    Half a hit and half a miss are added to each bin, so that none is certain. O(bins).

    Parameters
    ----------
    hits, rows
        ``(bins,)``, 0 <= hits <= rows.

    Raises
    ------
    ValueError
        If they are not such counts.

    Examples
    --------
    >>> rising([0, 3, 2, 9], [9, 9, 9, 9])
    array([0.05, 0.3 , 0.3 , 0.95])
    """
    found, of = np.asarray(hits, np.float64), np.asarray(rows, np.float64)
    if found.shape != of.shape or found.ndim != 1 or not ((found >= 0) & (found <= of) & np.isfinite(of)).all():
        raise ValueError(f"need 0 <= hits <= rows in each bin, got {hits!r} and {rows!r}")
    if found.size == 0:
        return found
    # Loading scipy.optimize takes long, and only fitting needs it.
    from scipy.optimize import isotonic_regression

    fitted = isotonic_regression((found + 0.5) / (of + 1), weights=of + _NEXT_TO_NOTHING)
    return np.asarray(fitted.x, np.float64)
