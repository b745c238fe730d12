"""river's detectors of change, by name: what each takes, and which series of panes it may watch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Annotated, ClassVar, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from streamgauge.events import MAX_TEXT
from streamgauge.mend import closest
from streamgauge.shown import shown

Check = Callable[[object], str]
"""Returns what a parameter should be, or an empty text if it is."""

MAX_DETECTORS: Final = 64
OF_FEATURES: Final = ("missing", "unseen", "mean", "sd", "js", "psi", "ks", "w1", "tv", "mean_shift_sd")
"""Series of one feature's final panes, named as the columns of view ``feature_panes``."""
OF_NUMBERS: Final = ("mean", "sd")
ROWS, ERROR = "rows", "error"
"""Series of a pane: how many rows it has, and which of its answers were wrong (0 or 1 for each label)."""


def _whole(low: int, high: int = 100_000) -> Check:
    wanted = f"a whole number from {low:,} to {high:,}"
    return lambda value: "" if type(value) is int and low <= value <= high else wanted


def _number(is_within: Callable[[float], bool], wanted: str) -> Check:
    def check(value: object) -> str:
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        return "" if is_number and is_within(float(value)) else wanted  # type: ignore[arg-type]

    return check


def _one_of(*words: str) -> Check:
    return lambda value: "" if value in words else " or ".join(words)


_SHARE = _number(lambda x: 0 < x < 1, "a number between 0 and 1")
_UP_TO_ONE = _number(lambda x: 0 < x <= 1, "a number above 0, at most 1")
_POSITIVE = _number(lambda x: x > 0, "a number above 0")
_NOT_NEGATIVE = _number(lambda x: x >= 0, "a number, 0 or more")
_CONFIDENCES = {"drift_confidence": _SHARE, "warning_confidence": _SHARE}


def _flag(value: object) -> str:
    return "" if isinstance(value, bool) else "true or false"


PARAMS: Final[Mapping[str, Mapping[str, Check]]] = {
    "ADWIN": {
        "delta": _SHARE,
        "clock": _whole(1),
        "max_buckets": _whole(2, 1_000),
        "min_window_length": _whole(1),
        "grace_period": _whole(1),
    },
    "PageHinkley": {
        "min_instances": _whole(1),
        "delta": _NOT_NEGATIVE,
        "threshold": _POSITIVE,
        "alpha": _UP_TO_ONE,
        "mode": _one_of("up", "down", "both"),
    },
    "KSWIN": {
        "alpha": _SHARE,
        "window_size": _whole(4, 10_000),
        "stat_size": _whole(2, 5_000),
        "seed": _whole(0, 2**31),
    },
    "DDM": {"warm_start": _whole(1), "warning_threshold": _POSITIVE, "drift_threshold": _POSITIVE},
    "EDDM": {"warm_start": _whole(1), "alpha": _UP_TO_ONE, "beta": _UP_TO_ONE},
    "HDDM_A": {**_CONFIDENCES, "two_sided_test": _flag},
    "HDDM_W": {**_CONFIDENCES, "lambda_val": _SHARE, "two_sided_test": _flag},
}
"""What each detector takes, by its name; what is not given is as river has it (and KSWIN's seed is 0)."""

OF_ERRORS: Final = frozenset({"DDM", "EDDM", "HDDM_A", "HDDM_W"})
"""Detectors that watch errors alone."""

_DEFAULTS: Final = {"window_size": 100, "stat_size": 30, "alpha": 0.95, "beta": 0.9}


def _known(name: str) -> str:
    if name not in PARAMS:
        known = ", ".join(PARAMS)
        mend = closest(name, PARAMS)
        msg = (
            f"{shown(name)} is none of river's detectors that can be named here: {mend + ' ' if mend else ''}({known})"
        )
        raise ValueError(msg)
    return name


def _single(value: object) -> object:
    if isinstance(value, bool | int | float | str):
        return value
    msg = f"{shown(value)} is not a single value; write a number, a text, true or false"
    raise ValueError(msg)


Param = Annotated[bool | int | float | str, BeforeValidator(_single)]


