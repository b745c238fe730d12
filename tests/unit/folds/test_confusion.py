"""Which classes were taken for which: from rows to panes, whatever happens in between."""

import numpy as np
import pytest

from detectors.confusion import OTHERS
from stream.folds.measure.confusion import ConfusionStore, learn
from stream.folds.measure.confusion_kernels import MAX_PAIRS, add_confused
from stream.folds.rows import ConfusionRow, PerformanceRow
from tests.loop import DAY_MS, watched

HOUR_MS = 3_600_000


def prediction(an_id, says, at_ms=0, c="a"):
    served = {"version": "1", "label": says, "features": {"x": 1.0, "c": c}}
    return {"prediction_id": an_id, "model": "m", "event_time": at_ms} | served


def label(an_id, truth, **more):
    return {"prediction_id": an_id, "model": "m", "event_time": HOUR_MS, "label": truth} | more


def loop_of_classes():
    return watched(partitions=1, task="multiclass", performance={"metric": "accuracy", "tolerance": 0.1})


def send(loop, topic, *events):
    loop.send(topic, events)
    loop.tick(2)
    loop.run()


def end(loop):
    send(loop, "predictions", prediction("last", "red", 5 * DAY_MS))
    loop.send("commands", [{"id": "close", "command": "close", "model": "m"}])
    loop.tick(3)
    loop.run()


def pairs(loop):
    newest = [row for row in loop.of(ConfusionRow) if not row.segment_key][-1]
    return dict(zip(zip(newest.predicted, newest.truth, strict=True), newest.counts, strict=True))


def test_pairs_are_told_by_name_with_metrics_of_them():
    loop = loop_of_classes()
    send(
        loop, "predictions", prediction("a", "red"), prediction("b", "red"), prediction("c", 7), prediction("d", "blue")
    )
    send(loop, "labels", label("a", "red"), label("b", "blue"), label("c", "7"), label("d", "blue"))
    end(loop)

    assert pairs(loop) == {("red", "red"): 1, ("red", "blue"): 1, ("7", "7"): 1, ("blue", "blue"): 1}
    found = {row.metric: row.value for row in loop.of(PerformanceRow) if not row.segment_key}
    assert found["balanced_accuracy"] == pytest.approx(np.mean([1, 0.5, 1]))
    assert found["f1_macro"] == pytest.approx(np.mean([2 / 3, 1, 2 / 3]))
    assert {row.tp for row in loop.of(PerformanceRow)} == {-1}


def test_answers_without_a_version_are_shown_and_rows_without_an_answer_are_not():
    loop = loop_of_classes()
    events = [prediction("a", "red"), prediction("b", None)]
    send(loop, "predictions", *({k: v for k, v in each.items() if k != "version" and v is not None} for each in events))
    send(loop, "labels", label("a", "red"), label("b", "red"))
    end(loop)

    assert pairs(loop) == {("red", "red"): 1}
    assert {(row.model_version, row.labels) for row in loop.of(PerformanceRow) if not row.segment_key} == {("", 2)}


def test_nothing_is_shown_of_rows_that_nobody_answered():
    loop = loop_of_classes()
    event = prediction("a", "red")
    send(loop, "predictions", {name: event[name] for name in ("prediction_id", "model", "event_time", "features")})
    send(loop, "labels", label("a", "red"))
    end(loop)

    assert loop.of(PerformanceRow) == loop.of(ConfusionRow) == []


def test_a_revised_label_moves_to_its_new_pair_though_the_pane_was_sealed():
    loop = loop_of_classes()
    send(loop, "predictions", prediction("a", "red"), prediction("b", "red"))
    send(loop, "labels", label("a", "blue"), label("b", "red"))
    send(loop, "predictions", prediction("later", "red", 3 * DAY_MS))
    send(loop, "labels", label("a", "green", revision=1))
    end(loop)

    assert pairs(loop) == {("red", "green"): 1, ("red", "red"): 1}


def test_a_label_before_its_prediction_counts_as_well():
    loop = loop_of_classes()
    send(loop, "labels", label("a", "blue"))
    send(loop, "predictions", prediction("a", "red"))
    end(loop)

    assert pairs(loop) == {("red", "blue"): 1}


def test_a_restart_in_between_changes_nothing():
    loop = loop_of_classes()
    send(loop, "predictions", prediction("a", "red"), prediction("b", "blue"))
    send(loop, "labels", label("a", "blue"))
    measure = loop.measures[0]
    saved = measure.encode(loop.states[0])
    loop.states[0] = measure.decode(saved.data, lambda name: saved.files[name])
    assert measure.encode(loop.states[0]).data == saved.data

    send(loop, "labels", label("b", "blue"))
    end(loop)

    assert pairs(loop) == {("red", "blue"): 1, ("blue", "blue"): 1}


def stored(*rows):
    store = ConfusionStore()
    store.make_room(len(rows), 3)
    for key, predicted, truth, n in rows:
        add_confused(store.arrays, key, np.uint64(predicted), np.uint64(truth), n)
    return store


def test_keys_that_go_take_their_pairs_and_the_others_are_renumbered():
    store = stored((0, 1, 1, 5), (1, 1, 2, 6), (2, 2, 2, 7), (2, 1, 2, 1))
    store.keep(np.array([0, 2]), 3)
    names = {1: "a", 2: "b"}

    found = store.by_key(np.ones(2, bool), names)

    assert {key: counts.cells.tolist() for key, counts in found.items()} == {0: [[0, 0, 5]], 1: [[0, 1, 1], [1, 1, 7]]}
    again = ConfusionStore.restored(store.saved(), 2)
    add_confused(again.arrays, 1, np.uint64(2), np.uint64(2), -7)
    assert again.by_key(np.ones(2, bool), names)[1].cells.tolist() == [[0, 1, 1]]


def test_pairs_beyond_the_limit_are_counted_together():
    store = stored(*((0, 1 + i, 7, 1) for i in range(MAX_PAIRS + 2)), (0, 1, 7, 1), (1, 9_999_999, 7, 1))

    found = store.by_key(np.array([True, True]), {})

    assert found[0].rows == MAX_PAIRS + 3
    assert found[0].cells[found[0].cells[:, 0] == found[0].classes.index(OTHERS)].tolist()[0][2] == 2
    assert OTHERS not in found[1].classes


def test_names_are_learnt_from_the_block_that_says_them():
    names = {3: "known"}
    learn(names, np.array([3, 5, 0, 9], np.uint64), np.array([9, 5], np.uint64), ["nine", "five"])

    assert names == {3: "known", 5: "five", 9: "nine"}
