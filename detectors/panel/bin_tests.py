"""Tests of single bins: the largest deviation of a share, for drift that lives in one value or one level."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from detectors.panel.panel import Panel, angles
from detectors.panel.windows import Windows

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

RARE_ROWS = 15
"""Bins of which fewer rows are expected are judged by the negative binomial, the others by a normal approximation."""

_WORTH_A_LOOK = 2.0
"""A rare bin nearer to its expectation than this many standard deviations has, for the bins corrected, no p-value of
note (above .15 with four bins, 1 with thirty); to work out all would take a third of a tick."""


class BinTests(NamedTuple):
    """p-value of the largest deviation, for the number of bins corrected, and its bin: ``(T, F)``."""

    p: Floats
    worst_bin: Ints


class _Expectation(NamedTuple):
    """Of counts, ``(T, F, W)``: rows and variances against independent rows, of the window's own and the reference's.

    `reference_rows` are those behind the shares, ``(T, 1, 1)``.
    """

    rows: Floats
    dispersion: Floats
    reference_dispersion: Floats
    reference_rows: Floats


def bin_tests(panel: Panel, windows: Windows) -> BinTests:
    """Return the tests; O(T F W)."""
    expected = _expectation(panel, windows)
    is_rare = (expected.rows < RARE_ROWS) & panel.valid
    common_p, common_bin = _common(panel, windows, expected, panel.valid & ~is_rare)
    rare_p, rare_bin = _rare(windows, expected, is_rare)
    least = np.minimum(common_p, rare_p)
    worst = np.where(rare_p < common_p, rare_bin, common_bin)
    return BinTests(np.minimum(1, least * panel.widths), worst)


def _expectation(panel: Panel, windows: Windows) -> _Expectation:
    panes = panel.scale_panes[windows.scale]
    # What is not sampling grows with the rows.
    growth = np.maximum(1, windows.rows / (panes * panel.rows_per_pane))[:, None, None]
    dispersion = (1 + (panel.dispersion - 1) * growth) * panel.largest_ratios[windows.scale][:, :, None]
    met = panel.rows * np.minimum(panes, panel.phases) / panel.phases
    return _Expectation(
        windows.rows[:, None, None] * windows.shares,
        dispersion,
        panel.dispersion * panel.largest_ratios[-1][:, None],
        met[:, None, None],
    )


def _common(panel: Panel, windows: Windows, expected: _Expectation, common: Flags) -> tuple[Floats, Ints]:
    """Return the least p-value among common bins, and its bin: arcsines of roots, which have equal variances."""
    n = windows.rows[:, None, None]
    found = np.arcsin(np.sqrt((windows.counts + 0.375) / (n + 0.75)))
    apart = np.abs(found - (panel.angles if panel.phases == 1 else angles(windows.shares)))
    variance = expected.dispersion / (4 * (n + 0.5)) + expected.reference_dispersion / (4 * expected.reference_rows)
    z = apart / np.sqrt(variance) * common
    return 2 * special.stdtr(panel.freedom, -z.max(2)), z.argmax(2)


def _rare(windows: Windows, expected: _Expectation, rare: Flags) -> tuple[Floats, Ints]:
    """Return the least p-value among rare bins, and its bin; 1 where none is worth a look."""
    count, mean = windows.counts, expected.rows
    reference = expected.reference_dispersion / np.maximum(windows.shares * expected.reference_rows, 1e-9)
    variance = expected.dispersion * mean + mean * mean * reference
    far = np.nonzero(rare & (np.abs(count - mean) > _WORTH_A_LOOK * np.sqrt(variance)))
    p = np.ones(count.shape)
    p[far] = _negative_binomial(count[far], mean[far], variance[far])
    return p.min(2), p.argmin(2)


def _negative_binomial(count: Floats, mean: Floats, variance: Floats) -> Floats:
    """Return the two-sided p-values of counts, by the regularised incomplete beta function."""
    wide = np.maximum(variance, mean * (1 + 1e-6))
    size = np.clip(mean * mean / (wide - mean), 1e-8, 1e8)
    success = size / (size + mean)
    p, is_above = np.empty(len(count)), count > mean
    p[is_above] = special.betaincc(size[is_above], count[is_above], success[is_above])
    p[~is_above] = special.betainc(size[~is_above], count[~is_above] + 1, success[~is_above])
    return np.asarray(np.minimum(1, 2 * p), np.float64)
