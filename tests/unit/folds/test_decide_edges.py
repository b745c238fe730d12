"""What `decide` must not do when rows are few, workers uneven, specs odd, or trainers silent."""

import numpy as np
import pytest

from stream.folds import partials
from stream.folds.partials import Message, decode_message, encode_messages
from stream.folds.rows import ConservationRow, IncidentRow, PaneRow, PerformanceRow, RetrainRow, VerdictRow
from tests.loop import DAY_MS, MODEL, FoldLoop, day_of_events, reference_of, spec_record, version_record, watched

HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def reference():
    days = range(-70, 0)
    return reference_of([e for day in days for e in day_of_events(np.random.default_rng(day + 99), day, 100)[0]])


def feed(loop, rng, days, labels=lambda truths: truths, **given):
    for day in days:
        predictions, truths = day_of_events(rng, day, **given)
        loop.send("predictions", predictions)
        loop.send("labels", labels(truths))
        loop.tick()
    loop.tick()
    loop.run()


def ask(loop, an_id):
    loop.send("commands", [{"id": an_id, "command": "retrain", "model": "m", "args": {"to_ms": 5}}])
    loop.tick(2)
    loop.run()
    return loop.said("retrain")[-1]["id"]


def register(loop, version, retrain, mean=0.2, passed=True):
    loop.send("models", [version_record(version, retrain, mean, passed)], key=f"m/version/{version}")
    loop.tick(2)
    loop.run()


def serving(loop, mean=0.2):
    register(loop, "1", ask(loop, "first"), mean)
    return loop


