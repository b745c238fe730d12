import math

import numpy as np
import pytest

from detectors.outliers.profile import fit_outlier_profile
from detectors.outliers.watch import OutlierWatch, Run, Thresholds, watched

WARN = Thresholds(math.log(1_000), 0.001)
"""What warnings allow, with nothing else to share it with: one false alarm in 1,000 panes by either rule."""


def watch(profile, outliers, rows, first=0, thresholds=WARN):
    """All that is found in panes."""
    state, found = OutlierWatch(), []
    for pane, (count, n) in enumerate(zip(outliers.tolist(), rows.tolist(), strict=True), first):
        state, said = watched(profile, state, pane, count, n, thresholds)
        found += [] if said is None else [said]
    return found


def shares(g, panes, kind):
    """The true share of outliers in each pane."""
    if kind == "alike":
        return np.full(panes, 0.001)
    noise = g.standard_normal(panes)
    for t in range(1, panes):
        noise[t] = 0.8 * noise[t - 1] + 0.6 * noise[t]
    return 0.001 * np.exp(0.7 * noise - 0.25)


@pytest.mark.parametrize("kind", ["alike", "wandering"])
@pytest.mark.parametrize(("panes", "n", "smallest"), [(60, 1_000, 1), (200, 100, 5)])
def test_stationary_outliers_raise_fewer_false_alarms_than_the_level_allows(kind, panes, n, smallest):
    alarms, p = 0, []
    for seed in range(40):
        g = np.random.default_rng([seed, panes])
        counts = g.binomial(n, shares(g, panes + 500, kind))
        rows = np.full(len(counts), n)
        profile = fit_outlier_profile(counts[:panes], rows[:panes], np.arange(panes), smallest)
        found = watch(profile, counts[panes:], rows[panes:], panes)
        alarms += sum(each.alarms for each in found)
        p += [each.p for each in found]

    assert alarms <= 40 * 500 * (0.001 + 0.001)
    assert np.mean(np.array(p) < 0.05) <= 0.06
    assert np.mean(np.array(p) < 0.001) <= 0.002


@pytest.mark.parametrize(("share", "within"), [(0.008, 60), (0.02, 15), (0.1, 5)])
def test_a_growing_share_is_found_in_panes_of_a_hundred_rows(share, within):
    g = np.random.default_rng(1)
    reference, rows = g.binomial(100, 0.001, 200), np.full(200, 100)
    profile = fit_outlier_profile(reference, rows, np.arange(200), 5)

    found = watch(profile, g.binomial(100, share, 200), rows, 200, Thresholds(math.log(21_000), 0.005 / 21))

    assert any(each.alarms for each in found[: within // 5 + 1])


def test_what_is_sure_but_small_raises_no_alarm():
    counts, rows = np.full(90, 10), np.full(90, 10_000)
    profile = fit_outlier_profile(counts, rows, np.arange(90), 1)

    found = watch(profile, np.full(50, 40), np.full(50, 10_000), 90)

    assert found[-1].log_evidence > 20
    assert not any(each.alarms for each in found)


def test_a_reference_of_too_few_panes_judges_nothing():
    profile = fit_outlier_profile(np.zeros(59, np.int64), np.full(59, 1_000), np.arange(59), 1)

    [found] = watch(profile, np.array([500]), np.array([1_000]))

    assert (profile.can_alarm, found.alarms, found.p) == (False, False, 1.0)


def test_evidence_is_forgotten_at_an_alarm():
    profile = fit_outlier_profile(np.ones(90, np.int64), np.full(90, 1_000), np.arange(90), 1)

    state, found = watched(profile, OutlierWatch(), 90, 500, 1_000, WARN)

    assert found.alarms
    assert state == OutlierWatch()


def test_windows_lie_side_by_side_whatever_panes_lack():
    profile = fit_outlier_profile(np.ones(60, np.int64), np.full(60, 1_000), np.arange(60), 3)
    state, said = OutlierWatch(), []
    for pane in (60, 62, 63, 67, 70):
        state, found = watched(profile, state, pane, 1, 1_000, WARN)
        said.append(None if found is None else (found.window.first, found.window.rows))

    # 60 and 62 are of one window; 63 is alone until 67, of another window, ends it; so 70 is 67's.
    assert said == [None, (60, 2_000), None, (63, 2_000), None]


def test_empty_panes_say_nothing():
    profile = fit_outlier_profile(np.ones(60, np.int64), np.full(60, 1_000), np.arange(60), 1)

    assert watched(profile, OutlierWatch(), 60, 0, 0, WARN) == (OutlierWatch(60), None)


def test_a_share_that_follows_the_day_is_judged_by_the_hour():
    share = np.where(np.arange(24) < 6, 0.02, 0.001)
    g = np.random.default_rng(1)
    hours = np.arange(24 * 30)
    counts, rows = g.binomial(2_000, share[hours % 24]), np.full(len(hours), 2_000)

    profile = fit_outlier_profile(counts, rows, hours, 1, phases=24)

    assert profile.expected(3) > 10 * profile.expected(12)
    assert profile.p(40, 2_000, 24 * 40 + 3) > 0.01
    assert profile.p(40, 2_000, 24 * 40 + 12) < 1e-6


def test_more_outliers_than_rows_are_refused():
    profile = fit_outlier_profile(np.ones(60, np.int64), np.full(60, 1_000), np.arange(60), 1)

    with pytest.raises(ValueError, match="need 0 to 5 outliers, got 6"):
        watched(profile, OutlierWatch(), 60, 6, 5, WARN)


def test_a_run_without_rows_has_no_share():
    assert (Run().share, Run().expected_share, Run().matters) == (0.0, 0.0, False)
