"""alibi-detect's tests, each as it is made to be used, at its own defaults; it is imported when a test runs.

A test of one feature answers None where it is not made for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sized
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream.ops.opinion import Opinion, Pair
from stream.ops.opinion_rows import (
    MOST_ONLINE,
    MOST_ROWS,
    MOST_TOGETHER,
    ONLINE_REFERENCE,
    Floats,
    codes_of,
    numbers_of,
    some,
    together,
    two_valued,
)

P = 0.05
"""alibi-detect's own default: a test finds something below it."""

LEAST_ROWS = 20
OUTLIERS = 0.01
"""Share of the reference's rows that count as outliers; the share of the window's is compared with it."""


def _few(test: str, name: str, reference: Sized, rows: Sized) -> Opinion | None:
    """Return the opinion that there are too few rows for any, or None."""
    if min(len(reference), len(rows)) >= LEAST_ROWS:
        return None
    note = f"{len(reference):,} and {len(rows):,} values: too few, {LEAST_ROWS} needed"
    return Opinion(test, name, reference_rows=len(reference), rows=len(rows), note=note)


def _read(test: str, name: str, unit: str, found: dict[str, Any], sizes: tuple[int, int]) -> Opinion:
    """Return what a test of one feature answered."""
    p, distance = float(np.ravel(found["p_val"])[0]), float(np.ravel(found["distance"])[0])
    finds = bool(np.ravel(found["is_drift"])[0])
    return Opinion(test, name, unit, distance, p, float(found["threshold"]), finds, *sizes)


def _of_numbers(pair: Pair, name: str, test: str) -> Opinion | None:
    if pair.kinds[name] != "number":
        return None
    reference, rows = numbers_of(pair, name)
    if (few := _few(test, name, reference, rows)) is not None:
        return few
    from alibi_detect.cd import CVMDrift, KSDrift

    kind, unit = (KSDrift, "KS distance") if test == "ks" else (CVMDrift, "CVM statistic")
    found = kind(reference[:, None], p_val=P).predict(rows[:, None], drift_type="feature")["data"]
    return _read(test, name, unit, found, (len(reference), len(rows)))


def _chi2(pair: Pair, name: str, test: str) -> Opinion | None:
    if pair.kinds[name] != "category":
        return None
    reference, rows = (some(side, MOST_ROWS) for side in codes_of(pair, name))
    if (few := _few(test, name, reference, rows)) is not None:
        return few
    if len(np.union1d(reference, rows)) < 2:
        return Opinion(
            test, name, reference_rows=len(reference), rows=len(rows), note="one level only: nothing to compare"
        )
    from alibi_detect.cd import ChiSquareDrift

    found = ChiSquareDrift(reference[:, None], p_val=P).predict(rows[:, None], drift_type="feature")["data"]
    return _read(test, name, "chi-square", found, (len(reference), len(rows)))


def _fet(pair: Pair, name: str, test: str) -> Opinion | None:
    """Test whether values are missing more or less often; of features with two values, which of them it is."""
    reference, rows, what = two_valued(pair, name)
    if (few := _few(test, name, reference, rows)) is not None:
        return few
    if len(np.union1d(reference, rows)) < 2:
        return None
    from alibi_detect.cd import FETDrift

    detector = FETDrift(reference[:, None], p_val=P, alternative="two-sided")
    found = _read(
        test,
        name,
        "odds ratio",
        detector.predict(rows[:, None], drift_type="feature")["data"],
        (len(reference), len(rows)),
    )
    return replace(found, note=what)


def _online(pair: Pair, name: str, test: str) -> Opinion | None:
    """Run rows one after the other past a test that should alarm once in ten times as many; say at which it does."""
    reference, rows, what = _online_sides(pair, name, test)
    if not what or len(np.unique(reference)) < 2:
        return None
    if (few := _few(test, name, reference, rows)) is not None:
        return few
    from alibi_detect.cd import CVMDriftOnline, FETDriftOnline

    run = 10.0 * len(rows)
    make = CVMDriftOnline if test == "cvm_online" else FETDriftOnline
    more = {} if test == "cvm_online" else {"alternative": "greater"}
    np.random.seed(0)  # it draws its thresholds from the global generator
    detector = make(
        reference, ert=run, window_sizes=[10, 25, 50], n_bootstraps=max(10_000, int(run)), verbose=False, **more
    )
    first = next((i for i in range(len(rows)) if detector.predict(rows[i : i + 1])["data"]["is_drift"]), None)
    note = f"{what}; one false alarm in {run:,.0f} rows is allowed" + (
        "" if first is None else f"; at row {first:,} of the window"
    )
    at = math.nan if first is None else float(first)
    return Opinion(test, name, "row", at, math.nan, math.nan, first is not None, len(reference), len(rows), note=note)


