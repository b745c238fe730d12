"""Frouros: the two-sample test that its README begins with, and the population stability index."""

import warnings
from importlib.metadata import version

import numpy as np
import wire
from frouros.detectors.data_drift import PSI, ChiSquareTest, KSTest

ALPHA = 0.001
"""Of the README's example; the library itself has no default."""


def numbers(reference, rows, task):
    """Return scores by Kolmogorov-Smirnov and PSI; the latter has no default threshold."""
    ks, psi = _fitted(KSTest, reference), _fitted(PSI, reference)
    return {
        "KSTest": wire.scored(wire.surprise(ALPHA), _of_windows(rows, task, ks, _p)),
        "PSI": wire.scored(None, _of_windows(rows, task, psi, lambda result: result.distance)),
    }


def categories(reference, rows, task):
    """Return scores by the chi-square test."""
    texts = rows.astype(int).astype(str)
    fitted = _fitted(ChiSquareTest, reference.astype(int).astype(str))
    return {"ChiSquareTest": wire.scored(wire.surprise(ALPHA), _of_windows(texts, task, fitted, _p))}


def _p(result):
    return wire.surprise(result.p_value)


def _fitted(kind, reference):
    detectors = [kind() for _ in range(reference.shape[1])]
    for detector, values in zip(detectors, reference.T, strict=True):
        detector.fit(X=values)
    return detectors


def _of_windows(rows, task, detectors, score):
    return [
        [score(detector.compare(X=values)[0]) for detector, values in zip(detectors, window.T, strict=True)]
        for window in wire.windows(rows, task)
    ]


def speed(reference, window):
    """Return one path for each test."""
    task = {"window": window}
    paths = {}
    for kind in (KSTest, PSI):
        detectors = _fitted(kind, reference)
        paths[kind.__name__] = lambda rows, own=detectors: _of_windows(rows, task, own, lambda result: 0.0)
    return paths


warnings.simplefilter("ignore")
np.seterr(all="ignore")
wire.run(version("frouros"), {"number": numbers, "category": categories}, speed)
