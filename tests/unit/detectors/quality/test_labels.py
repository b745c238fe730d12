"""Labels that do not come."""

import msgspec
import numpy as np
import pytest

from detectors.quality.labels import LabelProfile, check_labels, fit_labels, lack_chance

ALLOWED = 0.001
PROFILE = fit_labels(np.full(60, 1_000), np.full(60, 800))


@pytest.mark.parametrize(
    ("labels", "found"), [(0, True), (1, True), (300, True), (399, True), (400, False), (700, False)]
)
def test_less_than_half_of_the_labels_is_a_fault(labels, found):
    fault = check_labels(PROFILE, 1_000, labels, ALLOWED)

    assert (fault is not None) == found
    if fault is not None:
        assert fault.expected - fault.share >= fault.floor == pytest.approx(0.4, rel=1e-4)
        assert fault.lo <= fault.share <= fault.hi


def test_few_rows_prove_nothing():
    assert check_labels(PROFILE, 2, 0, ALLOWED) is None
    assert check_labels(PROFILE, 0, 0, ALLOWED) is None


def test_labels_that_are_still_to_come_are_not_missed():
    assert check_labels(PROFILE, 1_000, 300, ALLOWED, matured=0.5) is None
    assert check_labels(PROFILE, 1_000, 100, ALLOWED, matured=0.5) is not None


def test_labels_may_follow_a_cycle():
    rows = np.full(80, 1_000)
    profile = fit_labels(rows, np.tile([900, 100], 40), phases=2)

    assert check_labels(profile, 1_000, 100, ALLOWED, phase=1) is None
    assert check_labels(profile, 1_000, 100, ALLOWED, phase=0) is not None


def test_fewer_labels_are_never_less_sure():
    chances = [lack_chance(PROFILE, 1_000, labels) for labels in range(1, 400, 20)]

    assert (np.diff(chances) >= 0).all()


def test_panes_whose_labels_differ_much_are_given_time():
    g = np.random.default_rng(1)
    varied = fit_labels(np.full(60, 1_000), g.binomial(1_000, g.beta(2, 2, 60)))

    assert check_labels(varied, 1_000, 150, ALLOWED) is None


def test_a_short_reference_finds_nothing():
    assert check_labels(fit_labels(np.full(59, 1_000), np.full(59, 800)), 1_000, 0, ALLOWED) is None


def test_the_profile_survives_the_wire():
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(PROFILE), type=LabelProfile) == PROFILE


@pytest.mark.parametrize(
    "refused",
    [
        lambda: fit_labels(np.full(60, 5), np.full(60, 6)),
        lambda: fit_labels(np.full(60, 5), np.full(59, 5)),
        lambda: fit_labels(np.full(13, 5), np.full(13, 5), phases=7),
        lambda: check_labels(PROFILE, 5, 6, ALLOWED),
        lambda: check_labels(PROFILE, 5, 5, 0.0),
        lambda: check_labels(PROFILE, 5, 5, ALLOWED, matured=0.0),
    ],
)
def test_what_are_no_counts_is_refused_with_a_sentence(refused):
    with pytest.raises(ValueError, match="got"):
        refused()
