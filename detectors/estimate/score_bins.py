"""Bins of a classifier's scores, frozen on the reference; a pane is integer counts by bin and predicted class."""

from __future__ import annotations

from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

BINS = 50

CLIP = 1e-7
"""Scores are cut so far from 0 and 1 for the log loss, as in `binary`, which would load a compiler here."""


class ScoreBins(msgspec.Struct, frozen=True, dict=True):
    """Score bins of a binary model.

    Attributes
    ----------
    edges
        Strictly rising; bin ``i`` holds ``edges[i - 1] <= score < edges[i]``, so there is one bin more than edges.
    log_loss, brier
        Of each bin, mean loss that the reference's scores in it have if the label is 0, and if it is 1.
    """

    edges: tuple[float, ...]
    log_loss: tuple[tuple[float, float], ...]
    brier: tuple[tuple[float, float], ...]

    @property
    def width(self) -> int:
        """Number of bins."""
        return len(self.edges) + 1

    @cached_property
    def log_loss_array(self) -> Floats:
        """The losses as an array, ``(bins, 2)``."""
        return np.array(self.log_loss)

    @cached_property
    def brier_array(self) -> Floats:
        """The losses as an array, ``(bins, 2)``."""
        return np.array(self.brier)

    def counts(self, scores: ArrayLike, predicted: ArrayLike) -> Ints:
        """Return a pane's state, ``(bins, 2)``: rows by bin and predicted class. States add up.

        Raises
        ------
        ValueError
            If a score lies outside [0, 1] or is NaN, or a class is not 0 or 1.

        Examples
        --------
        >>> fit_score_bins([0.1, 0.2, 0.8, 0.9], bins=2).counts([0.3, 0.95, 0.7], [0, 1, 1])
        array([[0, 0],
               [1, 2]])
        """
        bins, classes = _bins_of(np.array(self.edges), scores), _classes(predicted, np.size(scores))
        return np.bincount(2 * bins + classes, minlength=2 * self.width).reshape(self.width, 2)

    def labelled_counts(self, scores: ArrayLike, predicted: ArrayLike, labels: ArrayLike) -> Ints:
        """Return the state of labelled rows, ``(bins, 2, 2)``: by bin, predicted class and label."""
        bins, size = _bins_of(np.array(self.edges), scores), np.size(scores)
        cells = 4 * bins + 2 * _classes(predicted, size) + _classes(labels, size)
        return np.bincount(cells, minlength=4 * self.width).reshape(self.width, 2, 2)


def fit_score_bins(scores: ArrayLike, bins: int = BINS) -> ScoreBins:
    """Return bins of about as many reference scores each; equal scores are never parted. O(n log n).

    Parameters
    ----------
    scores
        ``(n,)`` in [0, 1], at least one.
    bins
        At most so many, 1 or more.

    Examples
    --------
    >>> fit_score_bins([0.1, 0.1, 0.1, 0.9], bins=4).edges
    (0.1,)
    """
    given = _scores(scores)
    if given.size == 0 or bins < 1:
        raise ValueError(f"need a score and a bin, got {given.size} and {bins}")
    cuts = np.quantile(given, np.arange(1, bins) / bins, method="inverted_cdf")
    return score_bins_at(np.unique(cuts), given)


def score_bins_at(edges: Floats, scores: ArrayLike) -> ScoreBins:
    """Return bins with these edges, strictly rising, and the losses that the reference's scores have in them.

    >>> score_bins_at(np.array([0.5]), [0.1, 0.3, 0.9]).brier[1]
    (0.81, 0.01)
    """
    given = _scores(scores)
    at = np.searchsorted(edges, given, side="right")
    clipped = np.clip(given, CLIP, 1 - CLIP)
    log_loss = (-np.log1p(-clipped), -np.log(clipped))
    brier = (given * given, (1 - given) ** 2)
    return ScoreBins(tuple(edges.tolist()), _means(at, log_loss, len(edges) + 1), _means(at, brier, len(edges) + 1))


def _means(at: Ints, losses: tuple[Floats, Floats], width: int) -> tuple[tuple[float, float], ...]:
    """Return the means of both losses in each bin; an empty one, which only the first can be, has those of the next."""
    rows = np.bincount(at, minlength=width)
    means = np.stack([np.bincount(at, loss, width) / np.maximum(rows, 1) for loss in losses], axis=1)
    if rows[0] == 0:
        means[0] = means[1]
    return tuple((float(if_zero), float(if_one)) for if_zero, if_one in means)


def _scores(scores: ArrayLike) -> Floats:
    given = np.asarray(scores, np.float64)
    if given.ndim != 1 or not ((given >= 0) & (given <= 1)).all():
        raise ValueError("scores are a row of numbers in [0, 1]; one of them is not")
    return given


def _bins_of(edges: Floats, scores: ArrayLike) -> Ints:
    return np.searchsorted(edges, _scores(scores), side="right")


def _classes(classes: ArrayLike, rows: int) -> Ints:
    given = np.asarray(classes)
    if given.shape != (rows,) or not np.isin(given, (0, 1)).all():
        raise ValueError(f"need {rows} classes, each 0 or 1")
    return given.astype(np.int64)