def on_time(loop):
    rows = [r for r in loop.of(PaneRow) if r.arrival_ms == r.pane_ms and not r.segment_key]
    return {day: sum(r.n for r in rows if r.pane_ms == day * DAY_MS) for day in {r.pane_ms // DAY_MS for r in rows}}


def in_step(loop):
    """Fold second by second, as workers do that all keep up."""
    for clock in sorted({r.append_ms for s, log in zip(loop.states, loop.ledger) for r in log[s.position + 1 :]}):  # noqa: B905
        for measure, state, log in zip(loop.measures, loop.states, loop.ledger, strict=True):
            for output in measure.step(state, [r for r in log[state.position + 1 :] if r.append_ms == clock]):
                if output.partition == loop.home:
                    loop.decided(output.value)


def verdicts(loop):
    return [row for row in loop.of(VerdictRow) if row.kind == "performance"]


def test_partitions_that_were_idle_before_the_first_row_hold_the_panes_until_they_know(reference):
    loop, rng = watched(reference), np.random.default_rng(1)
    for day in range(6):
        loop.send("predictions", day_of_events(rng, day, 400)[0])
        loop.tick()
    loop.tick(2)
    loop.run()

    assert set(on_time(loop).values()) == {400}


def test_partitions_that_were_idle_in_a_pause_hold_the_panes_until_they_know(reference):
    loop, rng = watched(reference), np.random.default_rng(1)
    feed(loop, rng, range(3), n=400)
    loop.tick(100)
    in_step(loop)
    for day in range(3, 9, 2):
        loop.send("predictions", [e for d in (day, day + 1) for e in day_of_events(rng, d, 400)[0]])
        loop.tick()
    loop.tick(2)
    in_step(loop)

    assert set(on_time(loop).values()) == {400}


def test_many_empty_panes_are_passed_over():
    loop = watched(pane="1m", lateness="1m")
    for name, at_ms in (("early", 60_000), ("late", 10 * DAY_MS)):
        event = {"model": MODEL, "event_time": at_ms, "features": {"x": 1.0, "c": "a"}}
        loop.send("predictions", [event | {"prediction_id": f"{name}{i}"} for i in range(40)])
        loop.tick(2)
        loop.run()

    assert len(loop.of(PaneRow)) < 10


def test_a_message_of_measure_that_is_missing_is_a_gap(reference):
    whole, holed, rng = watched(reference), FoldLoop(), np.random.default_rng(1)
    feed(whole, rng, range(5), n=100)
    told = [record.value for record in whole.partials]
    missing = next(i for i, value in enumerate(told) if decode_message(value).sealed)
    for value in told[:missing] + told[missing + 1 :]:
        holed.decided(value)

    assert [row for row in whole.of(ConservationRow) if row.kind == "gap"] == []
    assert [(row.source, row.received) for row in holed.of(ConservationRow) if row.kind == "gap"] == [
        (f"partials/{holed.home}", 1)
    ]


@pytest.mark.parametrize("dropped", [0, 1, 2])
def test_a_part_of_a_message_that_is_missing_is_a_gap(dropped):
    loop = FoldLoop(1)
    first = [Message(0, -1, 5, part, 3, 1) for part in range(3)]
    for message in [*first[:dropped], *first[dropped + 1 :], Message(0, 5, 9, 0, 1, 2)]:
        loop.decided(encode_messages(message)[0])

    assert [row.received for row in loop.of(ConservationRow) if row.kind == "gap"] == [1]


def test_a_spec_without_performance_is_never_paged_for_it(reference):
    loop, spec = FoldLoop(1), spec_record(reference=reference)
    del spec["spec"]["performance"], spec["spec"]["retrain"]
    loop.send("specs", [spec])
    loop.tick(2)
    feed(serving(loop), np.random.default_rng(3), range(20), version="1")

    assert [alert for alert in loop.said("alerts") if alert["kind"] == "performance"] == []
    assert verdicts(loop) == []


def test_a_pane_is_mature_when_its_youngest_row_is(reference):
    loop = serving(watched(reference, 1))
    feed(loop, np.random.default_rng(3), range(4), version="1")

    mature = [row for row in loop.of(PerformanceRow) if row.is_mature]
    assert all(row.arrival_ms + DAY_MS >= row.pane_ms + DAY_MS + 5 * HOUR_MS for row in mature)
    assert {row.arrival_ms % DAY_MS for row in loop.of(PerformanceRow)} == {0}


def test_a_second_retrain_of_an_incident_is_another(reference):
    loop, rng = serving(watched(reference, 1)), np.random.default_rng(3)
    feed(loop, rng, range(20), version="1", n=600)
    register(loop, "2", loop.said("retrain")[-1]["id"], passed=False)
    feed(loop, rng, range(20, 40), version="1", n=600)

    asked = [retrain["id"] for retrain in loop.said("retrain")]
    assert len(asked) == 3
    assert len(set(asked)) == 3


def test_a_retrain_that_never_answers_expires(reference):
    loop, rng = serving(watched(reference, 1), mean=0.6), np.random.default_rng(3)
    ask(loop, "lost")
    feed(loop, rng, range(70), version="1", n=100)

    assert loop.of(RetrainRow)[-1].step == "expired"
    assert loop.state.loops["m"].retrain is None


def test_a_request_while_a_retrain_is_in_flight_is_refused_aloud(reference):
    loop = watched(reference, 1)
    ask(loop, "first")
    ask(loop, "second")

    assert [row.step for row in loop.of(RetrainRow)] == ["requested", "refused"]
    assert "in flight" in loop.of(RetrainRow)[-1].verdict


def test_two_monitors_of_a_model_count_each_pair_once(reference):
    loop = watched(reference, 1)
    second = spec_record(reference=reference) | {"monitor": "m2"}
    second["spec"] = second["spec"] | {"monitor": "m2"}
    loop.send("specs", [second], key="m2")
    loop.tick(2)
    serving(loop, mean=0.6)
    register(loop, "2", ask(loop, "again"), mean=0.6)
    rng = np.random.default_rng(5)
    for day in range(8):
        predictions, labels = day_of_events(rng, day, 200, version="1")
        loop.send("predictions", [e | {"shadow": {"2": 0.5}} for e in predictions])
        loop.send("labels", labels)
        loop.tick()
    loop.tick()
    loop.run()

    assert 0 < loop.state.loops["m"].retrain.paired.pairs <= 8 * 200


def test_no_rows_are_no_quiet(reference):
    loop, rng = watched(reference, 1), np.random.default_rng(2)
    feed(loop, rng, range(10), n=400)
    feed(loop, rng, range(10, 40), n=400, shift=2.0)
    feed(loop, rng, range(41, 120), n=2, shift=2.0)

    assert [alert["state"] for alert in loop.said("alerts") if alert["state"] == "resolved"] == []


def test_drift_is_dated_to_the_window_in_which_its_evidence_began(reference):
    loop, rng = watched(reference, 1), np.random.default_rng(2)
    feed(loop, rng, range(20), n=130)
    feed(loop, rng, range(20, 80), n=130, shift=2.0)

    first = next(row for row in loop.of(VerdictRow) if row.status in ("warning", "drift"))
    since_ms = loop.of(IncidentRow)[0].since_ms
    assert first.pane_ms + DAY_MS - first.pane_s * 1000 == since_ms
    assert 20 * DAY_MS - first.pane_s * 1000 < since_ms <= 20 * DAY_MS


def test_few_labels_are_no_labels_and_judge_nothing(reference):
    loop = serving(watched(reference, 1))
    few = lambda truths: [x for x in truths if x["label"] == 1][:50]  # noqa: E731
    feed(loop, np.random.default_rng(2), range(40), few, n=500, version="1")

    assert {row.status for row in verdicts(loop)} == {"no-labels"}
    assert "50 labels for 500 rows" in verdicts(loop)[0].reason


def test_nothing_is_mature_while_labels_lie_unread(reference):
    loop, rng = serving(watched(reference, 1)), np.random.default_rng(2)
    feed(loop, rng, range(3), n=200, version="1")
    judged = len(verdicts(loop))
    for day in range(3, 9):
        predictions, labels = day_of_events(rng, day, 200, version="1")
        loop.send("predictions", predictions)
        loop.send("labels", labels[:20])
        loop.tick(3, ends={("labels", 0): 10_000})
    loop.run()

    assert len(verdicts(loop)) <= judged + 1


def test_panes_before_the_start_of_a_lineage_are_never_judged(reference):
    loop, rng = serving(watched(reference, 1)), np.random.default_rng(3)
    feed(loop, rng, range(12), lambda truths: [x for x in truths if not x["label"]], n=400, version="1")
    loop.send("specs", [spec_record(2, reference, lateness="5h")])
    feed(loop, rng, range(12, 15), n=400, version="1")

    lineage = loop.state.current["m"]
    assert min(row.pane_ms for row in verdicts(loop) if row.lineage == lineage) >= 11 * DAY_MS


@pytest.mark.parametrize("metric", ["auc", "f1"])
def test_a_metric_that_is_no_mean_loss_is_shown_and_not_judged(reference, metric):
    loop = serving(watched(reference, 1, performance={"metric": metric, "tolerance": 0.02}))
    feed(loop, np.random.default_rng(2), range(12), n=200, version="1")

    assert {row.status for row in verdicts(loop)} == {"insufficient"}
    assert "shown, not judged" in verdicts(loop)[0].reason
    assert [alert for alert in loop.said("alerts") if alert["kind"] == "performance"] == []


def test_a_version_that_promised_another_metric_is_not_judged(reference):
    loop = serving(watched(reference, 1, performance={"metric": "brier", "tolerance": 0.02}))
    feed(loop, np.random.default_rng(2), range(12), n=200, version="1")

    assert {row.status for row in verdicts(loop)} == {"insufficient"}
    assert "promised log_loss, not brier" in verdicts(loop)[0].reason


@pytest.fixture
def cut_message(reference, monkeypatch):
    """A loop after some days, the number of a message with many keys, and what cuts it into parts of so many bytes."""
    whole = watched(reference)
    feed(whole, np.random.default_rng(1), range(5), n=100)
    number, message = next((i, m) for i, m in enumerate(whole.messages()) if len(m.sealed) > 3)

    def cut(most):
        monkeypatch.setattr(partials, "MAX_BYTES", most)
        return encode_messages(message)

    return whole, number, cut


@pytest.mark.parametrize(("killed_after", "before", "now"), [(1, 2_000, 4_000), (2, 2_000, 10**6), (1, 4_000, 2_000)])
def test_a_message_that_another_release_cuts_otherwise_counts_once(cut_message, killed_after, before, now):
    whole, number, cut = cut_message
    first, again, told = cut(before), cut(now), [record.value for record in whole.partials]
    assert len(first) not in {killed_after, len(again)}

    assert_alike(whole, [*told[:number], *first[:killed_after], *again, *told[number + 1 :]])


def test_parts_of_a_message_that_came_whole_change_nothing_however_they_are_cut(cut_message):
    whole, number, cut = cut_message
    told = [record.value for record in whole.partials]

    # They are of a worker of the release before, which has lost its partition.
    assert_alike(whole, [*told[: number + 1], *cut(2_000)[1:], *told[number + 1 :]])


def assert_alike(whole, values):
    """Panes hold the same, wherever in the log they were decided on, and nothing is told to be missing."""
    loop = FoldLoop()
    for value in values:
        loop.decided(value)
    assert [row for row in loop.of(ConservationRow) if row.kind == "gap"] == []
    assert sums_of(loop) == sums_of(whole)


def sums_of(loop):
    panes = loop.of(PaneRow)
    return sorted((r.pane_ms, r.arrival_ms, r.segment_value, r.model_version, r.n, r.invalid) for r in panes)
