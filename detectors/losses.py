"""Mean losses: of a pane, of a reference, and the one-sided test for lost performance."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

Z999 = 3.090232306167813
MIN_LABELS = 200
"""Below this many effective labels no loss is judged."""


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


class Worse(NamedTuple):
    """Whether a mean loss lies above what is tolerated.

    Attributes
    ----------
    statistic
        Standard errors by which the mean lies above the limit; 0 if there are too few labels.
    lo
        Lower 99.9 % bound of the mean; minus infinity if there are too few labels.
    limit
        Reference mean + 2 SE + tolerance.
    """

    statistic: float
    lo: float
    limit: float

    @property
    def is_worse(self) -> bool:
        """Whether even the lower bound lies above the limit."""
        return self.lo > self.limit


def worse_than(
    losses: Losses, reference_mean: float, reference_se: float, tolerance: float, design_effect: float = 1.0
) -> Worse:
    """Return whether the mean loss lies above the reference's mean, with its error and the tolerance taken off.

    The lower bound is one-sided at 99.9 %, normal, with ``n / design_effect`` independent rows.

    Parameters
    ----------
    losses
        Of the labelled rows that are judged.
    reference_mean, reference_se
        Mean loss that was promised and its standard error, in the unit of the loss.
    tolerance
        Loss above it that nobody minds, 0 or more.
    design_effect
        Variance of the mean against independent rows, 1 or more (see `pane_mean`).

    Examples
    --------
    >>> worse_than(Losses(1000, 0.60, 0.5), 0.45, 0.01, tolerance=0.02).is_worse
    True
    >>> worse_than(Losses(100, 0.60, 0.5), 0.45, 0.01, tolerance=0.02).is_worse
    False
    """
    limit = reference_mean + 2 * reference_se + tolerance
    independent = losses.n / max(1.0, design_effect)
    if independent < MIN_LABELS or not math.isfinite(losses.mean):
        return Worse(0.0, -math.inf, limit)
    # Rows without any variance still leave room for one loss that was not seen.
    se = max(losses.sd / math.sqrt(independent), 1.0 / independent if losses.sd == 0 else 0.0)
    excess = losses.mean - limit
    return Worse(excess / se if se > 0 else 0.0, losses.mean - Z999 * se, limit)


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