def _online_sides(pair: Pair, name: str, test: str) -> tuple[NDArray[Any], NDArray[Any], str]:
    if test == "fet_online":
        reference, rows, what = two_valued(pair, name)
        return some(reference, ONLINE_REFERENCE), rows[:MOST_ONLINE], what
    if pair.kinds[name] != "number":
        return np.zeros(0), np.zeros(0), ""
    numbers, new = numbers_of(pair, name)
    return some(numbers, ONLINE_REFERENCE), new[:MOST_ONLINE], "its values"


def _tabular(pair: Pair, test: str) -> Opinion:
    reference, rows, note = together(pair, MOST_ROWS)
    if (few := _few(test, "", reference, rows)) is not None:
        return few
    from alibi_detect.cd import TabularDrift

    categories = {i: None for i, name in enumerate(pair.inputs) if pair.kinds[name] == "category"}
    found = TabularDrift(reference, p_val=P, categories_per_feature=categories).predict(rows, drift_type="batch")[
        "data"
    ]
    least = int(np.argmin(found["p_val"]))
    picked = {key: found[key][least] for key in ("p_val", "distance")} | {
        key: found[key] for key in ("is_drift", "threshold")
    }
    said = _read(test, "", f"distance of {pair.inputs[least]}", picked, (len(reference), len(rows)))
    return replace(said, note=f"most at {pair.inputs[least]}{note}")


def _classifier(pair: Pair, test: str) -> Opinion:
    reference, rows, note = together(pair, MOST_TOGETHER)
    if (few := _few(test, "", reference, rows)) is not None:
        return few
    from alibi_detect.cd import ClassifierDrift
    from sklearn.ensemble import RandomForestClassifier

    model = RandomForestClassifier(n_estimators=100, max_depth=6, random_state=0)
    detector = ClassifierDrift(reference, model, backend="sklearn", p_val=P, n_folds=3, seed=0)
    found = detector.predict(rows, return_probs=False, return_model=False)["data"]
    said = _read(test, "", "KS distance of a forest's answers", found, (len(reference), len(rows)))
    return replace(said, note=f"how well a random forest tells the window from the reference{note}")


def _outliers(pair: Pair, test: str) -> Opinion:
    """Put a threshold at the reference's highest scores, and compare how many rows of the window lie above it."""
    # alibi-detect's Mahalanobis keeps a matrix for each row.
    most = MOST_TOGETHER if test == "iforest" else max(100, min(MOST_TOGETHER, 20_000_000 // len(pair.inputs) ** 2))
    reference, rows, note = together(pair, most)
    if (few := _few(test, "", reference, rows)) is not None:
        return few
    from scipy.stats import fisher_exact

    middle, spread = reference.mean(0), reference.std(0)
    spread = np.where(spread > 0, spread, 1.0)
    fit, held, new = (((part - middle) / spread) for part in (reference[::2], reference[1::2], rows))
    scores, others = _scores(test, fit, held, new)
    threshold = np.quantile(scores, 1 - OUTLIERS)
    before, now = int((scores > threshold).sum()), int((others > threshold).sum())
    p = float(fisher_exact([[now, len(new) - now], [before, len(held) - before]], alternative="greater")[1])
    said = f"{100 * now / len(new):.1f} % of the rows are outliers, of the reference's {100 * before / len(held):.1f} %"
    return Opinion(
        test, "", "share of outliers", now / len(new), p, P, p < P, len(reference), len(rows),
        note=f"{said}; the p is Fisher's, of these shares{note}",
    )  # fmt: skip


def _scores(test: str, fit: Floats, held: Floats, new: Floats) -> tuple[Floats, Floats]:
    from alibi_detect.od import IForest, Mahalanobis

    if test == "mahalanobis":
        detector = Mahalanobis(n_components=min(3, fit.shape[1]), start_clip=100)
        detector.score(fit)  # it learns from what it scores
        return np.asarray(detector.score(held)), np.asarray(detector.score(new))
    np.random.seed(0)  # its forest draws from the global generator
    forest = IForest()
    forest.fit(fit)
    return np.asarray(forest.score(held)), np.asarray(forest.score(new))


OF_ONE: Mapping[str, Callable[[Pair, str, str], Opinion | None]] = {
    "ks": _of_numbers,
    "cvm": _of_numbers,
    "chi2": _chi2,
    "fet": _fet,
    "cvm_online": _online,
    "fet_online": _online,
}
OF_ALL: Mapping[str, Callable[[Pair, str], Opinion]] = {
    "tabular": _tabular,
    "classifier": _classifier,
    "mahalanobis": _outliers,
    "iforest": _outliers,
}
