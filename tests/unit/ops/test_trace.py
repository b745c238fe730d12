"""What a trace makes of the rows that it finds."""

import pytest

from stream.ops import trace as tracing
from stream.ops.lag import Behind
from stream.ops.trace import is_waiting, trace
from stream.ops.trace_words import fate_words, pane_words
from stream.settings import Settings

HOUR_MS = 3_600_000
PREDICTION = {
    "model": "m", "topic": "predictions", "partition": 1, "offset": 7, "line": 2, "place": (7 << 16) + 2,
    "ledger_partition": 3, "ledger_position": 50, "event_ms": HOUR_MS + 5, "arrival_ms": 2 * HOUR_MS, "source": "api",
    "model_version": "v1", "score": 0.25,
}  # fmt: skip
LABEL = {**PREDICTION, "topic": "labels", "lane": "truth", "revision": 0, "label": "1"}
ARRIVAL = {
    "model_version": "v1", "arrival_ms": HOUR_MS, "n": 10, "labels": 4, "merged": [(3, 40)], "known_ms": 3 * HOUR_MS,
}  # fmt: skip
LINEAGE = {"lineage": "L", "monitor": "mon", "pane_s": 3600, "start_ms": 0, "spec": "{}"}


class Stored:
    """What ClickHouse is said to hold."""

    def __init__(self, monkeypatch):
        self.predictions, self.labels, self.fates, self.panes, self.letters = [PREDICTION], [], {}, [ARRIVAL], []
        self.lineage, self.behind, self.mature = LINEAGE, [], False
        tables = {"prediction_rows": lambda: self.predictions, "label_rows": lambda: self.labels}
        answers = {
            "rows": lambda _client, table, _model, _id: tables[table](),
            "fates": lambda *_: self.fates,
            "lineages": lambda *_: [self.lineage],
            "panes": lambda *_: self.panes,
            "maturity": lambda *_: {"is_mature": self.mature, "labels": 0, "maturity": 0.0},
            "incidents": lambda *_: [{"id": "INC-1", "title": "lost"}],
            "letters": lambda *_: self.letters,
        }
        for name, answer in answers.items():
            monkeypatch.setattr(tracing.reads, name, answer)
        monkeypatch.setattr(tracing, "reader", self._reader)
        monkeypatch.setattr(tracing, "stored_positions", lambda _client: {3: 60})
        monkeypatch.setattr(tracing, "_behind", lambda _settings: self.behind)

    def _reader(self, _settings):
        from contextlib import nullcontext

        return nullcontext()

    def told(self, row, kind, fate, reason=""):
        key = (row["model"], row["topic"], row["partition"], row["place"], kind)
        self.fates[key] = {"fate": fate, "reason": reason}

    def trace(self):
        return trace(Settings(), "a", "m")


@pytest.fixture
def stored(monkeypatch):
    return Stored(monkeypatch)


def fates(found):
    return [event.fate for event in found.events]


def test_a_counted_prediction_has_its_places_its_pane_and_the_incidents_that_touch_it(stored):
    stored.mature = True
    found = stored.trace()
    (event,), (pane,) = found.events, found.panes
    assert (event.topic, event.partition, event.offset, event.line) == ("predictions", 1, 7, 2)
    assert (event.ledger_partition, event.ledger_position, event.fate) == (3, 50, "used")
    assert (pane.state, pane.start_ms, pane.rows, pane.labels, pane.is_mature) == ("final", HOUR_MS, 10, 4, True)
    assert [incident["id"] for incident in found.incidents] == ["INC-1"]
    assert found.label.startswith("No label yet")
    assert found.stored == {3: 60}


def test_a_row_that_is_in_an_amendment_is_late(stored):
    amendment = {**ARRIVAL, "arrival_ms": 4 * HOUR_MS, "merged": [(3, 49)], "known_ms": 5 * HOUR_MS}
    stored.panes = [ARRIVAL, amendment]
    found = stored.trace()
    assert (found.panes[0].state, found.panes[0].counted_ms) == ("late", 4 * HOUR_MS)
    assert fates(found) == ["late"]


def test_a_pane_without_arrivals_is_open_and_one_before_the_lineage_is_not_judged(stored):
    stored.panes = []
    assert stored.trace().panes[0].state == "open"
    stored.lineage = LINEAGE | {"start_ms": 5 * HOUR_MS}
    assert stored.trace().panes[0].state == "before"


def test_a_fate_that_measure_told_counts_and_leaves_no_pane(stored):
    stored.told(PREDICTION, "prediction", "invalid", "too-late")
    found = stored.trace()
    assert (fates(found), found.panes, found.incidents) == (["invalid"], [], [])
    assert "label horizon" in found.events[0].sentence


def test_what_measure_has_not_come_to_waits(stored):
    stored.labels = [LABEL]
    stored.behind = [Behind("measure", "ledger", 3, 50, 70, 20, 1.0)]
    assert fates(stored.trace()) == ["waiting", "waiting"]
    stored.behind = [Behind("measure", "ledger", 3, 51, 70, 19, 1.0), Behind("measure", "ledger", 2, 0, 9, 9, 1.0)]
    assert fates(stored.trace()) == ["used", "used"]
    stored.behind = None  # Kafka does not answer
    assert not is_waiting(PREDICTION, None)
    assert stored.trace().behind is None


def test_a_label_waits_for_a_prediction_that_counts_and_the_highest_revision_is_told(stored):
    stored.labels = [LABEL, {**LABEL, "place": 9, "revision": 10, "label": "0"}, {**LABEL, "place": 10, "revision": 9}]
    assert "label 0 (truth, revision 10)" in stored.trace().label
    stored.predictions = []
    found = stored.trace()
    assert fates(found) == ["pending"] * 3
    assert found.label == ""


def test_an_id_that_only_a_dead_letter_names_is_found(stored):
    stored.predictions = []
    assert not stored.trace().found
    stored.letters = [{"topic": "labels"}]
    assert stored.trace().found


@pytest.mark.parametrize("kind", ["prediction", "label"])
@pytest.mark.parametrize(
    ("fate", "reason"),
    [
        ("used", ""), ("late", ""), ("waiting", ""), ("pending", ""), ("duplicate", ""), ("unmatched", ""),
        ("invalid", "too-late"), ("invalid", "future-time"), ("invalid", "no probability: score 3"), ("new", ""),
        ("invalid", "no monitor watches model 'm'"),
    ],
)  # fmt: skip
def test_each_fate_is_a_sentence(kind, fate, reason):
    sentence, following = fate_words(kind, fate, reason, "m")
    assert sentence.endswith(".")
    assert not following or following.endswith(".")


@pytest.mark.parametrize("state", ["open", "before", "late", "final"])
def test_each_state_of_a_pane_is_a_sentence(state):
    for counted in ("", "14:00"):
        assert pane_words(state, "13:00", 3600, counted, "15:00", is_mature=True)[0].endswith(".")
