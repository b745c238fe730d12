"""NannyML: univariate drift by its default method, missing values, and the reconstruction error of all features.

Its thresholds are the reference's mean and three standard deviations; a score is how many of these a chunk is away.
"""

import warnings
from importlib.metadata import version

import nannyml as nml
import numpy as np
import pandas as pd
import wire

DEVIATIONS = 3.0


def numbers(reference, rows, task):
    """Return scores by the Jensen-Shannon distance, and by Wasserstein's."""
    return {method: _univariate(_frame(reference), _frame(rows), task, method, "continuous") for method in (
        "jensen_shannon", "wasserstein"
    )}  # fmt: skip


def categories(reference, rows, task):
    """Return scores by the Jensen-Shannon distance."""
    frames = (_frame(part.astype(int).astype(str).astype(object)) for part in (reference, rows))
    return {"jensen_shannon": _univariate(*frames, task, "jensen_shannon", "categorical")}


def _univariate(reference, rows, task, method, kind):
    options = {f"{kind}_methods": [method]}
    calculator = nml.UnivariateDriftCalculator(list(reference.columns), chunk_size=task["window"], **options)
    found = calculator.fit(reference).calculate(rows).to_df()
    return _scored(found, [(name, method, "value") for name in reference.columns], two_sided=False)


def missing(reference, rows, task):
    """Return scores by the share of missing values."""
    known = _frame(reference)
    calculator = nml.MissingValuesCalculator(list(known.columns), chunk_size=task["window"])
    found = calculator.fit(known).calculate(_frame(rows)).to_df()
    return {"missing values": _scored(found, [(name, "value") for name in known.columns], two_sided=True)}


def joint(reference, rows, task):
    """Return scores by the error of a reconstruction from principal components."""
    known = _frame(reference)
    calculator = nml.DataReconstructionDriftCalculator(list(known.columns), chunk_size=task["window"])
    found = calculator.fit(known).calculate(_frame(rows)).to_df()
    return {"reconstruction": _scored(found, [("reconstruction_error", "value")], two_sided=True)}


def _scored(found, columns, two_sided):
    """Return deviations of the analysed chunks from the reference's."""
    period = found[next(column for column in found.columns if column[-1] == "period")]
    values = found[columns].to_numpy(float)
    known = values[(period == "reference").to_numpy()]
    apart = values[(period == "analysis").to_numpy()] - known.mean(0)
    return wire.scored(DEVIATIONS, (np.abs(apart) if two_sided else apart) / np.maximum(known.std(0), 1e-12))


def _frame(rows):
    return pd.DataFrame(rows, columns=[f"x{i}" for i in range(rows.shape[1])])


def speed(reference, window):
    """Return the default path."""
    known = _frame(reference)
    calculator = nml.UnivariateDriftCalculator(list(known.columns), chunk_size=window).fit(known)
    return {"jensen_shannon": lambda rows: calculator.calculate(_frame(rows))}


warnings.simplefilter("ignore")
tasks = {"number": numbers, "category": categories, "missing": missing, "joint": joint}
wire.run(version("nannyml"), tasks, speed)
