"""The checks of a pane: each fault is found and named, and what is none is not."""

import msgspec
import numpy as np
import pytest

from detectors.evidence.budget import DAY_MS
from detectors.quality.check import check_pane
from detectors.quality.fault import Fault, ranked
from detectors.quality.health import PaneHealth, ReferenceHealth
from detectors.quality.profile import QualityProfile, fit_quality

PANES, ROWS = 60, 1_000
NAMES = ("distance", "delay", "carrier", "gone", "quiet")
IS_NUMBER = np.array([True, True, False, True, True])
ALLOWED = 0.001


def reference(panes=PANES, rows=ROWS, **changed):
    """Two numbers, a category, a feature that is never there, and a number that is constant."""
    g, shape = np.random.default_rng(1), (panes, len(NAMES))
    none, sizes = np.zeros(shape, np.int64), np.full(panes, rows)
    missing = np.stack([none[:, 0], g.binomial(rows, 0.02, panes), none[:, 0], sizes, none[:, 0]], 1)
    ends = g.binomial(rows, 0.01, shape) * IS_NUMBER
    modal = np.stack(
        [none[:, 0] + 3, g.binomial(rows - missing[:, 1], 0.3), g.binomial(rows, 0.6, panes), none[:, 0], sizes], 1
    )
    health = ReferenceHealth(sizes, g.binomial(rows, 0.001, panes), missing, none, none, ends, ends, modal)
    return health._replace(**changed)


def profile_of(**changed):
    return fit_quality(reference(**changed), IS_NUMBER, NAMES)


@pytest.fixture(scope="module")
def profile():
    return profile_of()


def pane(rows=ROWS, duplicates=1, **counts):
    """A healthy pane, but for counts by check: ``missing={"delay": 50}``."""
    fields = {name: np.zeros(len(NAMES), np.int64) for name in PaneHealth._fields[2:7]}
    fields["missing"][1], fields["missing"][3] = round(0.02 * rows), rows
    for name, changed in counts.items():
        for feature, count in changed.items():
            if name != "constant":
                fields[name][NAMES.index(feature)] = count
    constant = np.array([name in counts.get("constant", ()) or name == "quiet" for name in NAMES])
    return PaneHealth(rows, duplicates, *fields.values(), constant)


def found(profile, pane, allowed=ALLOWED):
    return [(fault.check, fault.feature, fault.side) for fault in check_pane(profile, pane, allowed)]


def test_a_healthy_pane_has_no_fault(profile):
    assert check_pane(profile, pane(), ALLOWED) == ()


@pytest.mark.parametrize(
    ("counts", "fault"),
    [
        ({"missing": {"distance": 10}}, ("missing", "distance", "")),
        ({"missing": {"delay": 80}}, ("missing", "delay", "")),
        ({"missing": {"carrier": ROWS}}, ("schema", "carrier", "")),
        ({"invalid": {"distance": 8}}, ("type", "distance", "")),
        ({"unseen": {"carrier": 8}}, ("unseen", "carrier", "")),
        ({"below": {"distance": 8}}, ("range", "distance", "below")),
        ({"above": {"delay": 8}}, ("range", "delay", "above")),
        ({"constant": {"distance": True}}, ("stuck", "distance", "")),
        ({"constant": {"carrier": True}}, ("stuck", "carrier", "")),
        ({"missing": {"gone": 400}}, ("new", "gone", "")),
        ({"duplicates": 100}, ("duplicates", "", "")),
    ],
)
def test_each_fault_is_found_by_its_check(profile, counts, fault):
    assert found(profile, pane(**counts)) == [fault]


@pytest.mark.parametrize(
    "counts",
    [
        {"missing": {"distance": 2}},
        {"missing": {"delay": 30}},
        {"unseen": {"distance": 900}},
        {"below": {"carrier": 900}},
        {"missing": {"gone": 999}},
        {"constant": {"quiet": True}},
    ],
)
def test_what_is_small_or_no_fault_of_this_feature_is_let_be(profile, counts):
    assert found(profile, pane(**counts)) == []


def test_a_tiny_share_is_let_be_however_certain(profile):
    million = pane(rows=1_000_000, duplicates=1_000, missing={"distance": 4_900, "delay": 24_900})

    assert found(profile, million) == []
    assert found(profile, pane(1_000_000, 1_000, missing={"distance": 5_100})) == [("missing", "distance", "")]


def test_a_fault_says_both_keys(profile):
    (fault,) = check_pane(profile, pane(above={"distance": 114}), ALLOWED)

    assert fault.share == 0.114
    assert fault.expected == pytest.approx(1 / 60_000, rel=0.01)
    assert fault.lo < 0.114 < fault.hi
    assert fault.floor == 0.005
    assert 0 < fault.p < ALLOWED / fault.tests


def test_tests_are_those_that_a_feature_can_have(profile):
    known, sides_of_numbers, features_that_vary = 4, 2 * 3, 3
    unseen = new = duplicates = 1
    assert profile.tests == 3 * known + sides_of_numbers + features_that_vary + unseen + new + duplicates


