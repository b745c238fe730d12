"""Evidently: the drift tests that it chooses itself, and its default test of missing values.

Scores are those of its statistical tests, called directly: a report computes the same, and draws it, which takes
longer. Speed is that of the report.
"""

import warnings
from importlib.metadata import version

import numpy as np
import pandas as pd
import wire
from evidently import DataDefinition, Dataset, Report
from evidently.legacy.calculations.stattests import get_stattest
from evidently.legacy.core import ColumnType
from evidently.metrics import ValueDrift

MISSING_CHANGE = 0.1
"""Of the share of missing values against the reference's: its default test."""


def numbers(reference, rows, task):
    """Return scores by the default test of numbers."""
    return _by_default_test(_frame(reference), rows, task, ColumnType.Numerical)


def categories(reference, rows, task):
    """Return scores by the default test of categories."""
    known = _frame(reference.astype(int).astype(str).astype(object))
    return _by_default_test(known, rows.astype(int).astype(str).astype(object), task, ColumnType.Categorical)


def _by_default_test(known, rows, task, kind):
    first = _frame(rows[: task["window"]])
    test = get_stattest(known["x0"], first["x0"], kind, None)
    found = []
    for window in wire.windows(rows, task):
        current = _frame(window)
        results = [test(known[name], current[name], kind, None) for name in known.columns]
        found.append([_score(test, result.drift_score) for result in results])
    threshold = test.default_threshold
    return {test.display_name: wire.scored(wire.surprise(threshold) if _is_p(test) else threshold, found)}


def _is_p(test):
    return test.display_name.endswith("p_value")


def _score(test, score):
    return wire.surprise(score) if _is_p(test) else float(score)


def missing(reference, rows, task):
    """Return relative changes of the share of missing values."""
    known = np.isnan(reference).mean(0)
    found = [np.abs(np.isnan(window).mean(0) / known - 1) for window in wire.windows(rows, task)]
    return {"missing values": wire.scored(MISSING_CHANGE, found)}


def _frame(rows):
    return pd.DataFrame(rows, columns=[f"x{i}" for i in range(rows.shape[1])])


def speed(reference, window):
    """Return a report of each window, without its pictures."""
    columns = [f"x{i}" for i in range(reference.shape[1])]
    definition = DataDefinition(numerical_columns=columns)
    known = Dataset.from_pandas(_frame(reference), data_definition=definition)

    def judge(rows):
        for part in wire.windows(rows, {"window": window}):
            current = Dataset.from_pandas(_frame(part), data_definition=definition)
            Report([ValueDrift(column=name) for name in columns]).run(current, known).dict()

    return {"report": judge}


warnings.simplefilter("ignore")
np.seterr(all="ignore")
wire.run(version("evidently"), {"number": numbers, "category": categories, "missing": missing}, speed)
