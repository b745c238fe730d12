"""whylogs: profiles of windows against that of the reference, by the tests that it chooses itself."""

import warnings
from importlib.metadata import version

import numpy as np
import pandas as pd
import whylogs as why
import wire
from whylogs.viz.drift.column_drift_algorithms import Hellinger, calculate_drift_scores

DRIFT_P, DRIFT_HELLINGER = 0.05, 0.4
"""Where its default thresholds say DRIFT."""


def numbers(reference, rows, task):
    """Return scores by Kolmogorov-Smirnov on sketches, its default, and by Hellinger's distance."""
    known, ks, hellinger = _profile(reference), [], []
    distances = {name: Hellinger() for name in _names(reference)}
    for window in wire.windows(rows, task):
        profile = _profile(window)
        ks.append(_values(calculate_drift_scores(profile, known, with_thresholds=True), "pvalue"))
        hellinger.append(_values(calculate_drift_scores(profile, known, distances, with_thresholds=True), "statistic"))
    return {
        "KS": wire.scored(wire.surprise(DRIFT_P), [[wire.surprise(p) for p in of] for of in ks]),
        "Hellinger": wire.scored(DRIFT_HELLINGER, hellinger),
    }


def categories(reference, rows, task):
    """Return scores by the chi-square test, its default for texts."""
    known = _profile(_texts(reference))
    found = [
        [wire.surprise(p) for p in _values(calculate_drift_scores(_profile(_texts(window)), known), "pvalue")]
        for window in wire.windows(rows, task)
    ]
    return {"ChiSquare": wire.scored(wire.surprise(DRIFT_P), found)}


def _names(rows):
    return [f"x{i}" for i in range(rows.shape[1])]


def _texts(rows):
    return np.char.add("level ", rows.astype(int).astype(str)).astype(object)


def _profile(rows):
    return why.log(pd.DataFrame(rows, columns=_names(rows))).view()


def _values(scores, key):
    return [scores[f"x{i}"][key] for i in range(len(scores))]


def speed(reference, window):
    """Return the default path."""
    known = _profile(reference)

    def judge(rows):
        for part in wire.windows(rows, {"window": window}):
            calculate_drift_scores(_profile(part), known, with_thresholds=True)

    return {"KS": judge}


warnings.simplefilter("ignore")
wire.run(version("whylogs"), {"number": numbers, "category": categories}, speed)
