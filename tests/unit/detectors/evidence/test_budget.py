"""Thresholds from a budget, and evidence as days and words."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.evidence.budget import WARN, Budget, evidence_days
from detectors.evidence.days import YEAR_DAYS, in_words, place

MINUTE = 60_000


def test_the_default_is_one_page_in_ninety_days_half_of_it_for_single_windows():
    page = Budget().page(MINUTE)

    assert page.evidence == 2 * 129_600
    assert page.q == pytest.approx(0.5 / 129_600)


@given(st.floats(0.1, 50), st.floats(1, 1_000), st.floats(0, 0.99), st.integers(1_000, 86_400_000))
def test_both_kinds_of_alarms_together_spend_the_budget(pages, days, share, pane_ms):
    budget = Budget(pages, days, share)
    if budget.panes(pane_ms) < pages:
        return
    page = budget.page(pane_ms)

    assert budget.panes(pane_ms) * (1 / page.evidence + page.q) == pytest.approx(pages)


@given(st.floats(0.1, 20), st.floats(0, 0.9), st.integers(1, 5_000))
def test_to_pass_the_mark_in_days_is_to_alarm(pages, share, tests):
    budget = Budget(pages=pages, window_share=share)
    log_m = budget.page(MINUTE).log_alarm(1 / tests)

    days = evidence_days(log_m, budget.shared_over(tests), MINUTE)

    assert days == pytest.approx(budget.mark_days)


def test_warnings_do_not_depend_on_the_budget():
    assert (WARN.evidence, WARN.q) == (1_000, 0.001)


@pytest.mark.parametrize(("pane_ms", "q"), [(MINUTE, 0.5 / 129_600), (5 * 86_400_000, 0.001), (90 * 86_400_000, 0.001)])
def test_faults_of_a_pane_are_as_sure_as_the_budget_asks_and_never_less_than_warnings(pane_ms, q):
    assert Budget().window_q(pane_ms) == pytest.approx(q)


def test_longer_windows_are_tested_less_often_at_a_higher_level():
    assert WARN.q_at(panes=80, scales=4) == 20 * WARN.q
    assert WARN.q_at(panes=10**9, scales=1) == 1.0


@pytest.mark.parametrize("log_m", [-math.inf, -1e308, 0.0, 1e308, math.inf])
def test_days_are_a_number_whatever_the_evidence(log_m):
    days = evidence_days(log_m, shared_over=60, pane_ms=MINUTE)

    assert 0 < days < math.inf
    assert in_words(days).startswith("by chance")
    assert 0 <= place(days) <= 1


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (0.0, "more than once an hour"),
        (1 / 24, "once in an hour"),
        (5.5 / 24, "once in 5 hours"),
        (2.0, "once in 2 days"),
        (90.0, "once in 90 days"),
        (YEAR_DAYS, "once in 12 months"),
        (4 * YEAR_DAYS, "once in 4 years"),
        (999 * YEAR_DAYS, "once in 999 years"),
        (1_000 * YEAR_DAYS, "once in more than 1,000 years"),
    ],
)
def test_days_are_told_in_the_unit_that_people_use(days, words):
    assert in_words(days) == f"by chance, {words}"


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_more_days_lie_further_along_the_bar(one, other):
    assert place(min(one, other)) <= place(max(one, other))


@pytest.mark.parametrize(
    "refused",
    [
        lambda: Budget(pages=0),
        lambda: Budget(days=math.inf),
        lambda: Budget(pages=math.nan),
        lambda: Budget(window_share=1.0),
        lambda: Budget(days=1, pages=30).page(3_600_000),
        lambda: Budget().page(0),
        lambda: Budget().shared_over(0),
        lambda: WARN.log_alarm(share=0),
        lambda: WARN.q_at(panes=0, scales=1),
        lambda: evidence_days(math.nan, 1, MINUTE),
        lambda: evidence_days(0.0, 0.5, MINUTE),
        lambda: in_words(math.nan),
        lambda: place(-1.0),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(refused):
    with pytest.raises(ValueError, match=r"\w+ \w+ \w+"):
        refused()
