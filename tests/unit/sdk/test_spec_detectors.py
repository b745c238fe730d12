"""river's detectors in a spec: what may be named, and what is said of what may not."""

from __future__ import annotations

import inspect

import pytest
from river import drift
from streamgauge import MonitorSpec, SpecError
from streamgauge.spec_detectors import PARAMS, Detector

HEAD = """
monitor: m
model: m
task: {task}
features: {{distance: {{type: number}}, origin: {{type: category}}}}
detectors: {detectors}
"""
CLASSES = {"HDDM_A": drift.binary.HDDMA, "HDDM_W": drift.binary.HDDMW}
CLASSES |= {name: getattr(drift, name, None) or getattr(drift.binary, name) for name in PARAMS if name not in CLASSES}


def spec(detectors: str, task: str = "binary") -> MonitorSpec:
    return MonitorSpec.from_yaml(HEAD.format(task=task, detectors=detectors))


def test_detectors_are_read_and_written_back():
    found = spec("[{name: ADWIN, on: missing, feature: distance, params: {delta: 0.01}}, {name: DDM, on: error}]")
    assert [detector.key for detector in found.detectors] == [
        "ADWIN(delta=0.01) on missing of distance",
        "DDM on error",
    ]
    assert MonitorSpec.from_json(found.to_json()) == found
    assert spec("[]").detectors == ()


@pytest.mark.parametrize("name", PARAMS)
def test_parameters_are_those_of_rivers_classes(name):
    takes = set(inspect.signature(CLASSES[name]).parameters) - {"window"}
    assert set(PARAMS[name]) == takes


@pytest.mark.parametrize("name", PARAMS)
def test_rivers_defaults_are_allowed(name):
    for parameter in inspect.signature(CLASSES[name]).parameters.values():
        if parameter.name in PARAMS[name] and parameter.default is not None:
            given = {parameter.name: parameter.default}
            assert Detector(name=name, on="error", params=given).params == given


@pytest.mark.parametrize(
    ("detector", "said"),
    [
        ("{name: ADWINN, on: rows}", "detectors.0.name: 'ADWINN' is none of river's detectors that can be named here: "
                                     "did you mean ADWIN?"),
        ("{name: Foo, on: rows}", "(ADWIN, PageHinkley, KSWIN, DDM, EDDM, HDDM_A, HDDM_W)"),
        ("{name: ADWIN}", "detectors.0.on: is missing"),
        ("{name: ADWIN, on: rows, param: {}}", "detectors.0.param: unknown key (did you mean params?)"),
        ("{name: ADWIN, on: rows, params: {delat: .1}}", "delat is none of ADWIN's parameters: did you mean delta?"),
        ("{name: ADWIN, on: rows, params: {delta: 2}}", "params.delta is 2: write a number between 0 and 1"),
        ("{name: ADWIN, on: rows, params: {clock: 1.5}}", "params.clock is 1.5: write a whole number from 1 to"),
        ("{name: ADWIN, on: rows, params: {clock: true}}", "params.clock is true: write a whole number"),
        ("{name: PageHinkley, on: rows, params: {mode: left}}", "params.mode is 'left': write up or down or both"),
        ("{name: KSWIN, on: rows, params: {stat_size: 80}}", "params.stat_size is 80: write 50 or less"),
        ("{name: EDDM, on: error, params: {beta: .99}}", "params.beta is 0.99: write at most alpha, 0.95"),
        ("{name: HDDM_A, on: error, params: {two_sided_test: 1}}", "two_sided_test is 1: write true or false"),
        ("{name: ADWIN, on: mising, feature: distance}", "detectors.0.feature: mising is no series of a feature"),
        ("{name: ADWIN, on: log_los}", "detectors.0.on: there is no series 'log_los': did you mean log_loss?"),
        ("{name: ADWIN, on: cost_per_row}", "detectors.0.on: there is no series 'cost_per_row'"),
        ("{name: ADWIN, on: mean}", "detectors.0.feature: is missing: mean is a series of one feature"),
        ("{name: ADWIN, on: mean, feature: distanc}", "detectors.0.feature: distanc is none of the features: did you"),
        ("{name: ADWIN, on: mean, feature: origin}", "detectors.0.on: origin is a category and has no mean"),
        ("{name: ADWIN, on: unseen, feature: distance}", "detectors.0.on: distance is a number and has no unseen"),
        ("{name: DDM, on: log_loss}", "detectors.0.on: DDM watches errors, 0 or 1, not log_loss: write on: error"),
        ("{name: KSWIN, on: error}", "detectors.0.name: KSWIN compares distributions"),
        ("{name: ADWIN, on: rows}, {name: ADWIN, on: rows}", "detectors.1: ADWIN on rows is named twice"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_detector_is_said_with_the_mend(detector, said):
    with pytest.raises(SpecError) as raised:
        spec(f"[{detector}]")
    assert said in str(raised.value)


def test_a_regression_has_no_errors_of_0_or_1():
    assert spec("[{name: PageHinkley, on: mae}]", "regression").detectors[0].on == "mae"
    with pytest.raises(SpecError, match="DDM watches errors, 0 or 1, not mae: take ADWIN, PageHinkley or KSWIN"):
        spec("[{name: DDM, on: mae}]", "regression")
    with pytest.raises(
        SpecError, match=r"detectors\.0\.on: this task's answers are not right or wrong; write one of mae"
    ):
        spec("[{name: ADWIN, on: error}]", "regression")
