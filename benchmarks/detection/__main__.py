"""Whether alarms can be believed: ``python -m benchmarks.detection [--quick] [--only NAME] [--json PATH]``.

Runs every acceptance experiment of detection, two at a time, and says whether each passes its mark. Exits 0 if all do.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from benchmarks.detection.parts import ALONE, LONGEST_FIRST, PARTS, Outcome, missing, run, tell
from benchmarks.detection.report import LeftOut, lines, passed, values

DATA = "STREAMGAUGE_DATA"
PROCESSES = 2
SINGLE_THREADED = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def main() -> int:
    """Run what is asked for, print a table, and write JSON if asked; 1 if anything did not pass."""
    given, begun = _arguments(), time.monotonic()
    why = {name: missing(PARTS[name], given.data) for name in given.only}
    left_out = [LeftOut(name=name, why=reason) for name, reason in why.items() if reason]
    # The processes are started with it: two that take two threads each would only stand in each other's way.
    os.environ.update(SINGLE_THREADED)
    names = [name for name, reason in why.items() if not reason]
    outcomes = list(_run(names, given.quick, given.data))
    for text in lines(outcomes, left_out):
        print(text)
    if given.json:
        given.json.write_text(json.dumps(values(outcomes, left_out, time.monotonic() - begun), indent=1))
    return int(not outcomes or not passed(outcomes))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.detection", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes: three minutes on two cores at most")
    parser.add_argument("--only", choices=PARTS, nargs="+", default=list(PARTS), help="parts to run")
    folder = Path(os.environ[DATA]) if os.environ.get(DATA) else None
    parser.add_argument("--data", type=Path, default=folder, help=f"folder of the stored data; or by {DATA}")
    parser.add_argument("--json", type=Path, help="write the report here")
    return parser.parse_args()


def _run(names: list[str], quick: bool, data: Path | None) -> Iterator[Outcome]:
    """Yield what each part finds, two at a time, and at last what must be measured alone."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, mp_context=context, max_tasks_per_child=1) as pool:
        running = [pool.submit(run, name, quick, data) for name in _ordered(names) if name != ALONE]
        for done in as_completed(running):
            outcome = done.result()
            tell(f"{outcome['name']}: done")
            yield outcome
        if ALONE in names:
            yield pool.submit(run, ALONE, quick, data).result()


def _ordered(names: list[str]) -> list[str]:
    first = [name for name in LONGEST_FIRST if name in names]
    return first + [name for name in names if name not in first]


if __name__ == "__main__":
    sys.exit(main())
