"""Where the time of a backtest goes: ``python -m benchmarks.backtest [--rows N] [--json PATH]``.

CPU seconds of one process, by stage: a million rows of 20 features (16 numbers, 4 categories of 12 levels) with scores
and labels, in panes of 3,600 rows and of 100, and with labels that come later, so that every pane is cut apart.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from streamgauge.spec import MonitorSpec

from stream.backtest import course
from stream.backtest.findings import Findings
from stream.backtest.ledger import Ledger
from stream.backtest.run import Wanted, read_files

NUMBERS, LEVELS, PER_GROUP = 16, 12, 100_000


def main() -> None:
    """Measure, print a table, and write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    figures = measure_all(options.rows)
    for case, stages in figures.items():
        print(case, *(f"{stage} {seconds:.2f}" for stage, seconds in stages.items()), sep="  ")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


def measure_all(rows: int) -> dict[str, dict[str, float]]:
    """Return the CPU seconds of each stage of each case."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prompt, later = write(folder / "prompt.parquet", rows, 0), write(folder / "later.parquet", rows, 600)
        return {
            "panes of 3,600 rows": stages(spec_of("1h", rows // 3_600 // 4), prompt),
            "panes of 100 rows": stages(spec_of("100s", rows // 100 // 50), prompt),
            "panes of 100 rows, labels after 10 min": stages(spec_of("100s", rows // 100 // 50), later),
        }


def write(path: Path, rows: int, label_s: int) -> Path:
    """Write rows whose labels come so many seconds after them."""
    rng = np.random.default_rng(0)
    levels = np.array([f"level {k}" for k in range(LEVELS)])
    columns: dict[str, object] = {f"n{i}": rng.normal(size=rows).round(4) for i in range(NUMBERS)}
    columns |= {f"c{i}": levels[rng.integers(0, LEVELS, rows)] for i in range(20 - NUMBERS)}
    score, event_ms = rng.random(rows), 1_700_006_400_000 + 1_000 * np.arange(rows)
    columns |= {"event_time": pa.array(event_ms, pa.timestamp("ms", "UTC")), "score": score}
    columns["label"] = (rng.random(rows) < score).astype(int)
    columns["label_time"] = pa.array(event_ms + 1_000 * label_s, pa.timestamp("ms", "UTC"))
    pq.write_table(pa.table(columns), path, row_group_size=PER_GROUP)
    return path


def spec_of(pane: str, reference_panes: int) -> MonitorSpec:
    """Return a monitor of all columns."""
    features = {f"n{i}": {"type": "number"} for i in range(NUMBERS)}
    features |= {f"c{i}": {"type": "category"} for i in range(20 - NUMBERS)}
    return MonitorSpec.model_validate(
        {
            "monitor": "m",
            "model": "m",
            "task": "binary",
            "pane": pane,
            "lateness": "0s",
            "features": features,
            "reference": {"first": f"{reference_panes} panes"},
            "performance": {"metric": "log_loss", "tolerance": 0.02},
        }
    )


def stages(spec: MonitorSpec, path: Path) -> dict[str, float]:
    """Return the CPU seconds of each stage, one after the other."""
    found: dict[str, float] = {}
    with _timed(found, "reference"):
        read = read_files(Wanted(spec, path.parent, path))
    record, findings = course.spec_record(read.spec, read.fitted), Findings()
    with _timed(found, "read"):
        chunks = list(read.rows.chunks(read.first_row))
    with _timed(found, "ledger"):
        steps = list(Ledger(course.monitor(record), record, read.truths).records(chunks))
    with _timed(found, "measure"):
        messages = list(course.measured(steps))
    with _timed(found, "decide"):
        decided = list(course.decided(messages))
    with _timed(found, "collect"):
        for outputs, rows in decided:
            findings.add(outputs, rows)
    return {**found, "without decide": round(sum(found.values()) - found["decide"], 2)}


@contextmanager
def _timed(found: dict[str, float], stage: str) -> Iterator[None]:
    begun = time.process_time()
    yield
    found[stage] = round(time.process_time() - begun, 2)


if __name__ == "__main__":
    main()
