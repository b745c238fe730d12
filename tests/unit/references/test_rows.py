"""References of rows: all say what is normal, one version says what was promised."""

import numpy as np
import pytest

from detectors.reference import encode
from stream.references.errors import ReferenceError
from tests.references import HOUR_MS, ORIGIN, T0, reference_of, rows_of, spec_of

N = 7_200


def test_it_says_what_it_was_made_of_and_whose_promise_it_holds():
    reference = reference_of()

    assert (reference.origin.kind, reference.origin.said) == (ORIGIN.kind, ORIGIN.said)
    assert reference.origin.version == "1"
    assert reference.promise.losses["log_loss"].n[0] == N
    assert reference.promise.groups == (("", ""), ("c", "a"), ("c", "b"))
    assert reference.estimator is not None
    assert (reference.label_share, reference.label_age_p95_ms) == (1.0, HOUR_MS)


def test_the_version_that_answered_most_rows_makes_the_promise_and_the_others_are_named():
    version = np.where(np.arange(N) % 10 < 7, 1, np.where(np.arange(N) % 10 < 9, 0, -1))
    reference = reference_of(rows=rows_of(version=version, versions=("1", "2")))

    assert reference.origin.version == "2"
    assert reference.promise.losses["log_loss"].n[0] == 0.7 * N
    assert reference.counts[-1].sum() == N, "the answers of all are watched"
    assert reference.warnings[0] == (
        "only the answers of version 2 (70 %) count for what is promised; others answered too: 1 (20 %), no name (10 %)"
    )


def test_rows_of_others_say_nothing_about_how_answers_and_truth_go_together():
    mine, score = np.arange(N) % 3 > 0, rows_of().served
    lying = np.where(mine, rows_of().truth, 1 - rows_of().truth)
    version = np.where(mine, 0, 1)
    one = reference_of(rows=rows_of(truth=lying, version=version, versions=("1", "2")))
    unknown = reference_of(rows=rows_of(truth=np.where(mine, lying, np.nan), version=version, versions=("1", "2")))

    assert (one.promise, one.estimator) == (unknown.promise, unknown.estimator)
    assert score is not None


def test_answers_that_do_not_say_whose_they_are_are_of_one_version():
    reference = reference_of(rows=rows_of(version=np.full(N, -1), versions=()))

    assert (reference.origin.version, reference.promise is None) == ("", False)
    assert not any("count for" in warning for warning in reference.warnings)


def test_rows_that_nobody_answered_choose_no_version():
    served = np.where(np.arange(N) < 100, rows_of().served, np.nan)
    version = np.where(np.arange(N) < 100, 0, 1)

    assert reference_of(rows=rows_of(served=served, version=version, versions=("1", "2"))).origin.version == "1"


def test_without_answers_or_truth_nothing_is_promised():
    nothing = np.full(N, np.nan)
    unanswered, unlabelled = reference_of(rows=rows_of(served=nothing)), reference_of(rows=rows_of(truth=nothing))

    assert (unanswered.promise, unanswered.outputs) == (None, 0)
    assert (unlabelled.promise, unlabelled.outputs, unlabelled.origin.version) == (None, 1, "")


def test_classes_are_texts():
    g = np.random.default_rng(3)
    served = g.choice(np.array(["red", "blue", None], object), N).tolist()
    truth = [s if lucky else "green" for s, lucky in zip(served, g.random(N) < 0.8, strict=True)]
    spec = spec_of(task="multiclass", performance={"metric": "accuracy", "tolerance": 0.02})
    reference = reference_of(spec, rows_of(served=served, truth=truth))

    assert reference.bins[-1].levels == ("blue", "red") or reference.bins[-1].levels == ("red", "blue")
    losses = reference.promise.losses["accuracy"]
    assert losses.n[0] == sum(each is not None for each in served)
    assert losses.total[0] / losses.n[0] == pytest.approx(0.2, abs=0.02)


def test_values_of_a_regression():
    spec = spec_of(task="regression", performance={"metric": "mae", "tolerance": 0.02})
    reference = reference_of(spec, rows_of(served=np.arange(N) % 7 * 1.0, truth=np.arange(N) % 7 + 2.0))

    assert reference.promise.losses["mae"].total[0] == 2 * N
    assert sorted(reference.estimator.dle) == ["mae", "rmse"]


def test_rows_whose_labels_may_still_come_are_told():
    ages = np.where(np.arange(N) > N - 600, -1, 6 * HOUR_MS)
    seen_ms = T0 + 72 * HOUR_MS
    reference = reference_of(rows=rows_of(label_ages_ms=ages, seen_ms=seen_ms))

    assert reference.warnings[0] == (
        "8 % of the rows are younger than labels take to come: fewer labels are expected than there will be; "
        "build it again when rows of 2013-01-04T05:59:24Z are there"
    )
    later = reference_of(rows=rows_of(label_ages_ms=ages, seen_ms=seen_ms + 24 * HOUR_MS))
    assert not any("younger" in warning for warning in later.warnings)


def test_notes_come_first():
    assert reference_of(notes=("a note",)).warnings[0] == "a note"


def test_the_cycle_of_the_spec_is_that_of_the_reference():
    reference = reference_of(spec_of(cycle="day"), rows_of(panes=24 * 6))

    assert (reference.panel.phases, reference.cycle_ms) == (24, 24 * HOUR_MS)


def test_the_same_rows_make_the_same_artifact():
    assert encode(reference_of()) == encode(reference_of())


def test_no_rows_are_a_sentence():
    nothing = rows_of(panes=0)
    with pytest.raises(ReferenceError, match="no row of model 'm': nothing says what is normal"):
        reference_of(rows=nothing)
