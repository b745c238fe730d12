"""Estimates of performance from nothing but the bins that the model's answers fall into.

The answers are watched like a feature, so a pane's counts in the bins of that feature are all that is needed: of a
binary model `cbpe` makes the metrics of them, of a regression `dle` the mean loss.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.bins import FIRST, UNSEEN, Bins
from detectors.estimate.cbpe import Cbpe, fit_cbpe
from detectors.estimate.dle import CellLosses, Dle, fit_dle
from detectors.estimate.expected import METRICS
from detectors.estimate.interval import Estimated, Undefined
from detectors.estimate.score_bins import score_bins_at
from detectors.estimate.windows import merged, window_of_panes

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

THRESHOLD = 0.5
"""Scores from here on predict a 1: an edge of the score's bins."""


class Estimator(msgspec.Struct, frozen=True):
    """What answers say of their losses: `cbpe` of a binary model, or `dle` by metric of a regression."""

    cbpe: Cbpe | None = None
    dle: dict[str, Dle] = {}

    def estimate(self, counts: Ints, metric: str) -> Estimated | Undefined:
        """Return the estimate of a metric, in the unit of its mean loss (accuracy as itself); O(bins).

        Parameters
        ----------
        counts
            Rows by bin of the answers (`detectors.bins`), ``(width,)``: missing ones are left out.
        """
        inside = answered(counts)
        if not inside.any():
            return Undefined("nobody answered")
        if self.cbpe is None:
            return self.dle[metric].estimate(inside) if metric in self.dle else Undefined(f"no estimate of {metric}")
        if metric not in METRICS:
            return Undefined(f"no estimate of {metric}")
        return self.cbpe.estimate(_by_class(inside, self.cbpe.bins.edges), [metric])[metric]


class Answered(NamedTuple):
    """The reference's rows: codes of the answers' bins, answers and truths, and the pane of each; ``(n,)`` each."""

    codes: NDArray[np.int16]
    served: Floats
    truth: Floats
    pane: Ints


def answered(counts: Ints) -> Ints:
    """Return rows by bin inside the range, ``(width - 3,)``: those beyond it count with the first and the last.

    >>> answered(np.array([9, 1, 2, 3, 4]))
    array([3, 7])
    """
    inside = counts[FIRST:-1].copy()
    inside[0] += counts[UNSEEN]
    inside[-1] += counts[-1]
    return inside


def fit_scores(bins: Bins, rows: Answered) -> Estimator | None:
    """Return the estimator of a binary model; None without rows whose answer and truth are known."""
    known = (rows.codes > 0) & ((rows.truth == 0) | (rows.truth == 1)) & (rows.served >= 0) & (rows.served <= 1)
    if not known.any() or bins.width < FIRST + 2:
        return None
    places, labels = rows.codes[known].astype(np.int64) - FIRST, rows.truth[known].astype(np.int64)
    cells = bins.width - FIRST - 1
    edges = np.array(bins.edges[1:-1])
    classes = _classes(edges)
    windows = _windows(rows.pane[known], 4 * places + 2 * classes[places] + labels, 4 * cells)
    fitted = fit_cbpe(score_bins_at(edges, rows.served[known]), windows.reshape(-1, cells, 2, 2))
    return Estimator(cbpe=fitted)


def fit_values(bins: Bins, rows: Answered, losses: Mapping[str, Floats]) -> Estimator | None:
    """Return the estimator of a regression, for each metric's losses, ``(n,)``; None without known rows."""
    known = (rows.codes > 0) & ~np.isnan(next(iter(losses.values())))
    if not known.any() or bins.width < FIRST + 2:
        return None
    places = np.clip(rows.codes[known].astype(np.int64) - FIRST, 0, bins.width - FIRST - 2)
    panes, cells = rows.pane[known], bins.width - FIRST - 1
    return Estimator(dle={metric: fit_dle(_losses(panes, places, of[known], cells)) for metric, of in losses.items()})


def _classes(edges: Floats) -> Ints:
    """Return the class that the scores of each bin predict, ``(bins,)``."""
    return np.append(0, edges >= THRESHOLD).astype(np.int64)


def _by_class(inside: Ints, edges: tuple[float, ...]) -> Ints:
    counts = np.zeros((len(inside), 2), np.int64)
    counts[np.arange(len(inside)), _classes(np.array(edges))] = inside
    return counts


def _windows(pane: Ints, cell: Ints, cells: int) -> Ints:
    """Return rows by window and cell, ``(windows, cells)``: panes are merged until they hold enough rows."""
    counts = np.bincount(pane * cells + cell, minlength=(int(pane.max()) + 1) * cells).reshape(-1, cells)
    return np.asarray(merged(counts, window_of_panes(counts.sum(1))), np.int64)


def _losses(pane: Ints, place: Ints, losses: Floats, cells: int) -> CellLosses:
    size = (int(pane.max()) + 1) * cells
    at = pane * cells + place
    sums = [np.bincount(at, weights, size).reshape(-1, cells) for weights in (None, losses, losses * losses)]
    window = window_of_panes(sums[0].sum(1).astype(np.int64))
    return CellLosses(*(np.asarray(merged(each, window), np.float64) for each in sums))
