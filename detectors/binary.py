"""Performance of a score in [0, 1] against labels 0 and 1, from sums that add up over panes and partitions.

Scores fall into 50 bins of equal width. For each: how many were served, how many have label 0 and label 1,
and the sums of their scores. Besides: the confusion at .5, and sums and sums of squares of the two proper
losses.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.binary_kernels import (
    BINARY_FLOATS,
    BINARY_INTS,
    BRIER,
    BRIER_SQUARES,
    CLIP,
    CONFUSION,
    INVALID_SCORE,
    LABEL_BINS,
    LABEL_SUM,
    LABELS,
    LOG_LOSS,
    LOG_LOSS_SQUARES,
    SCORE_BINS,
    SCORED,
    SERVED,
    UNSCORED,
    label_scores,
    log_loss_of_each,
    serve_scores,
)
from detectors.cells import column, flat
from detectors.confusion import mcc_of
from detectors.differences import mean_over
from detectors.estimates import UNDEFINED, Z95, Estimate, around, exactly, mean_of, share, variance
from detectors.losses import Losses

__all__ = [
    "BINARY_FLOATS", "BINARY_INTS", "BINARY_METRICS", "CLIP", "accumulate_labels", "accumulate_scores",
    "binary_losses", "binary_metrics", "confusion_at_half", "log_losses", "selected",
]  # fmt: skip

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

BINARY_METRICS = (
    "accuracy", "balanced_accuracy", "precision", "recall", "specificity", "f1", "mcc", "auc", "average_precision",
    "log_loss", "brier", "ece",
)  # fmt: skip
_ECE_BINS = 10


def accumulate_scores(ints: Ints, floats: Floats, rows: Ints, score: Floats) -> None:
    """Count served scores, in place.

    Parameters
    ----------
    ints, floats
        ``(K, BINARY_INTS)`` and ``(K, BINARY_FLOATS)``, contiguous.
    rows
        Which of the K tables each score belongs to, ``(n,)``.
    score
        ``(n,)``; NaN is counted as not scored, what lies outside [0, 1] as invalid.
    """
    serve_scores(flat(ints), flat(floats), column(rows, np.int64), column(score, np.float64))


def accumulate_labels(ints: Ints, floats: Floats, rows: Ints, score: Floats, truth: Floats) -> None:
    """Add labels that met their prediction, in place; shapes as in `accumulate_scores`.

    A truth that is neither 0 nor 1, and a label whose prediction has no valid score, are only counted.
    """
    scores, truths = column(score, np.float64), column(truth, np.float64)
    label_scores(flat(ints), flat(floats), column(rows, np.int64), scores, truths)


def log_losses(score: Floats, truth: Floats) -> Floats:
    """Return the log loss of each row, ``(n,)``, scores clipped by `CLIP`.

    >>> log_losses(np.array([0.5, 1.0]), np.array([1.0, 0.0]))
    array([ 0.69,  16.1])
    """
    return log_loss_of_each(column(score, np.float64), column(truth, np.float64))


def binary_metrics(ints: Ints, floats: Floats) -> dict[str, Estimate]:
    """Return `BINARY_METRICS` with 95 % intervals, and the counts ``rows``, ``labels``, ``positives``.

    Shares have the interval of Wilson (F1 by way of the share tp / (tp + fp + fn), of which it is a
    function), the balanced accuracy that of a mean of two shares, Matthews' coefficient that of the delta method, means
    the normal one, AUC that of DeLong, the average precision the logit one. NaN where a metric is not defined.

    Parameters
    ----------
    ints, floats
        One row of the tables: ``(BINARY_INTS,)``, ``(BINARY_FLOATS,)``.
    """
    labels = int(ints[LABELS])
    tn, fp, fn, tp = confusion_at_half(ints)
    recall, specificity = share(tp, tp + fn), share(tn, tn + fp)
    by_bin = _by_bin(ints, floats)
    return {
        "rows": exactly(ints[SCORED] + ints[UNSCORED] + ints[INVALID_SCORE]),
        "labels": exactly(labels),
        "positives": exactly(tp + fn),
        "accuracy": share(tp + tn, labels),
        "balanced_accuracy": mean_over([recall, specificity]),
        "precision": share(tp, tp + fp),
        "recall": recall,
        "specificity": specificity,
        "f1": _f1(tp, fp, fn),
        "mcc": mcc_of(tn, fp, fn, tp),
        "auc": _auc(by_bin),
        "average_precision": _average_precision(by_bin),
        "log_loss": mean_of(labels, float(floats[LOG_LOSS]), float(floats[LOG_LOSS_SQUARES])),
        "brier": mean_of(labels, float(floats[BRIER]), float(floats[BRIER_SQUARES])),
        "ece": _calibration_error(by_bin),
    }


def confusion_at_half(ints: Ints) -> tuple[int, int, int, int]:
    """Return tn, fp, fn and tp, a score of .5 or more taken as a prediction of 1."""
    tn, fp, fn, tp = ints[CONFUSION : CONFUSION + 4].tolist()
    return tn, fp, fn, tp


def selected(ints: Ints) -> tuple[int, int]:
    """Return how many served scores are .5 or more, and how many there are, labelled or not."""
    return int(ints[SERVED + SCORE_BINS // 2 : SERVED + SCORE_BINS].sum()), int(ints[SCORED])


def _f1(tp: int, fp: int, fn: int) -> Estimate:
    jaccard = share(tp, tp + fp + fn)
    return Estimate(*(2 * j / (1 + j) for j in jaccard))


class _ByBin(NamedTuple):
    """Labels 0, then labels 1, by score bin: how many and the sums of their scores, ``(2, bins)``; how many in all."""

    n: Floats
    scores: Floats
    zeros: float
    ones: float


def _by_bin(ints: Ints, floats: Floats) -> _ByBin:
    n = ints[LABEL_BINS : LABEL_BINS + 2 * SCORE_BINS].reshape(2, SCORE_BINS).astype(np.float64)
    return _ByBin(n, floats[LABEL_SUM : LABEL_SUM + 2 * SCORE_BINS].reshape(2, SCORE_BINS), *n.sum(1).tolist())


def _auc(labels: _ByBin) -> Estimate:
    """Return P(score of a 1 > score of a 0), ties half.

    Within a bin the labels' mean scores tell: if both densities are linear there, the probability is one half
    plus the difference of the means in bin widths.
    """
    n, _, zeros, ones = labels
    if not zeros * ones:
        return UNDEFINED
    placements = _placements(labels)
    sums, squares = (n * placements).sum(1).tolist(), (n * placements**2).sum(1).tolist()
    # The sum of both classes' variances, after DeLong, DeLong and Clarke-Pearson, *Biometrics* 44, 1988.
    spread = variance(ones, sums[1], squares[1]) / ones + variance(zeros, sums[0], squares[0]) / zeros
    return around(min(1.0, sums[1] / ones), math.sqrt(spread + 0.25 / (zeros * ones)), 0.0, 1.0)


def _placements(labels: _ByBin) -> Floats:
    """Return the share of ones that beat a zero, then that of zeros that a one beats, by bin, ``(2, bins)``."""
    n, scores, zeros, ones = labels
    means, up_to = scores / np.maximum(n, 1), np.cumsum(n, 1)
    within = n * np.minimum(np.maximum(0.5 + (means[1] - means[0]) * SCORE_BINS, 0), 1)
    return np.stack([(ones - up_to[1] + within[1]) / ones, (up_to[0] - n[0] + within[0]) / zeros])


def _average_precision(labels: _ByBin) -> Estimate:
    """Return the mean precision at the scores of the ones, with the logit interval of Boyd, Eng and Page, 2013.

    Within a bin ones and zeros are taken to be spread evenly, so the precision there is an integral with a closed form.
    """
    if labels.ones == 0 or labels.ones + labels.zeros < 2:
        return UNDEFINED
    falling = labels.n[:, ::-1]
    zeros, ones = falling
    zeros_above, ones_above = np.cumsum(falling, 1) - falling
    hits, per_one = ones_above + 0.5, 1 + zeros / (ones + 1)
    rows = hits + zeros_above + 0.5 * (per_one - 1)
    end = rows + ones * per_one
    inside = ones / per_one + (hits - rows / per_one) / per_one * np.log(end / rows)
    return _logit(min(1.0, float(inside.sum()) / labels.ones), labels.ones)


def _logit(value: float, n: float) -> Estimate:
    smooth = (value * n + 0.5) / (n + 1)
    middle, half = math.log(smooth / (1 - smooth)), Z95 / math.sqrt(n * smooth * (1 - smooth))
    lo, hi = (1 / (1 + math.exp(-min(max(x, -700.0), 700.0))) for x in (middle - half, middle + half))
    return Estimate(value, min(lo, value), max(hi, value))


def _calibration_error(labels: _ByBin) -> Estimate:
    """Return the expected calibration error over 10 bins: mean of |share of ones - mean score|, weighted by rows.

    By chance alone it is above 0 even for a calibrated score. The value is the usual one; its interval reaches lower by
    what chance gives a calibrated score.
    """
    total = labels.zeros + labels.ones
    if total == 0:
        return UNDEFINED
    zeros, ones = labels.n.reshape(2, _ECE_BINS, -1).sum(2)
    zero_scores, one_scores = labels.scores.reshape(2, _ECE_BINS, -1).sum(2)
    n = zeros + ones
    error = float(np.abs(ones - zero_scores - one_scores).sum()) / total
    smoothed = (ones + 1) / (n + 2)
    variance_by_bin = n * smoothed * (1 - smoothed)
    half = Z95 * math.sqrt(float(variance_by_bin.sum())) / total
    chance = math.sqrt(2 / math.pi) * float(np.sqrt(variance_by_bin).sum()) / total
    return Estimate(error, max(0.0, error - chance - half), min(1.0, error + half))


def binary_losses(ints: Ints, floats: Floats, metric: str) -> Losses:
    """Return the mean loss that `metric` judges: ``log_loss``, ``brier``, or the error rate for ``accuracy``.

    Raises
    ------
    ValueError
        If `metric` is not a mean over rows.
    """
    n = float(ints[LABELS])
    if metric == "accuracy":
        wrong = float(ints[CONFUSION + 1] + ints[CONFUSION + 2])
        total, squares = wrong, wrong
    elif metric in {"log_loss", "brier"}:
        cell = LOG_LOSS if metric == "log_loss" else BRIER
        total, squares = float(floats[cell]), float(floats[cell + 1])
    else:
        raise ValueError(f"metric must be accuracy, log_loss or brier to be judged, got {metric!r}")
    return Losses(n, total / n if n else math.nan, math.sqrt(variance(n, total, squares)))
