"""How many panes a window merges."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from detectors.panel.panel import MIN_EFFECTIVE_ROWS

Floats = NDArray[np.float64]

_STEPS = (1, 4, 16)
_LEAST_WINDOWS = 12

_ALIKE = 1.25
"""Times the median design effect: estimates differ so much by chance, and a window a little longer serves them all."""


def choose_scales(rows_per_pane: float, design_effects: Floats, panes: int, cycle: int = 1) -> tuple[int, ...]:
    """Return the windows (m, 4 m, 16 m), m the first with 400 effective rows for the median feature and those alike.

    At least 12 of the smallest windows fit into the reference, or nothing would be known of how they vary; unless they
    must be whole cycles.

    Parameters
    ----------
    design_effects
        Rows that count as one, ``(F,)``, at least 1.
    panes
        Of the reference.
    cycle
        Panes of which each window holds a multiple.

    Examples
    --------
    >>> choose_scales(100.0, np.array([1.2, 1.1, 9.0]), 200)
    (5, 20, 80)
    >>> choose_scales(1_000.0, np.array([1.2]), 200)
    (1, 4, 16)
    >>> choose_scales(100.0, np.array([1.2]), 100, cycle=24)
    (24, 96, 384)
    """
    middle = float(np.median(design_effects))
    fitting = float(design_effects[design_effects <= _ALIKE * middle].max(initial=middle))
    needed = math.ceil(MIN_EFFECTIVE_ROWS * fitting / rows_per_pane)
    smallest = max(1, min(needed, panes // _LEAST_WINDOWS))
    whole = cycle * math.ceil(smallest / cycle)
    return tuple(whole * step for step in _STEPS)
