"""Outliers from rows to alarms: none of note while rows only depend on each other, one if they no longer belong."""

import math

import numpy as np
import pytest
from scipy.signal import lfilter

from detectors.outliers.watch import OutlierWatch, Thresholds, watched
from detectors.reference import fit_reference

PANES, LATER, ROWS, D = 60, 200, 1_000, 6
NAMES = [f"f{i}" for i in range(D)]
WARN = Thresholds(math.log(1_000), 0.001)


def stream(kind, g, panes):
    n = panes * ROWS
    noise = g.standard_normal((n, D))
    if kind == "alike":
        return noise
    if kind == "autocorrelated":
        return lfilter([math.sqrt(0.19)], [1, -0.9], noise, axis=0)
    if kind == "wandering":
        means = 0.3 * lfilter([0.6], [1, -0.8], g.standard_normal((panes, D)), axis=0)
        return noise + np.repeat(means, ROWS, 0)
    return math.sqrt(0.8) * g.standard_normal((n, 1)) + math.sqrt(0.2) * noise


def alarms(rows):
    """How many windows alarm after the reference, and the p-values of all."""
    reference = fit_reference(
        dict(zip(NAMES, rows[: PANES * ROWS].T, strict=True)),
        dict.fromkeys(NAMES, "number"),
        np.repeat(np.arange(PANES), ROWS),
        pane_ms=1,
    )
    panel, found, state, p = reference.panel, 0, OutlierWatch(), []
    codes = [bins.number_codes(values) for bins, values in zip(panel.bins, rows[PANES * ROWS :].T, strict=True)]
    scores = np.stack([panel.normal_scores[f][own] for f, own in enumerate(codes)], 1)
    counts = reference.outliers.are(scores).reshape(-1, ROWS).sum(1)
    for pane, count in enumerate(counts.tolist(), PANES):
        state, said = watched(reference.outliers.profile, state, pane, count, ROWS, WARN)
        if said is not None:
            found, p = found + said.alarms, [*p, said.p]
    return found, p


@pytest.mark.parametrize("kind", ["alike", "autocorrelated", "wandering", "of one factor"])
def test_rows_like_those_of_the_reference_raise_no_more_alarms_than_warnings_may(kind):
    results = [alarms(stream(kind, np.random.default_rng([seed, 5]), PANES + LATER)) for seed in range(6)]

    assert sum(found for found, _ in results) <= 6 * LATER * (0.001 + 0.001)
    assert np.mean(np.concatenate([p for _, p in results]) < 0.001) <= 0.002


def test_rows_whose_features_no_longer_belong_together_are_found_though_each_is_as_it_was():
    g = np.random.default_rng(3)
    rows = stream("of one factor", g, PANES + 20)
    strange = np.flatnonzero(g.random(len(rows)) < 0.05)
    strange = strange[strange >= PANES * ROWS]
    for feature in range(D):  # the values of these rows, dealt out anew: no feature has others than before
        rows[strange, feature] = rows[g.permutation(strange), feature]

    assert alarms(rows)[0] > 0
