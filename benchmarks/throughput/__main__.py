"""What the system does in a second, on a real Kafka: ``python -m benchmarks.throughput [--json PATH] [--quick]``."""

from __future__ import annotations

import argparse
import json
import platform
import re
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from benchmarks.throughput import folds, stored
from benchmarks.throughput.figures import Figures
from benchmarks.throughput.folds import Plan, Say
from benchmarks.throughput.system import CORES
from stream.local.maven import KAFKA

SECTIONS: dict[str, Callable[[Plan, Figures, Say], None]] = {
    "start": folds.start,
    "single": folds.single,
    "lines": folds.lines,
    "models": folds.many_models,
    "features": folds.many_features,
    "store": stored.store,
    "end-to-end": stored.end_to_end,
    "join": folds.joins,
}


def main() -> int:
    """Measure, print tables, and write JSON if asked; 1 if something could not be measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--rounds", type=int, help="rounds of each figure; 5 if not said")
    parser.add_argument("--quick", action="store_true", help="one round and small sizes")
    parser.add_argument("--only", choices=SECTIONS, nargs="+", default=list(SECTIONS), help="parts to measure")
    given = parser.parse_args()
    plan = Plan.quick() if given.quick else Plan()
    plan = plan if given.rounds is None else replace(plan, rounds=given.rounds)
    figures, begun, failed = Figures(), time.monotonic(), []

    def say(text: str) -> None:
        print(f"[{time.monotonic() - begun:6.1f} s] {text}", file=sys.stderr, flush=True)

    for name in given.only:
        say(f"{name}: begins")
        try:
            SECTIONS[name](plan, figures, say)
        except Exception as error:  # noqa: BLE001  the other parts are still worth their time
            failed.append(name)
            say(f"{name}: {error}")
            traceback.print_exc()
    for line in figures.lines():
        print(line)
    if given.json:
        about = {"rounds": plan.rounds, "seconds": time.monotonic() - begun, "failed": failed, "versions": versions()}
        given.json.write_text(json.dumps(figures.to_values() | about, indent=1))
    return int(bool(failed))


def versions() -> dict[str, str]:
    """Return the versions of what was measured, and on what."""
    processors = re.findall(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    packages = ("aiokafka", "kafka-python", "faust-streaming", "numpy", "numba", "msgspec", "pyarrow", "chdb-core")
    return {
        "python": platform.python_version(), "kafka": KAFKA, "cores": str(len(CORES)), "machine": platform.machine(),
        "processor": processors[0] if processors else "unknown", **{name: version(name) for name in packages},
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
