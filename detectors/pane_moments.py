"""How the statistics of one feature vary between the reference's panes, which are the replicates of the tests."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SCALES = (1, 4, 16, 64)
"""Panes of a window for which the reference's dependence is measured; a window between two counts as the larger."""

MIN_BIN_ROWS = 5
_LEAST_VARIANCE = 0.25
_LEAST_RATIO = 0.3
_PRIOR_WINDOWS = 20


class ScoreMoments(NamedTuple):
    """Moments of pane means of scores, for a pane of mean size.

    Attributes
    ----------
    mean, covariance
        ``(k,)``, ``(k, k)``.
    deviations
        Of each pane's mean score, times the root of its weight, ``(R, k)``.
    design_effect
        Largest variance of a score's pane mean against independent rows, at least 1.
    sampling_share
        Part of each variance that more rows in a pane would lower, ``(k,)``, in (0, 1].
    """

    mean: Floats
    covariance: Floats
    deviations: Floats
    design_effect: float
    sampling_share: Floats


def score_moments(counts: Floats, rows: Floats, scores: Floats) -> ScoreMoments:
    """Return the moments over panes, weighted by rows.

    Parameters
    ----------
    counts
        ``(R, width)``.
    rows
        ``(R,)``, positive.
    scores
        ``(k, width)``.
    """
    typical = rows.mean()
    weights = rows / typical
    values = counts / rows[:, None] @ scores.T
    mean = weights @ values / weights.sum()
    deviations = (values - mean) * np.sqrt(weights)[:, None]
    covariance = deviations.T @ deviations / max(1, len(rows) - 1)
    floored = _floored(covariance, _LEAST_VARIANCE / typical)
    return ScoreMoments(
        mean,
        floored,
        deviations,
        max(1.0, float((np.diagonal(covariance) * typical).max(initial=1.0))),
        np.minimum(1, 1 / (np.diagonal(floored) * typical)),
    )


def _floored(covariance: Floats, least: float) -> Floats:
    """Return the covariance in which no direction varies less than `least`, a quarter of independent rows."""
    if not covariance.size:
        return covariance
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((vectors * np.maximum(values, least)) @ vectors.T, np.float64)


def raw_ratios(moments: ScoreMoments, rows: Floats) -> Floats:
    """Return the variance of means over m panes times m, against that of one pane, ``(len(SCALES), k)``.

    1 for independent panes, above for panes that depend on each other; NaN where fewer than 3 m panes exist.
    """
    weights = rows / rows.mean()
    panes, k = moments.deviations.shape
    sums = np.concatenate([np.zeros((1, k)), np.cumsum(moments.deviations * np.sqrt(weights)[:, None], 0)])
    mass = np.concatenate([[0.0], np.cumsum(weights)])
    ratios = np.full((len(SCALES), k), np.nan)
    for i, m in enumerate(SCALES):
        if panes >= 3 * m:
            spans = mass[m:] - mass[:-m]
            spread = ((sums[m:] - sums[:-m]) ** 2 / spans[:, None]).mean(0)
            ratios[i] = np.maximum(spread / np.diagonal(moments.covariance) / (1 - m / panes), _LEAST_RATIO)
    return ratios


def shrunk_ratios(ratios: list[Floats], panes: int) -> list[Floats]:
    """Return the ratios of all features drawn to their median, at least 1 and never falling with the scale.

    A ratio over few windows is noise: of R / m windows it keeps the part ``(R / m) / (R / m + 20)``. Scales
    that the reference is too short for repeat the one before.
    """
    if not any(r.size for r in ratios):
        return [np.ones_like(r) for r in ratios]
    medians = _medians(ratios, panes)
    kept = [_shrunk(r, medians[:, : r.shape[1]], panes) for r in ratios]
    return [np.maximum.accumulate(np.maximum(r, 1), 0) for r in kept]


def _medians(ratios: list[Floats], panes: int) -> Floats:
    """Return the median over features for each scale and place of a score, ``(len(SCALES), largest k)``."""
    k = max(r.shape[1] for r in ratios)
    together = np.full((len(ratios), len(SCALES), k), np.nan)
    for i, r in enumerate(ratios):
        together[i, :, : r.shape[1]] = r
    measured = sum(panes >= 3 * m for m in SCALES)
    medians = np.ones((len(SCALES), k))
    medians[:measured] = np.nanmedian(together[:, :measured], 0) if measured else medians[:measured]
    return medians


def _shrunk(ratios: Floats, medians: Floats, panes: int) -> Floats:
    out = np.ones_like(ratios)
    for i, m in enumerate(SCALES):
        own = panes / m / (panes / m + _PRIOR_WINDOWS)
        if panes >= 3 * m:
            out[i] = own * ratios[i] + (1 - own) * medians[i]
        elif i:
            out[i] = out[i - 1]
    return out


def bin_dispersion(counts: Floats, rows: Floats) -> Floats:
    """Return the variance of each bin's counts between panes against independent rows, ``(width,)``, at least 1.

    A bin with few rows per pane cannot tell its own: it takes the largest of the feature.
    """
    shares = counts.sum(0) / rows.sum()
    expected = rows[:, None] * shares
    variance = np.maximum(expected * (1 - shares), 1e-12)
    ratio = ((counts - expected) ** 2 / variance).sum(0) / max(1, len(rows) - 1)
    typical = rows.mean() * shares
    able = typical >= min(MIN_BIN_ROWS, 0.8 * float(typical.max()))
    largest = float(np.where(able, ratio, 1).max(initial=1.0))
    return np.where(able, np.maximum(ratio, 1), max(1.0, largest))
