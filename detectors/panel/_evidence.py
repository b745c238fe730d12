"""Evidence against no change from p-values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_LEAST_P, _MOST_P, _LEAST_E = 1e-30, 0.999999, 1e-12


def log_e(p: Floats) -> Floats:
    """Return the log of e = (1 − p + p ln p) / (p ln² p), whose mean is 1 for uniform p."""
    logs = np.log(np.clip(p, _LEAST_P, _MOST_P))
    held = np.exp(logs)
    e = (1 - held + held * logs) / (held * logs * logs)
    return np.asarray(np.log(np.maximum(e, _LEAST_E)), np.float64)


def rejected(p: Floats, level: float) -> Flags:
    """Return which hypotheses Benjamini and Hochberg reject, ``(k,)``; none at level 0."""
    if not level > 0:
        return np.zeros(len(p), bool)
    ordered = np.sort(p)
    passing = np.flatnonzero(ordered <= level * np.arange(1, len(p) + 1) / len(p))
    return p <= ordered[passing[-1]] if len(passing) else np.zeros(len(p), bool)


def log_mean_exp(logs: Floats, weights: Floats) -> Floats:
    """Return the log of the weighted mean of exp over the first axis; weights ``logs.shape``, adding up to 1."""
    top = logs.max(0)
    return np.asarray(top + np.log(np.maximum((weights * np.exp(logs - top)).sum(0), 1e-300)), np.float64)
