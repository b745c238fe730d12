"""Whatever a reference and a pane hold: no warning, no NaN, findings with both keys, or none."""

from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.quality.check import check_pane
from detectors.quality.fault import Fault
from detectors.quality.gap import check_gap, fit_gap, run_chance
from detectors.quality.health import PaneHealth, ReferenceHealth
from detectors.quality.labels import check_labels, fit_labels
from detectors.quality.pool import pool_of, proven
from detectors.quality.profile import KINDS, fit_quality
from detectors.quality.shares import fit_shares
from detectors.quality.volume import check_volume, fit_volume

FEATURES = 4
SIZES = [0, 1, 2, 19, 20, 1_000, 10**6, 10**9]
sizes = st.sampled_from(SIZES)
errors = st.sampled_from([1e-12, 1e-6, 1e-3, 0.5])
seeds = st.integers(0, 2**32 - 1)


def assert_sound(fault):
    assert isinstance(fault, Fault)
    assert np.isfinite(fault[3:]).all()
    assert 0 < fault.p <= 1
    assert fault.lo <= fault.share <= fault.hi
    assert abs(fault.share - fault.expected) >= fault.floor * (1 - 1e-9)
    assert fault.evidence_days(60_000) > 0


def parts(g, rows, names):
    """Counts ``(..., F)`` of which none exceeds what the others have left of the rows."""
    found = {}
    left = np.broadcast_to(rows[..., None], (*np.shape(rows), FEATURES)).copy()
    for name in names:
        shape = g.integers(0, 4, left.shape)
        found[name] = np.select(
            [shape == 0, shape == 1, shape == 2], [left * 0, left, left // 3], g.integers(0, left + 1)
        )
        left = left - found[name]
    return found


@st.composite
def references(draw):
    g, panes = np.random.default_rng(draw(seeds)), draw(st.sampled_from([1, 2, 59, 60, 96]))
    rows = g.choice(np.array(draw(st.lists(sizes, min_size=1, max_size=3)), np.int64), panes)
    counts = parts(g, rows, ("missing", "invalid", "unseen", "low"))
    high, modal = (parts(g, rows, (name,))[name] for name in ("high", "modal"))
    duplicates = g.integers(0, 3, panes) * rows
    phases = draw(st.sampled_from([1, 24])) if panes == 96 else 1
    health = ReferenceHealth(rows, duplicates, *counts.values(), high, modal)
    return fit_quality(health, g.random(FEATURES) < 0.5, "abcd", phases), phases


@st.composite
def panes(draw):
    g, rows = np.random.default_rng(draw(seeds)), draw(sizes)
    counts = parts(g, np.array(rows), ("missing", "invalid", "unseen", "below", "above"))
    return PaneHealth(rows, draw(sizes), *counts.values(), g.random(FEATURES) < 0.5)


@settings(deadline=None, max_examples=150)
@given(references(), panes(), errors, st.integers(0, 23))
def test_any_pane_has_sound_faults(reference, pane, allowed, phase):
    profile, phases = reference
    faults = check_pane(profile, pane, allowed, phase % phases)

    for fault in faults:
        assert_sound(fault)
        assert fault.p <= allowed / fault.tests
    assert len({(fault.check, fault.feature, fault.side) for fault in faults}) == len(faults)


@settings(deadline=None, max_examples=100)
@given(references(), st.lists(panes(), min_size=1, max_size=5), st.randoms(use_true_random=False), errors)
def test_a_pool_proves_what_one_pane_with_all_of_its_rows_would(reference, several, order, allowed):
    profile, phases = reference
    rows = sum(pane.rows for pane in several)
    if not rows:
        return
    pools = [pool_of(pane, i % phases, phases) for i, pane in enumerate(several)]
    found = proven(profile, reduce(lambda a, b: a.and_(b), pools), allowed)
    order.shuffle(pools)
    whole = PaneHealth(rows, 0, *(sum(pane[i] for pane in several) for i in range(2, 7)), several[0].constant & False)
    faults = check_pane(profile, whole, allowed) if phases == 1 else ()

    assert found == proven(profile, reduce(lambda a, b: b.and_(a), pools), allowed)
    assert found >= {fault.feature for fault in faults if (fault.check, fault.side) in KINDS}


@settings(deadline=None, max_examples=100)
@given(references())
def test_all_that_a_profile_holds_is_finite(reference):
    profile, _ = reference
    for shares in (profile.shares, profile.modal):
        assert all(np.isfinite(array).all() for array in (shares.expected, *shares.arrays))
        assert ((shares.expected > 0) & (shares.expected < 1)).all()
        assert all(0 <= correlation < 1 for correlation in shares.correlation)
        assert (np.array(shares.worth) <= np.array(shares.rows) * (1 + 1e-12)).all()


@settings(deadline=None, max_examples=150)
@given(seeds, st.sampled_from([1, 60, 200]), sizes, errors)
def test_more_of_what_is_wrong_is_never_less_sure(seed, panes, rows, allowed):
    g = np.random.default_rng(seed)
    rows = max(rows, 20)
    share = g.choice([0.0, 1e-4, 0.02, 0.4, 0.97])
    counts = g.binomial(rows, np.clip(share * g.lognormal(0, g.choice([0, 0.5]), panes), 0, 1))
    shares = fit_shares(counts[:, None], np.full((panes, 1), rows))
    found = np.unique(np.geomspace(1, rows, 30).round())
    p = shares.risen(np.zeros(len(found), np.int64), found, np.full(len(found), float(rows)))

    assert ((p > 0) & (p <= 1)).all()
    assert (p[1:] <= p[:-1] * 1.05).all()


@settings(deadline=None, max_examples=150)
@given(st.lists(sizes, min_size=1, max_size=130), sizes, errors)
def test_any_volume_has_sound_faults(reference, rows, allowed):
    profile = fit_volume(np.array(reference, np.int64))
    fault = check_volume(profile, rows, allowed)

    assert np.isfinite([*profile.expected, profile.variance, *profile.error, profile.freedom]).all()
    if fault is not None:
        assert_sound(fault)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.integers(0, 1), min_size=1, max_size=130), st.integers(0, 3_000), errors)
