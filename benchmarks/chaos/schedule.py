"""Which faults come, in which order: each kind at least once, the rest drawn by the seed."""

from __future__ import annotations

import random
from collections.abc import Sequence

from benchmarks.chaos.faults import FAULTS

WEIGHTS = {"kill-intake": 3, "kill-measure": 3, "kill-decide": 2, "kill-store": 2}
"""Kinds that are drawn more often than others."""


MAIN = (
    "kill-intake", "kill-measure", "kill-decide", "kill-store", "kill-kafka", "clickhouse-away", "intake-outage",
    "zombie", "rebalance", "checkpoint-lost", "checkpoints-lost", "checkpoint-schema",
)  # fmt: skip
"""Kinds that a short run has."""


def schedule(seed: int, count: int, kinds: Sequence[str] = tuple(FAULTS)) -> list[str]:
    """Return kinds of faults in order.

    >>> schedule(1, 40) == schedule(1, 40), set(schedule(2, len(MAIN), MAIN)) == set(MAIN)
    (True, True)
    """
    rng = random.Random(f"{seed}/schedule")
    once = rng.sample(kinds, min(count, len(kinds)))
    more = rng.choices(kinds, [WEIGHTS.get(kind, 1) for kind in kinds], k=max(0, count - len(once)))
    drawn = once + more
    rng.shuffle(drawn)
    return drawn
