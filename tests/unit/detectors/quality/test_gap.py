"""Empty panes in a row: the urn's law, and what the reference's own gaps teach."""

import msgspec
import numpy as np
import pytest
from scipy import special

from detectors.quality.gap import GapProfile, check_gap, fit_gap, run_chance

ALLOWED = 0.001


def panes_needed(profile, allowed, phase=0):
    return next(run for run in range(1, 2_000) if check_gap(profile, run, allowed, phase) is not None)


def test_without_stickiness_runs_are_beta_geometric():
    profile = GapProfile(60, (0.2,), (0,), strength=61.0, sticky=0.0, followed=1e9)
    a, b = 0.2 * 61, 0.8 * 61

    for run in (1, 3, 8):
        expected = np.exp(special.betaln(a + run, b) - special.betaln(a, b))
        assert run_chance(profile, run) == pytest.approx(expected)


def test_the_first_gap_ever_is_as_likely_as_one_pane_of_all():
    assert run_chance(fit_gap(np.full(60, 5)), 1) == pytest.approx(1 / 61, rel=0.01)


def test_a_stream_that_never_paused_is_missed_after_few_panes():
    profile = fit_gap(np.full(200, 1_000))

    assert panes_needed(profile, 0.001) <= 3
    assert panes_needed(profile, 1e-5) <= 6


def test_longer_runs_are_always_surer():
    profile = fit_gap(np.random.default_rng(1).poisson(1.0, 100))
    chances = [run_chance(profile, run) for run in range(1, 40)]

    assert (np.diff(chances) < 0).all()


def test_a_gap_that_the_reference_had_is_no_fault():
    rows = np.full(60, 5)
    rows[20:26] = 0
    profile = fit_gap(rows)

    assert profile.longest == (6,)
    assert all(check_gap(profile, run, 0.5) is None for run in range(7))


def test_gaps_that_last_need_more_panes_than_gaps_of_one():
    apart, together = np.full(200, 5), np.full(200, 5)
    apart[10:190:12], together[100:115] = 0, 0

    assert (apart == 0).sum() == (together == 0).sum()
    assert panes_needed(fit_gap(together), ALLOWED) > 2 * panes_needed(fit_gap(apart), ALLOWED)


def test_nights_without_rows_are_expected_and_days_are_not():
    rows = np.where(np.arange(480) % 24 < 8, 0, 50)
    profile = fit_gap(rows, phases=24)

    assert profile.longest[7] == 8
    assert profile.longest[12] == 0
    assert check_gap(profile, 8, ALLOWED, phase=7) is None
    assert panes_needed(profile, ALLOWED, phase=15) <= 3


def test_a_fault_says_both_keys():
    fault = check_gap(fit_gap(np.full(60, 5)), 12, ALLOWED)

    assert fault is not None
    assert (fault.check, fault.share, fault.expected, fault.floor) == ("no-data", 12, 0, 1)
    assert fault.p < ALLOWED


def test_a_short_reference_finds_nothing():
    assert check_gap(fit_gap(np.full(59, 5)), 1_000, ALLOWED) is None


def test_the_profile_survives_the_wire():
    profile = fit_gap(np.tile([0, 5, 5], 40), phases=3)

    assert msgspec.msgpack.decode(msgspec.msgpack.encode(profile), type=GapProfile) == profile


@pytest.mark.parametrize(
    "refused",
    [
        lambda: fit_gap(np.array([-1, 5])),
        lambda: fit_gap(np.zeros(0, np.int64)),
        lambda: fit_gap(np.full(13, 5), phases=7),
        lambda: check_gap(fit_gap(np.full(60, 5)), -1, ALLOWED),
        lambda: check_gap(fit_gap(np.full(60, 5)), 1, 1.0),
    ],
)
def test_what_are_no_counts_is_refused_with_a_sentence(refused):
    with pytest.raises(ValueError, match="got"):
        refused()
