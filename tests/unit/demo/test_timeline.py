import numpy as np
import pytest

from stream.demo.flights import DAY_MS, Flights
from stream.demo.timeline import timeline


class Recorder:
    def __init__(self):
        self.events, self.flushed = [], 0

    def features(self, prediction_id, features, /, *, at):
        self.events.append((at, "features", prediction_id, features))

    def label(self, prediction_id, value, /, *, at):
        self.events.append((at, "label", prediction_id, value))

    def flush(self):
        self.flushed += 1


@pytest.fixture
def flights():
    # a lands on the day that c leaves; b never lands; c lands when d leaves.
    return Flights(
        ids=("a", "b", "c", "d"),
        departs_ms=np.array([10, 20, DAY_MS + 5, DAY_MS + 9]),
        lands_ms=np.array([DAY_MS + 1, 0, DAY_MS + 9, DAY_MS + 30]),
        late=np.array([1, -1, 0, 0], np.int8),
        features={"hour": [5, 6, 7, None], "origin": ["EWR", "JFK", "LGA", "EWR"]},
    )


def test_each_flight_is_an_event_at_departure_and_one_at_landing_in_order_of_time(flights):
    to = Recorder()
    for day in timeline(flights).days():
        day.send(to)
    assert to.events == [
        (10, "features", "a", {"hour": 5, "origin": "EWR"}),
        (20, "features", "b", {"hour": 6, "origin": "JFK"}),
        (DAY_MS + 1, "label", "a", 1),
        (DAY_MS + 5, "features", "c", {"hour": 7, "origin": "LGA"}),
        (DAY_MS + 9, "features", "d", {"hour": None, "origin": "EWR"}),
        (DAY_MS + 9, "label", "c", 0),
        (DAY_MS + 30, "label", "d", 0),
    ]
    assert to.flushed == 2


def test_a_day_knows_who_leaves_on_it(flights):
    first, second = timeline(flights).days()
    assert (first.start_ms, first.departures(), len(first)) == (0, ["a", "b"], 2)
    assert (second.start_ms, second.departures(), len(second)) == (DAY_MS, ["c", "d"], 5)


def test_a_short_replay_ends_before_a_moment(flights):
    (only,) = timeline(flights, until_ms=DAY_MS).days()
    assert len(only) == 2
