"""How panes depend on each other: the variance of means over m panes, against independent panes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_LEAST_RATIO = 0.3
_PRIOR_WINDOWS = 20


def variance_ratios(
    deviations: Floats, variances: Floats, rows: Floats, live: Flags, scales: tuple[int, ...]
) -> Floats:
    """Return the variance of means over m panes times m, against one pane, ``(S, n)``; at least 1, never falling.

    Panes are weighted by rows, or large ones would hide their dependence among small ones. A ratio over few
    windows is noise: of R / m windows it keeps the part ``(R / m) / (R / m + 20)`` and takes the rest from the
    median. Scales for which there are fewer than three windows repeat the one before.

    Parameters
    ----------
    deviations
        Of pane means from their expectation, times the root of the pane's weight, ``(R, n)``.
    variances, live
        Of a pane of mean size, ``(n,)``, positive, and which of the n statistics are in use.
    rows
        ``(R,)``, positive.

    Examples
    --------
    >>> walk = np.repeat([1.0, -1.0], 6)[:, None]  # each value stays for six panes
    >>> variance_ratios(walk, np.ones(1), np.ones(12), np.ones(1, bool), (1, 3))
    array([[1.09],
           [3.29]])
    """
    weights = rows / rows.mean()
    sums = np.concatenate([np.zeros((1, len(variances))), np.cumsum(deviations * np.sqrt(weights)[:, None], 0)])
    mass = np.concatenate([[0.0], np.cumsum(weights)])
    out = np.ones((len(scales), len(variances)))
    for i, m in enumerate(scales):
        if len(rows) >= 3 * m:
            raw = _raw(sums, mass, m) / variances / (1 - m / len(rows))
            out[i] = _shrunk(np.maximum(raw, _LEAST_RATIO), live, len(rows) / m)
        elif i:
            out[i] = out[i - 1]
    return np.asarray(np.maximum.accumulate(np.where(live, out, 1), 0), np.float64)


def _raw(sums: Floats, mass: Floats, m: int) -> Floats:
    spans = (mass[m:] - mass[:-m])[:, None]
    return np.asarray(((sums[m:] - sums[:-m]) ** 2 / spans).mean(0), np.float64)


def _shrunk(raw: Floats, live: Flags, windows: float) -> Floats:
    own = windows / (windows + _PRIOR_WINDOWS)
    middle = float(np.median(raw[live])) if live.any() else 1.0
    return np.maximum(1, own * raw + (1 - own) * middle)
