"""The verdict on one feature in one window: three tests, calibrated by the reference's own panes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.artifact import MIN_PANES, WANTED_PANES, Reference
from detectors.feature_reference import FeatureReference
from detectors.hotelling import ScoreTest, score_test
from detectors.max_bin import BinTest, bin_test

Ints = NDArray[np.int64]

MIN_EFFECTIVE_ROWS = 400
"""Below it small p-values are 2 to 15 times too frequent."""

_SHOWN_P = 0.05

JUDGED, INSUFFICIENT = "judged", "insufficient"


class FeatureVerdict(NamedTuple):
    """What three tests say of one feature in one window.

    Attributes
    ----------
    p
        In [0, 1]: the smallest of the three times their number (one for a feature without scores, two with
        one score, where the location is the only direction); 1 if it is not judged.
    p_hotelling, p_location, p_bins
        Of each test; 1 if it is not judged.
    statistic
        Hotelling's.
    n, n_eff
        Rows, and those that count: rows over the reference's design effect.
    worst_bin
        The bin that deviates most.
    status
        ``judged`` or ``insufficient``.
    reason
        A sentence: what was found, or why nothing is judged.
    """

    p: float
    p_hotelling: float
    p_location: float
    p_bins: float
    statistic: float
    n: int
    n_eff: float
    worst_bin: int
    status: str
    reason: str


def judge(ref: FeatureReference, reference: Reference, counts: Ints, panes: int = 1) -> FeatureVerdict:
    """Return the verdict on a window.

    Parameters
    ----------
    counts
        By bin, ``(width,)``, all panes of the window together.
    panes
        Panes that the window merges, 1 or more.

    Raises
    ------
    ValueError
        If `counts` has not one entry for each bin, or `panes` is below 1.
    """
    if counts.shape != (ref.bins.width,) or panes < 1:
        raise ValueError(f"need {ref.bins.width} counts and panes >= 1, got {counts.shape} and {panes}")
    n = int(counts.sum())
    n_eff = n / ref.design_effect
    lacking = _lacking(reference.panes, n_eff)
    if lacking:
        return FeatureVerdict(1.0, 1.0, 1.0, 1.0, 0.0, n, n_eff, 0, INSUFFICIENT, lacking)
    score = score_test(ref, counts, reference.rows_per_pane, reference.panes, panes)
    bins = bin_test(ref, counts, reference.rows_per_pane, panes)
    p = _together(score, bins, len(ref.scores))
    return FeatureVerdict(
        p,
        score.p_hotelling,
        score.p_location,
        bins.p,
        score.statistic,
        n,
        n_eff,
        bins.worst_bin,
        JUDGED,
        _sentence(ref, counts, p, score, bins),
    )


def _lacking(reference_panes: int, n_eff: float) -> str:
    if reference_panes < MIN_PANES:
        return f"{reference_panes} panes: too few to alarm, {MIN_PANES} needed, {WANTED_PANES} wanted"
    if n_eff < MIN_EFFECTIVE_ROWS:
        return f"n_eff {n_eff:.0f} < {MIN_EFFECTIVE_ROWS}"
    return ""


def _together(score: ScoreTest, bins: BinTest, k: int) -> float:
    tests = 1 + min(k, 2)
    return min(1.0, tests * min(score.p_hotelling, score.p_location, bins.p))


def _sentence(ref: FeatureReference, counts: Ints, p: float, score: ScoreTest, bins: BinTest) -> str:
    """Return which test has the smallest p-value, and the bin that deviates most, then and now."""
    if p > _SHOWN_P:
        return f"as in the reference (p {p:.2g})"
    worst = bins.worst_bin
    now = counts[worst] / counts.sum()
    found = f"{ref.bins.label(worst)}: {ref.shares[worst]:.2%} in the reference, {now:.2%} now"
    least, test = min((bins.p, "one bin"), (score.p_location, "location"), (score.p_hotelling, "shape"))
    return f"{test} (p {least:.2g}); {found}"
