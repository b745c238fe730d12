"""river's detectors by name say what river says, and their states are bytes that hold nothing else."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import drift

from detectors.named import MOST_ERRORS, errors_of, listen

CASES = {
    "ADWIN": (drift.ADWIN, {"clock": 1, "delta": 0.01}),
    "PageHinkley": (drift.PageHinkley, {"threshold": 8.0, "mode": "up"}),
    "KSWIN": (drift.KSWIN, {"window_size": 40, "stat_size": 15, "seed": 3}),
    "DDM": (drift.binary.DDM, {}),
    "EDDM": (drift.binary.EDDM, {"warm_start": 20}),
    "HDDM_A": (drift.binary.HDDMA, {"two_sided_test": True}),
    "HDDM_W": (drift.binary.HDDMW, {"lambda_val": 0.1}),
}


def series(name: str) -> list[float]:
    """A series that changes in the middle: values, or errors of 5 % and then 40 %."""
    g = np.random.default_rng(7)
    if name in ("ADWIN", "PageHinkley", "KSWIN"):
        return np.concatenate([g.normal(0, 1, 200), g.normal(3, 1, 200)]).tolist()
    return np.concatenate([g.random(600) < 0.05, g.random(600) < 0.4]).astype(float).tolist()


@pytest.mark.parametrize("name", CASES)
def test_a_named_detector_says_what_rivers_says(name):
    kind, params = CASES[name]
    oracle, state, ours, theirs, warned = kind(**params), b"", [], [], 0
    for place, value in enumerate(series(name)):
        heard = listen(name, params, state, [value])
        oracle.update(value)
        state = heard.state
        ours += [place] if heard.is_changed else []
        theirs += [place] if oracle.drift_detected else []
        warned += heard.is_warned == getattr(oracle, "warning_detected", False)
    assert ours == theirs
    assert any(place >= len(series(name)) // 2 for place in ours)
    assert warned == len(series(name))


@pytest.mark.parametrize("name", CASES)
def test_values_of_one_call_are_values_one_after_the_other(name):
    params, values = CASES[name][1], series(name)[:150]
    at_once, state = listen(name, params, b"", values), b""
    for value in values:
        state = listen(name, params, state, [value]).state
    assert listen(name, params, state, values).is_changed == listen(name, params, at_once.state, values).is_changed


@pytest.mark.parametrize("name", CASES)
def test_equal_values_lead_to_equal_bytes(name):
    found = []
    for _ in range(2):
        state = b""
        for value in series(name)[:120]:
            state = listen(name, {}, state, [value]).state
        found.append(state)
    assert found[0] == found[1]


values = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([0.0, -0.0, 1e308, -1e308, 5e-324, 2.0**53])
SHORT = {"ADWIN": {"clock": 1, "grace_period": 1, "min_window_length": 1}, "KSWIN": {"window_size": 6, "stat_size": 3}}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["ADWIN", "PageHinkley", "KSWIN"]), st.lists(values, max_size=60))
def test_no_series_is_an_error_however_extreme(name, series):
    state = b""
    for value in series:
        heard = listen(name, SHORT.get(name, {"min_instances": 1}), state, [value])
        state = heard.state
        assert isinstance(heard.is_changed, bool)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["ADWIN", "DDM", "EDDM", "HDDM_A", "HDDM_W"]), st.lists(st.integers(0, 9), max_size=30))
def test_no_panes_of_errors_are_an_error(name, wrong):
    state, params = b"", {"warm_start": 1} if name in ("DDM", "EDDM") else {}
    for k in wrong:
        state = listen(name, params, state, errors_of(9, k)).state


class Evil:
    def __reduce__(self):
        return print, ("read",)


@pytest.mark.parametrize("state", [pickle.dumps(Evil()), b"no pickle", pickle.dumps(np.float64(1.0))])
def test_a_state_that_is_none_is_refused(state):
    with pytest.raises(ValueError, match="state of a detector"):
        listen("ADWIN", {}, state, [1.0])


def test_another_name_is_refused():
    with pytest.raises(ValueError, match="name must be one of ADWIN"):
        listen("FOO", {}, b"", [1.0])


def test_errors_are_spread_evenly_and_none_is_lost():
    for n, wrong in ((1, 1), (7, 3), (MOST_ERRORS, 1), (10, 0), (3, 3)):
        found = errors_of(n, wrong)
        assert (len(found), sum(found)) == (n, wrong)
        places = [place for place, error in enumerate(found) if error]
        assert np.ptp(np.diff(places)) <= 1 if wrong > 2 else True
    assert errors_of(0, 0) == []


def test_who_names_no_detector_does_not_load_river():
    code = "import sys, stream.folds.decide.fold; print('river' in sys.modules, 'scipy.stats' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
