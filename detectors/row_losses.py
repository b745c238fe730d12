"""Losses of single rows, by metric: those that a monitor may name to be judged."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from detectors.binary import log_losses
from detectors.business import PARTS
from detectors.evidence.loss_sums import clip_point
from detectors.regression import HIGHEST_ERROR

Floats = NDArray[np.float64]
Column = NDArray[np.generic]


def row_losses(task: str, served: Column, truth: Column) -> Mapping[str, Floats]:
    """Return the loss of each row by metric, ``(n,)``; NaN where the answer or the truth is missing or of no use.

    Parameters
    ----------
    task
        ``binary``, ``multiclass`` or ``regression``.
    served
        Scores in [0, 1], values, or classes as texts (None for none), ``(n,)``.
    truth
        0 and 1, values, or classes, ``(n,)``.

    Examples
    --------
    >>> row_losses("regression", np.array([1.0, np.nan]), np.array([3.0, 1.0]))["mae"]
    array([ 2., nan])
    """
    if task == "multiclass":
        return {"accuracy": _wrong_classes(served, truth)}
    predicted, true = np.asarray(served, np.float64), np.asarray(truth, np.float64)
    return _of_values(predicted, true) if task == "regression" else _of_scores(predicted, true)


def cut_losses(losses: Mapping[str, Floats]) -> tuple[float, Mapping[str, Floats]]:
    """Return the clip point of a regression's absolute errors, and its losses with errors cut there.

    One huge error would hide a rise behind its square (`detectors.evidence.losses`). Losses of other tasks have bounds.

    >>> cut_losses({"mae": np.array([1.0] * 299 + [100.0]), "rmse": np.array([1.0] * 299 + [1e4])})[0]
    1.0
    """
    if "mae" not in losses:
        return math.inf, {}
    clip = clip_point(losses["mae"][~np.isnan(losses["mae"])])
    return clip, {"mae": np.minimum(losses["mae"], clip), "rmse": np.minimum(losses["rmse"], clip * clip)}


def cut_name(metric: str) -> str:
    """Return the name under which a promise holds the losses of a metric with errors cut."""
    return f"{metric}_cut"


def row_parts(task: str, served: Column, truth: Column) -> Mapping[str, Floats]:
    """Return what the cost of a row is made of (`detectors.business.PARTS`), ``(n,)`` each; NaN as in `row_losses`.

    Of a binary task 1 for its outcome and 0 for the others; of a regression by how much the prediction is too high, or
    too low. Classes have none.

    >>> row_parts("regression", np.array([1.0, 5.0]), np.array([3.0, 4.0]))["under"]
    array([2., 0.])
    """
    if task == "multiclass":
        return {}
    predicted, true = np.asarray(served, np.float64), np.asarray(truth, np.float64)
    if task == "regression":
        error = _errors(predicted, true)
        return {"over": np.maximum(error, 0.0), "under": np.maximum(-error, 0.0)}
    known = _are_known(predicted, true)
    outcomes = 2 * (true == 1) + (predicted >= 0.5)
    return {name: np.where(known, outcomes == i, np.nan) for i, name in enumerate(PARTS["binary"])}


def _of_values(predicted: Floats, true: Floats) -> dict[str, Floats]:
    error = _errors(predicted, true)
    return {"mae": np.abs(error), "rmse": error * error}


def _errors(predicted: Floats, true: Floats) -> Floats:
    known = np.isfinite(predicted) & np.isfinite(true)
    apart = np.where(known, predicted, 0) / 2 - np.where(known, true, 0) / 2  # halves: no sum is infinite
    return np.where(known, 2 * np.clip(apart, -HIGHEST_ERROR, HIGHEST_ERROR), np.nan)


def _are_known(score: Floats, true: Floats) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (score >= 0) & (score <= 1) & ((true == 0) | (true == 1))
    return found


def _of_scores(score: Floats, true: Floats) -> dict[str, Floats]:
    known = _are_known(score, true)
    # Where nothing is known the values do not matter: they are taken out.
    held, label = np.where(known, score, 0.5), np.where(known, true, 0.0)
    found = {
        "log_loss": log_losses(held, label),
        "brier": (held - label) ** 2,
        "accuracy": 1.0 * ((held >= 0.5) != label),
    }
    return {metric: np.where(known, losses, np.nan) for metric, losses in found.items()}


def _wrong_classes(served: Column, truth: Column) -> Floats:
    pairs = zip(served.tolist(), truth.tolist(), strict=True)
    return np.array([np.nan if None in pair else float(pair[0] != pair[1]) for pair in pairs])
