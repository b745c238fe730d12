"""Other libraries beside ours: ``python -m benchmarks.peers [--quick] [--only PEER] [--cache FOLDER] [--json PATH]``.

Evidently, NannyML, whylogs, frouros, alibi-detect and river are installed on demand into environments of their own, and
are given the rows that we are given. alibi-detect is under the Business Source License: for comparison only.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from benchmarks.detection.parts import tell
from benchmarks.peers import ours, streams
from benchmarks.peers.environments import QUIET, NotInstalledError, interpreter
from benchmarks.peers.figures import OURS, Ours, Row, marks, rows_of
from benchmarks.peers.jobs import (
    FULL,
    PEERS,
    QUICK,
    Answer,
    FailedError,
    Plan,
    Task,
    answer,
    judged,
    speed_streams,
    timed,
)
from benchmarks.peers.report import lines, values
from benchmarks.peers.streams import NULLS, Size


def main() -> int:
    """Compare, print tables, and write JSON if asked; 1 if a mark is not passed or a peer is missing."""
    given = _arguments()
    plan = QUICK if given.quick else FULL
    pythons, left_out = _installed(given.only, given.cache)
    with tempfile.TemporaryDirectory() as name:
        found = _compared(plan, pythons, Path(name), given.processes, left_out)
    rows = _rows(plan, found)
    marked = marks(rows, found.ours, found.speed, plan)
    for text in lines(rows, found.ours, found.speed, marked):
        print(text)
    for one in left_out:
        print(f"left out: {one['name']}: {one['why']}")
    if given.json:
        told = {"versions": _versions(found), **values(rows, found.ours, found.speed, marked), "left_out": left_out}
        given.json.write_text(json.dumps(told, indent=1))
    return int(bool(left_out) or not all(mark["passed"] for mark in marked))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.peers", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes: five minutes at most, once all is installed")
    parser.add_argument("--only", choices=PEERS, nargs="+", default=list(PEERS), help="peers to compare with")
    parser.add_argument("--cache", type=Path, default=Path(".streamgauge/peers"), help="folder of the environments")
    parser.add_argument("--processes", type=int, default=2, help="peers at once, where time is not measured")
    parser.add_argument("--json", type=Path, help="write the report here")
    return parser.parse_args()


class Found(NamedTuple):
    """Answers by peer, our own figures by size, and rows a second by path and who."""

    answers: dict[str, Answer]
    ours: dict[Size, Ours]
    speed: dict[str, dict[str, float]]


def _installed(peers: list[str], cache: Path) -> tuple[dict[str, Path], list[dict[str, str]]]:
    """Return the interpreters of peers, and which could not be installed, and why."""
    pythons, left_out = {}, []
    for peer in peers:
        tell(f"{peer}: installing, if it is not")
        try:
            pythons[peer] = interpreter(peer, cache)
        except NotInstalledError as error:
            left_out.append({"name": peer, "why": str(error)})
    return pythons, left_out


def _compared(
    plan: Plan, pythons: dict[str, Path], folder: Path, processes: int, left_out: list[dict[str, str]]
) -> Found:
    """Return all results: of false alarms and delays some peers at a time, of speed one after the other."""
    os.environ.update(QUIET)
    mine, answers = _our_figures(plan), {}
    tasks = judged(plan, {size: of.false for size, of in mine.items()}, folder)
    with ThreadPoolExecutor(processes) as pool:
        running = {peer: pool.submit(_asked, peer, python, tasks, folder) for peer, python in pythons.items()}
        for peer, done in running.items():
            told = done.result()
            if isinstance(told, str):
                left_out.append({"name": peer, "why": told})
            else:
                answers[peer] = told
    return Found(answers, mine, _speed(plan, {peer: pythons[peer] for peer in answers}, folder, left_out))


def _asked(peer: str, python: Path, tasks: list[Task], folder: Path) -> Answer | str:
    """Return what a peer answers, or why it does not."""
    begun = time.monotonic()
    try:
        told = answer(peer, python, tasks, folder)
    except FailedError as error:
        tell(f"{peer}: {error}")
        return str(error)
    tell(f"{peer} {told['version']}: {len(told['tasks'])} streams in {time.monotonic() - begun:.0f} s")
    return told


def _our_figures(plan: Plan) -> dict[Size, Ours]:
    found = {}
    for size in plan.sizes:
        false = {name: ours.false_alarms(streams.quiet(name, size), kind, size) for name, (kind, _) in NULLS.items()}
        delays = {}
        for case in plan.cases:
            trials = [streams.changed(case, size, trial) for trial in range(case.trials)]
            delays[case.name] = ours.delays(trials, case.kind, size)
        found[size] = Ours(false, delays)
        tell(f"{OURS}, windows of {size.window:,} rows: false alarms {false}")
    return found


def _speed(
    plan: Plan, pythons: dict[str, Path], folder: Path, left_out: list[dict[str, str]]
) -> dict[str, dict[str, float]]:
    """Return rows a second of CPU by path and who; the fastest path of each."""
    rows, tasks = speed_streams(plan), timed(plan, folder)
    found = {}
    for task in tasks:
        found[task["name"]] = {OURS: len(rows.rows) / ours.cpu_seconds(rows, plan.sizes[0], task["window"])}
    for peer, python in pythons.items():
        told = _asked(peer, python, tasks, folder)
        if isinstance(told, str):
            left_out.append({"name": f"{peer}: speed", "why": told})
            continue
        for name, paths in told["speed"].items():
            found[name][peer] = max(path["rows"] / path["cpu_s"] for path in paths.values())
    return found


def _rows(plan: Plan, found: Found) -> list[Row]:
    sides = [(size, peer, told) for size in plan.sizes for peer, told in found.answers.items()]
    return [row for size, peer, told in sides for row in rows_of(peer, told, size, found.ours[size], plan)]


def _versions(found: Found) -> dict[str, str]:
    peers = {peer: told["version"] for peer, told in found.answers.items()}
    return {OURS: version("streamgauge-server"), "python": sys.version.split()[0], **peers}


if __name__ == "__main__":
    sys.exit(main())
