"""What the reference says of all features of a monitor: all that a decision about a window needs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from detectors.bins import Bins

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

MIN_EFFECTIVE_ROWS = 400
"""Effective rows (over the design effect) of a window; with fewer, small p-values are 2 to 15 times too frequent."""

MIN_PANES, WANTED_PANES = 60, 200
"""Panes of a reference: below the first nothing alarms, at the second the reference's own error no longer matters."""

MIN_EFFECTIVE_PANES = 12
"""A feature whose reference is worth fewer panes wanders."""

_MOST_WANDERING = 0.2
_LEAST_FREEDOM = 5.0


@dataclass(frozen=True, slots=True)
class Joint:
    """What the reference says of pairs of features, by the influence functions of their correlations.

    Attributes
    ----------
    features
        Places of the d features that take part, ``(d,)``.
    first, second
        Places of each pair's features among the d, ``(pairs,)``.
    spread
        Root mean square of each feature's integer normal scores, ``(d,)``.
    correlation
        ``(pairs,)``.
    means
        Mean influence by phase, ``(H, pairs)``.
    sd
        Of a pane's mean influence, ``(pairs,)``.
    ratios
        Dependence between panes by scale, ``(S, pairs)``, at least 1.
    usable
        Whether a pair can be judged at a scale, ``(S, pairs)``.
    freedom
        Degrees of freedom of `sd`.
    """

    features: Ints
    first: Ints
    second: Ints
    spread: Floats
    correlation: Floats
    means: Floats
    sd: Floats
    ratios: Floats
    usable: Flags
    freedom: float


@dataclass(frozen=True)
class Panel:
    """The fitted reference of F features. Arrays are never changed.

    Beside the attributes it holds what follows from them and each tick asks for.

    Attributes
    ----------
    bins
        Where the values of each feature fall; padded to W bins in the arrays.
    is_number
        Numbers, not levels, ``(F,)``.
    widths, valid
        Bins of each feature, ``(F,)``, and which of the W are its own, ``(F, W)``.
    scales
        Panes of the tumbling windows, rising, ``S`` of them.
    phases
        Panes of a cycle, 1 for none.
    panes, rows, rows_per_pane
        R, all rows, and their quotient.
    shares, phase_shares
        Expected shares with pseudo-counts, all positive where valid, ``(F, W)`` and by phase ``(H, F, W)``.
    centres
        A value for each bin in reference standard deviations, 0 for levels, ``(F, W)``.
    normal_scores
        Integers, 1/32 of a standard deviation, whose products are summed over rows for the joint test, ``(F, W)``.
    scores, live
        Of each bin, 0 beyond a feature's own, ``(F, W, k)``; which of the k a feature has, ``(F, k)``.
    means, covariances
        Of pane means of the scores by phase, ``(H, F, k)`` and ``(H, F, k, k)``; 1 on the diagonal where not live.
    whitening
        A with A Aᵀ = inverse covariance, ``(F, k, k)``; of no use with phases.
    ratios, largest_ratios
        Variance of means over m panes, times m, against one pane, ``(S, F, k)``, at least 1 and never falling;
        the largest over live scores, ``(S, F)``.
    reference_error
        Variance of the reference's mean against that of one pane, by scale, ``(S, F, k)``.
    sampling
        Part of each variance that more rows lower, ``(F, k)``.
    dispersion
        Variance of bin counts against independent rows, ``(F, W)``, at least 1.
    design_effects
        Rows that count as one, ``(F,)``, at least 1.
    effective_panes
        Panes that the reference is worth, ``(F,)``.
    usable
        Whether a feature is judged at a scale, ``(S, F)``.
    joint
        None without pairs.
    """

    bins: tuple[Bins, ...]
    is_number: Flags
    widths: Ints
    valid: Flags
    scales: tuple[int, ...]
    phases: int
    panes: int
    rows: int
    rows_per_pane: float
    shares: Floats
    phase_shares: Floats
    centres: Floats
    normal_scores: Ints
    scores: Floats
    live: Flags
    means: Floats
    covariances: Floats
    whitening: Floats
    ratios: Floats
    largest_ratios: Floats
    reference_error: Floats
    sampling: Floats
    dispersion: Floats
    design_effects: Floats
    effective_panes: Floats
    usable: Flags
    joint: Joint | None = None

    @cached_property
    def scale_panes(self) -> Ints:
        """Panes of the windows, ``(S,)``."""
        return np.array(self.scales)

    @cached_property
    def sizes(self) -> Ints:
        """How many scores each feature has, ``(F,)``."""
        return np.asarray(self.live.sum(1), np.int64)

    @cached_property
    def window_variances(self) -> Floats:
        """Of a window's mean against that of one pane, by scale, ``(S, F, k)``."""
        return self.ratios / self.scale_panes[:, None, None]

    @cached_property
    def score_variances(self) -> Floats:
        """Of pane means by phase, ``(H, F, k)``."""
        return np.diagonal(self.covariances, axis1=2, axis2=3)

    @cached_property
    def freedom(self) -> Floats:
        """Degrees of freedom of a variance that the panes show, ``(F,)``."""
        return np.maximum(_LEAST_FREEDOM, self.effective_panes - 1)

    @cached_property
    def angles(self) -> Floats:
        """Arcsines of the roots of expected shares by phase, ``(H, F, W)``: as such all shares vary alike."""
        return angles(self.phase_shares)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features."""
        return tuple(bins.name for bins in self.bins)

    @property
    def can_alarm(self) -> bool:
        """Whether the reference has enough panes."""
        return self.panes >= MIN_PANES

    @property
    def is_stationary(self) -> bool:
        """Whether the reference itself stands still: at most a fifth of the features wander."""
        return bool((self.effective_panes < MIN_EFFECTIVE_PANES).mean() <= _MOST_WANDERING)


def angles(shares: Floats) -> Floats:
    """Return the arcsines of the roots of shares, of any shape."""
    return np.asarray(np.arcsin(np.sqrt(np.minimum(shares, 1))), np.float64)
