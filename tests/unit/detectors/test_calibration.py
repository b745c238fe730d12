"""False alarms under no change: the p-values of panes that come from where the reference came from."""

import numpy as np
import pytest
from scipy import signal

from detectors.feature_test import JUDGED, judge
from detectors.reference import fit_reference

FEATURES, JUDGED_PANES = 5, 240


def normal(g, n):
    return g.standard_normal(n)


def heavy(g, n):
    return np.exp(2 * g.standard_normal(n))


def mostly_zero(g, n):
    return np.where(g.random(n) < 0.9, 0.0, g.integers(1, 30, n))


def dependent(g, n):
    return signal.lfilter([1], [1, -0.5], g.standard_normal(n + 100) * np.sqrt(0.75))[100:]


def p_values(draw, panes, rows, seed=1):
    g = np.random.default_rng(seed)
    columns = {f"x{i}": draw(g, (panes + JUDGED_PANES) * rows) for i in range(FEATURES)}
    reference = fit_reference(
        {name: values[: panes * rows] for name, values in columns.items()},
        dict.fromkeys(columns, "number"),
        np.repeat(np.arange(panes), rows),
        pane_ms=1,
    )
    found = [
        judge(feature, reference, np.bincount(codes, minlength=feature.bins.width))
        for feature in reference.features
        for codes in feature.bins.number_codes(columns[feature.name][panes * rows :]).reshape(-1, rows)
    ]
    return np.array([v.p for v in found if v.status == JUDGED])


@pytest.mark.parametrize("panes", [60, 200])
@pytest.mark.parametrize(("draw", "rows"), [(normal, 600), (heavy, 600), (mostly_zero, 600), (dependent, 1_800)])
def test_small_p_values_are_as_rare_as_they_say(draw, rows, panes):
    p = p_values(draw, panes, rows)

    assert len(p) > FEATURES * JUDGED_PANES * 0.75
    assert np.mean(p < 0.05) <= 0.07
    assert np.mean(p < 0.001) <= 0.005
