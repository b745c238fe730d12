r"""Confidence-based performance estimation: metrics of a binary classifier without labels, from score-bin counts.

The reference says with which probability p a row of a score bin and predicted class is positive: a rising map for
each class. A pane's rows times p are its expected confusion counts, and those give the metrics. The variance of a
metric is that of its cells' positives, by the delta method:

* sampling, :math:`c \, p (1 - p)` for c rows of the pane;
* calibration, :math:`c^2 p (1 - p) / (N + 1)` for N rows of the reference;
* and what differs between contiguous windows of the reference beyond both, each judged by a map that was fitted
  without it: offsets of the log odds (`wobble`), and :math:`\tau^2` for what these leave of each metric's errors.
  This part is what makes the coverage right.

References
----------
Bialek et al., "Estimating model performance under covariate shift without labels", arXiv 2401.08348 (2024).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.estimate.expected import HIGHEST, METRICS, Cells, Metric
from detectors.estimate.interval import Estimated, Undefined, estimated
from detectors.estimate.isotonic import rising
from detectors.estimate.score_bins import ScoreBins
from detectors.estimate.windows import between_windows, folds
from detectors.estimate.wobble import Offset, covariance, response

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


_NO_OFFSETS = ((0.0, 0.0), (0.0, 0.0))


class Cbpe(msgspec.Struct, frozen=True, dict=True):
    """The estimator, fitted on a reference.

    Attributes
    ----------
    bins
        Of the scores.
    positive_share
        Of each bin, probability of a positive if the class 0, and 1, is predicted.
    rows
        Of each bin, labelled rows of the reference with these predictions.
    offsets
        Covariance of the offsets of the log odds of both predicted classes, between windows.
    tau2
        Of each metric, variance between windows that these do not explain, in its unit squared.
    """

    bins: ScoreBins
    positive_share: tuple[tuple[float, float], ...]
    rows: tuple[tuple[int, int], ...]
    offsets: tuple[tuple[float, float], tuple[float, float]]
    tau2: dict[str, float]

    @cached_property
    def share_array(self) -> Floats:
        """The probabilities as an array, ``(bins, 2)``."""
        return np.array(self.positive_share)

    @cached_property
    def row_variance_array(self) -> Floats:
        """Variance of one row's label, ``(bins, 2)``."""
        return self.share_array * (1 - self.share_array)

    @cached_property
    def calibration_variance_array(self) -> Floats:
        """Variance of the probabilities themselves, ``(bins, 2)``."""
        return self.row_variance_array / (np.array(self.rows, np.float64) + 1)

    def estimate(self, counts: Ints, metrics: Iterable[str] = tuple(METRICS)) -> dict[str, Estimated | Undefined]:
        """Return metrics with their intervals, or why one has none; O(bins) each.

        Parameters
        ----------
        counts
            ``(bins, 2)``: see `ScoreBins.counts`. To settle it, those of the rows whose labels came.
        metrics
            Which of `METRICS`.

        Examples
        --------
        >>> bins = ScoreBins((0.5,), ((0.1, 2.3), (2.3, 0.1)), ((0.01, 0.81), (0.81, 0.01)))
        >>> windows = np.tile([[[90, 10], [0, 0]], [[0, 0], [10, 90]]], (8, 1, 1, 1))
        >>> fit_cbpe(bins, windows).estimate(np.array([[500, 0], [0, 500]]))["accuracy"][:3]
        (0.90, 0.87, 0.93)
        """
        cells = self.expected(counts)
        return {name: self._with_interval(name, METRICS[name](cells), cells.rows) for name in metrics}

    def expected(self, counts: Ints) -> Cells:
        """Return the expected positives of a pane's counts; `confusion` makes expected counts of them."""
        rows = _rows(counts, self.bins)
        return Cells(self.bins, rows, rows * self.share_array)

    def variance(self, gradient: Floats, rows: Floats) -> float:
        """Return a metric's variance but for tau², from its gradient by the positives of the cells."""
        moved = response(gradient, rows * self.row_variance_array)
        between = float((np.multiply.outer(moved, moved) * np.array(self.offsets)).sum())
        return float((gradient * gradient * self.cell_variance(rows)).sum()) + between

    def cell_variance(self, rows: Floats) -> Floats:
        """Return the variance of each cell's positives by sampling and calibration, ``(bins, 2)``."""
        return rows * self.row_variance_array + rows * rows * self.calibration_variance_array

    def _with_interval(self, name: str, found: Metric | str, rows: Floats) -> Estimated | Undefined:
        if isinstance(found, str):
            return Undefined(found)
        variance = self.variance(found.gradient, rows) + self.tau2[name]
        return estimated(found.value, variance, highest=HIGHEST.get(name, 1.0))


