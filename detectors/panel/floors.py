"""Floors of effects: an alarm needs one effect above its floor; smaller ones are of no matter, however certain."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.panel.effects import Effects

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Floors(NamedTuple):
    """The least effects that matter, in the units of `Effects`."""

    js: float = 0.05
    mean_shift_sd: float = 0.1
    tv: float = 0.02
    rare: float = 0.005
    bin_gain: float = 0.01


NO_FLOORS = Floors(0.0, 0.0, 0.0, 0.0, 0.0)
"""With these every effect matters, as a distance is never below 0."""


def is_material(found: Effects, floors: Floors, scale: Floats) -> Flags:
    """Return which cases have an effect at or above its floor, ``(C,)``.

    A mean matters both ways, the others (distances, shares) when they rise.

    Parameters
    ----------
    scale
        Of the floors, ``(C,)``: a half for outputs of the model.
    """
    found = found._replace(mean_shift_sd=np.abs(found.mean_shift_sd))
    above = [getattr(found, name) >= floor * scale for name, floor in zip(floors._fields, floors, strict=True)]
    return np.asarray(np.stack(above).any(0), np.bool_)
