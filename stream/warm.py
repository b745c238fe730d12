"""Compiled code of a fold, made ready before its worker joins its group: a first start takes seconds, later ones none.

A worker that compiles in the middle of its first records sends no heartbeats, and loses them to another.
``python -m stream.warm`` compiles for all folds at once, as an installation does.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from stream.folds.base import Output, Record
from stream.folds.blocks import Covered, Source, end_of

_SPEC = {
    "monitor": "warm", "model": "warm", "task": "binary", "pane": "1m", "segments": ["c"],
    "features": {"x": {"type": "number"}, "c": {"type": "category"}},
}  # fmt: skip
_MS = 1_700_000_000_000


def warm(fold: str) -> None:
    """Run a fold once over a few made-up records; nothing leaves this function."""
    work = _WORK.get(fold)
    if work is not None:
        work()


def _ledger() -> list[Record]:
    """Return what intake makes of a spec, two predictions and their labels, with ticks between."""
    from stream.folds.intake import Intake, tick

    intake = Intake(1)
    spec = json.dumps({"monitor": "warm", "revision": 1, "spec": _SPEC}).encode()
    ids = {"prediction_id": "a", "model": "warm", "event_time": _MS}
    served = {"features": {"x": 1.5, "c": "red"}, "version": "1", "score": 0.5, "latency_ms": 1.0}
    later = {"prediction_id": "b", "model": "warm", "event_time": "2023-11-14T22:14:20.5Z"}
    topics = {
        "specs": [spec],
        "predictions": [json.dumps(ids | served).encode(), json.dumps(later | served).encode()],
        "labels": [json.dumps(ids | {"label": 1}).encode(), json.dumps(later | {"label": True}).encode()],
    }
    outputs: list[Output] = []
    for topic, values in topics.items():
        source, run = Source(topic, "warm", 0), [Record(i, _MS, value) for i, value in enumerate(values)]
        outputs += intake.split(source, run, {0: end_of(-1)}).outputs
        outputs += tick("warm", [Covered(source, end_of(len(run) - 1), end_of(len(run) - 1))], 1)
    return [Record(i, _MS + 1_000 * i, output.value) for i, output in enumerate(outputs)]


def _measure() -> None:
    from stream.folds.measure.example import compile_measure

    compile_measure()


def _store() -> None:
    from stream.folds.store import tables_of

    tables_of({("ledger", 0): _ledger()})


def _intake() -> None:
    _ledger()


def _decide() -> None:
    """Judge one pane of a reference of one number."""
    import numpy as np

    from detectors.bins import fit_number
    from detectors.panel.fit import ReferenceCounts, fit_panel
    from detectors.panel.gauge import tick
    from detectors.panel.gauge_state import Pane, initial
    from detectors.panel.plan import plan

    counts = np.tile([0, 0, 250, 250, 0], (60, 1, 1))
    panel = fit_panel(ReferenceCounts((fit_number("x", [1.0, 2.0]),), counts, np.full(60, 500)))
    tick(plan(panel), initial(panel), Pane(counts[0], 500))


_WORK: dict[str, Callable[[], None]] = {"intake": _intake, "measure": _measure, "store": _store, "decide": _decide}


def main() -> None:
    """Compile for all folds, and say how long it took."""
    for fold in _WORK:
        begun = time.monotonic()
        warm(fold)
        print(f"{fold} is compiled: {time.monotonic() - begun:.1f} s")


if __name__ == "__main__":
    main()
