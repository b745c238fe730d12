"""Shares of rows: what is expected, how it varies, and that false findings are as rare as they should be."""

import msgspec
import numpy as np
import pytest
from scipy import stats

from detectors.quality.shares import Shares, fit_shares, joined

KIND = np.zeros(1, np.int64)


def of(counts, rows, phases=1):
    table = np.asarray(counts, np.int64).reshape(len(counts), -1)
    return fit_shares(table, np.full_like(table, rows), phases)


def p_of(shares, count, rows, phase=0):
    return float(shares.risen(KIND, np.array([float(count)]), np.array([float(rows)]), phase)[0])


def test_what_was_never_seen_was_seen_once_so_to_say():
    shares = of(np.zeros(60), 1_000)

    assert shares.shares[0] == pytest.approx(1 / 60_000, rel=1e-3)
    assert shares.correlation == (0.0,)
    assert p_of(shares, 3, 1_000) == pytest.approx(stats.t.sf(stats.norm.isf((1 / 61) ** 3), 59), rel=0.01)


def test_a_small_pane_may_be_one_cluster_of_a_large_one():
    """What was never seen is expected in one pane of R, however few rows it has."""
    shares = of(np.zeros(60), 1_000)

    assert p_of(shares, 3, 20) == pytest.approx(p_of(shares, 3, 1_000), rel=0.1)
    assert p_of(shares, 1, 1) > 0.01


def test_the_correlation_of_beta_shares_is_found():
    g = np.random.default_rng(1)
    shares = of(g.binomial(1_000, g.beta(2, 18, (400, 50))), 1_000)

    assert np.median(shares.correlation) == pytest.approx(1 / 21, rel=0.25)
    assert np.median(shares.shares) == pytest.approx(0.1, rel=0.05)


def test_independent_rows_have_next_to_no_correlation():
    shares = of(np.random.default_rng(2).binomial(1_000, 0.1, (200, 200)), 1_000)

    assert np.median(np.array(shares.correlation) * 1_000) < 0.3


@pytest.mark.parametrize("panes", [60, 200])
@pytest.mark.parametrize("share", [0.0005, 0.02, 0.3, 0.9])
@pytest.mark.parametrize("rows", [20, 1_000, 1_000_000])
def test_p_values_of_independent_rows_are_not_too_small(panes, share, rows):
    assert false_rate(lambda g, shape: np.full(shape, share), panes, rows, level=0.001) <= 0.002


@pytest.mark.parametrize("rows", [20, 1_000])
def test_p_values_of_panes_that_differ_are_not_too_small(rows):
    for a, b in ((1, 49), (0.3, 0.7)):
        assert false_rate(lambda g, shape, a=a, b=b: g.beta(a, b, shape), 60, rows, level=0.001) <= 0.002


def false_rate(draw, panes, rows, level, kinds=200, later=100):
    g = np.random.default_rng(3)
    counts = g.binomial(rows, draw(g, (panes + later, kinds)))
    shares, found = of(counts[:panes], rows), 0
    for now in counts[panes:]:
        seen = np.flatnonzero(now)
        sizes = np.full(len(seen), float(rows))
        found += int((shares.risen(seen, now[seen].astype(float), sizes) <= level).sum())
    return found / (kinds * later)


@pytest.mark.parametrize(("alike", "most"), [(0.0, 0.002), (0.5, 0.002), (0.9, 0.01)])
def test_p_values_of_sixteen_panes_together_are_not_too_small(alike, most):
    """Rows of a pool count as those of one pane; what neighbours share and few rows hide makes them a bit too small."""
    g, kinds, runs = np.random.default_rng(9), 400, 40
    shares = of(g.binomial(100, rates(g, alike, 60, kinds)), 100)
    sizes, found = np.full(kinds, 1_600.0), 0
    for _ in range(runs):
        counts = g.binomial(100, rates(g, alike, 16, kinds)).sum(0)
        found += int((shares.risen(np.arange(kinds), np.maximum(counts, 1).astype(float), sizes) <= 0.001).sum())

    assert found / (kinds * runs) <= most


