"""Sums of losses, from which `losses` tells whether the mean has risen; cut, so that one huge loss hides nothing."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

CLIP_SHARE = 0.995


class LossSums(NamedTuple):
    """Number, sum and sum of squares of losses by segment, ``(segments,)`` each."""

    n: Floats
    total: Floats
    squares: Floats


def clip_point(losses: ArrayLike, share: float = CLIP_SHARE) -> float:
    """Return the value at which losses are cut before they are summed: this quantile of the reference's.

    One that no more than the remaining share exceeds. Where nearly all rows lose nothing it is the largest loss, as
    nothing else would be left; infinite (nothing is cut) if none lost anything.

    >>> clip_point([0.0, 1.0, 2.0, 100.0], share=0.75)
    2.0
    """
    given = _losses(losses)
    if not given.any():
        return math.inf
    return float(np.quantile(given, share, method="inverted_cdf")) or float(given.max())


def clipped_sums(losses: ArrayLike, clip: float) -> LossSums:
    """Return the sums of one segment's rows, each cut at `clip`, added in row order; ``(1,)`` each. O(n).

    >>> clipped_sums([1.0, 2.0, 100.0], clip=3.0)
    LossSums(n=array([3.]), total=array([6.]), squares=array([14.]))
    """
    cut = np.minimum(_losses(losses), clip)
    # Not sum(): it adds in pairs, and sums of the same rows must not depend on how they came.
    with np.errstate(over="ignore"):
        total, squares = _in_order(cut), _in_order(cut * cut)
    return loss_sums(cut.size, total, squares)


def loss_sums(n: ArrayLike, total: ArrayLike, squares: ArrayLike) -> LossSums:
    """Return sums by segment as floats.

    Raises
    ------
    ValueError
        If their shapes differ, or a number is negative or not finite.

    Examples
    --------
    >>> loss_sums([2], [3.0], [5.0]).total
    array([3.])
    """
    sums = LossSums(*(np.atleast_1d(np.asarray(given, np.float64)) for given in (n, total, squares)))
    if not all(given.shape == sums.n.shape and given.ndim == 1 for given in sums):
        raise ValueError(f"rows, sums and squares are one number a segment, got {n!r}, {total!r} and {squares!r}")
    if not all((np.isfinite(given) & (given >= 0)).all() for given in sums):
        raise ValueError(f"rows, sums and squares are finite and 0 or more, got {n!r}, {total!r} and {squares!r}")
    return sums


def _losses(losses: ArrayLike) -> Floats:
    given = np.asarray(losses, np.float64)
    if given.ndim != 1 or not (np.isfinite(given) & (given >= 0)).all():
        raise ValueError("losses are a row of finite numbers of 0 or more; one of them is not")
    return given


def _in_order(values: Floats) -> float:
    return float(np.cumsum(values)[-1]) if values.size else 0.0
