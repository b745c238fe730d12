"""One value for each bin, so that means and distances can be read from counts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from detectors.bins import FIRST, MISSING, UNSEEN, Bins

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


_LEAST_SPREAD = 1e-12


class Centres(NamedTuple):
    """Values of bins in standard deviations from the reference's mean, ``(width,)``, and that mean and deviation."""

    standard: Floats
    mean: float
    sd: float


def present(shares: Floats) -> Floats:
    """Return the shares among values that are not missing; all 0 if none is."""
    left = shares.copy()
    left[MISSING] = 0
    total = float(left.sum())
    return left / total if total > 0 else left


def number_centres(bins: Bins, values: Floats, shares: Floats) -> Centres:
    """Return the centres of a number's bins: the median of the reference values inside, so no outlier moves them.

    A bin without a reference value has its lower edge, the bins outside the range have the extremes. Without
    any spread the centres are normal scores: below, at and above the only value.
    """
    if not bins.edges:
        return Centres(np.zeros(bins.width), 0.0, 0.0)
    raw, weights = _medians(bins, values), present(shares)
    middle = float(raw[int(np.searchsorted(np.cumsum(weights), 0.5))])
    raw[MISSING] = middle
    # Halves: the difference of the largest floats is not one.
    apart = raw / 2 - middle / 2
    unit = float(np.abs(apart).max())
    if unit == 0:
        return Centres(_standing(weights), middle, 0.0)
    scaled = apart / unit
    mean = float((weights * scaled).sum())
    sd = float(np.sqrt((weights * (scaled - mean) ** 2).sum()))
    if sd < _LEAST_SPREAD:
        return Centres(_standing(weights), middle + 2 * mean * unit, 0.0)
    return Centres(_without_missing((scaled - mean) / sd), middle + 2 * mean * unit, 2 * sd * unit)


def _standing(weights: Floats) -> Floats:
    return _without_missing(normal_scores(weights, 1e-3))


def _without_missing(by_bin: Floats) -> Floats:
    by_bin[MISSING] = 0
    return by_bin


def _medians(bins: Bins, values: Floats) -> Floats:
    edges = np.array(bins.edges)
    ordered = np.sort(values[np.isfinite(values)])
    cuts = np.searchsorted(ordered, edges, side="left")
    low, high = cuts[:-1], cuts[1:]
    inside = ordered[np.minimum((low + high) // 2, len(ordered) - 1)]
    centre = np.zeros(bins.width)
    centre[UNSEEN], centre[-1] = ordered[0], ordered[-1]
    centre[FIRST:-1] = np.where(high > low, inside, edges[:-1])
    return centre


def mid_ranks(weights: Floats) -> Floats:
    """Return for each bin the share below it and half of its own, ``(width,)``, in [0, 1]."""
    return np.cumsum(weights) - weights / 2


def normal_scores(weights: Floats, clip: float) -> Floats:
    """Return the normal quantiles of the mid-ranks, clipped at `clip` from 0 and 1."""
    return np.asarray(special.ndtri(np.clip(mid_ranks(weights), clip, 1 - clip)), np.float64)