def rates(g, alike, panes, kinds):
    """Rates around .05, ``(panes, kinds)``, whose log odds are an autoregression."""
    normal = g.normal(size=(panes, kinds))
    for i in range(1, panes):
        normal[i] = alike * normal[i - 1] + np.sqrt(1 - alike**2) * normal[i]
    return 1 / (1 + np.exp(3 - 0.3 * normal))


def test_what_phases_let_expect_together_is_weighted_by_their_rows():
    counts = np.tile([[0, 5], [100, 5]], (60, 1))
    shares = fit_shares(counts, np.full_like(counts, 1_000), 2)
    rows = np.array([3_000, 1_000])
    together = shares.over(rows)

    assert together.expected == pytest.approx((rows[:, None] * shares.expected).sum(0)[None] / 4_000)
    assert (together.phases, together.by_phase) == (1, {})
    assert together.correlation == shares.correlation


def test_p_values_that_are_plainly_above_the_level_are_one():
    shares = of(np.full(60, 20), 1_000)
    exact, quick = p_of(shares, 33, 1_000), shares.risen(KIND, np.array([33.0]), np.array([1_000.0]), level=1e-6)[0]

    assert 1e-6 < exact < 0.1
    assert quick == 1


def test_no_p_value_up_to_the_level_is_passed_over():
    g = np.random.default_rng(4)
    shares = of(g.binomial(500, 0.05, (60, 300)), 500)
    kinds, counts, rows = np.arange(300), g.integers(20, 90, 300).astype(float), np.full(300, 500.0)
    exact, quick = shares.risen(kinds, counts, rows), shares.risen(kinds, counts, rows, level=1e-5)

    assert (exact <= 1e-5).any()
    assert ((exact <= 1e-5) == (quick <= 1e-5)).all()


def test_shares_follow_a_cycle_only_where_phases_differ_beyond_chance():
    g = np.random.default_rng(5)
    daily = 0.05 + 0.04 * np.sin(np.arange(240) / 24 * 2 * np.pi)
    counts = np.stack([g.binomial(1_000, daily), g.binomial(1_000, 0.05, 240)], 1)
    shares = fit_shares(counts, np.full((240, 2), 1_000), 24)

    assert set(shares.by_phase) == {"0"}
    assert shares.expected[6, 0] == pytest.approx(0.09, rel=0.1)
    assert shares.expected[18, 0] == pytest.approx(0.01, rel=0.4)
    assert p_of(shares, 60, 1_000, phase=6) == 1
    assert p_of(shares, 60, 1_000, phase=18) < 1e-6


def test_all_rows_of_what_is_half_of_them_are_sure_once_there_are_many():
    shares = of(np.random.default_rng(6).binomial(100, 0.5, 60), 100)
    two, many = (shares.all_rows(KIND, np.array([float(rows)]))[0] for rows in (2, 100))

    assert two == pytest.approx(0.25, rel=0.2)
    assert many < 1e-9


def test_panes_of_the_reference_without_rows_tell_nothing():
    counts, rows = np.array([5, 0, 7, 0] * 30), np.array([100, 0, 100, 0] * 30)

    assert fit_shares(counts[:, None], rows[:, None]).shares == pytest.approx(of([5, 7] * 30, 100).shares)


def test_kinds_are_joined_one_after_the_other():
    g = np.random.default_rng(7)
    cyclic = g.binomial(1_000, np.tile([0.01, 0.3], 40))[:, None]
    parts = [fit_shares(counts, np.full_like(counts, 1_000), 2) for counts in (cyclic * 0, cyclic)]
    whole = joined(parts)

    assert whole.expected.shape == (2, 2)
    assert (whole.expected == np.concatenate([part.expected for part in parts], 1)).all()


def test_shares_survive_the_wire():
    shares = of(np.random.default_rng(8).binomial(1_000, np.tile([0.01, 0.3], 40)), 1_000, 2)

    assert msgspec.msgpack.decode(msgspec.msgpack.encode(shares), type=Shares) == shares
