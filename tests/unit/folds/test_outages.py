"""After an outage of intake, a partition that is read later has no late rows."""

from stream.folds.rows import ConservationRow
from tests.loop import watched

HOUR_MS = 3_600_000


def prediction(i, day):
    return {
        "prediction_id": f"p{i}",
        "model": "m",
        "version": "1",
        "event_time": (day * 24 + 12) * HOUR_MS,
        "features": {"x": 1.0, "c": "a"},
        "score": 0.5,
    }


def test_after_an_outage_no_partition_is_overtaken_before_it_is_read():
    loop = watched(partitions=1)
    loop.send("predictions", [prediction(0, 100)], partition=0)
    loop.send("predictions", [prediction(1, 100)], partition=1)
    loop.tick(3)
    loop.run()
    loop.clock_ms += 60_000  # nobody reads; ten days of rows come into both partitions
    loop.send("predictions", [prediction(10 + d, 100 + d) for d in range(10)], partition=0)
    # The worker is back: it has read partition 0, and of partition 1 it knows the end only.
    loop.tick(2, ends={("predictions", 1): loop.offsets["predictions", 1] + 10})
    loop.run()
    loop.send("predictions", [prediction(50 + d, 100 + d) for d in range(10)], partition=1)
    loop.tick(3)
    loop.run()
    assert all(row.late_used == 0 for row in loop.of(ConservationRow) if row.kind == "prediction")
