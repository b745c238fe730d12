"""What three tests together say of each feature in each window."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.panel.bin_tests import bin_tests
from detectors.panel.panel import Panel
from detectors.panel.score_tests import score_tests
from detectors.panel.windows import Windows

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

LEAST_WINDOW_ROWS = 100
"""Effective rows below which a window that came out smaller than its scale promised is not judged."""


class WindowTests(NamedTuple):
    """Tests of T windows and F features, ``(T, F)`` each unless said.

    Attributes
    ----------
    p
        In [0, 1]: the smallest of the three times their number (one for a feature without scores, two with one
        score, where the location is the only direction). 1 where nothing is judged.
    hotelling, location, bins
        p-values of each test, judged or not.
    statistic
        Hotelling's.
    worst_bin
        The bin that deviates most.
    z
        Of location and spread, in [-4, 4], ``(T, F, 2)``.
    judged
        Whether there were rows and panes enough.
    """

    p: Floats
    hotelling: Floats
    location: Floats
    bins: Floats
    statistic: Floats
    worst_bin: Ints
    z: Floats
    judged: Flags


def window_tests(panel: Panel, windows: Windows) -> WindowTests:
    """Return the tests of windows; O(T F W).

    The tests depend on each other in unknown ways, so the smallest p-value counts times their number.
    """
    scores, bins = score_tests(panel, windows), bin_tests(panel, windows)
    tests = 1 + np.minimum(panel.sizes, 2)
    least = np.minimum(np.minimum(scores.hotelling, scores.location), bins.p)
    judged = is_judged(panel, windows.rows, windows.scale)
    return WindowTests(
        np.where(judged, np.minimum(1, tests * least), 1.0),
        scores.hotelling,
        scores.location,
        bins.p,
        scores.statistic,
        bins.worst_bin,
        scores.z,
        judged,
    )


def is_judged(panel: Panel, rows: Floats, scale: Ints) -> Flags:
    """Return whether the features of windows can be judged, ``(T, F)``, from rows and place of scale, ``(T,)``."""
    enough = rows[:, None] / panel.design_effects >= LEAST_WINDOW_ROWS
    return np.asarray(panel.usable[scale] & enough, np.bool_)
