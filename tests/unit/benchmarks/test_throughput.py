"""The parts of the throughput benchmark that can be wrong without a broker."""

from collections import Counter

import numpy as np
import pytest
from aiokafka.record.memory_records import MemoryRecords
from streamgauge.wire import decode

from benchmarks.throughput.events import START_MS, Events
from benchmarks.throughput.figures import GOALS, Figures, Goal
from benchmarks.throughput.fill import LINES, Fill, compressed
from benchmarks.throughput.folds import require_used
from benchmarks.throughput.stored import LATENESS_MS, PANE_MS, due_panes
from benchmarks.throughput.system import StuckError, Timed, busy
from detectors.reference import decode as decode_reference


@pytest.fixture(scope="module")
def events():
    return Events(stock=2_000)


class Measured:
    """A system that has measured something."""

    def __init__(self, **fates):
        self._fates = Counter(fates)

    def fates(self):
        return self._fates

    def dead_letters(self):
        return 0


def test_rows_that_come_late_without_a_cause_are_counted_and_fail_the_check():
    figures = Figures()
    require_used(Measured(used=10), 10, figures)
    with pytest.raises(StuckError, match="10 events were sent"):
        require_used(Measured(used=7, late_used=3), 10, figures)

    assert figures.to_values()["late_without_cause_max"] == 3


def records_of(batch):
    """What aiokafka reads in a batch, after a look at its checksum."""
    records = MemoryRecords(batch)
    while records.has_next():
        found = records.next_batch()
        assert found.validate_crc()
        yield from found


def test_events_are_what_intake_reads_and_have_the_size_that_is_claimed(events):
    values = events.values(2_000)
    read = [decode("predictions", value)[0] for value in values]
    assert len({event.prediction_id for event in read}) == 2_000
    assert {event.model for event in read} == set(events.models)
    assert all(len(event.features) == 20 for event in read)
    assert np.mean([len(value) for value in values]) == pytest.approx(455, abs=2)


def test_event_times_go_on_from_call_to_call():
    fresh = Events(per_ms=2, stock=3)
    texts = [value.split(b'"event_time":')[1][:13] for _ in range(2) for value in fresh.values(3)]
    assert [int(text) - START_MS for text in texts] == [0, 0, 1, 1, 2, 2]


def test_a_monitor_watches_every_feature_and_has_a_reference_of_them(events):
    spec, reference = events.spec("fraud_v1"), decode_reference(events.reference())
    assert list(reference.panel.names) == list(spec.features)
    assert reference.pane_ms == spec.pane_ms


def test_a_client_reads_what_was_sealed():
    batch = compressed([b"a" * 300, b"b"], LINES)
    assert [(record.offset, record.value, record.headers) for record in records_of(batch)] == [
        (0, b"a" * 300, [*LINES]), (1, b"b", [*LINES]),
    ]  # fmt: skip


def test_lines_are_packed_into_records(events):
    batch = Fill("", "", events.values, lines=200).batch(events.values(500))
    records = list(records_of(batch._build()))
    assert [record.value.count(b"\n") + 1 for record in records] == [200, 200, 100]
    assert batch.record_count() == 3
    assert sum(len(decode("predictions", record.value, record.headers)) for record in records) == 500


def test_waiting_after_the_last_work_is_not_counted():
    waits_at_the_end = [(0.02 * i, min(0.02 * i, 1.0) + 0.0004 * i) for i in range(100)]
    taken = busy(waits_at_the_end)
    assert taken.cpu_s == pytest.approx(1.02, abs=0.05)
    assert taken.wall_s == pytest.approx(1.06, abs=0.05)
    assert taken.done_s == pytest.approx(1.98)


def test_work_that_never_was_is_timed_to_the_end():
    assert busy([(0.0, 5.0), (1.0, 5.0)]) == Timed(0.0, 1.0, 1.0)


def test_a_pane_is_due_when_an_event_has_passed_its_end_and_the_lateness():
    first_ms, last_ms = 100_000, 120_000
    panes = sorted({pane for _, pane in due_panes(first_ms, last_ms)})
    assert panes[-1] + PANE_MS + LATENESS_MS <= last_ms < panes[-1] + 2 * PANE_MS + LATENESS_MS


def test_a_figure_below_its_floor_is_said_plainly():
    figures = Figures()
    figures.add(GOALS[0].key, 1.0, 3.0, 2.0)
    assert any("BELOW THE FLOOR" in line for line in figures.lines())
    assert figures.to_values() == {
        GOALS[0].key: 2.0, f"{GOALS[0].key}_min": 1.0, f"{GOALS[0].key}_max": 3.0, f"{GOALS[0].key}_rounds": 3,
    }  # fmt: skip


@pytest.mark.parametrize(("value", "said"), [(6.0, "BELOW THE FLOOR"), (4.0, "floor met, goal not"), (1.5, "goal met")])
def test_of_a_latency_less_is_better(value, said):
    assert Goal("", "", 5, 2, most=True).verdict(value) == said
