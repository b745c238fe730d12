"""All figures of a run, as a table and as JSON."""

from __future__ import annotations

import math
import platform
from importlib.metadata import version
from typing import Any, TypedDict

from benchmarks.detection.parts import PARTS, Outcome, line

PACKAGES = ("streamgauge-server", "numpy", "scipy", "river", "scikit-learn")


class LeftOut(TypedDict):
    """A part that did not run, and why."""

    name: str
    why: str


def values(outcomes: list[Outcome], left_out: list[LeftOut], seconds: float) -> dict[str, Any]:
    """Return the report as JSON writes it: a figure that is no finite number is null."""
    found = [
        {**one, "figure": one["figure"] if math.isfinite(one["figure"]) else None}
        for outcome in outcomes
        for one in outcome["experiments"]
    ]
    failed = [{"name": outcome["name"], "why": outcome["failed"]} for outcome in outcomes if outcome["failed"]]
    return {
        "experiments": found,
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "left_out": left_out,
        "failed": failed,
        "seconds": round(seconds, 1),
    }


def lines(outcomes: list[Outcome], left_out: list[LeftOut]) -> list[str]:
    """Return the report as text, the parts in the order of the specification."""
    ordered = sorted(outcomes, key=lambda outcome: [*PARTS].index(outcome["name"]))
    told = [text for outcome in ordered for text in _of(outcome)]
    told += [f"left out: {one['name']}: {one['why']}" for one in left_out]
    every = [one for outcome in outcomes for one in outcome["experiments"]]
    passed = sum(one["passed"] for one in every)
    return [*told, "", f"{passed} of {len(every)} passed"]


def _of(outcome: Outcome) -> list[str]:
    title = f"{outcome['name']}: {PARTS[outcome['name']].shows}"
    failed = [f"  FAIL  {outcome['failed']}"] if outcome["failed"] else []
    return ["", title, *(f"  {line(one)}  {one['seconds']:.1f} s" for one in outcome["experiments"]), *failed]


def passed(outcomes: list[Outcome]) -> bool:
    """Return whether everything that ran has passed."""
    return all(not outcome["failed"] and all(one["passed"] for one in outcome["experiments"]) for outcome in outcomes)
