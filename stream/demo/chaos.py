"""Kills, for the proof that they change nothing: each worker once, on a day that a seed chooses."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Mapping, Sequence

Pids = Callable[[], Mapping[str, int]]


class Chaos:
    """Kills each worker once (SIGKILL), each on a day of its own, after that day's events were sent.

    Parameters
    ----------
    seed
        Chooses the days.
    workers
        Names of the workers, as `pids` gives them.
    days
        Start of the days that may be chosen, epoch milliseconds; at least as many as workers.
    pids
        Returns the process of each worker that lives now.
    """

    def __init__(self, seed: int, workers: Sequence[str], days: Sequence[int], pids: Pids) -> None:
        if len(days) < len(workers):
            raise ValueError(f"{len(workers)} workers need as many days, got {len(days)}")
        chosen = random.Random(seed).sample(list(days), len(workers))  # noqa: S311 - no secret
        self.plan = dict(zip(chosen, workers, strict=True))
        self.killed: dict[str, int] = {}
        self._pids = pids

    def strike(self, day_ms: int) -> str:
        """Kill who is due on this day and return its name; empty if nobody is."""
        worker = self.plan.get(day_ms, "")
        pid = self._pids().get(worker) if worker else None
        if pid is None:
            return ""
        os.kill(pid, signal.SIGKILL)
        self.killed[worker] = pid
        return worker
