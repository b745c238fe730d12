"""Estimates without labels under simulated covariate shift: whether intervals hold, and whether they beat a constant.

Experiment 7, the simulated part: references of 20,000 labelled rows, windows of 1,000 and 5,000 rows whose inputs
have moved and spread, each by chance; once with labels that depend on the inputs alone, once with odds that also
wander from window to window, in the reference as later. The classifier's scores are overconfident; the regression's
errors grow with its input. What is measured later is computed from rows, not from bins. The windows of one reference
share its error, so that few references say little about coverage: `quick` allows for that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from benchmarks.detection.experiment import Experiment, at_most, between
from detectors.estimate.cbpe import Cbpe, fit_cbpe
from detectors.estimate.dle import CellLosses, Dle, cell_losses, fit_dle, prediction_bins, prediction_edges
from detectors.estimate.interval import Estimated
from detectors.estimate.score_bins import CLIP, fit_score_bins

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

REFERENCE, WINDOW, WINDOWS_EACH = 20_000, 1_000, 20
SIZES = (1_000, 5_000)
LEAST, MOST = 0.93, 0.97
REFERENCES, QUICK_REFERENCES = 100, 15
QUICK_SLACK = 0.03
"""About two standard errors of the coverage with `QUICK_REFERENCES`."""

ERROR_MARK = 0.75
WANDER = 0.2
"""Standard deviation of the log odds, between windows."""


class Classified(NamedTuple):
    """Scores, predicted classes and labels of rows, ``(n,)`` each."""

    scores: Floats
    predicted: Ints
    labels: Ints


class Outcome(NamedTuple):
    """One estimate that was settled: inside its interval, its error, and the error of the constant guess."""

    inside: bool
    error: float
    constant_error: float


def experiments(quick: bool) -> Iterator[Experiment]:
    """Yield coverage and relative error of each metric; of fewer references if `quick`, with wider marks."""
    references, slack = (QUICK_REFERENCES, QUICK_SLACK) if quick else (REFERENCES, 0.0)
    marks = LEAST - slack, MOST + slack
    for wander in (0.0, WANDER):
        kind = "CBPE, odds wander:" if wander else "CBPE"
        for rows in SIZES:
            for name, outcomes in _classification(references, rows, wander).items():
                yield from judged(f"{kind} {name}", rows, outcomes, marks)
    for rows in SIZES:
        yield from judged("DLE mean absolute error", rows, _regression(references, rows), marks)


def _classification(references: int, rows: int, wander: float) -> dict[str, list[Outcome]]:
    g, outcomes = np.random.default_rng(71), dict[str, list[Outcome]]()
    for _ in range(references):
        model, constant = classifier(_reference(g, wander))
        for _ in range(WINDOWS_EACH):
            settle(outcomes, model, constant, classified(g, rows, *shift(g), g.normal(0, wander)))
    return outcomes


def _reference(g: np.random.Generator, wander: float) -> Classified:
    parts = [classified(g, WINDOW, 0.0, 1.0, g.normal(0, wander)) for _ in range(REFERENCE // WINDOW)]
    return Classified(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def classifier(reference: Classified) -> tuple[Cbpe, dict[str, float]]:
    """Return the estimator of a reference, and what each metric is there."""
    bins = fit_score_bins(reference.scores)
    starts = range(0, len(reference.scores), WINDOW)
    parts = [_part(reference, at) for at in starts]
    return fit_cbpe(bins, np.stack([bins.labelled_counts(*part) for part in parts])), measured(reference)


def _part(rows: Classified, at: int) -> Classified:
    chosen = slice(at, at + WINDOW)
    return Classified(rows.scores[chosen], rows.predicted[chosen], rows.labels[chosen])


def settle(outcomes: dict[str, list[Outcome]], model: Cbpe, constant: dict[str, float], window: Classified) -> None:
    """Add how the estimates of a window compare with its labels, by metric."""
    truth = measured(window)
    for name, said in model.estimate(model.bins.counts(window.scores, window.predicted)).items():
        if isinstance(said, Estimated):
            errors = said.value - truth[name], constant[name] - truth[name]
            outcomes.setdefault(name, []).append(Outcome(said.holds(truth[name]), *errors))


def shift(g: np.random.Generator) -> tuple[float, float]:
    """Return by how much a window's inputs move, and the factor by which they spread."""
    return float(g.normal(0, 0.5)), float(np.exp(g.normal(0, 0.2)))


