"""The test of single bins: the largest deviation of a bin's share, for drift that lives in one value or one level."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from detectors.feature_reference import FeatureReference

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

RARE_ROWS = 15
"""Bins of which fewer rows are expected are judged by the negative binomial, the others by a normal approximation."""

_LEAST_DF = 5.0
_WORTH_A_LOOK = 1.2
"""A rare bin nearer to its expectation than this many standard deviations cannot have the smallest p-value of note."""


class BinTest(NamedTuple):
    """p-value of the largest deviation, for the number of bins corrected, and the bin that has it."""

    p: float
    worst_bin: int


class _Window(NamedTuple):
    """Counts and expectation by bin, and the variance of counts against independent rows, for window and reference."""

    counts: Ints
    expected: Floats
    n: int
    dispersion: Floats
    reference_dispersion: Floats


def bin_test(ref: FeatureReference, counts: Ints, typical_rows: float, panes: int) -> BinTest:
    """Return the test of a window's counts, ``(width,)``, at least one row."""
    n = int(counts.sum())
    window = _Window(
        counts,
        n * ref.share_array,
        n,
        _dispersion(ref, n, typical_rows, panes),
        ref.dispersion_array * _largest(ref.ratio_array[-1]),
    )
    rare = window.expected < RARE_ROWS
    common_p, common_bin = _common(ref, window, ~rare)
    rare_p, rare_bin = _rare(ref, window, rare)
    p, worst = (rare_p, rare_bin) if rare_p < common_p else (common_p, common_bin)
    return BinTest(min(1.0, p * ref.bins.width), worst)


def _dispersion(ref: FeatureReference, n: int, typical_rows: float, panes: int) -> Floats:
    """Return the variance of the window's counts against independent rows; what is not sampling grows with rows."""
    growth = max(1.0, n / (panes * typical_rows))
    return (1 + (ref.dispersion_array - 1) * growth) * _largest(ref.ratio(panes))


def _largest(ratios: Floats) -> float:
    return float(ratios.max(initial=1.0))


def _common(ref: FeatureReference, window: _Window, common: Flags) -> tuple[float, int]:
    """Return the smallest p-value among common bins, and its bin: arcsine of roots, which have equal variances."""
    found = np.arcsin(np.sqrt((window.counts + 0.375) / (window.n + 0.75)))
    expected = np.arcsin(np.sqrt(ref.share_array))
    variance = window.dispersion / (4 * (window.n + 0.5)) + window.reference_dispersion / (4 * ref.rows)
    z = np.where(common, np.abs(found - expected) / np.sqrt(variance), 0)
    worst = int(z.argmax())
    return float(2 * special.stdtr(max(_LEAST_DF, ref.effective_panes - 1), -z[worst])), worst


def _rare(ref: FeatureReference, window: _Window, rare: Flags) -> tuple[float, int]:
    """Return the smallest p-value among rare bins, and its bin."""
    expected, count = window.expected, window.counts
    reference_rows = np.maximum(ref.share_array * ref.rows, 1e-9)
    variance = window.dispersion * expected + expected**2 * window.reference_dispersion / reference_rows
    far = rare & (np.abs(count - expected) > _WORTH_A_LOOK * np.sqrt(variance))
    if not far.any():
        return 1.0, 0
    p = np.ones(len(count))
    p[far] = _negative_binomial(count[far], expected[far], variance[far])
    worst = int(p.argmin())
    return float(p[worst]), worst


def _negative_binomial(count: Ints, expected: Floats, variance: Floats) -> Floats:
    """Return the two-sided p-values of counts, by the regularised incomplete beta function."""
    excess = np.maximum(variance - expected, expected * 1e-6)
    size = np.clip(expected * expected / excess, 1e-8, 1e8)
    success = size / (size + expected)
    above = special.betaincc(size, np.maximum(count, 1e-9), success)
    below = special.betainc(size, count + 1, success)
    return np.asarray(np.minimum(1, 2 * np.where(count > expected, above, below)), np.float64)
