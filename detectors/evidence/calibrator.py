r"""A p-value as evidence: :math:`e(p) = (1 - p + p \ln p) / (p \ln^2 p)`.

It is the mean of the calibrators :math:`\kappa p^{\kappa - 1}` over :math:`\kappa` in (0, 1), so for a uniform p its
mean is 1, and for a p that is stochastically larger it is less. With :math:`l = -\ln p` it reads
:math:`(e^l - 1 - l) / l^2`: 1/2 at p = 1, near :math:`1 / (p \ln^2 p)` for small p.

References
----------
Vovk and Wang, "E-values: calibration, combination and applications", Annals of Statistics 49 (2021).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

SMALLEST = 1e-300
"""Smaller p-values count as this one, so that no evidence is infinite."""

_SERIES_BELOW = 0.05
_COEFFICIENTS = (1 / 40_320, 1 / 5_040, 1 / 720, 1 / 120, 1 / 24, 1 / 6, 1 / 2)


def log_evidence(p: ArrayLike) -> Floats:
    """Return log e of each p-value, of any shape; from -0.69 (p = 1) to 677.7 (p = 1e-300 and below).

    Exact to a few units in the last place; O(1) per value.

    Parameters
    ----------
    p
        In [0, 1]. Use 1 where nothing could be tested.

    Raises
    ------
    ValueError
        If a value is NaN or lies outside [0, 1].

    Examples
    --------
    >>> log_evidence([1.0, 0.05, 1e-6])
    array([-0.69, 0.58, 8.56])
    """
    given = np.asarray(p, np.float64)
    _refuse(given)
    surprise = -np.log(np.maximum(given, SMALLEST))
    is_near_one = surprise < _SERIES_BELOW
    if not is_near_one.any():
        return _below_one(surprise)
    return np.where(is_near_one, _near_one(surprise), _below_one(surprise))


def _refuse(p: Floats) -> None:
    sound = (p >= 0) & (p <= 1)
    if not sound.all():
        raise ValueError(f"p-values lie in [0, 1], got {p[~sound].flat[0]}")


def _near_one(surprise: Floats) -> Floats:
    """Return log e by its series: the differences of the closed form would cancel."""
    small = np.minimum(surprise, _SERIES_BELOW)
    return np.asarray(np.log(np.polyval(_COEFFICIENTS, small)), np.float64)


def _below_one(surprise: Floats) -> Floats:
    large = np.maximum(surprise, _SERIES_BELOW)
    return np.asarray(large + np.log1p(-(1 + large) * np.exp(-large)) - 2 * np.log(large), np.float64)
