"""Effect sizes of many features at once, in the units that people know, less what chance alone would show.

A case is one feature in one window: arrays have one row per case, so all features of a window and one feature in
many windows are the same computation. The same features in many panes may be given at once, by a first axis: what the
reference says of them is then worked out once for all panes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.bins import MISSING, UNSEEN
from detectors.panel.panel import Panel

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

PSI_ADDED = 1e-4
"""Share that PSI adds to each bin, so that an empty one does not make it infinite."""

_TINY = 1e-300


class Cases(NamedTuple):
    """Windows of features, one a row.

    Attributes
    ----------
    features
        Place of the feature, ``(C,)``.
    counts, rows
        ``(C, W)``, ``(C,)``; or of panes, ``(P, C, W)`` and ``(P, 1)``. 0 beyond a feature's bins.
    shares
        Expected, ``(C, W)``. 0 beyond a feature's bins.
    """

    features: Ints
    counts: Floats
    rows: Floats
    shares: Floats


class Effects(NamedTuple):
    """Effect sizes, ``(C,)`` or ``(P, C)`` each. A window without rows has 0 everywhere; nothing is ever NaN.

    Attributes
    ----------
    js
        Jensen-Shannon distance, base 2, in [0, 1].
    mean_shift_sd
        Change of the mean in reference standard deviations; numbers only, else 0.
    tv
        Total variation: the share of rows that would have to change their bin.
    w1
        Wasserstein distance in reference standard deviations; numbers only, else 0.
    psi
        Population stability index; custom calls .1 a moderate and .25 a large change.
    ks
        Largest difference of the distribution functions over the bins; numbers only, else 0.
    rare
        Largest rise of the share of missing values, of unseen levels, or of numbers on one side of the range.
    bin_gain, gained_bin
        Largest rise of one bin's share, and that bin.
    """

    js: Floats
    mean_shift_sd: Floats
    tv: Floats
    w1: Floats
    psi: Floats
    ks: Floats
    rare: Floats
    bin_gain: Floats
    gained_bin: Ints


class Interval(NamedTuple):
    """Bounds, ``(C,)`` each, that hold the true effect in about 95 of 100 windows."""

    low: Floats
    high: Floats


def window_cases(panel: Panel, counts: Floats, rows: int, shares: Floats | None = None) -> Cases:
    """Return the cases of all features in one window, counts ``(F, W)``; expected shares are the overall ones."""
    expected = panel.shares if shares is None else shares
    return Cases(np.arange(len(counts)), counts, np.full(len(counts), float(rows)), expected)


def effects(panel: Panel, cases: Cases) -> Effects:
    """Return the effect sizes; O(C W), or O(P C W)."""
    now = cases.counts / np.maximum(cases.rows, 1)[..., None]
    change, bias = now - cases.shares, _bias(panel, cases)
    found = Effects(
        js=np.sqrt(np.clip((_divergence(now, cases.shares) - bias / 8) / np.log(2), 0, 1)),
        tv=np.maximum(0, 0.5 * np.abs(change).sum(-1) - _chance_tv(panel, cases)),
        psi=np.maximum(0, _psi(now, cases.shares) - bias),
        rare=_rare(panel, cases.features, change),
        bin_gain=change.max(-1),
        gained_bin=change.argmax(-1),
        **_of_numbers(panel, cases, now),
    )
    if (cases.rows > 0).all():
        return found
    return Effects(*(np.where(cases.rows > 0, effect, 0) for effect in found))


def mean_shift_interval(panel: Panel, cases: Cases, found: Effects) -> Interval:
    """Return the 95 % interval of the mean shift, from window and reference, by the design effect."""
    widest = 1.96 * np.sqrt(panel.design_effects[cases.features] * _error(panel, cases.rows))
    is_number = panel.is_number[cases.features]
    return Interval(*(np.where(is_number, found.mean_shift_sd + sign * widest, 0) for sign in (-1, 1)))


def _error(panel: Panel, rows: Floats) -> Floats:
    """Return the variance of a difference of shares, over that of one row."""
    return np.asarray(1 / np.maximum(rows, 1) + 1 / panel.rows, np.float64)


def _bias(panel: Panel, cases: Cases) -> Floats:
    """Return the PSI that chance would show: (bins − 1) (1/n + 1/N), dispersed. The JS divergence has an eighth."""
    dispersed = (panel.dispersion[cases.features] * cases.shares).sum(1)
    return np.asarray((panel.widths[cases.features] - 1) * _error(panel, cases.rows) * dispersed, np.float64)


def _chance_tv(panel: Panel, cases: Cases) -> Floats:
    variance = cases.shares * np.maximum(1 - cases.shares, 0) * panel.dispersion[cases.features]
    chance = np.sqrt(2 / np.pi * variance * _error(panel, cases.rows)[..., None])
    return np.asarray(0.5 * chance.sum(-1), np.float64)


def _divergence(now: Floats, then: Floats) -> Floats:
    middle = np.maximum(0.5 * (now + then), _TINY)
    return 0.5 * (_relative(now, middle) + _relative(then, middle))


def _relative(p: Floats, q: Floats) -> Floats:
    return np.asarray((p * np.log(np.maximum(p, _TINY) / q)).sum(-1), np.float64)


def _psi(now: Floats, then: Floats) -> Floats:
    """Return the PSI; bins beyond a feature's own have no share on either side, and add nothing."""
    p, q = now + PSI_ADDED, then + PSI_ADDED
    return np.asarray(((p - q) * np.log(p / q)).sum(-1), np.float64)


def _rare(panel: Panel, features: Ints, change: Floats) -> Floats:
    last = change[..., np.arange(len(features)), panel.widths[features] - 1]
    above = np.where(panel.is_number[features], last, 0)
    return np.maximum(np.maximum(change[..., MISSING], change[..., UNSEEN]), above)


def _of_numbers(panel: Panel, cases: Cases, now: Floats) -> dict[str, Floats]:
    current, reference = _present(now), _present(cases.shares)
    centres = panel.centres[cases.features]
    steps = np.abs(np.diff(centres, axis=1)) * panel.valid[cases.features, 1:]
    change = current - reference
    gaps = np.abs(np.cumsum(change, -1))
    has_values = panel.is_number[cases.features] & (current.sum(-1) > 0)
    found = {
        "mean_shift_sd": (change * centres).sum(-1),
        "w1": (gaps[..., :-1] * steps).sum(-1),
        "ks": gaps.max(-1),
    }
    return {name: np.where(has_values, values, 0) for name, values in found.items()}


def _present(shares: Floats) -> Floats:
    left = shares.copy()
    left[..., MISSING] = 0
    return np.asarray(left / np.maximum(left.sum(-1), 1e-12)[..., None], np.float64)