class Detector(BaseModel):
    """One of river's detectors on one series of final panes: it informs, and never alarms.

    >>> Detector(name="ADWIN", on="missing", feature="distance", params={"delta": 0.01}).key
    'ADWIN(delta=0.01) on missing of distance'
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: Annotated[str, AfterValidator(_known)] = Field(description=f"river's class: {', '.join(PARAMS)}")
    on: str = Field(
        min_length=1,
        max_length=MAX_TEXT,
        description=f"the series: of a feature {', '.join(OF_FEATURES)}; else {ROWS}, {ERROR}, or a metric of the task",
    )
    feature: str | None = Field(default=None, min_length=1, max_length=MAX_TEXT, description="whose series it is")
    params: dict[str, Param] = Field(default={}, description="parameters by river's names; left out: river's defaults")

    @property
    def key(self) -> str:
        """What tells it from others; another key begins anew."""
        return f"{self.label} on {self.on}" + (f" of {self.feature}" if self.feature is not None else "")

    @property
    def label(self) -> str:
        """Its name with what is not as river has it."""
        given = ", ".join(f"{name}={value}" for name, value in sorted(self.params.items()))
        return f"{self.name}({given})" if given else self.name

    @model_validator(mode="after")
    def _params_fit(self) -> Detector:
        takes = PARAMS[self.name]
        for name, value in self.params.items():
            if name not in takes:
                mend = closest(name, takes) or f"it takes {', '.join(takes)}"
                msg = f"params.{name} is none of {self.name}'s parameters: {mend}"
                raise ValueError(msg)
            if wanted := takes[name](value):
                msg = f"params.{name} is {shown(value)}: write {wanted}"
                raise ValueError(msg)
        if problem := self._pair_problem():
            raise ValueError(problem)
        return self

    def _pair_problem(self) -> str:
        """Return what is wrong with two parameters together."""
        given = _DEFAULTS | self.params
        if self.name == "KSWIN" and 2 * int(given["stat_size"]) > int(given["window_size"]):
            most = int(given["window_size"]) // 2
            return f"params.stat_size is {given['stat_size']}: write {most} or less, half of window_size"
        if self.name == "EDDM" and float(given["beta"]) > float(given["alpha"]):
            return f"params.beta is {given['beta']}: write at most alpha, {given['alpha']}"
        return ""


def detectors_problem(
    detectors: tuple[Detector, ...], features: Mapping[str, str], metrics: tuple[str, ...], has_errors: bool
) -> str:
    """Return what is wrong with detectors among features (type by name) and a task's metrics, or an empty text."""
    keys = [detector.key for detector in detectors]
    for i, detector in enumerate(detectors):
        if problem := _series_problem(detector, features, metrics, has_errors):
            return f"detectors.{i}.{problem}"
        if keys.index(detector.key) < i:
            return f"detectors.{i}: {detector.key} is named twice"
    return ""


def _series_problem(detector: Detector, features: Mapping[str, str], metrics: tuple[str, ...], has_errors: bool) -> str:
    on = detector.on
    if detector.name in OF_ERRORS and on != ERROR:
        mend = "write on: error" if has_errors else "take ADWIN, PageHinkley or KSWIN"
        return f"on: {detector.name} watches errors, 0 or 1, not {on}: {mend}"
    if on in OF_FEATURES:
        return _feature_problem(on, detector.feature, features)
    if detector.feature is not None:
        return f"feature: {on} is no series of a feature; leave it out, or write on: {', '.join(OF_FEATURES)}"
    return _pane_problem(detector.name, on, metrics, has_errors)


def _pane_problem(name: str, on: str, metrics: tuple[str, ...], has_errors: bool) -> str:
    if on == ERROR and not has_errors:
        return f"on: this task's answers are not right or wrong; write one of {', '.join(metrics)}"
    if on == ERROR and name == "KSWIN":
        return "name: KSWIN compares distributions, and errors are 0 or 1; take ADWIN, or on: accuracy"
    series = [ROWS, *([ERROR] if has_errors else []), *metrics]
    if on not in series:
        mend = closest(on, [*series, *OF_FEATURES]) or f"write one of {', '.join([*OF_FEATURES, *series])}"
        return f"on: there is no series {on!r}: {mend}"
    return ""


def _feature_problem(on: str, feature: str | None, features: Mapping[str, str]) -> str:
    if feature is None:
        return f"feature: is missing: {on} is a series of one feature"
    if feature not in features:
        return f"feature: {feature} is none of the features: {closest(feature, features) or ', '.join(features)}"
    if on in OF_NUMBERS and features[feature] != "number":
        return f"on: {feature} is a category and has no {on}; write missing, unseen, js or tv"
    if on == "unseen" and features[feature] == "number":
        return f"on: {feature} is a number and has no unseen levels; write missing, mean or js"
    return ""
