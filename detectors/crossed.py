"""Normal scores of a reference's rows by orders of levels that the rows themselves had no part in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.columns import Binned
from detectors.panel.bin_values import normal_scores_of_bins
from detectors.panel.panel import Panel
from detectors.scores import order_by_score

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

FOLDS = 5


def crossed_scores(panel: Panel, inputs: Sequence[Binned], carried: Floats, pane_of_row: Ints) -> Ints:
    """Return the normal scores of some features by row, ``(n, d)``, as rows that come later would have them.

    Levels are ordered by the mean answer of their rows. That of a rare level is mostly chance, the same by which these
    rows go with whatever the answer goes with: correlations are too large in the rows that the order was learnt from
    (by .06 with 64 rare levels and 20,000 rows), and a window of new rows seems to have lost them. So the panes are
    cut into five parts, and each has the order that the other four give.

    Parameters
    ----------
    inputs
        The d features, of the panel's.
    carried
        The answers, ``(n,)``.
    pane_of_row
        Number of each row's pane, ``(n,)``, from 0 without gaps.
    """
    part = pane_of_row * FOLDS // (int(pane_of_row.max(initial=0)) + 1)
    return np.stack([_scores(panel, feature, carried, part) for feature in inputs], 1)


def _scores(panel: Panel, feature: Binned, carried: Floats, part: Ints) -> Ints:
    place = panel.names.index(feature.bins.name)
    if feature.bins.kind == "number":
        return np.asarray(panel.normal_scores[place][feature.codes], np.int64)
    shares, found = panel.shares[place][None], np.zeros(len(part), np.int64)
    for own in (part == k for k in range(FOLDS)):
        order = order_by_score(feature.codes[~own], carried[~own], shares.shape[1])
        found[own] = normal_scores_of_bins((feature.bins,), shares, order[None])[0][feature.codes[own]]
    return found
