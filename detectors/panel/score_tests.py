"""Tests of mean scores against those of the reference's panes: all directions at once, and the location alone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from detectors.panel.panel import Panel
from detectors.panel.score_moments import pane_means, whitening
from detectors.panel.windows import Windows, mixed_phases

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_MOST_Z, _TINY = 4.0, 1e-300


class ScoreTests(NamedTuple):
    """p-values, ``(T, F)``, 1 where a feature has no score; and z for betting.

    Attributes
    ----------
    hotelling, location
        p-values of all directions, and of the first.
    statistic
        Hotelling's.
    z
        Of location and spread in standard deviations of the window alone, clipped at 4, ``(T, F, 2)``.
    """

    hotelling: Floats
    location: Floats
    statistic: Floats
    z: Floats


class _Deviations(NamedTuple):
    """Mean scores less expectation; variances against one pane, of the window and of the reference: ``(T, F, k)``."""

    mean: Floats
    window: Floats
    reference: Floats


def score_tests(panel: Panel, windows: Windows) -> ScoreTests:
    """Return the tests; O(T F (W + k) k).

    The variance of a window's mean is that of the reference's panes, over the panes it merges, times their
    dependence; the error of the reference's own mean is added. The statistic has Hotelling's distribution
    with the panes that the reference is worth.
    """
    deviations = _deviations(panel, windows)
    scaled = deviations.mean / np.sqrt(deviations.window + deviations.reference)
    variances = _variances(panel, windows)
    statistic = (_whitened(panel, windows, scaled) ** 2).sum(2)
    sizes = panel.sizes
    return ScoreTests(
        _hotelling(statistic, sizes, panel.effective_panes),
        _location(scaled[:, :, 0] / np.sqrt(variances[:, :, 0]), sizes, panel.freedom),
        statistic,
        _bounded(deviations, variances, sizes),
    )


def _deviations(panel: Panel, windows: Windows) -> _Deviations:
    means = pane_means(windows.counts, windows.rows, panel.scores).transpose(1, 0, 2)
    panes = panel.scale_panes[windows.scale]
    expected = mixed_phases(panel.means, windows.phase_weights)
    size = _size_factor(panel.sampling, panes * panel.rows_per_pane / windows.rows)
    window = panel.window_variances[windows.scale] * size
    return _Deviations(means - expected, window, panel.reference_error[windows.scale])


def _size_factor(sampling: Floats, quotient: Floats) -> Floats:
    """Return how the variance changes with rows: more of them lower only the part that sampling has in it."""
    q = quotient[:, None, None]
    return np.where(q < 1, sampling * q + 1 - sampling, q)


def _variances(panel: Panel, windows: Windows) -> Floats:
    return np.maximum(mixed_phases(panel.score_variances, windows.phase_weights), _TINY)


def _whitened(panel: Panel, windows: Windows, scaled: Floats) -> Floats:
    if panel.phases == 1:
        return np.asarray(np.matmul(scaled.transpose(1, 0, 2), panel.whitening).transpose(1, 0, 2), np.float64)
    mixed = mixed_phases(panel.covariances, windows.phase_weights)
    return np.asarray(np.matmul(scaled[:, :, None], whitening(mixed))[:, :, 0], np.float64)


def _hotelling(statistic: Floats, sizes: Ints, worth: Floats) -> Floats:
    k = np.maximum(sizes, 1)
    f = statistic * (worth - k) / (k * (worth - 1))
    return np.where(sizes > 0, special.fdtrc(k, worth - k, np.maximum(f, 0)), 1.0)


def _location(z: Floats, sizes: Ints, freedom: Floats) -> Floats:
    return np.where(sizes > 0, 2 * special.stdtr(freedom, -np.abs(z)), 1.0)


def _bounded(deviations: _Deviations, variances: Floats, sizes: Ints) -> Floats:
    z = deviations.mean[..., :2] / np.sqrt(variances[..., :2] * deviations.window[..., :2])
    return np.where(np.arange(2) < sizes[:, None], np.clip(z, -_MOST_Z, _MOST_Z), 0)
