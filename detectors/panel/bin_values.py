"""Values of bins, read from the edges alone: centres for means and distances, integer scores for products."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.bins import FIRST, MISSING, UNSEEN, Bins
from detectors.centres import normal_scores, present
from detectors.scores import order_by_frequency

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

UNITS = 32
"""Integer normal scores in a standard deviation: sums of their products are exact in any order."""

_CLIP, _RANK_CLIP, _LEAST_VARIANCE = 4.0, 1e-3, 1e-12


def centres_of_bins(bins: tuple[Bins, ...], shares: Floats) -> Floats:
    """Return the middle of each bin in reference standard deviations, ``(F, W)``; 0 for levels and for missing."""
    centres = np.zeros(shares.shape)
    for f, feature in enumerate(bins):
        if feature.kind == "number" and feature.edges:
            centres[f, : feature.width] = _number_centres(feature, present(shares[f, : feature.width]))
    return centres


def _number_centres(feature: Bins, weights: Floats) -> Floats:
    middles = _middles(feature)
    unit = float(np.abs(middles).max()) or 1.0
    scaled = middles / unit
    apart = scaled - (weights * scaled).sum()
    sd = float(np.sqrt((weights * apart**2).sum()))
    centres = apart / sd if sd > _LEAST_VARIANCE else normal_scores(weights, _RANK_CLIP)
    centres[MISSING] = 0
    return centres


def _middles(feature: Bins) -> Floats:
    """Return the middle of each bin; the bins outside have the extremes, an atom its value."""
    low, high = np.array(feature.edges[:-1]), np.array(feature.edges[1:])
    with np.errstate(over="ignore"):
        is_atom = np.nextafter(low, np.inf) >= high
    # Halves: the sum of the largest floats is not one.
    inside = np.where(is_atom, low, low / 2 + high / 2)
    return np.concatenate([[0.0, low[0]], inside, [low[-1]]])


def normal_scores_of_bins(bins: tuple[Bins, ...], shares: Floats, order: Floats | None) -> Ints:
    """Return normal scores in 1/32 of a standard deviation, ``(F, W)``; 0 for missing and for unseen levels.

    Parameters
    ----------
    order
        By which the levels of a category are ordered (`detectors.scores.order_by_score`), ``(F, W)``. None: by
        frequency.
    """
    scores = np.zeros(shares.shape, np.int64)
    for f, feature in enumerate(bins):
        own = shares[f, : feature.width]
        raw, weights = _ordered(feature, own, None if order is None else order[f, : feature.width])
        scores[f, : feature.width] = np.rint(UNITS * _standard(raw, weights))
        scores[f, [MISSING, *([UNSEEN] if feature.kind == "category" else [])]] = 0
    return scores


def _ordered(feature: Bins, shares: Floats, order: Floats | None) -> tuple[Floats, Floats]:
    if feature.kind == "number":
        weights = present(shares)
        return normal_scores(weights, _RANK_CLIP) if feature.edges else np.zeros(len(shares)), weights
    seen = shares.copy()
    seen[:FIRST] = 0
    return order_by_frequency(shares) if order is None else order, present(seen)


def _standard(raw: Floats, weights: Floats) -> Floats:
    apart = raw - (weights * raw).sum()
    variance = float((weights * apart**2).sum())
    if variance <= _LEAST_VARIANCE:
        return np.zeros_like(raw)
    return np.asarray(np.clip(apart / np.sqrt(variance), -_CLIP, _CLIP), np.float64)
