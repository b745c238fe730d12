"""E-CUSUMs: the definition, the guarantee, and that an answer depends on nothing but the past."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as of_numpy

from detectors.evidence import cusum
from detectors.evidence.calibrator import log_evidence

logs = of_numpy.arrays(np.float64, (3, 4), elements=st.floats(-1e6, 1e6))


@given(st.lists(st.floats(0.01, 30), min_size=1, max_size=40))
def test_evidence_is_the_largest_product_of_the_latest_steps(steps):
    state = np.zeros((1, 1))
    for e in steps:
        state = cusum.step(state, np.log([[e]]))

    latest = max(math.fsum(np.log(steps[at:])) for at in range(len(steps)))
    assert cusum.evidence(state)[0] == pytest.approx(latest, abs=1e-9)


@pytest.mark.parametrize("threshold", [10, 100, 1_000])
def test_alarms_of_uniform_p_values_are_further_apart_than_the_threshold(threshold):
    g, streams, ticks = np.random.default_rng(15), 4_000, 1_000
    state, alarms = np.zeros((streams, 1)), 0
    for _ in range(ticks):
        state = cusum.step(state, log_evidence(g.random((streams, 1))))
        alarmed = cusum.evidence(state) >= math.log(threshold)
        alarms += int(alarmed.sum())
        state = cusum.restarted(state, alarmed)

    assert streams * ticks / max(1, alarms) > 10 * threshold


@given(logs)
def test_evidence_lies_between_the_least_and_the_most_of_its_alternatives(log_m):
    found = cusum.evidence(log_m)

    assert (log_m.max(axis=1) - math.log(4) - 1e-9 <= found).all()
    assert (found <= log_m.max(axis=1) + 1e-9).all()


@given(logs, logs, st.lists(st.booleans(), min_size=3, max_size=3))
def test_a_test_that_saw_nothing_stays_as_it_is_to_the_bit(log_m, log_e, seen):
    flags = np.array(seen)

    found = cusum.step(log_m, log_e, flags)

    assert (found[~flags] == log_m[~flags]).all()
    assert (found[flags] == cusum.step(log_m, log_e)[flags]).all()


@given(logs, st.lists(st.booleans(), min_size=3, max_size=3))
def test_a_restart_touches_only_what_alarmed(log_m, which):
    found = cusum.restarted(log_m, which)

    assert (found[np.array(which)] == 0).all()
    assert (found[~np.array(which)] == log_m[~np.array(which)]).all()
