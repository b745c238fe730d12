"""How much a feature has changed: of all effects the one that lies highest above its floor."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.panel.effects import Effects
from detectors.panel.floors import Floors

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Much(NamedTuple):
    """Of each case, ``(C,)``: which effect (its place in `Floors`), its size, and its floor."""

    which: Ints
    value: Floats
    floor: Floats


def how_much(found: Effects, floors: Floors, scale: Floats) -> Much:
    """Return the effect of each case that is largest in units of its floor; a mean counts both ways.

    Parameters
    ----------
    scale
        Of the floors, ``(C,)``: a half for outputs of the model.

    Examples
    --------
    >>> nothing = np.zeros(1)
    >>> found = Effects(*[nothing] * 8, np.zeros(1, np.int64))._replace(mean_shift_sd=np.array([-0.4]))
    >>> how_much(found, Floors(), np.ones(1))
    Much(which=array([1]), value=array([-0.4]), floor=array([0.1]))
    """
    sizes = np.stack([getattr(found, name) for name in Floors._fields], 1)
    limits = np.maximum(np.array(floors), 1e-12) * np.asarray(scale)[:, None]
    which = (np.abs(sizes) / limits).argmax(1)
    cases = np.arange(len(which))
    return Much(which, sizes[cases, which], limits[cases, which])
