import numpy as np
import pytest
from streamgauge.partition import partition_of

from stream.folds.decide import Decide
from stream.folds.frame import number_text
from stream.folds.intake import tick
from stream.folds.measure import Measure
from stream.folds.partials import decode_message
from stream.folds.rows import ConservationRow, FateRow, FeaturePaneRow, LineageRow, PaneRow
from tests.loop import DAY_MS, day_of_events, spec_record, version_record, watched

HOUR_MS = 3_600_000


def prediction(an_id, at_ms, x=1.0, **more):
    return {"prediction_id": an_id, "model": "m", "event_time": at_ms, "features": {"x": x, "c": "a"}} | more


def label(an_id, at_ms, value=1):
    return {"prediction_id": an_id, "model": "m", "event_time": at_ms, "label": value}


def counts(loop, kind):
    newest = {}
    for row in loop.of(ConservationRow):
        newest[row.kind, row.source, row.partition] = row
    names = ("received", "used", "duplicate", "late_used", "invalid", "unmatched", "pending")
    return {name: sum(getattr(r, name) for (k, _, _), r in newest.items() if k == kind) for name in names}


def fates(loop):
    return [(row.prediction_id, row.fate, row.reason) for row in loop.of(FateRow)]


def final_panes(loop):
    return [(r.pane_ms // DAY_MS, r.arrival_ms // DAY_MS, r.n) for r in loop.of(PaneRow) if not r.segment_key]


def advance(loop, *events, topic="predictions", key="m"):
    loop.send(topic, events, key=key)
    loop.tick(2)
    loop.run()


def closed(loop):
    loop.send("commands", [{"id": f"c{loop.clock_ms}", "command": "close", "model": "m"}])
    loop.tick(3)
    loop.run()


def test_a_pane_is_final_when_the_watermark_of_every_partition_has_passed_it():
    loop = watched(partitions=1)
    advance(loop, prediction("a", 0), prediction("b", DAY_MS + 6 * HOUR_MS - 1))
    assert final_panes(loop) == []

    advance(loop, prediction("c", DAY_MS + 6 * HOUR_MS))
    assert final_panes(loop) == [(0, 0, 1)]


def test_a_late_row_arrives_with_the_pane_after_the_newest_final_one():
    loop = watched(partitions=1)
    advance(loop, prediction("a", 0), prediction("b", 2 * DAY_MS))
    advance(loop, prediction("late", 1))
    advance(loop, prediction("c", 4 * DAY_MS))

    assert final_panes(loop) == [(0, 0, 1), (1, 1, 0), (0, 1, 1), (2, 2, 1)]
    assert counts(loop, "prediction")["late_used"] == 1


def test_a_second_event_of_the_same_identity_is_a_duplicate_and_counted():
    loop = watched()
    advance(loop, prediction("a", 0), prediction("a", 0))

    assert fates(loop) == [("a", "duplicate", "")]
    expected = {"received": 2, "used": 1, "duplicate": 1}
    assert counts(loop, "prediction") == dict.fromkeys(counts(loop, "prediction"), 0) | expected


def test_a_row_from_the_far_future_is_invalid_and_closes_no_pane():
    loop = watched()
    advance(loop, prediction("a", 0), prediction("future", loop.clock_ms + 30 * DAY_MS))

    assert fates(loop) == [("future", "invalid", "future-time")]
    assert final_panes(loop) == []


def test_a_row_older_than_the_horizon_is_too_late_and_never_used():
    loop = watched(partitions=1)
    advance(loop, prediction("new", 20 * DAY_MS))
    advance(loop, prediction("old", 0))

    assert fates(loop) == [("old", "invalid", "too-late")]


def test_a_row_of_a_model_that_no_monitor_watches_is_invalid_and_says_so():
    loop = watched(partitions=1)
    loop.home = partition_of(b"other", 4)
    loop.decide, loop.partials = Decide(loop.home, 1, "ledger"), []
    loop.state = loop.decide.start()
    advance(loop, prediction("a", 0) | {"model": "other"})

    assert fates(loop) == [("a", "invalid", "no monitor watches model 'other'")]


def test_a_label_joins_its_prediction_whichever_comes_first():
    loop = watched(partitions=1)
    advance(loop, label("b", 2 * HOUR_MS), topic="labels")
    advance(loop, prediction("a", 0), prediction("b", 0))
    advance(loop, label("a", HOUR_MS), topic="labels")
    closed(loop)

    assert sum(row.labels for row in loop.of(PaneRow) if not row.segment_key) == 2
    assert counts(loop, "label")["used"] == 2
    assert counts(loop, "label")["pending"] == 0


def test_a_label_without_a_prediction_is_pending_and_then_unmatched():
    loop = watched(partitions=1)
    advance(loop, label("nobody", 0), topic="labels")
    assert counts(loop, "label")["pending"] == 1

    advance(loop, prediction("a", 9 * DAY_MS))
    assert counts(loop, "label") == dict.fromkeys(counts(loop, "label"), 0) | {"received": 1, "unmatched": 1}


@pytest.mark.parametrize("score", [1.7, -0.1])
def test_a_score_that_is_no_probability_is_invalid_and_says_so(score):
    loop = watched()
    advance(loop, prediction("a", 0, version="1", score=score))

    assert fates(loop) == [("a", "invalid", f"no probability: score {score:g}")]


@pytest.mark.parametrize("wrong", [2, -1, "yes"])
def test_a_label_that_is_none_of_the_task_is_invalid(wrong):
    loop = watched()
    advance(loop, prediction("a", 0))
    advance(loop, label("a", HOUR_MS, wrong), topic="labels")

    assert counts(loop, "label")["invalid"] == 1


def test_missing_and_invalid_values_are_counted_and_the_row_is_used():
    loop = watched(partitions=1)
    rows = [prediction("a", 0), prediction("b", 0, x=None), prediction("c", 0, x="abc"), prediction("d", 0, x=[1])]
    advance(loop, *rows)
    closed(loop)

    x = next(row for row in loop.of(FeaturePaneRow) if row.feature == "x")
    assert (x.n, x.missing, x.invalid, x.total) == (2, 1, 2, 1.0)


def test_a_source_partition_that_is_behind_holds_the_watermark():
    loop = watched(partitions=1)
    loop.send("predictions", [prediction("slow", 0)], partition=1)
    loop.tick(2)
    behind = {("predictions", 1): 9}
    loop.tick(2, ends=behind)
    loop.send("predictions", [prediction("fast", 5 * DAY_MS)])
    loop.tick(2, ends=behind)
    loop.run()
    assert final_panes(loop) == []

    loop.send("predictions", [prediction(f"slow{i}", 4 * DAY_MS) for i in range(8)], partition=1)
    loop.tick(3)
    loop.run()
    assert final_panes(loop)[0] == (0, 0, 1)


def test_a_model_that_goes_idle_gets_its_panes():
    loop = watched()
    advance(loop, prediction("a", 0))
    loop.tick(70)
    loop.run()

    assert final_panes(loop) == [(0, 0, 1)]


def test_a_resent_block_changes_nothing():
    loop, again = watched(), watched()
    for some in (loop, again):
        events, _ = day_of_events(np.random.default_rng(1), 0)
        outputs = some.send("predictions", events)
        if some is again:
            some.append(outputs)
        some.tick(2)
        some.run()
        advance(some, *day_of_events(np.random.default_rng(2), 2)[0])
    assert final_panes(loop) == final_panes(again)
    assert counts(loop, "prediction") == counts(again, "prediction")


def test_another_lineage_begins_when_the_measuring_part_of_the_spec_changes():
    loop = watched(partitions=1)
    advance(loop, prediction("a", 0))
    loop.send("specs", [spec_record(revision=2, pane="12h")])
    loop.tick(2)
    advance(loop, prediction("b", 3 * DAY_MS), prediction("c", 5 * DAY_MS))

    first, second = (row.lineage for row in loop.of(LineageRow))
    assert [(row.pane_s, row.n) for row in loop.of(PaneRow) if row.lineage == first] == [(86_400, 1)]
    assert {row.pane_s for row in loop.of(PaneRow) if row.lineage == second} == {43_200}


@pytest.mark.parametrize(
    ("topic", "key", "value", "wrong"),
    [
        ("commands", "m", {"hello": 1}, "missing required field `id`"),
        ("commands", "m", {"id": 1, "command": "close", "model": "m"}, "Expected `str`"),
        ("commands", "m", {"id": "a", "command": "retrain", "model": "m", "args": {"to_ms": 1 << 64}}, "64 bits"),
        ("commands", "m", {"id": "a", "command": "begin", "model": "m", "args": {"epoch": 1 << 64}}, "64 bits"),
        ("models", "m/version/1", version_record("1", "", n=1e300), "the number of losses is none"),
        ("models", "m/version/1", {"record": "version"}, "missing required field `model`"),
        ("models", "m/version/1", version_record("1", "") | {"model": "n"}, "the key names model 'm', the record 'n'"),
    ],
)
def test_a_control_record_that_cannot_be_read_is_a_fate_and_nothing_else(topic, key, value, wrong):
    loop = watched()
    advance(loop, prediction("a", 0))
    specs, models = loop.states[0].specs, loop.states[0].models
    advance(loop, value, topic=topic, key=key)

    rows = loop.of(FateRow)
    assert {(row.topic, row.model, row.kind, row.fate) for row in rows} == {(topic, "m", topic, "invalid")}
    assert all(row.reason.startswith("fold-error: ") and wrong in row.reason for row in rows)
    assert [fact for message in loop.messages() for fact in message.facts if fact.topic == topic] == []
    assert (loop.states[0].specs, loop.states[0].models) == (specs, models)


@pytest.mark.parametrize(
    "value",
    [
        {"monitor": "m"},
        {"monitor": "m", "revision": 9, "spec": {}},
        spec_record(9) | {"reference": "no base64"},
        spec_record(1 << 63),
    ],
)
def test_a_spec_that_cannot_be_read_is_told_of_no_model_and_the_one_before_stays_in_force(value):
    loop = watched(partitions=1)
    before = loop.states[0].specs
    for measure, state in zip(loop.measures, loop.states, strict=True):
        loop.send("specs", [value])
        loop.clock_ms += 1_000
        loop.append(tick("worker", [], 1))
        told = [decode_message(o.value) for o in measure.step(state, loop.ledger[0][state.position + 1 :])]

    fates = [fate for message in told for fate in message.fates]
    assert [(f.model, f.kind, f.fate, f.reason[:12]) for f in fates] == [("", "specs", "invalid", "fold-error: ")]
    assert loop.states[0].specs == before


def lost(loop):
    return [state.counts.get(("", "gap", "predictions/0"), [0])[0] for state in loop.states]


@pytest.mark.parametrize("ticks_before_rows", [0, 1, 3])
def test_records_that_retention_took_before_intake_are_counted_as_a_gap_once(ticks_before_rows):
    loop = watched()
    advance(loop, *[prediction(f"a{i}", 0) for i in range(20)])
    loop.skip("predictions", 1_000)
    loop.tick(ticks_before_rows)
    advance(loop, *[prediction(f"b{i}", 0) for i in range(20)])

    assert lost(loop) == [980] * 4


def test_a_source_that_is_new_begins_where_intake_began_without_a_gap():
    loop = watched()
    loop.skip("predictions", 1_000)
    loop.tick()
    advance(loop, prediction("a", 0))

    assert lost(loop) == [0] * 4
    assert counts(loop, "prediction")["used"] == 1


def test_each_message_names_where_the_one_before_it_to_the_same_partition_ended():
    loop = watched(partitions=1)
    other = next(f"n{i}" for i in range(99) if partition_of(f"n{i}".encode(), 4) != loop.home)
    loop.send("predictions", [prediction("a", 0) | {"model": other}])
    for _ in range(3):
        advance(loop, prediction(f"p{loop.clock_ms}", 0))
    measure, told = Measure(0, 4, 1_000, "ledger"), {}
    for output in measure.step(measure.start(), loop.ledger[0]):
        told.setdefault(output.partition, []).append(decode_message(output.value))

    assert len(told) >= 2
    for messages in told.values():
        assert [m.start for m in messages] == [-1, *(m.to for m in messages[:-1])]


@pytest.mark.parametrize("huge", [1.5e308, 1e200])
def test_a_pair_whose_losses_overflow_is_left_out_of_the_comparison(huge):
    loop = watched(partitions=1, task="regression", performance={"metric": "mae", "tolerance": 1.0})
    advance(loop, *[prediction(i, 0, score=s, shadow={"2": 1.0}) for i, s in (("a", huge), ("b", 3.0))])
    advance(loop, label("a", HOUR_MS, -huge), label("b", HOUR_MS, 2), topic="labels")
    closed(loop)

    sealed = [partial for message in loop.messages() for partial in message.sealed]
    assert [partial.pairs for partial in sealed if partial.pairs] == [{"2": (1, 0.0, 0.0)}]
    assert counts(loop, "label")["used"] == 2


def test_an_event_that_was_forgotten_is_too_late_for_a_new_lineage_as_well():
    loop = watched(labels={"horizon": "2d"})
    first = [prediction(f"p{i}", i) for i in range(40)]
    advance(loop, *first)
    for day in range(1, 20):
        advance(loop, *[prediction(f"p{day}-{i}", day * DAY_MS) for i in range(40)])
    loop.send("specs", [spec_record(2, labels={"horizon": "2d"}, lateness="5h")])
    advance(loop, *first)

    assert counts(loop, "prediction")["invalid"] == 40
    assert {fate for _, fate, _ in fates(loop)} == {"invalid"}


def test_a_topic_that_was_made_again_does_not_hold_the_watermark():
    loop = watched(partitions=1)
    advance(loop, prediction("a", 0))
    loop.recreate("predictions", "another")
    loop.tick(6)
    advance(loop, prediction("b", 5 * DAY_MS))

    assert final_panes(loop)[0] == (0, 0, 1)
    assert counts(loop, "gap")["received"] == 0


def test_a_block_of_the_former_topic_that_comes_late_is_not_used_twice():
    loop = watched(partitions=1)
    former = loop.send("predictions", [prediction("a", 0)])
    loop.recreate("predictions", "another")
    advance(loop, prediction("b", 0))
    loop.append(former)
    advance(loop, prediction("c", 0))

    assert counts(loop, "prediction") == dict.fromkeys(counts(loop, "prediction"), 0) | {"received": 3, "used": 3}


def test_a_key_tells_a_thousand_levels_apart_and_puts_the_rest_together():
    loop = watched(partitions=1)
    rows = [prediction(f"p{i}", i) | {"features": {"x": 1.0, "c": f"user-{i}"}} for i in range(1_500)]
    advance(loop, *rows[:700])
    advance(loop, *rows[700:], *[r | {"prediction_id": r["prediction_id"] + "again"} for r in rows[:10]])
    closed(loop)

    levels = next(partial.levels["c"] for message in loop.messages() for partial in message.sealed)
    assert levels == {f"user-{i}": 1 + (i < 10) for i in range(1_000)} | {"__other__": 500}


def test_models_that_no_monitor_watches_share_one_count():
    loop = watched(partitions=1)
    advance(loop, *[prediction(f"p{i}", 0) | {"model": f"n{i}", "source": "s"} for i in range(50)])
    advance(loop, label("p", 0) | {"model": "n", "source": "s"}, topic="labels")

    received = {key: count[0] for key, count in loop.states[0].counts.items()}
    assert received == {("__other__", "prediction", "s"): 50, ("__other__", "label", "s"): 1}


def test_a_label_from_the_far_future_is_invalid_and_does_not_wait():
    loop = watched(partitions=1)
    advance(loop, label("a", loop.clock_ms + 30 * DAY_MS), topic="labels")

    assert fates(loop) == [("a", "invalid", "future-time")]
    assert len(loop.states[0].early) == 0


def test_a_lineage_that_comes_back_starts_again():
    loop = watched(partitions=1)
    advance(loop, prediction("a", 0))
    (lineage,) = loop.states[0].lineages
    loop.send("specs", [spec_record(2, lateness="5h")])
    advance(loop, prediction("b", 5 * DAY_MS))
    loop.send("specs", [spec_record(3)])
    advance(loop, prediction("c", 6 * DAY_MS))

    assert loop.states[0].lineages[lineage].start_ms == 5 * DAY_MS
    assert not loop.states[0].lineages[lineage].retired


def test_settings_out_of_range_are_refused():
    with pytest.raises(ValueError, match="tick_ms >= 1"):
        Measure(0, tick_ms=0)


def test_categories_that_come_as_numbers_are_told_apart_whatever_the_numbers():
    values = [*range(300), *(n / 4 for n in range(1, 300, 4)), -1.0, 1e300, 2.0**60, 1234567.0, 1234568.0]
    loop = watched(partitions=1)
    rows = [prediction(f"p{i}", 0, features={"x": 1.0, "c": float(value)}) for i, value in enumerate(values)]
    advance(loop, *rows)
    advance(loop, prediction("later", 2 * DAY_MS))

    levels = next(partial.levels["c"] for message in loop.messages() for partial in message.sealed)
    assert levels == dict.fromkeys([number_text(float(value)) for value in values], 1)
