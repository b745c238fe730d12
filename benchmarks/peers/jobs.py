"""What a peer is asked to do, and what it answers: files between two interpreters."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NotRequired, TypedDict

import numpy as np

from benchmarks.peers import streams
from benchmarks.peers.environments import HERE, QUIET
from benchmarks.peers.streams import CASES, NULLS, Case, Size, Streams

PEERS = ("evidently", "nannyml", "whylogs", "frouros", "alibi-detect", "river")
SECONDS = 7_200


class Task(TypedDict):
    """One file to be judged.

    Attributes
    ----------
    kind, file, window
        Of task, where its rows are, and rows in a window.
    allowed
        Of a stream without a change: false alarms that a re-thresholded method may raise in it.
    null
        Of a change: the task without it.
    """

    name: str
    kind: str
    file: str
    window: int
    allowed: NotRequired[int]
    null: NotRequired[str]


class Answer(TypedDict):
    """What a peer says: results of tasks by method, and rows and CPU seconds of paths."""

    version: str
    tasks: dict[str, dict[str, Any]]
    speed: dict[str, dict[str, dict[str, float]]]
    seconds: dict[str, float]


class FailedError(Exception):
    """A peer's script did not end well; the message is the last that it said."""


class Plan(NamedTuple):
    """Sizes, rows to measure speed by, and cases.

    Delays have marks only where quiet rows are many enough that a threshold which none reaches is as rare as ours:
    warnings promise 2 alarms in 1,000 ticks of 20 features, so 10,000 windows of a feature raise one.
    """

    sizes: Sequence[Size]
    speed_rows: int
    marks_delays: bool
    cases: Sequence[Case] = CASES


FULL = Plan(streams.SIZES, streams.SPEED_ROWS, marks_delays=True)
QUICK = Plan(streams.QUICK_SIZES, streams.QUICK_SPEED_ROWS, marks_delays=False)


def null_name(name: str, size: Size) -> str:
    """Return the name of the task of a stream without a change."""
    return f"{name}, n {size.window}"


def case_name(case: Case, size: Size, trial: int) -> str:
    """Return the name of the task of a change."""
    return f"{case.name}, n {size.window}, trial {trial}"


def judged(plan: Plan, allowed: Mapping[Size, Mapping[str, int]], folder: Path) -> list[Task]:
    """Write all streams into a folder, and return what is to be judged; streams without a change first."""
    tasks = []
    for size in plan.sizes:
        for name, (kind, _) in NULLS.items():
            task = _task(null_name(name, size), kind, streams.quiet(name, size), size.window, folder)
            tasks.append(Task(**task, allowed=allowed[size][name]))
        for case in plan.cases:
            for trial in range(case.trials):
                rows = streams.changed(case, size, trial)
                task = _task(case_name(case, size, trial), case.kind, rows, size.window, folder)
                tasks.append(Task(**task, null=null_name(case.null, size)))
    return tasks


def timed(plan: Plan, folder: Path) -> list[Task]:
    """Write the rows by which speed is measured; once in windows of the first size, once as one window."""
    rows = speed_streams(plan)
    window = plan.sizes[0].window
    in_windows = _task(f"windows of {window:,} rows", "speed", rows, window, folder)
    return [in_windows, {**in_windows, "name": "all rows at once", "window": plan.speed_rows}]


def speed_streams(plan: Plan) -> Streams:
    """Return a reference and the rows by which speed is measured."""
    size = plan.sizes[0]._replace(null=plan.speed_rows // plan.sizes[0].window)
    return streams.quiet("iid", size)


def _task(name: str, kind: str, rows: Streams, window: int, folder: Path) -> Task:
    file = folder / f"{name.replace(' ', '_')}.npz"
    np.savez(file, reference=rows.reference, rows=rows.rows)
    return Task(name=name, kind=kind, file=str(file), window=window)


def answer(peer: str, python: Path, tasks: Sequence[Task], folder: Path) -> Answer:
    """Return what a peer says of tasks.

    Raises
    ------
    FailedError
        If its script fails or takes too long.
    """
    stem = folder / f"{peer}-{time.monotonic_ns()}"
    job, out, told = stem.with_suffix(".job"), stem.with_suffix(".json"), stem.with_suffix(".log")
    job.write_text(json.dumps({"tasks": tasks, "out": str(out)}))
    script = HERE / "scripts" / f"run_{peer.replace('-', '_')}.py"
    with told.open("w") as log:
        try:
            done = subprocess.run(  # noqa: S603  our own script
                [str(python), str(script), str(job)], env=os.environ | QUIET, stdout=log, stderr=log, timeout=SECONDS,
                cwd=folder, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise FailedError(f"took more than {SECONDS:,} s") from error
    if done.returncode:
        raise FailedError(told.read_text().strip().splitlines()[-1])
    found: Answer = json.loads(out.read_text())
    return found