def test_days_of_evidence_are_panes_over_tests_and_p():
    fault = Fault("missing", "x", "", 1e-6, 20, 0.1, 0.0, 0.005, 0.05, 0.2)

    assert fault.evidence_days(DAY_MS) == pytest.approx(1 / (20 * 1e-6))
    assert fault.evidence_days(DAY_MS, budget_share=0.1) == pytest.approx(0.1 / (20 * 1e-6))


def test_all_faults_of_a_pane_are_ranked_by_certainty_then_size(profile):
    broken = pane(missing={"distance": 6, "delay": 700, "gone": 0}, invalid={"carrier": 9})
    faults = check_pane(profile, broken, ALLOWED)

    assert [fault.check for fault in faults] == ["missing", "type", "missing", "new"]
    assert [fault.feature for fault in faults] == ["delay", "carrier", "distance", "gone"]
    assert list(faults) == list(ranked([*faults[::-1]]))


def test_new_features_are_told_and_never_alarm(profile):
    (fault,) = check_pane(profile, pane(missing={"gone": 0}), ALLOWED)

    assert not fault.alarms
    assert fault.share == 1


def test_a_reference_that_is_too_short_finds_nothing():
    short = fit_quality(reference(panes=59), IS_NUMBER, NAMES)

    assert check_pane(short, pane(missing={"distance": ROWS}), ALLOWED) == ()


def test_a_feature_that_was_away_before_may_be_away_again():
    sometimes = reference()
    sometimes.missing[::20, 2] = ROWS
    again = fit_quality(sometimes, IS_NUMBER, NAMES)

    assert found(again, pane(missing={"carrier": ROWS})) == []


def test_a_number_that_was_constant_before_may_be_so_again():
    sometimes = reference()
    sometimes.modal[::20, 0] = ROWS
    again = fit_quality(sometimes, IS_NUMBER, NAMES)

    assert found(again, pane(constant={"distance": True})) == []


def test_few_rows_of_a_frequent_value_are_not_stuck():
    mostly = reference(modal=np.tile([900, 900, 0, 0, ROWS], (PANES, 1)))
    profile = fit_quality(mostly, IS_NUMBER, NAMES)

    assert found(profile, pane(20, 0, constant={"distance": True})) == []
    assert found(profile, pane(1_000, 1, constant={"distance": True})) == [("stuck", "distance", "")]


def test_extremes_that_come_in_clusters_are_no_surprise():
    clustered = reference()
    clustered.high[:, 0] = 0
    clustered.high[::10, 0] = 100
    apart, together = profile_of(), fit_quality(clustered, IS_NUMBER, NAMES)

    assert found(apart, pane(above={"distance": 8})) == [("range", "distance", "above")]
    assert found(together, pane(above={"distance": 8})) == []


def test_missing_values_may_follow_a_cycle():
    nightly = reference(panes=240)
    nightly.missing[:, 0] = np.where(np.arange(240) % 24 < 6, 200, 2)
    profile = fit_quality(nightly, IS_NUMBER, NAMES, phases=24)
    many = pane(missing={"distance": 200})

    assert check_pane(profile, many, ALLOWED, phase=3) == ()
    assert [fault.check for fault in check_pane(profile, many, ALLOWED, phase=12)] == ["missing"]


def test_a_pane_of_duplicates_alone_is_one_fault(profile):
    only = PaneHealth(0, 50, *pane(rows=0)[2:])

    assert found(profile, only) == [("duplicates", "", "")]


def test_the_profile_survives_the_wire(profile):
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(profile), type=QualityProfile)

    assert again == profile
    assert check_pane(again, pane(missing={"delay": 700}), ALLOWED) == check_pane(
        profile, pane(missing={"delay": 700}), ALLOWED
    )


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (lambda: pane()._replace(missing=np.zeros(2, np.int64)), "of 5 features"),
        (lambda: pane(missing={"distance": ROWS + 1}), "counts lie between"),
        (lambda: pane(missing={"distance": -1}), "counts lie between"),
        (lambda: pane()._replace(rows=-1), "rows and duplicates"),
    ],
)
def test_counts_that_are_none_are_refused(profile, broken, words):
    with pytest.raises(ValueError, match=words):
        check_pane(profile, broken(), ALLOWED)


@pytest.mark.parametrize("allowed", [0.0, 1.0, float("nan")])
def test_an_error_that_cannot_be_shared_is_refused(profile, allowed):
    with pytest.raises(ValueError, match="allowed error"):
        check_pane(profile, pane(), allowed)


@pytest.mark.parametrize(
    ("changed", "phases", "words"),
    [
        ({"missing": np.zeros((PANES, 2), np.int64)}, 1, "need missing"),
        ({"invalid": np.full((PANES, 5), ROWS)}, 1, "more rows than there are"),
        ({"modal": np.full((PANES, 5), -1)}, 1, "need modal"),
        ({}, 31, "two cycles"),
    ],
)
def test_references_that_are_none_are_refused(changed, phases, words):
    with pytest.raises(ValueError, match=words):
        fit_quality(reference(**changed), IS_NUMBER, NAMES, phases)
