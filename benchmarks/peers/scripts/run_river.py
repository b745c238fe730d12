"""river: row-by-row detectors of a changed mean, one for each feature; each begins anew after an alarm.

KSWIN is left out: at .3 ms a row it would take a day.
"""

from importlib.metadata import version

import numpy as np
import wire
from river import drift

DELTAS = ("0.05", "0.002", "1e-4", "1e-5", "1e-6", "1e-8", "1e-10", "1e-15")
THRESHOLDS = ("25", "50", "75", "100", "150", "200", "300", "500", "1000")


def adwin(value):
    """Return ADWIN with this delta."""
    return drift.ADWIN(delta=float(value))


def page_hinkley(value):
    """Return the Page-Hinkley test with this threshold."""
    return drift.PageHinkley(threshold=float(value))


RETHRESHOLDED = {}
"""The value by stream without a change and detector, in a list; an empty one if none is rare enough."""

SETTINGS = {"ADWIN": ("0.002", DELTAS, adwin), "PageHinkley": ("50", THRESHOLDS, page_hinkley)}


def numbers(reference, rows, task):
    """Return the alarms of each detector, after the reference was seen.

    Of streams without a change at each value of its parameter; of others at its default, and at the most sensitive
    value that raised no more false alarms than are allowed.
    """
    found = {}
    for name, (default, values, make) in SETTINGS.items():
        asked = values if "null" not in task else [default, *RETHRESHOLDED[task["null"], name]]
        alarms = {value: _alarms(make, value, reference, rows) for value in dict.fromkeys(asked)}
        found[name] = wire.sequential(default, alarms)
        if "null" not in task:
            few = [value for value in values if sum(map(len, alarms[value])) <= task["allowed"]]
            RETHRESHOLDED[task["name"], name] = few[:1]
    return found


def _alarms(make, value, reference, rows):
    """Return after how many rows each feature alarmed."""
    features = zip(reference.T, rows.T, strict=True)
    return [_of_feature(make(value), before.tolist(), after.tolist()) for before, after in features]


def _of_feature(detector, before, after):
    for value in before:
        detector.update(value)
    found = []
    for row, value in enumerate(after, start=1):
        detector.update(value)
        if detector.drift_detected:
            found.append(row)
    return found


def speed(reference, window):
    """Return one path for each detector; windows are nothing to them."""
    del reference, window
    return {name: _judging(make, default) for name, (default, _, make) in SETTINGS.items()}


def _judging(make, value):
    def judge(rows):
        for column in rows.T:
            _of_feature(make(value), [], column.tolist())

    return judge


np.seterr(all="ignore")
wire.run(version("river"), {"number": numbers}, speed)
