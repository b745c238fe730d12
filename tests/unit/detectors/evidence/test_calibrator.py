"""P-values as evidence: the mean, the closed form, and the extremes."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate

from detectors.evidence.calibrator import log_evidence


def test_evidence_of_a_uniform_p_has_a_mean_of_one_at_most():
    """Over surprise l = -ln p: the integral of e(l) exp(-l), whose rest beyond l is 1/l."""
    points = [0.01, 0.05, 1.0, 10.0, 100.0]

    mean, error = integrate.quad(lambda s: math.exp(log_evidence(math.exp(-s)) - s), 0, 690, points=points, limit=500)

    assert error < 1e-8
    assert mean <= 1
    assert mean == pytest.approx(1 - 1 / 690, abs=1e-5)


@pytest.mark.parametrize("p", [0.999, 0.9, math.exp(-0.05), 0.5, 0.05, 1e-3, 1e-12, 1e-100, 1e-300])
def test_evidence_is_the_closed_form(p):
    mixed, _ = integrate.quad(lambda kappa: kappa * p ** (kappa - 1) * p, 0, 1, points=[1e-3, 1e-2, 0.1], limit=200)

    assert log_evidence(p) == pytest.approx(math.log(mixed) - math.log(p), rel=1e-9)


def test_no_surprise_is_half_a_unit_of_evidence():
    assert log_evidence(1.0) == math.log(0.5)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=2))
def test_a_smaller_p_is_never_less_evidence(pair):
    low, high = sorted(pair)

    assert log_evidence(low) >= log_evidence(high) - 1e-13


@given(st.floats(0, 1))
def test_evidence_is_always_a_number(p):
    assert -0.7 < log_evidence(p) < 678


def test_the_series_meets_the_closed_form():
    p = np.exp(-np.array([0.05 - 1e-9, 0.05 + 1e-9]))

    below, above = log_evidence(p)

    assert above - below == pytest.approx(2e-9 / 3, rel=0.02)


@pytest.mark.parametrize("p", [math.nan, -1e-9, 1.0000001, math.inf])
def test_what_is_no_p_value_is_refused(p):
    with pytest.raises(ValueError, match="p-values lie in"):
        log_evidence([0.5, p])
