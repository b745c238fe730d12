"""Rows per second of the folds without a broker, in one run: ``python -m benchmarks.folds [--json PATH]``.

CPU time of one process, medians of five. Rows have 14 features (10 numbers, 4 categories), each with a label.
Intake alone also with rows of 20 features (16 numbers, 4 categories; 460 bytes), in several ways to write them, over
four ledger partitions, 1,000 rows in a run.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from stream.folds.base import Output, Record, Records
from stream.folds.blocks import Source, end_of
from stream.folds.decide import Decide
from stream.folds.intake import Intake, tick
from stream.folds.measure import Measure

ROWS, LINES, RUNS = 40_000, 200, 5
WIDE_ROWS, RUN_ROWS = 20_000, 1_000
NUMBERS, TEXTS = [f"n{i}" for i in range(10)], [f"c{i}" for i in range(4)]
FEATURES = {n: {"type": "number"} for n in NUMBERS} | {c: {"type": "category"} for c in TEXTS}
SPEC = {"monitor": "m", "model": "m", "task": "binary", "pane": "1h", "features": FEATURES}
HOUR_MS = 3_600_000


def main() -> None:
    """Measure, print a table, and write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    figures = measure_all()
    for name, value in figures.items():
        print(f"{name:32}{value:>14,.0f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


def measure_all() -> dict[str, float]:
    """Return rows per CPU second of each fold."""
    predictions, labels = records(np.random.default_rng(0))
    intake, events = Intake(1), 2 * ROWS
    ledger = ledger_of(intake, predictions, labels)
    fold, decide = Measure(0, 1), Decide(0, 1)
    partials = [Record(i, 0, o.value) for i, o in enumerate(fold.step(fold.start(), ledger))]
    return {
        "intake_rows_per_cpu_s": events / median_cpu(lambda: ledger_of(intake, predictions, labels)),
        "measure_rows_per_cpu_s": events / median_cpu(lambda: fold.step(fold.start(), ledger)),
        "decide_messages_per_cpu_s": len(partials) / median_cpu(lambda: decide.step(decide.start(), partials)),
        **{f"intake_{way}_rows_per_cpu_s": intake_rate(run) for way, run in ways_to_write().items()},
    }


def intake_rate(written: list[Record]) -> float:
    """Return the rows per CPU second of intake, for WIDE_ROWS rows."""
    per_run = RUN_ROWS * len(written) // WIDE_ROWS
    runs = [Records.of(written[at : at + per_run]) for at in range(0, len(written), per_run)]
    intake, source = Intake(4), Source("predictions", "id", 0)
    intake.split(source, runs[0], {})  # compiles, or loads what was compiled
    return WIDE_ROWS / median_cpu(lambda: [intake.split(source, run, {}) for run in runs])


def ways_to_write() -> dict[str, list[Record]]:
    """Return the same wide rows in several ways."""
    events = wide_events(np.random.default_rng(1))
    singles = lines_of(events)
    exact = [
        e | {"features": {n: v if isinstance(v, str) else v / 3 for n, v in e["features"].items()}} for e in events
    ]
    written = [e | {"event_time": datetime.fromtimestamp(e["event_time"] / 1_000, UTC).isoformat()} for e in events]
    return {
        "single": singles,
        "lines": packed(events),
        "17_digits": lines_of(exact),
        "rfc3339": lines_of(written),
        "escapes": lines_of([e | {"features": e["features"] | {"größe": "é"}} for e in events]),
        "5000_models": lines_of([e | {"model": f"m{i % 5_000}"} for i, e in enumerate(events)]),
    }


def lines_of(events: list[dict[str, Any]]) -> list[Record]:
    """Return a record for each event."""
    return [Record(i, 0, json.dumps(event, separators=(",", ":")).encode()) for i, event in enumerate(events)]


def wide_events(rng: np.random.Generator) -> list[dict[str, Any]]:
    """Return events of 20 features."""
    numbers, texts = rng.normal(size=(WIDE_ROWS, 16)).round(4).tolist(), rng.integers(0, 25, (WIDE_ROWS, 4)).tolist()
    return [
        {
            "prediction_id": f"{i:032x}",
            "model": f"fraud_v{i % 3}",
            "event_time": 1_700_000_000_000 + i,
            "features": {f"num_{j}": value for j, value in enumerate(numbers[i])}
            | {f"cat_{j}": f"cat_{j}_lv{level:02d}" for j, level in enumerate(texts[i])},
            "score": numbers[i][0],
        }
        for i in range(WIDE_ROWS)
    ]


def median_cpu(work: Callable[[], object]) -> float:
    """Return the median CPU seconds of a call."""
    seconds = []
    for _ in range(RUNS):
        begun = time.process_time()
        work()
        seconds.append(time.process_time() - begun)
    return statistics.median(seconds)


def records(rng: np.random.Generator) -> tuple[list[Record], list[Record]]:
    """Return JSON-lines records of predictions over two days, and of their labels."""
    numbers, texts = rng.normal(size=(ROWS, len(NUMBERS))).round(4), rng.integers(0, 12, (ROWS, len(TEXTS)))
    events = [
        {
            "prediction_id": f"p{i}",
            "model": "m",
            "version": "1",
            "event_time": i * 48 * HOUR_MS // ROWS,
            "features": dict(zip(NUMBERS, numbers[i].tolist(), strict=True))
            | {c: f"level {t}" for c, t in zip(TEXTS, texts[i].tolist(), strict=True)},
            "score": round(float(rng.random()), 4),
            "latency_ms": 1.5,
        }
        for i in range(ROWS)
    ]
    truths = [
        {k: e[k] for k in ("prediction_id", "model", "event_time")} | {"label": i % 2} for i, e in enumerate(events)
    ]
    return packed(events), packed(truths)


def packed(events: list[dict[str, Any]]) -> list[Record]:
    """Return events as records of many lines."""
    headers = (("content-type", b"application/x-ndjson"),)
    lines = [json.dumps(event).encode() for event in events]
    cuts = range(0, len(lines), LINES)
    return [Record(i, 0, b"\n".join(lines[at : at + LINES]), b"", headers) for i, at in enumerate(cuts)]


def ledger_of(intake: Intake, predictions: list[Record], labels: list[Record]) -> list[Record]:
    """Return the ledger that intake makes of them, a spec in front, a tick after each pair of records."""
    spec = json.dumps({"monitor": "m", "revision": 1, "spec": SPEC}).encode()
    values = [o.value for o in split(intake, "specs", Record(0, 0, spec, b"m"))]
    for a, b in zip(predictions, labels, strict=True):
        values += [o.value for o in split(intake, "predictions", a)] + [o.value for o in split(intake, "labels", b)]
        values += [o.value for o in tick("w", [], 1)]
    return [Record(i, 1_700_000_000_000 + i * 400, value) for i, value in enumerate(values)]


def split(intake: Intake, topic: str, record: Record) -> list[Output]:
    """Return intake's outputs for one record."""
    return intake.split(Source(topic, "id", 0), [record], {0: end_of(record.position - 1)}).outputs


if __name__ == "__main__":
    main()
