"""Mean losses: of a pane, and of many with the error that panes show."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike


class Losses(NamedTuple):
    """Number, mean and standard deviation of the losses of labelled rows; the mean is NaN for none."""

    n: float
    mean: float
    sd: float


class PaneMean(NamedTuple):
    """Mean loss over panes: its standard error between panes, and the design effect against independent rows."""

    mean: float
    se: float
    design_effect: float


def pane_mean(labels: ArrayLike, totals: ArrayLike, squares: ArrayLike) -> PaneMean:
    """Return the mean loss over panes with the error that panes, not rows, show (a ratio estimate).

    Parameters
    ----------
    labels, totals, squares
        By pane, ``(R,)``: labelled rows, sum of losses, sum of squared losses.

    Returns
    -------
    PaneMean
        NaN mean, infinite error below two panes with labels; the design effect is at least 1.
    """
    n, total, square = (np.asarray(x, np.float64) for x in (labels, totals, squares))
    used = n > 0
    n, total, square = n[used], total[used], square[used]
    if len(n) < 2:
        return PaneMean(math.nan, math.inf, 1.0)
    rows = float(n.sum())
    mean = float(total.sum()) / rows
    between = float(((total - mean * n) ** 2).sum()) * len(n) / (len(n) - 1) / rows**2
    within = max(0.0, float(square.sum()) / rows - mean * mean) / rows
    effect = between / within if within > 0 else 1.0
    return PaneMean(mean, math.sqrt(max(between, within)), max(1.0, effect))
