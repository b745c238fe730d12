"""Volume: what is expected by phase, how it varies, and what is a change."""

import msgspec
import numpy as np
import pytest
from scipy import stats

from detectors.quality.volume import VOLUME_FLOOR, VolumeProfile, check_volume, fallen, fit_volume

ALLOWED = 0.001


def poisson(mean, panes=200, seed=1):
    return np.random.default_rng(seed).poisson(mean, panes).astype(np.int64)


def test_the_variance_between_panes_is_found():
    g = np.random.default_rng(2)
    profile = fit_volume(g.poisson(g.gamma(10, 100, 5_000)))

    assert profile.expected[0] == pytest.approx(1_000, rel=0.05)
    assert profile.variance == pytest.approx(0.1, rel=0.2)


def test_poisson_counts_have_next_to_no_variance_between_panes():
    assert fit_volume(poisson(1_000)).variance < 1e-3


def test_a_fall_is_a_negative_binomial_tail_of_a_student_kind():
    profile = fit_volume(poisson(30.0))
    variance = profile.expected[0] + profile.expected[0] ** 2 * (profile.variance + profile.error[0])
    size = profile.expected[0] ** 2 / (variance - profile.expected[0])
    lower = stats.nbinom.cdf(12, size, size / (size + profile.expected[0]))

    assert fallen(profile, 12) == pytest.approx(stats.t.sf(stats.norm.isf(lower), profile.freedom))


@pytest.mark.parametrize(("rows", "found"), [(500, True), (0, True), (2_000, True), (700, False), (1_300, False)])
def test_changes_by_a_third_are_faults_and_smaller_ones_are_not(rows, found):
    fault = check_volume(fit_volume(poisson(1_000)), rows, ALLOWED)

    assert (fault is not None) == found
    if fault is not None:
        assert abs(fault.share - fault.expected) >= fault.floor == VOLUME_FLOOR
        assert fault.lo <= fault.share <= fault.hi


def test_steady_growth_is_no_fault_for_half_a_year():
    profile = fit_volume(poisson(1_000_000.0))

    assert all(check_volume(profile, round(1e6 * 1.01**week), ALLOWED) is None for week in range(26))


def test_a_volume_that_varies_much_may_fall_by_half():
    g = np.random.default_rng(3)
    profile = fit_volume(g.poisson(g.gamma(2, 500, 200)))

    assert check_volume(profile, 400, ALLOWED) is None
    assert check_volume(profile, 3_000, ALLOWED) is None


def test_phases_have_expectations_of_their_own():
    profile = fit_volume(np.tile([1_000, 100], 50), phases=2)

    assert check_volume(profile, 100, ALLOWED, phase=1) is None
    assert check_volume(profile, 100, ALLOWED, phase=0) is not None
    assert check_volume(profile, 1_000, ALLOWED, phase=1) is not None


def test_panes_that_are_alike_say_less():
    g = np.random.default_rng(4)
    apart = g.poisson(g.lognormal(7, 0.3, 200))

    assert fit_volume(np.sort(apart)).error[0] > 5 * fit_volume(apart).error[0]
    assert fit_volume(np.sort(apart)).freedom < fit_volume(apart).freedom


def test_a_short_reference_finds_nothing():
    assert check_volume(fit_volume(poisson(1_000, panes=59)), 0, ALLOWED) is None


def test_the_profile_survives_the_wire():
    profile = fit_volume(poisson(1_000), phases=7)

    assert msgspec.msgpack.decode(msgspec.msgpack.encode(profile), type=VolumeProfile) == profile


@pytest.mark.parametrize(
    "refused",
    [
        lambda: fit_volume(np.array([-1, 5])),
        lambda: fit_volume(np.zeros((2, 2), np.int64)),
        lambda: fit_volume(np.zeros(0, np.int64)),
        lambda: fit_volume(poisson(5, panes=13), phases=7),
        lambda: check_volume(fit_volume(poisson(5)), -1, ALLOWED),
        lambda: check_volume(fit_volume(poisson(5)), 5, 0.0),
    ],
)
def test_what_are_no_counts_is_refused_with_a_sentence(refused):
    with pytest.raises(ValueError, match="got"):
        refused()
