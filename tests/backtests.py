"""Files and specs for backtests, and what the folds made of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from streamgauge.spec import MonitorSpec

from stream.backtest import course
from stream.backtest.chunk import Chunk
from stream.backtest.labels import LabelFile
from stream.backtest.ledger import Ledger
from stream.backtest.reader import RowsFile
from stream.backtest.reference import Fitted, Span
from stream.backtest.run import Wanted, backtest
from stream.backtest.sample import sample
from stream.backtest.texts import Texts
from stream.backtest.timeline import NEVER
from stream.folds.partials import Partial, decode_message

HOUR_MS = 3_600_000
FEATURES = {"x": {"type": "number"}, "y": {"type": "number"}, "c": {"type": "category"}}


def spec_of(**changes) -> MonitorSpec:
    """A spec of three features in panes of an hour; `changes` in the names of YAML."""
    values = {
        "monitor": "m",
        "model": "m",
        "task": "binary",
        "pane": "1h",
        "lateness": "10m",
        "features": FEATURES,
        "reference": {"first": "60 panes"},
        "performance": {"metric": "log_loss", "tolerance": 0.02},
    }
    return MonitorSpec.model_validate({k: v for k, v in (values | changes).items() if v is not None})


def columns_of(n: int, seed: int = 0) -> dict[str, object]:
    """Stationary rows: two numbers, a category, a score and labels that follow it."""
    rng = np.random.default_rng(seed)
    score = rng.random(n).round(4)
    return {
        "x": rng.normal(size=n).round(4),
        "y": rng.exponential(size=n).round(4),
        "c": np.array(["red", "green", "blue"])[rng.integers(0, 3, n)],
        "score": score,
        "label": (rng.random(n) < score).astype(int),
    }


def written(path: Path, columns: dict[str, object], row_group_size: int = 100_000) -> Path:
    """Write columns as Parquet."""
    pq.write_table(pa.table(columns), path, row_group_size=row_group_size)
    return path


def run(folder: Path, columns: dict[str, object], spec: MonitorSpec | None = None, **wanted):
    """Backtest columns; `wanted` as in `Wanted`."""
    rows = written(folder / "rows.parquet", columns)
    return backtest(Wanted(spec or spec_of(), folder, rows, **wanted))


def chunks_of(path: Path, spec: MonitorSpec) -> list[Chunk]:
    """All rows of a file."""
    return list(RowsFile(path, spec, Texts()).chunks())


def fitted(path: Path, spec: MonitorSpec) -> Fitted:
    """A reference of all rows of a file."""
    file = RowsFile(path, spec, Texts())
    return sample(spec, file.chunks(), None, Span(0, 0, NEVER, path), file.truths).fit()


def messages(path: Path, spec: MonitorSpec, reference: Fitted, labels: Path | None = None, is_fine: bool = False):
    """What `Measure` says of a file, and how many rows were read then."""
    record, truths = course.spec_record(spec, reference), Texts()
    rows = RowsFile(path, spec, truths)
    more = None if labels is None else LabelFile(labels, spec.model, truths)
    ledger = Ledger(course.monitor(record), record, truths, more, is_fine)
    return list(course.measured(ledger.records(rows.chunks())))


def partials_of(values: list[bytes]) -> list[Partial]:
    """The sealed sums of messages."""
    return [partial for value in values for partial in decode_message(value).sealed]


def sums_of(partials: list[Partial]) -> dict[tuple[str, str, str, int], tuple]:
    """Sums by version, segment and pane, over all that was sealed apart, without the lineage."""
    found: dict[tuple[str, str, str, int], list[np.ndarray]] = {}
    for p in partials:
        key = (p.version, p.segment_key, p.segment_value, p.pane_ms)
        ints = [p.integers(p.cells), p.integers(p.task_cells)]
        floats = [np.frombuffer(p.sums, "<f8"), np.frombuffer(p.task_sums, "<f8")]
        known = found.setdefault(key, [np.zeros_like(each) for each in (*ints, *floats)])
        found[key] = [a + b for a, b in zip(known, (*ints, *floats), strict=True)]
    return {key: tuple(tuple(part.tolist()) for part in parts) for key, parts in found.items()}


def without_id(done):
    """A report's JSON without what depends on the clock or on the file's name."""
    report = replace(done.report, seconds=0.0).to_json()
    report["reference"].pop("source")
    return report
