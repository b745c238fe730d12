"""How the mean scores of panes vary: by phase, together, and with the rows in a pane."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

LEAST_VARIANCE = 0.25
"""Of a pane's mean score, against independent rows: less is not believed."""

_OWN_PHASES = 0.75
_NEAR = (-2, -1, 0, 1, 2)


class ScoreMoments(NamedTuple):
    """Moments of pane means of scores, for a pane of mean size.

    Attributes
    ----------
    means, covariances
        By phase, ``(H, F, k)`` and ``(H, F, k, k)``; a covariance has 1 on the diagonal where no score is live.
    variances
        Over all phases, at least a quarter of independent rows, ``(F, k)``; 1 where no score is live.
    deviations
        Of each pane from its phase's mean, times the root of its weight, ``(F, R, k)``.
    design_effects
        Largest variance of a live score's pane mean against independent rows, ``(F,)``, at least 1.
    sampling
        Part of each variance that more rows in a pane would lower, ``(F, k)``, in (0, 1].
    freedom
        Degrees of freedom of a covariance.
    """

    means: Floats
    covariances: Floats
    variances: Floats
    deviations: Floats
    design_effects: Floats
    sampling: Floats
    freedom: float


def score_moments(counts: Floats, rows: Floats, scores: Floats, live: Flags, phases: int) -> ScoreMoments:
    """Return the moments over panes, weighted by rows; O(R F W k).

    With phases, each has its own mean, and a covariance that is taken to three quarters from its five
    neighbours and to one quarter from all.

    Parameters
    ----------
    counts, rows
        ``(R, F, W)``, and ``(R,)``, positive. Pane i has phase i modulo `phases`.
    scores, live
        ``(F, W, k)``, ``(F, k)``.
    """
    typical = float(rows.mean())
    phase = np.arange(len(rows)) % phases
    means, deviations = _about_phases(pane_means(counts, rows, scores), rows / typical, phase, phases)
    free = max(1, len(rows) - phases)
    pooled = _second_moments(deviations) / free
    variances = np.diagonal(pooled, axis1=1, axis2=2)
    covariances = _by_phase(pooled, deviations, phase, phases) if phases > 1 else pooled[None]
    covariances = floored(covariances, live, LEAST_VARIANCE / typical)
    mean_variance = np.diagonal(covariances, axis1=2, axis2=3).mean(0)
    return ScoreMoments(
        means,
        covariances,
        np.where(live, np.maximum(variances, LEAST_VARIANCE / typical), 1.0),
        deviations,
        np.where(live, variances * typical, 0).max(1, initial=1.0),
        np.minimum(1, 1 / (mean_variance * typical)),
        min(free, len(_NEAR) * (len(rows) / phases - 1) / _OWN_PHASES) if phases > 1 else float(free),
    )


def pane_means(counts: Floats, rows: Floats, scores: Floats) -> Floats:
    """Return the mean scores of panes or windows, ``(F, T, k)``, from counts ``(T, F, W)`` and rows ``(T,)``."""
    return np.asarray(np.matmul((counts / rows[:, None, None]).transpose(1, 0, 2), scores), np.float64)


def _about_phases(values: Floats, weights: Floats, phase: Ints, phases: int) -> tuple[Floats, Floats]:
    means = np.stack([_weighted_mean(values, weights, phase == h) for h in range(phases)])
    return means, (values - means[phase].transpose(1, 0, 2)) * np.sqrt(weights)[:, None]


def _weighted_mean(values: Floats, weights: Floats, chosen: Flags) -> Floats:
    total = (values[:, chosen] * weights[chosen][:, None]).sum(1)
    return np.asarray(total / weights[chosen].sum(), np.float64)


def _second_moments(deviations: Floats) -> Floats:
    return np.asarray(np.einsum("fti,ftj->fij", deviations, deviations), np.float64)


def _by_phase(pooled: Floats, deviations: Floats, phase: Ints, phases: int) -> Floats:
    own = np.empty((phases, *pooled.shape))
    for h in range(phases):
        near = np.isin(phase, [(h + step) % phases for step in _NEAR])
        own[h] = _second_moments(deviations[:, near]) / max(1, int(near.sum()) - len(_NEAR))
    return _OWN_PHASES * own + (1 - _OWN_PHASES) * pooled


def floored(covariances: Floats, live: Flags, least: float) -> Floats:
    """Return covariances in which no direction varies less than `least`; 1 on the diagonal where not live.

    A direction without variance would make the smallest deviation infinitely unlikely.
    """
    whole = covariances + np.eye(live.shape[1]) * ~live[:, None, :]
    values, vectors = np.linalg.eigh(whole)
    mended = (vectors * np.maximum(values, least)[..., None, :]) @ np.swapaxes(vectors, -1, -2)
    return np.where((values[..., 0] < least)[..., None, None], mended, whole)


def whitening(covariances: Floats) -> Floats:
    """Return A with A Aᵀ = inverse covariance: ``|d A|²`` is Hotelling's statistic of a deviation d."""
    return np.asarray(np.linalg.cholesky(np.linalg.inv(covariances)), np.float64)
