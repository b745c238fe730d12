"""Whatever the reference and the panes hold: no warning, no NaN, a status with a reason."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.columns import bin_numbers, bin_texts
from detectors.panel.effects import effects, mean_shift_interval, window_cases
from detectors.panel.fit import ReferenceCounts, fit_panel
from detectors.panel.gauge import tick
from detectors.panel.gauge_state import Pane, initial
from detectors.panel.joint import pair_sums, with_joint
from detectors.panel.plan import plan
from detectors.panel.status import INSUFFICIENT, JUDGED, LEARNING, statuses, warnings

PANES, ROWS = 80, 500

NUMBERS = {
    "normal": lambda g, n: g.standard_normal(n),
    "all missing": lambda g, n: np.full(n, np.nan),
    "constant": lambda g, n: np.full(n, 3.25),
    "zero": lambda g, n: np.zeros(n),
    "minus zero": lambda g, n: np.full(n, -0.0),
    "two values": lambda g, n: (g.random(n) < 0.3) * 1.0,
    "mostly zero": lambda g, n: np.where(g.random(n) < 0.9, 0.0, g.random(n)),
    "huge": lambda g, n: g.standard_normal(n) * 1e307,
    "largest": lambda g, n: g.choice([-1.0, 1.0], n) * np.finfo(float).max,
    "tiny": lambda g, n: g.standard_normal(n) * 1e-310,
    "beyond 2**53": lambda g, n: 2.0**53 + np.floor(g.standard_normal(n) * 100),
    "infinite": lambda g, n: np.where(g.random(n) < 0.1, np.inf, g.standard_normal(n)),
    "collapsed quantiles": lambda g, n: np.where(g.random(n) < 0.999, 1.0, g.standard_normal(n)),
    "heavy tails": lambda g, n: np.exp(3 * g.standard_normal(n)),
    "alternating": lambda g, n: np.repeat(np.arange(-(-n // ROWS)) % 2, ROWS)[:n] * 1.0,
}
CATEGORIES = {
    "three levels": lambda g, n: g.choice(np.array(["a", "b", "c"], object), n, p=[0.7, 0.2, 0.1]),
    "one level": lambda g, n: np.full(n, "only", object),
    "no level": lambda g, n: np.full(n, None, object),
    "thousands of levels": lambda g, n: np.array([f"l{i}" for i in g.integers(0, 5_000, n)], object),
    "missing and mixed": lambda g, n: np.array([None, "x", float("nan"), "y", ""], object)[g.integers(0, 5, n)],
}
NAMES = (*NUMBERS, *CATEGORIES)


def binned(panes):
    g = np.random.default_rng(1)
    numbers = [bin_numbers(name, draw(g, panes * ROWS)) for name, draw in NUMBERS.items()]
    return [*numbers, *(bin_texts(name, draw(g, panes * ROWS)) for name, draw in CATEGORIES.items())]


def fitted(panes=PANES, phases=1):
    columns = binned(panes)
    bins = tuple(column.bins for column in columns)
    width = max(feature.width for feature in bins)
    parts = np.split(np.stack([column.codes for column in columns]), panes, axis=1)
    counts = np.stack([np.stack([np.bincount(own, minlength=width) for own in part]) for part in parts])
    once = np.array([column.seen_once for column in columns])
    panel = fit_panel(ReferenceCounts(bins, counts, np.full(panes, ROWS), once), (1, 4, 16), phases)
    scores = [np.take_along_axis(panel.normal_scores, part, 1).T for part in parts]
    sums = np.stack([pair_sums(own) for own in scores])
    return with_joint(panel, sums, np.full(panes, float(ROWS)), np.arange(len(bins))), counts, sums


@pytest.fixture(scope="module")
def reference():
    return fitted()


def assert_sound(panel, verdict):
    arrays = [verdict.p, verdict.log_evidence, *verdict.effects]
    if verdict.tests is not None:
        arrays += list(verdict.tests)
    assert all(np.isfinite(array).all() for array in arrays)
    assert ((verdict.p >= 0) & (verdict.p <= 1)).all()
    for scale in range(len(panel.scales)):
        for said in statuses(panel, scale, 100):
            assert said.status in {JUDGED, LEARNING, INSUFFICIENT}
            assert (said.reason == "") == (said.status == JUDGED)


def assert_sound_effects(panel, counts, rows):
    cases = window_cases(panel, counts.astype(float), rows)
    found = effects(panel, cases)
    for array in (*found, *mean_shift_interval(panel, cases, found)):
        assert np.isfinite(array).all()


def test_all_that_a_panel_holds_is_finite(reference):
    panel = reference[0]
    held = [panel.shares, panel.centres, panel.scores, panel.means, panel.covariances, panel.whitening]
    held += [panel.ratios, panel.dispersion, panel.design_effects, panel.effective_panes, panel.sampling]
    held += [panel.joint.sd, panel.joint.correlation, panel.joint.ratios, panel.joint.means]
    assert all(np.isfinite(array).all() for array in held)
    assert all(isinstance(warning, str) for warning in warnings(panel))


def test_panes_of_the_reference_raise_no_alarm(reference):
    panel, counts, sums = reference
    state, gauge = initial(panel), plan(panel)
    for pane, pairs in zip(counts[:64], sums[:64], strict=True):
        state, verdict = tick(gauge, state, Pane(pane, ROWS, pairs))
        assert not verdict.alarms
        assert_sound(panel, verdict)


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_any_counts_have_sound_verdicts(reference, data):
    panel = reference[0]
    rows = data.draw(st.sampled_from([0, 1, 7, 500, 10**6, 10**9]))
    shape = st.sampled_from(["one bin", "two bins", "spread", "absent"])
    counts = np.stack([_counts(data.draw(shape), data.draw(st.integers(0, 63)), b, rows, panel) for b in panel.bins])
    state, gauge = initial(panel), plan(panel)
    pairs = np.full(reference[2].shape[1], rows * 1_000)
    for _ in range(data.draw(st.sampled_from([1, 4, 16]))):
        state, verdict = tick(gauge, state, Pane(counts, rows, pairs))
        assert_sound(panel, verdict)
    assert_sound_effects(panel, counts, rows)


def _counts(shape, place, bins, rows, panel):
    counts = np.zeros(panel.shares.shape[1], np.int64)
    if shape == "spread":
        counts[: bins.width] = rows // bins.width
    elif shape != "absent":
        counts[place % bins.width] += rows // 2 if shape == "two bins" else rows
        counts[(place + 1) % bins.width] += rows - counts.sum()
    return counts


@pytest.mark.parametrize("rows", [1, 10**9])
def test_panes_of_any_size_of_the_same_shares_raise_no_alarm(reference, rows):
    panel, counts, sums = reference
    shares = counts.sum(0) / counts.sum((0, 2))[:, None]
    pane = np.floor(shares * rows).astype(np.int64) if rows > 1 else counts[0] * 0
    state, gauge, alarms = initial(panel), plan(panel), 0
    pairs = np.rint(sums.sum(0) / (PANES * ROWS) * rows).astype(np.int64)
    for _ in range(16):
        state, verdict = tick(gauge, state, Pane(pane, rows, pairs))
        alarms += verdict.alarms
        assert_sound(panel, verdict)
    assert alarms == 0


@pytest.mark.parametrize(
    ("name", "bin_", "rows"),
    [
        ("normal", 0, 500),
        ("zero", 1, 500),
        ("one level", 1, 8),
        ("constant", 1, 10),
        ("infinite", 0, 25),
        ("all missing", 1, 500),
        ("no level", 1, 500),
    ],
)
def test_faults_are_named_first(reference, name, bin_, rows):
    """All missing, a constant that changes, an unseen level, an absent feature that comes alive."""
    panel, counts, sums = reference
    f, pane = NAMES.index(name), counts[5].copy()
    taken = pane[f] * (ROWS - rows) // ROWS
    taken[bin_] += ROWS - taken.sum()
    pane[f] = taken
    state, gauge, found = initial(panel), plan(panel), []
    for _ in range(4):
        state, verdict = tick(gauge, state, Pane(pane, ROWS, sums[5]))
        found += verdict.features.tolist()
        assert_sound(panel, verdict)
    assert f in found


def test_a_cycle_of_such_features_is_sound():
    panel, counts, sums = fitted(96, 12)
    state, gauge = initial(panel), plan(panel)
    for t in range(16):
        state, verdict = tick(gauge, state, Pane(counts[t], ROWS, sums[t], t))
        assert_sound(panel, verdict)


def test_a_reference_that_is_too_short_never_alarms():
    panel, counts, sums = fitted(40)
    state, gauge = initial(panel), plan(panel)
    pane = counts[0] * 0
    pane[:, 1] = ROWS
    for _ in range(16):
        state, verdict = tick(gauge, state, Pane(pane, ROWS, sums[0] * 0))
        assert not verdict.alarms
        assert_sound(panel, verdict)