def test_any_gap_has_a_sound_fault(reference, run, allowed):
    profile = fit_gap(np.array(reference, np.int64))
    fault = check_gap(profile, run, allowed)

    assert 0 < run_chance(profile, run) <= 1
    if fault is not None:
        assert_sound(fault)


@settings(deadline=None, max_examples=150)
@given(seeds, st.lists(sizes, min_size=1, max_size=130), sizes, errors, st.floats(0.01, 1))
def test_any_labels_have_sound_faults(seed, reference, rows, allowed, matured):
    g = np.random.default_rng(seed)
    sizes_of_panes = np.array(reference, np.int64)
    profile = fit_labels(sizes_of_panes, g.integers(0, sizes_of_panes + 1))
    labels = int(g.integers(0, rows + 1)) if g.random() < 0.5 else 0
    fault = check_labels(profile, rows, labels, allowed, matured)

    if fault is not None:
        assert_sound(fault)


@pytest.mark.parametrize("rows", SIZES)
def test_panes_like_the_reference_have_no_fault(rows):
    g, many = np.random.default_rng(1), np.full(61, rows, np.int64)
    counts = g.binomial(many[:, None], [0.0, 0.001, 0.1, 0.9], (61, FEATURES))
    none = counts * 0
    health = ReferenceHealth(many, many * 0, counts, none, none, none, none, none)
    profile = fit_quality(ReferenceHealth(*(field[:60] for field in health)), np.ones(FEATURES, bool), "abcd")
    pane = PaneHealth(rows, 0, counts[60], *(none[60],) * 4, none[60] > 0)

    assert check_pane(profile, pane, 0.001) == ()


def test_a_profile_of_no_features_checks_duplicates_alone():
    many, none = np.full(60, 100), np.zeros((60, 0), np.int64)
    profile = fit_quality(ReferenceHealth(many, many * 0, *(none,) * 6), np.zeros(0, bool), [])
    pane = PaneHealth(100, 50, *(none[0],) * 5, none[0] > 0)

    assert [fault.check for fault in check_pane(profile, pane, 0.001)] == ["duplicates"]
    assert profile.tests == 1
