"""How much memory all processes of a demo take together, at the worst moment."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

import psutil

MIB = 1 << 20


class PeakMemory:
    """Samples the resident memory of this process and all its descendants, in a thread, while it is entered.

    Pages that processes share are counted in each, so the peak is an upper bound.

    Parameters
    ----------
    every_s
        Seconds between two samples.
    """

    def __init__(self, every_s: float = 1.0) -> None:
        self.peak_mb = 0.0
        self.of_peak: dict[str, float] = {}
        self._every_s = every_s
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            sample = resident_mb(psutil.Process())
            if sum(sample.values()) > self.peak_mb:
                self.peak_mb, self.of_peak = sum(sample.values()), sample
            if self._stopped.wait(self._every_s):
                return


def resident_mb(root: psutil.Process) -> dict[str, float]:
    """Return the resident memory of a process and its descendants, in MiB, by process id and name."""
    sizes: dict[str, float] = {}
    for process in [root, *root.children(recursive=True)]:
        try:
            sizes[f"{process.pid} {process.name()}"] = process.memory_info().rss / MIB
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue  # it ended between the listing and the look
    return sizes
