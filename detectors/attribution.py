"""How far each feature moves a model's answers, and whether that is as it was in the reference.

What a model makes of a value (a `Curve`, worked out once for a version) is taken at each bin. The mean over a window's
rows is then a sum over the counts that are there anyway: it needs no row, and is the same in every replay. It is judged
as features are, by the reference's panes: the variance of a pane's mean is that of its rows times the design effect.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.bins import FIRST, MISSING, UNSEEN, Bins
from detectors.panel.panel import Panel
from detectors.panel.window_tests import is_judged
from detectors.panel.windows import Windows

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_LEAST_DF = 5.0
_LEAST_VARIANCE = 1e-24
_Z95 = 1.959963984540054
_MEAN_IMPORTANCE_RANGE = 0.1, 10.0


class Curve(msgspec.Struct, frozen=True):
    """How far values of one feature move the answer: see ``models.attribution.Curve``, which manifests hold."""

    knots: tuple[float, ...] = ()
    values: tuple[float, ...] = ()
    levels: dict[str, float] = {}
    other: float = 0.0
    missing: float = 0.0


_encoder = msgspec.msgpack.Encoder(order="deterministic")
_decoder = msgspec.msgpack.Decoder(dict[str, Curve])


def encode(curves: Mapping[str, Curve]) -> bytes:
    """Return the curves of features as bytes, none as none; equal curves have equal bytes."""
    return _encoder.encode(curves) if curves else b""


def decode(data: bytes) -> dict[str, Curve]:
    """Return what `encode` was given.

    >>> decode(encode({"x": Curve((0.0,), (1.0,))})), decode(encode({}))
    ({'x': Curve(knots=(0.0,), values=(1.0,), levels={}, other=0.0, missing=0.0)}, {})
    """
    return _decoder.decode(data) if data else {}


class Attributed(NamedTuple):
    """Of T windows and F features, ``(T, F)`` each: how much further than in the reference the answers are moved.

    Attributes
    ----------
    change, low, high
        In the unit of the curves, with the 95 % interval.
    p
        In [0, 1]; 1 where nothing is judged.
    """

    change: Floats
    low: Floats
    high: Floats
    p: Floats


def moved_by_bin(panel: Panel, curves: Mapping[str, Curve]) -> Floats:
    """Return how far each bin's values move the answer, ``(F, W)``; 0 for features without a curve.

    Examples
    --------
    >>> from detectors.bins import fit_number
    >>> from detectors.panel.fit import ReferenceCounts, fit_panel
    >>> counts = np.tile([0, 0, 250, 250, 0], (60, 1, 1))
    >>> panel = fit_panel(ReferenceCounts((fit_number("x", [1.0, 2.0]),), counts, np.full(60, 500)))
    >>> moved_by_bin(panel, {"x": Curve((0.0, 2.0), (-1.0, 1.0), missing=0.5)})
    array([[0.5, 0. , 0.5, 1. , 1. ]])
    """
    out = np.zeros(panel.shares.shape)
    for f, bins in enumerate(panel.bins):
        curve = curves.get(bins.name)
        if curve is not None:
            own = panel.centres[f, : bins.width]
            out[f, : bins.width] = _of_number(bins, own, curve) if bins.kind == "number" else _of_levels(bins, curve)
    return out


def _of_number(bins: Bins, centres: Floats, curve: Curve) -> Floats:
    out = np.full(bins.width, curve.missing)
    if curve.knots and bins.edges:
        out[UNSEEN:] = np.interp(_middles(bins, centres)[UNSEEN:], curve.knots, curve.values)
    return out


def _middles(bins: Bins, centres: Floats) -> Floats:
    """Return the value in the middle of each bin: centres are standardised, those of the extremes are the extremes."""
    low, high = centres[UNSEEN], centres[-1]
    part = np.clip((centres - low) / (high - low), 0, 1) if high > low else np.zeros(len(centres))
    return np.asarray(bins.edges[0] * (1 - part) + bins.edges[-1] * part, np.float64)


def _of_levels(bins: Bins, curve: Curve) -> Floats:
    codes = bins.level_codes(bins.levels)
    values = np.array([curve.levels.get(level, curve.other) for level in bins.levels])
    held = np.bincount(codes, minlength=bins.width)
    out = np.bincount(codes, values, bins.width) / np.maximum(held, 1)
    out[(held == 0) & (np.arange(bins.width) >= FIRST)] = curve.other
    out[[MISSING, UNSEEN]] = curve.missing, curve.other
    return np.asarray(out, np.float64)


def attributed(panel: Panel, windows: Windows, moved: Floats) -> Attributed:
    """Return the tests of windows; O(T F W).

    Parameters
    ----------
    moved
        `moved_by_bin`.
    """
    change = ((windows.counts / windows.rows[:, None, None] - windows.shares) * moved).sum(2)
    error = np.sqrt(np.maximum(_variance(panel, windows, moved), _LEAST_VARIANCE))
    judged = is_judged(panel, windows.rows, windows.scale) & moved.any(1)
    freedom = np.maximum(_LEAST_DF, panel.effective_panes - 1)
    p = np.where(judged, _two_sided(change / error, freedom), 1.0)
    return Attributed(change, change - _Z95 * error, change + _Z95 * error, p)


def spreads(panel: Panel, moved: Floats) -> Floats:
    """Return the standard deviation of what each feature adds to the answers in the reference, ``(F,)``."""
    means = (panel.shares * moved).sum(1)
    return np.asarray(np.sqrt(np.maximum((panel.shares * moved**2).sum(1) - means**2, 0)), np.float64)


def importance(panel: Panel, moved: Floats) -> Floats:
    """Return how much a model goes by each feature, ``(F,)``, 1 in the mean of those it knows; within .1 to 10.

    Features without a curve have 1: nothing is known of them.
    """
    own, is_known = spreads(panel, moved), moved.any(1)
    mean = float(own[is_known].mean()) if is_known.any() else 0.0
    if mean <= 0:
        return np.ones(len(own))
    return np.where(is_known, np.clip(own / mean, *_MEAN_IMPORTANCE_RANGE), 1.0)


def _variance(panel: Panel, windows: Windows, moved: Floats) -> Floats:
    """Return the variance of each window's change, ``(T, F)``: its own, and the reference's."""
    panes = np.array(panel.scales, np.float64)[windows.scale]
    size = np.maximum(1, panes * panel.rows_per_pane / windows.rows) / panes
    met = panel.panes / panel.phases * np.minimum(panes, panel.phases)
    of_pane = panel.design_effects * spreads(panel, moved) ** 2 / panel.rows_per_pane
    own = panel.largest_ratios[windows.scale] * size[:, None]
    return np.asarray(of_pane * (own + panel.largest_ratios[-1] / met[:, None]), np.float64)


def _two_sided(t: Floats, freedom: Floats) -> Floats:
    from scipy import special

    return np.asarray(2 * special.stdtr(freedom, -np.abs(t)), np.float64)
