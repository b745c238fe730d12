"""Which faults come, in which order: each kind at least once, the rest drawn by the seed."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence

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


def grouped(kinds: Sequence[str], volley: Collection[str]) -> list[list[str]]:
    """Return faults one by one, but those of a volley together, once each, where the first of them would come.

    >>> grouped(["a", "b", "c", "d", "b"], ["b", "d"])
    [['a'], ['b', 'd'], ['c'], ['b']]
    """
    together = list(dict.fromkeys(kind for kind in kinds if kind in volley))
    groups, waiting = list[list[str]](), set(together)
    for kind in kinds:
        if kind not in waiting:
            groups.append([kind])
        elif len(waiting) == len(together):
            groups.append(together)
        waiting.discard(kind)
    return groups
