"""alibi-detect: the feature-wise tests, at the p-value of .05 with the correction that they have by default.

Its online detectors are left out: their threshold is a run length, found by 10,000 simulated runs of that length; that
takes minutes for 1,000 rows, and ours is some ten million.
"""

import warnings
from importlib.metadata import version

import numpy as np
import wire
from alibi_detect.cd import ChiSquareDrift, KSDrift

P = 0.05


def numbers(reference, rows, task):
    """Return scores by Kolmogorov-Smirnov."""
    return {"KSDrift": _scores(KSDrift(reference, p_val=P), rows, task)}


def categories(reference, rows, task):
    """Return scores by the chi-square test."""
    return {"ChiSquareDrift": _scores(ChiSquareDrift(reference.astype(int), p_val=P), rows.astype(int), task)}


def _scores(detector, rows, task):
    found = [
        [wire.surprise(p) for p in detector.predict(window, drift_type="batch")["data"]["p_val"]]
        for window in wire.windows(rows, task)
    ]
    return wire.scored(wire.surprise(P / rows.shape[1]), found)


def speed(reference, window):
    """Return the path of numbers."""
    detector = KSDrift(reference, p_val=P)
    return {"KSDrift": lambda rows: [detector.predict(part) for part in wire.windows(rows, {"window": window})]}


warnings.simplefilter("ignore")
np.seterr(all="ignore")
wire.run(version("alibi-detect"), {"number": numbers, "category": categories}, speed)
