"""Labels that find their predictions: ``python -m benchmarks.throughput.labels PENDING ROUNDS``.

The pending predictions of `benchmarks.join`, filled once; each round joins a million labels. A process of its own, so
that its memory is that of the pending predictions. Prints a JSON object.
"""

from __future__ import annotations

import argparse
import json
from resource import RUSAGE_SELF, getrusage

from benchmarks.join import LABELS, Clock, exercise, join
from stream.folds.pending import Pending


def main() -> None:
    """Fill, join, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pending", type=int)
    parser.add_argument("rounds", type=int)
    given = parser.parse_args()
    exercise(10_000, Clock(), Pending(1_000))  # compiled code is read or made
    clock, pending = Clock(), Pending()
    exercise(given.pending, clock, pending)
    rates = [LABELS / clock.seconds["join"]]
    while len(rates) < given.rounds:
        again = Clock()
        join(pending, given.pending, again, "join")
        rates.append(LABELS / again.seconds["join"])
    found = {
        "join_labels_per_s": rates,
        "join_pending": [given.pending],
        "join_bytes_per_pending": [pending.nbytes / given.pending],
        "join_peak_memory_mb": [getrusage(RUSAGE_SELF).ru_maxrss / 1024],
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