def classified(g: np.random.Generator, rows: int, move: float, spread: float, odds: float = 0.0) -> Classified:
    """Return rows of a classifier whose scores rank well and are overconfident; `odds` is added to the log odds."""
    logit = 1.2 * (move + spread * g.standard_normal(rows)) - 0.4
    scores = special.expit(1.6 * logit + 0.3)
    labels = (g.random(rows) < special.expit(logit + odds)).astype(np.int64)
    return Classified(scores, (scores >= 0.5).astype(np.int64), labels)


def measured(rows: Classified) -> dict[str, float]:
    """Return the metrics by labels, row by row."""
    scores, predicted, labels = rows
    hits, ones, said = int((predicted * labels).sum()), int(labels.sum()), int(predicted.sum())
    clipped = np.clip(scores, CLIP, 1 - CLIP)
    ranks = float(stats.rankdata(scores)[labels == 1].sum())
    return {
        "accuracy": float((predicted == labels).mean()),
        "precision": hits / max(1, said),
        "recall": hits / max(1, ones),
        "f1": 2 * hits / max(1, ones + said),
        "auc": (ranks - ones * (ones + 1) / 2) / max(1, ones * (len(labels) - ones)),
        "log_loss": float(-np.where(labels == 1, np.log(clipped), np.log1p(-clipped)).mean()),
        "brier": float(((scores - labels) ** 2).mean()),
    }


def judged(name: str, rows: int, outcomes: list[Outcome], marks: tuple[float, float]) -> list[Experiment]:
    """Return the coverage, which lies between two marks, and the error against that of the constant guess."""
    inside, errors, constant = (np.array(column, np.float64) for column in zip(*outcomes, strict=True))
    relative = float(np.abs(errors).mean() / np.abs(constant).mean())
    return [
        between(f"{name}: coverage of the 95 % interval, n {rows:,}", float(inside.mean()), *marks),
        at_most(f"{name}: error against the constant guess, n {rows:,}", relative, ERROR_MARK),
    ]


class Regressor(NamedTuple):
    """The estimator of a regression's loss, the edges of its cells, and the mean loss of the reference."""

    edges: Floats
    model: Dle
    constant: float


def _regression(references: int, rows: int) -> list[Outcome]:
    g, outcomes = np.random.default_rng(72), list[Outcome]()
    for _ in range(references):
        known = regressor(*regressed(g, REFERENCE, 0.0, 1.0))
        for _ in range(WINDOWS_EACH):
            outcomes += settle_regression(known, *regressed(g, rows, *shift(g)))
    return outcomes


def regressor(predictions: Floats, losses: Floats) -> Regressor:
    """Return the estimator of a reference."""
    edges = prediction_edges(predictions)
    cells = prediction_bins(predictions, edges)
    starts = range(0, len(losses), WINDOW)
    windows = [cell_losses(cells[at : at + WINDOW], losses[at : at + WINDOW], len(edges) + 1) for at in starts]
    model = fit_dle(CellLosses(*(np.stack(sums) for sums in zip(*windows, strict=True))))
    return Regressor(edges, model, float(losses.mean()))


def settle_regression(known: Regressor, predictions: Floats, losses: Floats) -> list[Outcome]:
    """Return how the estimate of a window compares with its losses; nothing if there is none."""
    counts = np.bincount(prediction_bins(predictions, known.edges), minlength=len(known.edges) + 1)
    said, truth = known.model.estimate(counts), float(losses.mean())
    if not isinstance(said, Estimated):
        return []
    return [Outcome(said.holds(truth), said.value - truth, known.constant - truth)]


def regressed(g: np.random.Generator, rows: int, move: float, spread: float) -> tuple[Floats, Floats]:
    """Return predictions and absolute errors of rows; errors grow with the distance from a point."""
    x = move + spread * g.standard_normal(rows)
    return 2 * x + 1, np.abs(g.standard_normal(rows)) * (0.5 + 0.4 * np.abs(x - 0.5))
