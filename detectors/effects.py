"""Effect sizes: how far the counts of a window lie from the reference, in the units that people know."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.bins import FIRST, MISSING, UNSEEN
from detectors.feature_reference import FeatureReference

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

PSI_FLOOR = 1e-4
"""Least share that PSI takes for a bin, as is usual, so that an empty bin does not make it infinite."""

JS_FLOOR, MEAN_FLOOR, TV_FLOOR, RARE_FLOOR, BIN_FLOOR = 0.05, 0.1, 0.02, 0.005, 0.01
"""An alarm needs one effect above its floor; smaller ones are of no matter, however certain."""

_LARGEST = np.finfo(np.float64).max


class Effects(NamedTuple):
    """Effect sizes of one feature in one window. A window without rows has 0 everywhere; nothing is ever NaN.

    Attributes
    ----------
    psi
        Population stability index; custom calls .1 a moderate and .25 a large change.
    js
        Jensen-Shannon distance, base 2, in [0, 1].
    ks
        Largest difference of the distribution functions over the bins; numbers only, else 0.
    w1
        Wasserstein distance in reference standard deviations; numbers only, else 0.
    tv
        Total variation: the share of rows that would have to change their bin.
    mean_shift_sd
        Change of the mean in reference standard deviations; numbers only, else 0.
    missing_share, unseen_share
        Of the rows; unseen are new levels, or numbers outside the reference's range.
    mean, sd
        Read from the bins, in the feature's unit; of a category, and without a value, 0.
    bin_gain, gained_bin
        Largest rise of one bin's share, and that bin.
    """

    psi: float
    js: float
    ks: float
    w1: float
    tv: float
    mean_shift_sd: float
    missing_share: float
    unseen_share: float
    mean: float
    sd: float
    bin_gain: float
    gained_bin: int


NO_EFFECTS = Effects(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0)


def effects(ref: FeatureReference, counts: Ints) -> Effects:
    """Return the effect sizes of a window's counts, ``(width,)``."""
    n = int(counts.sum())
    if n == 0:
        return NO_EFFECTS
    now, then = counts / n, ref.share_array
    change = now - then
    gained = int(change.argmax())
    return Effects(
        psi=psi(now, then),
        js=js_distance(now, then),
        tv=0.5 * float(np.abs(change).sum()),
        missing_share=float(now[MISSING]),
        unseen_share=_unseen(ref, now),
        bin_gain=float(change[gained]),
        gained_bin=gained,
        **_of_numbers(ref, now)._asdict(),
    )


def psi(now: Floats, then: Floats) -> float:
    """Return the population stability index of two vectors of shares."""
    p, q = np.maximum(now, PSI_FLOOR), np.maximum(then, PSI_FLOOR)
    return float(((p - q) * np.log(p / q)).sum())


def js_distance(now: Floats, then: Floats) -> float:
    """Return the Jensen-Shannon distance (the root of the divergence, base 2) of two vectors of shares.

    >>> js_distance(np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    1.0
    """
    middle = 0.5 * (now + then)
    divergence = 0.5 * (_divergence(now, middle) + _divergence(then, middle)) / np.log(2)
    return float(np.sqrt(min(1.0, max(0.0, divergence))))


def _divergence(p: Floats, q: Floats) -> float:
    held = p > 0
    return float((p[held] * np.log(p[held] / q[held])).sum())


class _OfNumbers(NamedTuple):
    ks: float
    w1: float
    mean_shift_sd: float
    mean: float
    sd: float


def _of_numbers(ref: FeatureReference, now: Floats) -> _OfNumbers:
    values = 1.0 - float(now[MISSING])
    if not ref.is_number or ref.bins.width <= FIRST or not now[UNSEEN:].any():
        return _OfNumbers(0.0, 0.0, 0.0, 0.0, 0.0)
    weights = now / values
    weights[MISSING] = 0
    change, centre = weights - ref.present_array, ref.centre_array
    gap = np.abs(np.cumsum(change))
    at = float((weights * centre).sum())
    spread = float(np.sqrt((weights * (centre - at) ** 2).sum()))
    return _OfNumbers(
        ks=float(gap.max()),
        w1=float((gap[UNSEEN:-1] * np.diff(centre[UNSEEN:])).sum()),
        mean_shift_sd=float((change * centre).sum()),
        mean=_finite(ref.mean + ref.sd * at),
        sd=_finite(ref.sd * spread),
    )


def _finite(value: float) -> float:
    return float(np.clip(value, -_LARGEST, _LARGEST))


def _unseen(ref: FeatureReference, now: Floats) -> float:
    above = float(now[-1]) if ref.is_number and ref.bins.width > FIRST else 0.0
    return float(now[UNSEEN]) + above


class Material(NamedTuple):
    """An effect that is large enough to matter, and the floor that it passed."""

    name: str
    effect: float
    floor: float


def above_floor(found: Effects, ref: FeatureReference, n: int, scale: float = 1.0) -> Material | None:
    """Return the effect that is furthest above its floor, or None if all are below.

    What chance alone would show in `n` rows is taken off first.

    Parameters
    ----------
    n
        Rows of the window.
    scale
        Of the floors: a half for the model's outputs.
    """
    if n <= 0:
        return None
    rises = (
        Material("js", _without_chance(found.js, ref, n), JS_FLOOR),
        Material("mean_shift_sd", found.mean_shift_sd, MEAN_FLOOR),
        Material("tv", max(0.0, found.tv - _chance_tv(ref, n)), TV_FLOOR),
        Material("missing_share", found.missing_share - ref.shares[MISSING], RARE_FLOOR),
        Material("unseen_share", found.unseen_share - _unseen(ref, ref.share_array), RARE_FLOOR),
        Material("bin_gain", found.bin_gain - _chance_gain(ref, found.gained_bin, n), BIN_FLOOR),
    )
    best = max(rises, key=_size)
    return best._replace(floor=best.floor * scale) if _size(best) >= scale else None


def _size(rise: Material) -> float:
    """Return an effect in floors. A mean matters both ways, the others (distances, shares) when they rise."""
    return (abs(rise.effect) if rise.name == "mean_shift_sd" else rise.effect) / rise.floor


def _error_rows(ref: FeatureReference, n: int) -> float:
    return 1 / n + 1 / ref.rows


def _without_chance(js: float, ref: FeatureReference, n: int) -> float:
    """Return the distance whose square is less what independent bins would show: (bins - 1) / 8 n, dispersed."""
    bias = (ref.bins.width - 1) * _error_rows(ref, n) * float((ref.dispersion_array * ref.share_array).sum()) / 8
    return float(np.sqrt(max(0.0, js * js - bias / np.log(2))))


def _chance_tv(ref: FeatureReference, n: int) -> float:
    return 0.5 * float(np.sqrt(2 / np.pi * _share_variance(ref, n)).sum())


def _chance_gain(ref: FeatureReference, bin_: int, n: int) -> float:
    """Return what the bin that gained most would gain by chance: two standard deviations, the largest of some 30."""
    return 2 * float(np.sqrt(_share_variance(ref, n)[bin_]))


def _share_variance(ref: FeatureReference, n: int) -> Floats:
    share = ref.share_array
    return np.asarray(share * (1 - share) * ref.dispersion_array * _error_rows(ref, n), np.float64)
