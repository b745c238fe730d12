"""Whatever the reference and the window hold: no warning, no NaN, a status with a reason."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.effects import above_floor, effects
from detectors.feature_test import INSUFFICIENT, JUDGED, judge
from detectors.reference import fit_reference

PANES, ROWS = 80, 50

NUMBERS = {
    "normal": lambda g, n: g.standard_normal(n),
    "missing": lambda g, n: np.full(n, np.nan),
    "constant": lambda g, n: np.full(n, 3.25),
    "zero": lambda g, n: np.zeros(n),
    "minus zero": lambda g, n: np.full(n, -0.0),
    "two values": lambda g, n: (g.random(n) < 0.3) * 1.0,
    "mostly zero": lambda g, n: np.where(g.random(n) < 0.9, 0.0, g.random(n)),
    "huge": lambda g, n: g.standard_normal(n) * 1e307,
    "tiny": lambda g, n: g.standard_normal(n) * 1e-310,
    "beyond 2**53": lambda g, n: 2.0**53 + np.floor(g.standard_normal(n) * 100),
    "infinite": lambda g, n: np.where(g.random(n) < 0.1, np.inf, g.standard_normal(n)),
    "collapsed quantiles": lambda g, n: np.where(g.random(n) < 0.999, 1.0, g.standard_normal(n)),
    "heavy tails": lambda g, n: np.exp(3 * g.standard_normal(n)),
    "nearly constant": lambda g, n: 1e9 + g.integers(0, 2, n) * 1e-7,
}
CATEGORIES = {
    "three levels": lambda g, n: g.choice(np.array(["a", "b", "c"], object), n, p=[0.7, 0.2, 0.1]),
    "one level": lambda g, n: np.full(n, "only", object),
    "no level": lambda g, n: np.full(n, None, object),
    "thousands of levels": lambda g, n: np.array([f"l{i}" for i in g.integers(0, 5_000, n)], object),
    "missing and mixed": lambda g, n: np.array([None, "x", float("nan"), "y", ""], object)[g.integers(0, 5, n)],
}


@pytest.fixture(scope="module")
def reference():
    g = np.random.default_rng(1)
    columns = {name: draw(g, PANES * ROWS) for name, draw in (NUMBERS | CATEGORIES).items()}
    kinds = dict.fromkeys(NUMBERS, "number") | dict.fromkeys(CATEGORIES, "category")
    return fit_reference(columns, kinds | {"absent": "number"}, np.repeat(np.arange(PANES), ROWS), pane_ms=1)


def assert_sound(feature, reference, counts, panes):
    verdict, found = judge(feature, reference, counts, panes), effects(feature, counts)
    assert verdict.status in {JUDGED, INSUFFICIENT}
    assert verdict.reason
    assert all(0 <= p <= 1 for p in (verdict.p, verdict.p_hotelling, verdict.p_location, verdict.p_bins))
    assert math.isfinite(verdict.statistic)
    assert all(math.isfinite(value) for value in found)
    material = above_floor(found, feature, int(counts.sum()))
    assert material is None or math.isfinite(material.effect)


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_any_counts_of_any_feature_have_a_sound_verdict(reference, data):
    feature = data.draw(st.sampled_from(reference.features))
    size = st.one_of(st.just(0), st.integers(0, 30), st.integers(0, 10**9))
    counts = data.draw(st.lists(size, min_size=feature.bins.width, max_size=feature.bins.width))
    assert_sound(feature, reference, np.array(counts, np.int64), data.draw(st.integers(1, 200)))


@pytest.mark.parametrize("now", NUMBERS)
@pytest.mark.parametrize("name", [*NUMBERS, "absent"])
def test_any_number_may_become_any_other(reference, name, now):
    feature = reference.feature(name)
    values = NUMBERS[now](np.random.default_rng(2), 600)
    counts = np.bincount(feature.bins.number_codes(values), minlength=feature.bins.width)
    assert_sound(feature, reference, counts, 12)


@pytest.mark.parametrize("name", [*NUMBERS, *CATEGORIES])
def test_rows_like_those_of_the_reference_are_no_alarm(reference, name):
    feature, g = reference.feature(name), np.random.default_rng(3)
    values = (NUMBERS | CATEGORIES)[name](g, 600)
    if feature.is_number:
        codes = feature.bins.number_codes(values)
    else:
        texts = [v if isinstance(v, str) else None for v in values]
        codes = np.array([0 if t is None else feature.bins.level_codes([t])[0] for t in texts])

    verdict = judge(feature, reference, np.bincount(codes, minlength=feature.bins.width), 12)

    assert verdict.status == JUDGED
    assert verdict.p > 1e-3


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.floats(), st.integers(0, 80)), min_size=1, max_size=150),
    st.lists(st.integers(0, 10**9), min_size=40, max_size=40),
)
def test_any_reference_can_be_judged_against(rows, sizes):
    values, panes = (np.array(column) for column in zip(*rows, strict=True))
    reference = fit_reference({"x": values}, {"x": "number"}, panes, pane_ms=1)
    [feature] = reference.features
    assert_sound(feature, reference, np.array(sizes[: feature.bins.width], np.int64), 1)
