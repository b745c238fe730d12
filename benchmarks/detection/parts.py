"""Which experiments there are, and how one of them is run."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import NamedTuple, TypedDict

from benchmarks.detection.experiment import Experiment


class Part(NamedTuple):
    """A function that yields experiments, and the files that it reads: it is then told their folder.

    Attributes
    ----------
    shows
        What it is about, with the number in the specification.
    module, function
        Where it is, in `benchmarks.detection`.
    files
        That it needs.
    """

    shows: str
    module: str
    function: str = "experiments"
    files: tuple[str, ...] = ()


FLIGHTS, BICYCLES, INJECTED = "airlines.parquet", "bike_sharing_hour.parquet", "injected_airlines.parquet"

PARTS: dict[str, Part] = {
    "null": Part("1: no change, 60 panes of reference", "null"),
    "null-200": Part("1: no change, 200 panes of reference", "null", "on_long_reference"),
    "long-run": Part("2: no change, a frozen reference", "null", "long_run"),
    "delay": Part("3, 4: panes until a change is seen", "delay"),
    "merge": Part("5: partitions in any order", "merge"),
    "labels": Part("6: evidence of labels", "labels"),
    "river": Part("6: beside river's detectors", "labels_river"),
    "estimates": Part("7: estimates without labels, simulated", "estimates"),
    "estimates-stored": Part("7: the same, stored rows", "estimates_stored", files=(FLIGHTS, BICYCLES)),
    "injected": Part("8: seven changes among flights", "injected", files=(FLIGHTS, INJECTED)),
    "injected-backtest": Part("8: the same by backtest", "injected_backtest", files=(FLIGHTS, INJECTED)),
    "season": Part("9: a cycle, and correlations", "season"),
    "concepts": Part("10: streams that change every 5,000 rows", "concepts"),
    "prior": Part("11: more of one class", "prior", files=(FLIGHTS,)),
    "speed": Part("12: time of a decision", "speed"),
    "faults": Part("13: what broken pipelines send", "faults"),
    "realised": Part("the budget as it is realised", "realised"),
}  # fmt: skip
LONGEST_FIRST = ("null-200", "null", "realised", "estimates-stored", "long-run", "river", "estimates", "delay")
ALONE = "speed"
"""It is measured when nothing else runs."""


class Timed(Experiment):
    """An experiment and the seconds that it took."""

    seconds: float


class Outcome(TypedDict):
    """What a part found, and why it ended early; empty if it did not."""

    name: str
    experiments: list[Timed]
    failed: str


def run(name: str, quick: bool, data: Path | None) -> Outcome:
    """Run a part, telling figures as they come; an exception ends the part, not the run."""
    found, begun = list[Timed](), time.monotonic()
    tell(f"{name}: {PARTS[name].shows}")
    try:
        for experiment in _experiments(PARTS[name], quick, data):
            now = time.monotonic()
            found.append(Timed(**experiment, seconds=round(now - begun, 2)))
            begun = now
            tell(f"{name}: {line(experiment)}")
    except Exception as error:  # noqa: BLE001  the other parts are still worth their time
        tell(f"{name}: {type(error).__name__}: {error}")
        return Outcome(name=name, experiments=found, failed=f"{type(error).__name__}: {error}")
    return Outcome(name=name, experiments=found, failed="")


def _experiments(part: Part, quick: bool, data: Path | None) -> Iterable[Experiment]:
    function: Callable[..., Iterable[Experiment]] = getattr(
        import_module(f"benchmarks.detection.{part.module}"), part.function
    )
    return function(quick, data) if part.files else function(quick)


def missing(part: Part, data: Path | None) -> str:
    """Return why a part cannot run, in words; empty if it can."""
    if not part.files:
        return ""
    if data is None:
        return f"needs {', '.join(part.files)}: name their folder by --data or STREAMGAUGE_DATA"
    lacking = [name for name in part.files if not (data / name).is_file()]
    return f"{', '.join(lacking)} not found in {data}" if lacking else ""


def line(experiment: Experiment) -> str:
    """Return an experiment in words.

    >>> line({"name": "delay: panes", "mark": "<= 2", "figure": 1.0, "passed": True})
    'ok    delay: panes  1  (<= 2)'
    """
    verdict = "ok  " if experiment["passed"] else "FAIL"
    return f"{verdict}  {experiment['name']}  {experiment['figure']:g}  ({experiment['mark']})"


def tell(text: str) -> None:
    """Say something about the progress."""
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)
