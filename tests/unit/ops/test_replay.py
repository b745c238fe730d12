"""A replay of the ledger says what live said: the same folds, in an order of its own."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from streamgauge.events import PredictionEvent
from streamgauge.partition import partition_of

from stream.folds.base import Record
from stream.folds.blocks import Block, Fact, Source, Tick, decode_entry, encode_entry, end_of, place
from stream.folds.frame_events import frame_of
from stream.folds.rows import FeaturePaneRow, IncidentRow, LineageRow, PaneRow, PerformanceRow, RoleRow, VerdictRow
from stream.ops.replay_fold import Course, replayed
from stream.ops.replay_ledger import NOTHING, Reading, Seen, rows_of
from stream.ops.replay_rows import ShadowRows
from tests.loop import DAY_MS, MODEL, day_of_events, reference_of, spec_record, version_record, watched

DAYS = 12


def filled(seed=1, days=DAYS, **changes):
    """A loop that has seen days of predictions and labels, a late row, another model's rows, and its reference."""
    rng = np.random.default_rng(seed)
    some = [day_of_events(rng, day, 60, shift=4.0 * (day > 7)) for day in range(days)]
    reference = reference_of([event for predictions, _ in some[:6] for event in predictions])
    loop = watched(reference=reference, **changes)
    for day, (predictions, labels) in enumerate(some):
        loop.send("predictions", [*predictions, *(p | {"model": "other"} for p in predictions[:5])])
        loop.tick()
        loop.send("labels", labels[: len(labels) // 2])
        loop.tick()
        loop.run()
        loop.send("labels", labels[len(labels) // 2 :])
        if day == 5:
            loop.send("predictions", [predictions[0] | {"prediction_id": "late", "event_time": 2 * DAY_MS}])
    loop.tick(3)
    loop.run()
    return loop, reference


@pytest.fixture(scope="module")
def drifted():
    """A loop whose feature drifts from the ninth day on, with a reference that lets it alarm."""
    rng = np.random.default_rng(2)
    reference = reference_of([event for day in range(70) for event in day_of_events(rng, day, 100)[0]])
    loop = watched(reference=reference)
    for day in range(100, 124):
        loop.send("predictions", day_of_events(rng, day, 160, shift=3.0 * (day >= 108))[0])
        loop.tick()
        loop.run()
    loop.tick(3)
    loop.run()
    return loop, reference


def course_of(reference=None, replay="r1", begin_ms=0, revision=1, **changes):
    return Course(replay, json.dumps(spec_record(revision, reference, **changes)).encode(), "ledger", begin_ms=begin_ms)


def shadow_of(loop, course, ledgers=None):
    """Rows that a replay of the loop's ledger stores."""
    seen, shadow = Seen(), ShadowRows(course.replay, course.begin_ms)
    ledgers = dict(enumerate(loop.ledger)) if ledgers is None else ledgers
    decided = list(replayed(course, ledgers, seen))
    rows = [row for one in decided for row in shadow.take(one.rows)]
    return rows + shadow.end(decided[-1].position + 1, decided[-1].known_ms), seen, shadow


def sums(rows):
    """Sums over arrivals of panes and features; without those of no rows."""
    total = {}
    for row in rows:
        if isinstance(row, PaneRow):
            key, values = ("pane",), (row.n, row.duplicates, row.invalid, row.labels)
        elif isinstance(row, FeaturePaneRow):
            key, values = (row.feature,), (row.n, row.missing, row.invalid, *row.bins, row.total, row.squares)
        else:
            continue
        key += (row.model_version, row.segment_key, row.segment_value, row.pane_ms)
        total[key] = [a + b for a, b in zip(total.get(key, [0] * len(values)), values, strict=True)]
    return {key: values for key, values in total.items() if any(values)}


def assert_equal_sums(a, b):
    assert a.keys() == b.keys()
    for key, values in a.items():
        for mine, theirs in zip(values, b[key], strict=True):
            same = mine == theirs if isinstance(mine, int) else math.isclose(mine, theirs, rel_tol=1e-12, abs_tol=1e-10)
            assert same, (key, values, b[key])


@pytest.mark.parametrize("seed", range(3))
def test_a_replay_by_the_same_spec_gives_the_same_sums_under_another_lineage(seed):
    loop, reference = filled(seed)
    rows, seen, shadow = shadow_of(loop, course_of(reference))

    assert_equal_sums(sums(rows), sums(loop.rows))
    live, mine = ({row.lineage for row in of if isinstance(row, PaneRow)} for of in (loop.rows, rows))
    assert (len(live), len(mine), live & mine) == (1, 1, set())
    assert seen.rows == 2 * 60 * DAYS + 1
    assert shadow.stored == len(rows)


def test_verdicts_and_incidents_are_those_of_live(drifted):
    loop, reference = drifted
    rows, _, _ = shadow_of(loop, course_of(reference))

    def judged(some):
        return [(v.pane_ms, v.target, v.status, str(v.statistic)) for v in some if isinstance(v, VerdictRow)]

    assert judged(rows) == judged(loop.rows)
    live = [row for row in loop.rows if isinstance(row, IncidentRow)]
    mine = [row for row in rows if isinstance(row, IncidentRow)]
    assert live
    assert [row.id for row in mine[: len(live)]] == [f"{row.id}/r1" for row in live]
    assert not {row.id for row in live} & {row.id for row in mine}


def test_what_is_open_at_the_end_is_closed_for_nobody_goes_on_with_it(drifted):
    loop, reference = drifted
    rows, _, shadow = shadow_of(loop, course_of(reference))

    newest = {row.id: row for row in rows if isinstance(row, IncidentRow)}
    assert newest
    assert {row.closed_ms for row in newest.values()} == {shadow.to_ms}
    assert any(row.closed_ms == 0 for row in loop.rows if isinstance(row, IncidentRow))


def test_a_replay_again_gives_the_same_rows_however_the_ledger_comes():
    loop, reference = filled()
    course = course_of(reference)
    again, _, _ = shadow_of(loop, course, {p: iter(log) for p, log in reversed(list(enumerate(loop.ledger)))})

    assert msgspec.msgpack.encode(again) == msgspec.msgpack.encode(shadow_of(loop, course)[0])


def test_panes_of_another_length_hold_the_same_rows():
    loop, _ = filled()
    rows, _, _ = shadow_of(loop, course_of(pane="12h"))

    halves = sums(rows)
    key = ("pane", "", "", "")
    for day in range(1, DAYS - 1):
        whole = sums(loop.rows)[*key, day * DAY_MS]
        parts = [halves.get((*key, day * DAY_MS + half), [0] * 4) for half in (0, DAY_MS // 2)]
        assert [a + b for a, b in zip(*parts, strict=True)] == whole


def test_a_range_in_the_middle_has_whole_panes_only():
    loop, reference = filled()
    cut_ms = loop.ledger[0][len(loop.ledger[0]) // 2].append_ms
    part = {p: [record for record in log if record.append_ms >= cut_ms] for p, log in enumerate(loop.ledger)}
    begin_ms = 8 * DAY_MS
    rows, _, shadow = shadow_of(loop, course_of(reference, begin_ms=begin_ms), part)

    wanted = {key: values for key, values in sums(loop.rows).items() if key[-1] >= begin_ms}
    assert len(wanted) > 10
    assert_equal_sums(sums(rows), wanted)
    assert shadow.from_ms == begin_ms
    assert all(row.pane_ms >= begin_ms for row in rows if hasattr(row, "pane_ms"))
    assert [row.start_ms for row in rows if isinstance(row, LineageRow)] == [begin_ms]


def served(shift_from=9, days=26):
    """A loop whose first version serves and whose loss is lost."""
    rng, loop = np.random.default_rng(3), watched(lateness="1h")
    loop.send("commands", [{"id": "c1", "command": "retrain", "model": MODEL}])
    loop.tick(2)
    loop.run()
    for day in range(days):
        if day == 0:
            loop.send("models", [version_record("1", loop.said("retrain")[0]["id"])], f"{MODEL}/version/1")
        if day == 1:
            loop.send("models", loop.said("models"), f"{MODEL}/roles")
        predictions, labels = day_of_events(rng, day, 120, version="1")
        labels = [one | {"label": 1 - one["label"]} for one in labels] if day >= shift_from else labels
        loop.send("predictions", predictions)
        loop.send("labels", labels)
        loop.tick(2)
        loop.run()
    loop.tick(2)
    loop.run()
    return loop


def test_who_served_comes_from_the_log_and_a_replay_asks_and_promotes_nobody():
    loop = served()
    assert [r["champion"] for r in loop.said("models")][:1] == ["1"]
    rows, _, _ = shadow_of(loop, course_of(lateness="1h"))

    judged = [row for row in rows if isinstance(row, VerdictRow) and row.kind == "performance"]
    live = [row for row in loop.rows if isinstance(row, VerdictRow) and row.kind == "performance"]
    assert {row.status for row in judged} >= {"drift"}
    assert [(r.pane_ms, r.status) for r in judged] == [(r.pane_ms, r.status) for r in live]
    assert [type(row) for row in rows if isinstance(row, RoleRow)] == []
    assert {row.kind for row in rows if isinstance(row, IncidentRow)} == {"performance"}
    assert any(isinstance(row, PerformanceRow) for row in rows)
    assert {type(row).__name__ for row in rows} <= {
        "PaneRow", "FeaturePaneRow", "StatisticsRow", "PerformanceRow", "VerdictRow", "IncidentRow", "LineageRow",
    }  # fmt: skip


def test_a_version_that_takes_over_closes_what_was_lost():
    loop = served()
    loop.send("models", [{"record": "roles", "model": MODEL, "champion": "2", "shadows": []}], f"{MODEL}/roles")
    loop.tick(3)
    decided = replayed(course_of(lateness="1h"), dict(enumerate(loop.ledger)), Seen())
    opened, closed = [row for one in decided for row in one.rows if isinstance(row, IncidentRow)]

    assert (opened.kind, opened.closed_ms) == ("performance", 0)
    assert closed.closed_ms == 25 * DAY_MS  # the end of the newest final pane
    assert opened.id == closed.id


def fact(topic, key, value):
    return Record(7, 1_000, encode_entry(Fact(Source(topic, "id", 0), -1, end_of(0), key, json.dumps(value).encode())))


def reading(seen=None):
    return Reading(0, "m", MODEL, course_of().measure, Seen() if seen is None else seen)


@pytest.mark.parametrize(
    ("topic", "key", "value", "stays"),
    [
        ("specs", b"m", spec_record(), False),
        ("specs", b"n", spec_record() | {"monitor": "n"}, False),
        ("commands", b"m", {"id": "1", "command": "close", "model": MODEL}, True),
        ("commands", b"m", {"id": "1", "command": "retrain", "model": MODEL}, False),
        ("commands", b"n", {"id": "1", "command": "close", "model": "n"}, False),
        ("commands", b"m", {"no": "command"}, False),
        ("models", b"m/version/1", version_record("1", "rt"), True),
        ("models", b"m/roles", {"record": "roles", "model": MODEL, "champion": "1"}, True),
        ("models", b"n/version/1", version_record("1", "rt"), False),
    ],
)
def test_of_the_facts_only_those_stay_that_the_model_lived_through(topic, key, value, stays):
    record = fact(topic, key, value)
    read = reading().read(record)

    assert read == (record if stays else replace(record, value=NOTHING))
    assert stays or decode_entry(read.value) == Tick("", ())


def test_it_notes_where_live_began_to_measure_alike_and_where_the_model_was_watched():
    seen = Seen()
    here = reading(seen)
    for position, (revision, pane) in enumerate([(1, "1h"), (2, "1d"), (3, "1h"), (4, "1d")]):
        here.read(replace(fact("specs", b"m", spec_record(revision, pane=pane)), position=position))
    assert (seen.began, seen.watched) == ({0: 3}, {0: 0})

    begin = fact("commands", b"", {"id": "b", "command": "begin", "model": "", "args": {"epoch": 9}})
    assert here.read(begin) == replace(begin, value=NOTHING)
    here.read(replace(fact("specs", b"m", spec_record(4, pane="1d")), position=8))
    assert (seen.began, seen.watched) == ({0: 8}, {0: 8})


def prediction(an_id, model, **features):
    return PredictionEvent(prediction_id=an_id, model=model, event_time_ms=5, features=features, score=0.5)


def test_rows_of_other_models_are_left_out_of_a_block():
    events = [
        prediction("a", "n", x=1.0, y="red"), prediction("bb", MODEL, x=2.0), prediction("c", "n"),
        prediction("dé", MODEL, z="blue", x=3.0),
    ]  # fmt: skip
    mine = rows_of(frame_of(events, [place(i) for i in range(4)]), MODEL)
    alone = frame_of([events[1], events[3]], [place(1), place(3)])

    assert mine.id_list() == ["bb", "dé"]
    a, b = mine.columns(), alone.columns()
    for name in ("positions", "event_ms", "hashes", "scores", "labels"):
        assert np.array_equal(getattr(a, name), getattr(b, name), equal_nan=name == "scores")
    assert [mine.texts[code] for code in a.models] == [MODEL, MODEL]
    assert a.row_starts.tolist() == b.row_starts.tolist()
    assert rows_of(alone, MODEL) is alone


def test_a_block_without_rows_of_the_model_becomes_a_tick_that_covers_nothing():
    seen = Seen()
    block = Block(Source("predictions", "id", 0), -1, 9, frame_of([prediction("a", "n", x=1.0)], [0]))
    record = Record(3, 1_000, encode_entry(block))

    assert reading(seen).read(record) == replace(record, value=NOTHING)
    assert (seen.records, seen.rows, seen.clock_ms) == (1, 0, 1_000)


def test_messages_are_merged_by_tick_then_by_ledger_partition():
    loop, reference = filled(days=7)
    course = course_of(reference)
    positions = [one.position for one in replayed(course, dict(enumerate(loop.ledger)), Seen())]
    known = [one.known_ms for one in replayed(course, dict(enumerate(loop.ledger)), Seen())]

    assert positions == list(range(len(positions)))
    assert known == sorted(known)
    home = partition_of(MODEL.encode(), 4)
    assert len(positions) == sum(1 for message in loop.messages()) and home == loop.home  # noqa: PT018
