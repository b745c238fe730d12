"""Labels that find their predictions, per second of CPU: ``python -m benchmarks.join [--rows N] [--json PATH]``.

N predictions over 168 hours wait; labels of random age come in batches of 2,000 and are looked up, read and marked.
Then a checkpoint is written into files of a temporary folder, and read back from there.
"""

from __future__ import annotations

import argparse
import json
import mmap
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import TypeVar

import numpy as np
import psutil
from numpy.typing import NDArray

from stream.folds.pending import Pending

HOURS, HOUR_MS, BATCH, CONTEXTS = 168, 3_600_000, 2_000, 40
LABELS = 1_000_000
START_MS = 1_700_000_000_000
Result = TypeVar("Result")
Words = NDArray[np.uint64]


class Clock:
    """CPU seconds of this process by what it did."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def time(self, name: str, work: Callable[[], Result]) -> Result:
        """Do it and add its CPU seconds."""
        begun = time.process_time()
        result = work()
        self.seconds[name] = self.seconds.get(name, 0.0) + time.process_time() - begun
        return result


def main() -> None:
    """Measure, print a table, and write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000, help="predictions that wait")
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    figures = measure_all(options.rows)
    for name, value in figures.items():
        print(f"{name:32}{value:>16,.2f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


def measure_all(rows: int) -> dict[str, float]:
    """Return the figures; rates are of CPU seconds."""
    exercise(10_000, Clock(), Pending(1_000))  # compiled code is read or made
    empty_bytes, clock, pending = psutil.Process().memory_info().rss, Clock(), Pending()
    exercise(rows, clock, pending)
    figures = {
        "rows": float(rows),
        "adds_per_s": rows / clock.seconds["add"],
        "join_labels_per_s": LABELS / clock.seconds["join"],
        "bytes_per_pending": pending.nbytes / rows,
        "process_bytes_before": float(empty_bytes),
        "process_bytes": float(psutil.Process().memory_info().rss),
        "process_peak_bytes": float(getrusage(RUSAGE_SELF).ru_maxrss * 1024),
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        state = save(pending, rows, clock, folder)
        with ProcessPoolExecutor(1, get_context("spawn")) as another:
            figures |= another.submit(restore, state, rows + BATCH, folder).result()
    return figures | {
        "encode_s": clock.seconds["encode"],
        "encode_again_s": clock.seconds["again"],
        "state_bytes": float(len(state)),
    }


def restore(state: bytes, rows: int, folder: Path) -> dict[str, float]:
    """Return the figures of a process that starts from a checkpoint."""
    exercise(10_000, Clock(), Pending(1_000))
    clock = Clock()
    restored = clock.time("decode", lambda: Pending.decode(state, lambda name: mapped(folder / name)))
    join(restored, rows, clock, "mapped")
    return {
        "decode_s": clock.seconds["decode"],
        "decode_rows_per_s": rows / clock.seconds["decode"],
        "mapped_join_labels_per_s": LABELS / clock.seconds["mapped"],
        "mapped_process_bytes": float(psutil.Process().memory_info().rss),
        "mapped_own_bytes": float(psutil.Process().memory_info().rss - psutil.Process().memory_info().shared),
    }


def exercise(rows: int, clock: Clock, pending: Pending) -> None:
    """Fill `pending` and join labels to it."""
    for first in range(0, rows, BATCH):
        batch = predictions(first, min(first + BATCH, rows), rows)
        clock.time("add", lambda batch=batch: add(pending, *batch))  # type: ignore[misc]
    join(pending, rows, clock, "join")


def add(pending: Pending, *batch: NDArray[np.generic]) -> None:
    """Add a batch of new predictions, and seal if it is time."""
    assert pending.add(*batch).all()  # type: ignore[arg-type]  # noqa: S101
    pending.seal()


def join(pending: Pending, rows: int, clock: Clock, name: str) -> None:
    """Join labels of random age, a tenth of them for predictions that are unknown."""
    rng = np.random.default_rng(1)
    for _ in range(LABELS // BATCH):
        picked = rng.integers(0, rows + rows // 9, BATCH)
        labels = hashes_of(picked), rng.integers(1, 3, BATCH).astype(np.uint16)
        found = clock.time(name, lambda labels=labels: join_batch(pending, *labels))  # type: ignore[misc]
        assert found == (picked < rows).sum()  # noqa: S101


def join_batch(pending: Pending, hashes: Words, truths: NDArray[np.uint16]) -> int:
    """Look up, read and mark, as a fold does; return how many were found."""
    refs = pending.find(hashes)
    here = refs >= 0
    refs = refs[here]
    entries = pending.read(refs)
    pending.mark(refs, entries.states & np.uint16(0xFFFC) | truths[here])
    return len(refs)


def save(pending: Pending, rows: int, clock: Clock, folder: Path) -> bytes:
    """Write a checkpoint, and another one after a few more rows; return the state of the last."""
    write(folder, clock.time("encode", pending.encode)[1])
    add(pending, *predictions(rows, rows + BATCH, rows))
    state, files = clock.time("again", pending.encode)
    write(folder, files)
    return state


def write(folder: Path, files: dict[str, memoryview]) -> None:
    """Write the contents that are not there yet."""
    for name, content in files.items():
        if not (folder / name).exists():
            (folder / name).write_bytes(content)


def mapped(path: Path) -> memoryview:
    """Return a file as memory."""
    with path.open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def predictions(first: int, stop: int, rows: int) -> tuple[NDArray[np.generic], ...]:
    """Return hashes, served words, event times and contexts of some predictions, in the order of event time."""
    numbers = np.arange(first, stop)
    event_ms = START_MS + numbers * (HOURS * HOUR_MS) // rows
    return hashes_of(numbers), numbers.astype(np.uint64), event_ms, (numbers % CONTEXTS).astype(np.uint32)


def hashes_of(numbers: NDArray[np.int64]) -> Words:
    """Return well mixed words, all different (the finaliser of SplitMix64)."""
    words = numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ words >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ words >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return words ^ words >> np.uint64(31)


if __name__ == "__main__":
    main()