def fit_cbpe(bins: ScoreBins, windows: Ints) -> Cbpe:
    """Return the estimator of a reference.

    Parameters
    ----------
    bins
        Of the scores, fitted on the reference.
    windows
        ``(windows, bins, 2, 2)``: labelled rows of contiguous windows in time order, by bin, predicted class and
        label; see `ScoreBins.labelled_counts`, and `windows.window_of_panes` for windows of enough rows. With fewer
        than two windows tau² is 0, and intervals are too narrow.

    Raises
    ------
    ValueError
        If the windows are no such counts, or hold no row.
    """
    if windows.ndim != 4 or windows.shape[1:] != (bins.width, 2, 2) or windows.dtype.kind not in "iu":
        raise ValueError(f"need integers (windows, {bins.width}, 2, 2), got {windows.dtype} {windows.shape}")
    if (windows < 0).any() or not windows.any():
        raise ValueError("need counts of 0 or more, and a labelled row")
    held_out = [
        (_fitted(bins, windows[fold.others]), window)
        for fold in folds(len(windows))
        for window in windows[fold.judged]
        if windows[fold.others].any()
    ]
    wandering = covariance([_offset(model, window) for model, window in held_out])
    offsets = ((float(wandering[0, 0]), float(wandering[0, 1])), (float(wandering[1, 0]), float(wandering[1, 1])))
    judged = [(msgspec.structs.replace(model, offsets=offsets), window) for model, window in held_out]
    return msgspec.structs.replace(_fitted(bins, windows), offsets=offsets, tau2=_between(judged))


def measured(bins: ScoreBins, labelled: Ints) -> dict[str, float | None]:
    """Return what labels say, by the same bins: ``(bins, 2, 2)`` counts; None where a metric is not defined."""
    found = _metrics(Cells(bins, labelled.sum(axis=2).astype(np.float64), labelled[:, :, 1].astype(np.float64)))
    return {name: None if isinstance(metric, str) else metric.value for name, metric in found.items()}


def _fitted(bins: ScoreBins, windows: Ints) -> Cbpe:
    total = windows.sum(axis=0)
    rows = total.sum(axis=2)
    share = np.stack([rising(total[:, of, 1], rows[:, of]) for of in (0, 1)], axis=1)
    pairs = tuple((float(if_zero), float(if_one)) for if_zero, if_one in share)
    return Cbpe(
        bins, pairs, tuple((int(zero), int(one)) for zero, one in rows), _NO_OFFSETS, dict.fromkeys(METRICS, 0.0)
    )


def _offset(model: Cbpe, window: Ints) -> Offset:
    rows = window.sum(axis=2).astype(np.float64)
    excess = window[:, :, 1] - rows * model.share_array
    slopes = rows * model.row_variance_array
    return Offset(excess.sum(axis=0), model.cell_variance(rows).sum(axis=0), slopes.sum(axis=0))


def _between(judged: list[tuple[Cbpe, Ints]]) -> dict[str, float]:
    """Return tau² of each metric: from each window's error, and the variance that was stated for it."""
    errors: dict[str, list[float]] = {name: [] for name in METRICS}
    variances: dict[str, list[float]] = {name: [] for name in METRICS}
    for model, window in judged:
        cells, later = model.expected(window.sum(axis=2)), measured(model.bins, window)
        for name, metric in _metrics(cells).items():
            truth = later[name]
            if isinstance(metric, Metric) and truth is not None:
                errors[name].append(metric.value - truth)
                variances[name].append(model.variance(metric.gradient, cells.rows))
    return {name: between_windows(errors[name], variances[name]) for name in METRICS}


def _metrics(cells: Cells) -> dict[str, Metric | str]:
    return {name: metric(cells) for name, metric in METRICS.items()}


def _rows(counts: Ints, bins: ScoreBins) -> Floats:
    if counts.shape != (bins.width, 2) or counts.dtype.kind not in "iu" or (counts < 0).any():
        raise ValueError(f"need counts ({bins.width}, 2) of 0 or more, got {counts.dtype} {counts.shape}")
    return counts.astype(np.float64)
