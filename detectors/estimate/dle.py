r"""Direct loss estimation: the mean loss of a regression without labels, by cells of its predictions.

The reference says which loss (the absolute error, or another of 0 or more) rows of a cell have in the mean. A cell
is a bin of the prediction, or of the prediction and an input: `np.ravel_multi_index` makes one number of both. A
pane's estimate is the mean over its rows; its variance is that of single losses within cells (sampling), that
of the cells' means (calibration), and :math:`\tau^2` between contiguous windows of the reference, as in `cbpe`.

References
----------
NannyML's documentation calls the estimator so (a second model learns the loss); ours is the one by cells, so that
panes merge by adding integers.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.estimate.interval import Estimated, Undefined, estimated
from detectors.estimate.windows import between_windows, folds

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

BINS = 50
TAILS = (0.001, 0.01, 0.99, 0.999)


class CellLosses(NamedTuple):
    """Labelled rows, sum and sum of squares of their losses; ``(..., cells)`` each."""

    n: Floats
    total: Floats
    squares: Floats

    def sum(self) -> CellLosses:
        """Return the sums over windows, ``(cells,)``, of ``(windows, cells)``."""
        return CellLosses(*(given.sum(axis=0) for given in self))

    def of(self, windows: NDArray[np.bool_]) -> CellLosses:
        """Return those of these windows."""
        return CellLosses(*(given[windows] for given in self))


class Dle(msgspec.Struct, frozen=True, dict=True):
    """The estimator, fitted on a reference.

    Attributes
    ----------
    mean, variance
        Of the losses in each cell; one row of the whole reference is added to each cell, so that none is certain.
    rows
        Labelled rows of the reference in each cell.
    tau2
        Variance between windows, in the unit of the loss squared.
    """

    mean: tuple[float, ...]
    variance: tuple[float, ...]
    rows: tuple[float, ...]
    tau2: float

    @cached_property
    def arrays(self) -> CellLosses:
        """Rows, mean and variance as arrays, ``(cells,)``."""
        return CellLosses(np.array(self.rows), np.array(self.mean), np.array(self.variance))

    def estimate(self, counts: Ints) -> Estimated | Undefined:
        """Return the mean loss of a pane with its interval, or why there is none; O(cells).

        Parameters
        ----------
        counts
            ``(cells,)``: rows of the pane, with labels or without.

        Examples
        --------
        >>> windows = CellLosses(np.full((4, 2), 500), np.tile([500.0, 1_500.0], (4, 1)), np.tile([1e3, 9e3], (4, 1)))
        >>> fit_dle(windows).estimate(np.array([0, 1_000]))[:3]
        (3.00, 2.77, 3.23)
        """
        rows = _rows(counts, len(self.mean))
        if not rows.any():
            return Undefined("no rows")
        value, variance = self._moments(rows)
        return estimated(value, variance + self.tau2)

    def _moments(self, rows: Floats) -> tuple[float, float]:
        """Return the estimate, and its variance by sampling and calibration."""
        n, weights = rows.sum(), rows / rows.sum()
        of, mean, variance = self.arrays
        sampling = (weights * variance).sum() / n
        calibration = (weights * weights * variance / (of + 1)).sum()
        return float((weights * mean).sum()), float(sampling + calibration)


def fit_dle(windows: CellLosses) -> Dle:
    """Return the estimator of a reference.

    Parameters
    ----------
    windows
        ``(windows, cells)`` each: contiguous windows in time order; see `windows.window_of_panes`. Where single losses
        can be huge, they should be clipped (`evidence.loss_sums.clip_point`), and those that settle it too. With fewer
        than two windows tau² is 0, and intervals are too narrow.

    Raises
    ------
    ValueError
        If a sum is negative or not finite, shapes differ, or there is no row.
    """
    given = CellLosses(*(np.asarray(sums, np.float64) for sums in windows))
    _refuse(given)
    errors, variances = [], []
    for fold in folds(len(given.n)):
        if given.n[fold.others].any():
            model = _fitted(given.of(fold.others).sum(), 0.0)
            for rows, total in zip(given.n[fold.judged], given.total[fold.judged], strict=True):
                if rows.any():
                    value, variance = model._moments(rows)
                    errors.append(value - float(total.sum() / rows.sum()))
                    variances.append(variance)
    return _fitted(given.sum(), between_windows(errors, variances))


def prediction_edges(predictions: ArrayLike, bins: int = BINS) -> Floats:
    """Return edges, ``(bins + 3,)`` at most, between which about as many of the reference's predictions lie.

    The tails are cut at 1 and .1 % too, as `detectors.bins` does: the last cell has no end, and when inputs move its
    rows lie farther out than those that said what it loses.

    >>> prediction_edges([1.0, 2.0, 3.0, 4.0], bins=2)
    array([1., 2., 4.])
    """
    given = _finite(predictions)
    if given.size == 0 or bins < 1:
        raise ValueError(f"need a prediction and a bin, got {given.size} and {bins}")
    cuts = np.concatenate([np.arange(1, bins) / bins, TAILS])
    return np.unique(np.quantile(given, cuts, method="inverted_cdf"))


def prediction_bins(predictions: ArrayLike, edges: Floats) -> Ints:
    """Return the bin of each prediction, ``(n,)``, in ``0 .. len(edges)``.

    >>> prediction_bins([1.0, 2.0, 9.0], np.array([2.0]))
    array([0, 1, 1])
    """
    return np.searchsorted(edges, _finite(predictions), side="right")


def cell_losses(cells: Ints, losses: ArrayLike, width: int) -> CellLosses:
    """Return the sums of labelled rows by cell, ``(width,)``, added in row order."""
    given = _finite(losses)
    if (given < 0).any():
        raise ValueError("losses are 0 or more; one is not")
    rows = np.bincount(cells, minlength=width).astype(np.float64)
    total, squares = np.bincount(cells, given, width), np.bincount(cells, given * given, width)
    return CellLosses(rows, total.astype(np.float64), squares.astype(np.float64))


def _fitted(total: CellLosses, tau2: float) -> Dle:
    rows = total.n.sum()
    mean = (total.total + total.total.sum() / rows) / (total.n + 1)
    second = (total.squares + total.squares.sum() / rows) / (total.n + 1)
    variance = np.maximum(0.0, second - mean * mean)
    return Dle(tuple(mean.tolist()), tuple(variance.tolist()), tuple(total.n.tolist()), tau2)


def _refuse(windows: CellLosses) -> None:
    n = windows.n
    if n.ndim != 2 or not all(sums.shape == n.shape and (np.isfinite(sums) & (sums >= 0)).all() for sums in windows):
        raise ValueError(f"need finite sums (windows, cells) of 0 or more, got {[sums.shape for sums in windows]}")
    if not n.any():
        raise ValueError("need a labelled row, got none")


def _finite(values: ArrayLike) -> Floats:
    given = np.asarray(values, np.float64)
    if given.ndim != 1 or not np.isfinite(given).all():
        raise ValueError("need a row of finite numbers; one of them is not")
    return given


def _rows(counts: Ints, cells: int) -> Floats:
    if counts.shape != (cells,) or counts.dtype.kind not in "iu" or (counts < 0).any():
        raise ValueError(f"need counts ({cells},) of 0 or more, got {counts.dtype} {counts.shape}")
    return counts.astype(np.float64)
