"""Sums of a score in [0, 1] in compiled code, a row at a time: where they lie, and what a row adds."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled, in_place, inlined

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

SCORE_BINS = 50
THRESHOLD = 0.5
CLIP = 1e-7
"""Log loss takes scores as at least this far from 0 and 1, so one certain error costs 16.1 and not infinity."""

# Integer cells.
SCORED, UNSCORED, INVALID_SCORE, LABELS, LABELS_UNSCORED, INVALID_TRUTH, CONFUSION = 0, 1, 2, 3, 4, 5, 6
SERVED = CONFUSION + 4
LABEL_BINS = SERVED + SCORE_BINS
BINARY_INTS = LABEL_BINS + 2 * SCORE_BINS

# Float cells.
LOG_LOSS, LOG_LOSS_SQUARES, BRIER, BRIER_SQUARES, SERVED_SUM = 0, 1, 2, 3, 4
LABEL_SUM = SERVED_SUM + SCORE_BINS
BINARY_FLOATS = LABEL_SUM + 2 * SCORE_BINS


@inlined
def log_loss(score: float, truth: float) -> float:
    """Return the log loss of a score, clipped by `CLIP`."""
    p = min(max(score, CLIP), 1 - CLIP)
    return -math.log(p) if truth == 1 else -math.log1p(-p)


@inlined
def score_bin(score: float) -> int:
    """Return the bin of a score in [0, 1]."""
    return min(int(score * SCORE_BINS), SCORE_BINS - 1)


@inlined
def serve_score(ints: Ints, at: int, floats: Floats, float_at: int, score: float) -> None:
    """Count a served score in the cells that begin at `at` and `float_at`; NaN is absent."""
    if math.isnan(score):
        ints[at + UNSCORED] += 1
    elif score < 0 or score > 1:
        ints[at + INVALID_SCORE] += 1
    else:
        place = score_bin(score)
        ints[at + SCORED] += 1
        ints[at + SERVED + place] += 1
        floats[float_at + SERVED_SUM + place] += score


@inlined
def label_score(ints: Ints, at: int, floats: Floats, float_at: int, score: float, truth: float, sign: int) -> None:
    """Add a label that met its prediction, or with `sign` −1 take it away."""
    if truth not in (0.0, 1.0):
        ints[at + INVALID_TRUTH] += sign
        return
    if not (0 <= score <= 1):
        ints[at + LABELS_UNSCORED] += sign
        return
    label = np.int64(truth)
    place = label * SCORE_BINS + score_bin(score)
    ints[at + LABELS] += sign
    ints[at + CONFUSION + 2 * label + np.int64(score >= THRESHOLD)] += sign
    ints[at + LABEL_BINS + place] += sign
    loss, miss = log_loss(score, truth), score - truth
    brier = miss * miss
    floats[float_at + LABEL_SUM + place] += sign * score
    floats[float_at + LOG_LOSS] += sign * loss
    floats[float_at + LOG_LOSS_SQUARES] += sign * (loss * loss)
    floats[float_at + BRIER] += sign * brier
    floats[float_at + BRIER_SQUARES] += sign * (brier * brier)


@compiled
def log_loss_of_each(score: Floats, truth: Floats) -> Floats:
    """Return the log loss of each row, ``(n,)``."""
    found = np.empty(len(score))
    for i in range(len(score)):
        found[i] = log_loss(score[i], truth[i])
    return found


@in_place
def serve_scores(ints: Ints, floats: Floats, rows: Ints, score: Floats) -> None:
    """Count served scores in tables of ``K`` rows, laid flat."""
    for i in range(len(rows)):
        serve_score(ints, rows[i] * BINARY_INTS, floats, rows[i] * BINARY_FLOATS, score[i])


@in_place
def label_scores(ints: Ints, floats: Floats, rows: Ints, score: Floats, truth: Floats) -> None:
    """Add labels to tables of ``K`` rows, laid flat."""
    for i in range(len(rows)):
        label_score(ints, rows[i] * BINARY_INTS, floats, rows[i] * BINARY_FLOATS, score[i], truth[i], 1)
