"""How far behind a fold is, and what counts as too far."""

from stream.ops.lag import Behind, lag, summaries, too_far
from stream.runtime.lag import Lag
from stream.settings import Settings

FINE = Behind("measure", "ledger", 0, 8, 8, 0, 0.0)
SLOW = Behind("store", "ledger", 1, 5, 8, 3, 70.0)
LOST = Behind("store", "ledger", 2, 5, 8, 1, 1.0, lost=2)
UNREAD = Behind("decide", "partials", 0, 5, 8, 3, None)


def test_a_partition_without_waiting_records_is_not_behind_at_all(monkeypatch):
    places = [
        Lag("measure", "ledger", 0, 8, 8),
        Lag("store", "ledger", 0, 2, 8, first=4),
        Lag("score", "features", 0, 0, 0),
    ]
    monkeypatch.setattr("stream.ops.lag.positions", lambda *_: places)
    monkeypatch.setattr("stream.ops.lag.next_append_ms", lambda _settings, _lags: {places[1]: 0})
    measure, store, score = lag(Settings())

    assert (measure.seconds, score.seconds) == (0, 0)
    assert (store.records, store.lost) == (4, 2)
    assert store.seconds > 1e9


def test_what_is_lost_or_unknown_is_too_far_whatever_the_limit():
    assert too_far([FINE, SLOW, LOST, UNREAD], 60) == [SLOW, LOST, UNREAD]
    assert too_far([FINE, SLOW, LOST, UNREAD], float("inf")) == [LOST, UNREAD]


def test_a_topic_is_as_far_behind_as_its_worst_partition():
    (line,) = summaries([SLOW, LOST])
    assert (line.partitions, line.records, line.seconds, line.lost) == (2, 4, 70.0, 2)
    assert summaries([UNREAD])[0].seconds is None
