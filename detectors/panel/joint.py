"""Whether features still move together: correlations of all pairs, judged at once.

The score of a pair is the influence function of its correlation, z_i z_j − ρ (z_i² + z_j²) / 2. It is linear in
the sums, so every scale has the same mean under no change, which averages of Fisher's z have not.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from detectors.panel.panel import MIN_EFFECTIVE_ROWS, Joint, Panel
from detectors.panel.ratios import variance_ratios

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

MAX_FEATURES = 200
_LEAST_VARIANCE, _LEAST_DF = 0.25, 5.0
_KURTOSIS_ROWS, _NO_KURTOSIS, _LIVE_KURTOSIS = 10, 1e18, 1e12


class JointTest(NamedTuple):
    """p-value of the most changed pair, for their number corrected, ``(T,)``; |t| of each pair, ``(T, pairs)``."""

    p: Floats
    t: Floats


def pair_sums(normal_scores: Ints) -> Ints:
    """Return the sums over rows of products of all pairs, ``(d (d + 1) / 2,)``, with each feature's own square.

    Parameters
    ----------
    normal_scores
        Of each row, in 1/32 of a standard deviation (`Panel.normal_scores`), ``(n, d)``.

    Examples
    --------
    >>> pair_sums(np.array([[1, 2], [3, 4]]))
    array([10, 14, 20])
    """
    # A float product of integers is exact below 2**53, and far faster than one of integers.
    whole = np.asarray(normal_scores, np.float64)
    products = np.rint(whole.T @ whole).astype(np.int64)
    return np.asarray(products[np.triu_indices(len(products))], np.int64)


def with_joint(panel: Panel, sums: Ints, rows: Floats, features: Ints) -> Panel:
    """Return the panel with what pairs of `features` show; unchanged if they are fewer than two.

    Parameters
    ----------
    sums
        `pair_sums` of each pane, ``(R, d (d + 1) / 2)``.
    rows
        ``(R,)``, positive.
    features
        Places of the d features, ``(d,)``, at most 200.

    Raises
    ------
    ValueError
        If there are too many features, or `sums` does not fit their number.
    """
    d = len(features)
    if d > MAX_FEATURES or sums.shape != (len(rows), d * (d + 1) // 2):
        raise ValueError(f"need sums of at most {MAX_FEATURES} features' pairs, got {sums.shape} for {d} features")
    return replace(panel, joint=_fitted(panel, sums, rows, features)) if d > 1 else panel


def _fitted(panel: Panel, sums: Ints, rows: Floats, features: Ints) -> Joint:
    first, second = np.triu_indices(len(features), 1)
    pairs = _places(first, second, len(features))
    overall = sums.sum(0) / rows.sum()
    spread = np.sqrt(np.maximum(overall[_places_of_squares(len(features))], 1))
    correlation = overall[pairs] / (spread[first] * spread[second])
    influence = _influence(sums, rows, first, second, spread, correlation)
    means, deviations = _about_phases(influence, rows / rows.mean(), panel.phases)
    freedom = max(1, len(rows) - panel.phases)
    sd = np.sqrt(np.maximum((deviations**2).sum(0) / freedom, _LEAST_VARIANCE / rows.mean()))
    kurtosis = _kurtosis(panel, features)
    together = np.minimum(kurtosis[first] * kurtosis[second], _NO_KURTOSIS)
    ratios = variance_ratios(deviations, sd**2, rows, together < _LIVE_KURTOSIS, panel.scales)
    usable = _usable(panel, np.maximum(1, sd**2 * panel.rows_per_pane), together)
    return Joint(features, first, second, spread, correlation, means, sd, ratios, usable, float(freedom))


def _places(first: Ints, second: Ints, d: int) -> Ints:
    """Return where the sums of pairs lie in the upper triangle, rows after rows."""
    return first * d - first * (first - 1) // 2 + second - first


def _places_of_squares(d: int) -> Ints:
    own = np.arange(d)
    return _places(own, own, d)


def _influence(sums: Ints, rows: Floats, first: Ints, second: Ints, spread: Floats, correlation: Floats) -> Floats:
    d = len(spread)
    squares = sums[:, _places_of_squares(d)] / spread**2
    products = sums[:, _places(first, second, d)] / (spread[first] * spread[second])
    half = correlation * (squares[:, first] + squares[:, second]) / 2
    return np.asarray((products - half) / rows[:, None], np.float64)


def _about_phases(values: Floats, weights: Floats, phases: int) -> tuple[Floats, Floats]:
    phase = np.arange(len(weights)) % phases
    own = [phase == h for h in range(phases)]
    means = np.stack([(values[k] * weights[k][:, None]).sum(0) / weights[k].sum() for k in own])
    return means, (values - means[phase]) * np.sqrt(weights)[:, None]


def _kurtosis(panel: Panel, features: Ints) -> Floats:
    shares = panel.shares[features] / panel.shares[features].sum(1, keepdims=True)
    squares = panel.normal_scores[features].astype(np.float64) ** 2
    second, fourth = (shares * squares).sum(1), (shares * squares**2).sum(1)
    return np.where(second > 1, fourth / np.maximum(second, 1e-9) ** 2, _NO_KURTOSIS)


def _usable(panel: Panel, design_effects: Floats, kurtosis: Floats) -> NDArray[np.bool_]:
    rows = np.array(panel.scales)[:, None] * panel.rows_per_pane
    enough = (rows / design_effects >= MIN_EFFECTIVE_ROWS) & (kurtosis * _KURTOSIS_ROWS < rows)
    return np.asarray(enough & panel.can_alarm)


def joint_test(
    panel: Panel,
    joint: Joint,
    sums: Ints,
    rows: Floats,
    scale: Ints,
    phase_weights: Floats,
    left_out: Flags | None = None,
) -> JointTest:
    """Return the tests of T windows; O(T d²).

    Parameters
    ----------
    sums, rows
        Of each window: `pair_sums`, ``(T, d (d + 1) / 2)``; rows, ``(T,)``, positive.
    scale
        Place of each window's scale, ``(T,)``.
    phase_weights
        Share of its rows by phase, ``(T, H)``.
    left_out
        Features whose pairs are not looked at, ``(T, d)``. None: all are.
    """
    panes = panel.scale_panes[scale]
    size = np.maximum(1, panes * panel.rows_per_pane / rows)[:, None] / panes[:, None]
    met = panel.panes / panel.phases * np.minimum(panes, panel.phases)[:, None]
    influence = _influence(sums, rows, joint.first, joint.second, joint.spread, joint.correlation)
    deviation = np.abs(influence - phase_weights @ joint.means)
    t = deviation / (joint.sd * np.sqrt(joint.ratios[scale] * size + joint.ratios[-1] / met))
    usable = joint.usable[scale]
    if left_out is not None:
        usable = usable & ~(left_out[:, joint.first] | left_out[:, joint.second])
    t = np.where(usable, t, 0)
    least = 2 * special.stdtr(np.maximum(_LEAST_DF, joint.freedom / joint.ratios[-1]), -t).min(1)
    return JointTest(np.minimum(1, least * usable.sum(1).clip(1)), t)


def most_changed(joint: Joint, t: Floats, weights: Floats) -> tuple[int, int]:
    """Return the feature whose pairs changed most beyond chance, and the other one of its most changed pair.

    It has the largest sum of t² − 4 where that is positive.

    Parameters
    ----------
    t
        Of each pair, ``(pairs,)``.
    weights
        Of each feature of the panel, ``(F,)``: outputs count less than inputs.
    """
    excess = np.maximum(t * t - 4, 0)
    d = len(joint.features)
    mine = np.bincount(joint.first, excess, d) + np.bincount(joint.second, excess, d)
    place = int((mine * weights[joint.features]).argmax())
    pair = int(np.where((joint.first == place) | (joint.second == place), t, -1).argmax())
    other = int(joint.first[pair] + joint.second[pair]) - place
    return int(joint.features[place]), int(joint.features[other])
