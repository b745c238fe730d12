"""Why a check says nothing."""

import numpy as np
import pytest

from detectors.panel.status import INSUFFICIENT, JUDGED, LEARNING
from detectors.quality.check import check_pane
from detectors.quality.health import PaneHealth, ReferenceHealth
from detectors.quality.labels import fit_labels
from detectors.quality.profile import fit_quality
from detectors.quality.status import NO_DATA, labels_status, pane_status, rows_needed, volume_status
from detectors.quality.volume import fit_volume

ALLOWED = 0.001


def profile_of(panes):
    rows, none = np.full(panes, 1_000), np.zeros((panes, 1), np.int64)
    health = ReferenceHealth(rows, rows * 0, none, none, none, none + 10, none + 10, none + 1)
    return fit_quality(health, np.array([True]), ["distance"])


def test_a_short_reference_learns():
    words = "44 panes: too few to alarm, 60 needed, 200 wanted"

    assert pane_status(profile_of(44), 1_000, ALLOWED) == (LEARNING, words)
    assert volume_status(fit_volume(np.full(44, 9)), ALLOWED) == (LEARNING, words)
    assert labels_status(fit_labels(np.full(44, 9), np.full(44, 9)), 9, ALLOWED) == (LEARNING, words)


def test_panes_without_rows_or_with_few_are_told():
    profile = profile_of(60)

    assert pane_status(profile, 0, ALLOWED) == (NO_DATA, "no rows")
    assert pane_status(profile, 1, ALLOWED) == (INSUFFICIENT, "1 rows prove nothing, 3 needed")
    assert pane_status(profile, 3, ALLOWED) == (JUDGED, "")


@pytest.mark.parametrize("panes", [60, 200, 1_000])
def test_the_rows_needed_are_those_with_which_something_is_found(panes):
    profile, zero = profile_of(panes), np.zeros(1, np.int64)
    needed = rows_needed(panes, ALLOWED / profile.tests)
    found = [
        bool(check_pane(profile, PaneHealth(n, 0, zero, zero + n, zero, zero, zero, zero > 0), ALLOWED))
        for n in (needed - 1, needed)
    ]

    assert found == [False, True]


def test_a_volume_of_few_rows_cannot_be_seen_to_fall():
    small, large = fit_volume(np.full(60, 4)), fit_volume(np.full(60, 400))

    assert volume_status(small, ALLOWED) == (INSUFFICIENT, "4.01 rows expected: even none would prove nothing")
    assert volume_status(large, ALLOWED) == (JUDGED, "")


def test_labels_of_few_rows_cannot_be_seen_to_lack():
    profile = fit_labels(np.full(60, 100), np.full(60, 10))

    assert labels_status(profile, 20, ALLOWED) == (INSUFFICIENT, "2 labels expected: even none would prove nothing")
    assert labels_status(profile, 0, ALLOWED).status == INSUFFICIENT
    assert labels_status(profile, 2_000, ALLOWED) == (JUDGED, "")
