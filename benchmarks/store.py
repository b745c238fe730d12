"""Raw rows per second into ClickHouse, in one run: ``python -m benchmarks.store [--json PATH]``.

The real path: the ledger's records in memory, the fold, Arrow over HTTP into the engine of `streamgauge up`, which
syncs to disk before it answers, and merges parts meanwhile. Rows have 20 features (16 numbers, 4 texts) and come from
4 ledger partitions; a batch is as large as those that the worker hands over. All rows are new. Medians of five, after
a first run that is not counted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
import psutil
from msgspec.structs import replace

from stream.clickhouse.client import connect
from stream.clickhouse.migrate import migrate_database
from stream.clickhouse.sink import Sink
from stream.folds.base import Record
from stream.folds.blocks import Block, Source, encode_entry, place
from stream.folds.frame import MISSING, TEXT, Frame
from stream.folds.store import Stored, tables_of
from stream.local.clickhouse.local import LocalClickHouse
from stream.local.ports import free_ports
from stream.settings import ClickHouseSettings

BLOCK_ROWS, BATCH_BLOCKS, BATCHES, PARTITIONS, RUNS = 1_000, 64, 8, 4, 5
ROWS = BLOCK_ROWS * BATCH_BLOCKS * BATCHES
NUMBERS, TEXTS = [f"number_{i}" for i in range(16)], [f"text_{i}" for i in range(4)]
LEVELS = [f"level {i}" for i in range(12)]
T0_MS = 1_700_000_000_000

T = TypeVar("T")
Batches = list[dict[tuple[str, int], list[Record]]]


def main() -> None:
    """Measure, print a table, and write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    with engine() as (settings, process):
        figures = asyncio.run(measure_all(settings, process))
    for name, value in figures.items():
        print(f"{name:36}{value:>14,.1f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


async def measure_all(settings: ClickHouseSettings, engine: psutil.Process) -> dict[str, float]:
    """Return rows per second of wall, CPU microseconds per row, and peak memory in MiB."""
    await asyncio.to_thread(migrate_database, settings)
    sink, rows = Sink.of(settings), made()

    async def store(batches: Batches) -> None:
        await asyncio.gather(*(sink.write(runs) for runs in batches))

    async def fold(batches: Batches) -> None:
        for runs in batches:
            await asyncio.to_thread(tables_of, runs)

    async def insert(folded: list[Stored]) -> None:
        for batch in (batch for stored in folded for batch in stored.batches):
            await sink._insert(batch)  # the half of `write` that is measured alone

    stored = await measure(lambda: next(rows), store, engine)
    folded = await measure(lambda: next(rows), fold, engine)
    inserted = await measure(lambda: [tables_of(runs) for runs in next(rows)], insert, engine)
    found = await asyncio.to_thread(_count, settings)
    await sink.close()
    if found != 2 * (RUNS + 1) * ROWS:
        raise SystemExit(f"{2 * (RUNS + 1) * ROWS} rows were sent and {found} are stored")
    return {
        "store_rows_per_s": ROWS / stored.wall_s,
        "fold_rows_per_s": ROWS / folded.wall_s,
        "insert_rows_per_s": ROWS / inserted.wall_s,
        "store_cpu_us_per_row": stored.cpu_s / ROWS * 1e6,
        "engine_cpu_us_per_row": stored.engine_cpu_s / ROWS * 1e6,
        "store_peak_mib": stored.peak_mib,
        "store_peak_mib_above_start": stored.rise_mib,
        "engine_peak_mib": _status_mib(engine.pid, "VmHWM"),
        "rows_per_batch": BLOCK_ROWS * BATCH_BLOCKS,
    }


@dataclass(frozen=True, slots=True)
class Figures:
    """Medians of runs; the highest peak, and how far it is above what was there before the run."""

    wall_s: float
    cpu_s: float
    engine_cpu_s: float
    peak_mib: float
    rise_mib: float


async def measure(make: Callable[[], T], work: Callable[[T], Awaitable[None]], engine: psutil.Process) -> Figures:
    """Return what it takes to work on what `make` makes, which itself is not counted."""
    found = []
    for _ in range(RUNS + 1):
        given = make()
        _forget_peak()
        before = _status_mib(os.getpid(), "VmRSS")
        begun, own, engines = time.perf_counter(), time.process_time(), _cpu_s(engine)
        await work(given)
        peak = _status_mib(os.getpid(), "VmHWM")
        found.append((
            time.perf_counter() - begun, time.process_time() - own, _cpu_s(engine) - engines, peak, peak - before,
        ))  # fmt: skip
    wall, cpu, cpu_of_engine, peaks, rises = zip(*found[1:], strict=True)
    middle = statistics.median
    return Figures(middle(wall), middle(cpu), middle(cpu_of_engine), max(peaks), max(rises))


@contextmanager
def engine() -> Iterator[tuple[ClickHouseSettings, psutil.Process]]:
    """Run the engine in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="streamgauge-") as home:
        server = LocalClickHouse(Path(home), free_ports())
        server.prepare()
        process = subprocess.Popen(server.command())  # noqa: S603 - our own command line
        try:
            while not asyncio.run(server.ready()):
                time.sleep(0.05)
            yield ClickHouseSettings(url=server.url, database="benchmark"), psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait()


def made() -> Iterator[Batches]:
    """Yield batches of ledger records for one run after the other; event times rise, spread over the partitions."""
    rng = np.random.default_rng(0)
    frames, blocks, positions = [frame(rng) for _ in range(BATCH_BLOCKS)], count(), count()
    each = BATCH_BLOCKS // PARTITIONS

    def one(partition: int) -> list[Record]:
        return [record(frames[next(blocks) % len(frames)], partition, next(positions)) for _ in range(each)]

    while True:
        yield [{("ledger", partition): one(partition) for partition in range(PARTITIONS)} for _ in range(BATCHES)]


def record(rows: Frame, partition: int, position: int) -> Record:
    """Return a ledger record of one block, whose rows stand at places of their own."""
    first = position * BLOCK_ROWS
    numbers = np.arange(first, first + BLOCK_ROWS)
    ids = b"".join([b"prediction-%09d" % number for number in numbers.tolist()])
    new = replace(rows, positions=(numbers << 16).tobytes(), event_ms=(T0_MS + numbers).tobytes(), ids=ids)
    entry = Block(Source("predictions", "id", partition), place(first) - 1, place(first + BLOCK_ROWS - 1), new)
    return Record(position, T0_MS + position, encode_entry(entry))


def frame(rng: np.random.Generator) -> Frame:
    """Return predictions of one model."""
    n, names = BLOCK_ROWS, [*NUMBERS, *TEXTS]
    texts = ("model", "1", *names, *LEVELS)
    cells = np.empty((n, len(names)), "<u8")
    cells[:, : len(NUMBERS)] = rng.normal(size=(n, len(NUMBERS))).round(4).view("<u8")
    levels = rng.integers(2 + len(names), len(texts), (n, len(TEXTS)))
    cells[:, len(NUMBERS) :] = np.uint64(TEXT) | levels.astype("<u8")
    return Frame(
        n=n, positions=b"", event_ms=b"", hashes=bytes(8 * n), ids=b"", id_sizes=np.full(n, 20, "<u2").tobytes(),
        texts=texts, text_hashes=bytes(8 * len(texts)), models=bytes(4 * n), versions=np.ones(n, "<i4").tobytes(),
        producers=np.full(n, -1, "<i4").tobytes(), labels=np.full(n, MISSING, "<u8").tobytes(), lanes=b"",
        revisions=b"", scores=rng.random(n).round(4).tobytes(), latencies=rng.random(n).round(2).tobytes(),
        shapes=np.arange(2, 2 + len(names), dtype="<i4").tobytes(), shape_sizes=np.array([len(names)], "<i4").tobytes(),
        row_shapes=b"", cells=cells.tobytes(),
    )  # fmt: skip


def _count(settings: ClickHouseSettings) -> int:
    client = connect(settings)
    try:
        return int(cast("int", client.command("SELECT count() FROM prediction_rows FINAL")))
    finally:
        client.close()


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _forget_peak() -> None:
    """Let the peak of this process begin anew."""
    Path("/proc/self/clear_refs").write_text("5")


def _status_mib(pid: int, name: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


if __name__ == "__main__":
    main()
