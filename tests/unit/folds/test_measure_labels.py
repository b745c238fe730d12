"""Labels: revised, early, of every task, beside shadows."""

import numpy as np
import pytest

from stream.folds.measure import Measure
from stream.folds.measure.count_kernels import DUPLICATE, PENDING, UNMATCHED, USED
from stream.folds.partials import decode_message
from stream.folds.rows import PerformanceRow
from tests.loop import DAY_MS, spec_record, watched
from tests.measured import sealed, total

HOUR_MS = 3_600_000


def prediction(an_id, at_ms=0, score=0.9, **more):
    served = {"version": "1", "score": score, "features": {"x": 1.0, "c": "a"}}
    return {"prediction_id": an_id, "model": "m", "event_time": at_ms} | served | more


def label(an_id, value=1, at_ms=HOUR_MS, **more):
    return {"prediction_id": an_id, "model": "m", "event_time": at_ms, "label": value} | more


def one_of(task="binary", **changes):
    metric = {"binary": "log_loss", "regression": "mae", "multiclass": "accuracy"}[task]
    return watched(partitions=1, task=task, performance={"metric": metric, "tolerance": 1.0}, **changes)


def send(loop, topic, *events):
    loop.send(topic, events)
    loop.tick(2)
    loop.run()


def end(loop):
    loop.send("commands", [{"id": f"c{loop.clock_ms}", "command": "close", "model": "m"}])
    loop.tick(3)
    loop.run()


def metric(loop, name):
    return [row.value for row in loop.of(PerformanceRow) if row.metric == name and not row.segment_key]


def fates(loop):
    counts = loop.states[0].counts["m", "label", ""]
    return {name: counts[place] for name, place in PLACES.items() if counts[place]}


PLACES = {"used": USED, "duplicate": DUPLICATE, "unmatched": UNMATCHED, "pending": PENDING}


@pytest.mark.parametrize("where", ["in one block", "in another block", "after the pane was sealed"])
@pytest.mark.parametrize(
    ("task", "first", "then", "name", "expected"),
    [
        ("binary", 0, 1, "accuracy", 1.0),
        ("regression", 5.0, 1.0, "bias", -0.1),
        ("multiclass", "red", "blue", "accuracy", 1.0),
    ],
)
def test_a_higher_revision_takes_the_place_of_the_label_before(where, task, first, then, name, expected):
    loop = one_of(task)
    more = {"label": "blue"} if task == "multiclass" else {}
    send(loop, "predictions", *[prediction(an_id, **more) for an_id in "ab"])
    firsts, seconds = [label(i, first) for i in "ab"], [label(i, then, revision=1) for i in "ab"]
    if where == "in one block":
        send(loop, "labels", *firsts, *seconds)
    else:
        send(loop, "labels", *firsts)
        if where == "after the pane was sealed":
            send(loop, "predictions", prediction("later", 3 * DAY_MS, **more))
        send(loop, "labels", *seconds)
    send(loop, "predictions", prediction("last", 5 * DAY_MS, **more))
    end(loop)

    assert metric(loop, name)[-1] == pytest.approx(expected)
    assert {row.labels for row in loop.of(PerformanceRow)} == {2}
    assert fates(loop) == {"used": 4}


def test_an_equal_or_lower_revision_is_a_duplicate():
    loop = one_of()
    send(loop, "predictions", prediction("a"))
    send(loop, "labels", label("a", 0, revision=2), label("a", 1, revision=2), label("a", 1, revision=1), label("a", 1))
    end(loop)

    assert metric(loop, "accuracy") == [0.0]
    assert fates(loop) == {"used": 1, "duplicate": 3}


def test_feedback_and_truth_do_not_replace_each_other():
    loop = one_of()
    send(loop, "predictions", prediction("a"))
    send(loop, "labels", label("a", 1), label("a", 0, kind="feedback"), label("a", 1, kind="feedback", revision=3))
    end(loop)

    assert metric(loop, "accuracy") == [1.0]
    assert fates(loop) == {"used": 2, "duplicate": 1}


def test_of_early_labels_the_highest_revision_waits():
    loop = one_of()
    send(loop, "labels", label("a", 0), label("a", 1, revision=2), label("a", 0, revision=1))
    assert fates(loop) == {"used": 1, "pending": 1, "duplicate": 1}

    send(loop, "predictions", prediction("a"))
    send(loop, "labels", label("a", 0, revision=2))
    end(loop)
    assert metric(loop, "accuracy") == [1.0]
    assert fates(loop) == {"used": 2, "duplicate": 2}


def test_an_early_label_that_nobody_wanted_is_told_by_its_place():
    loop = one_of()
    send(loop, "labels", label("nobody", 1, 0))
    loop.send("predictions", [prediction("a", 9 * DAY_MS)])
    loop.tick(2)
    told = Measure(0, 4, 1_000, "ledger").step(Measure(0).start(), loop.ledger[0])
    lines = [fate for output in told for fate in decode_message(output.value).fates]

    assert [(fate.topic, fate.place, fate.prediction_id, fate.fate) for fate in lines] == [
        ("labels", 0, "", "unmatched")
    ]


@pytest.mark.parametrize(("task", "truth", "expected"), [("binary", 1, 0.0), ("regression", 2.0, 0.1)])
def test_shadows_are_compared_by_the_truth_that_is_in_force(task, truth, expected):
    loop = one_of(task)
    send(loop, "predictions", prediction("a", shadow={"2": 0.9 if task == "binary" else 3.0, "3": 0.2}))
    send(loop, "labels", label("a", 0 if task == "binary" else -7.0))
    send(loop, "labels", label("a", truth, revision=1))
    end(loop)

    (partial,) = [p for record in loop.partials for p in decode_message(record.value).sealed if not p.segment_key]
    n, difference, _ = partial.pairs["2"]
    assert set(partial.pairs) == {"2", "3"}
    assert (n, difference) == (1, pytest.approx(expected))


def test_a_lineage_that_began_since_is_not_told_of_a_revision():
    loop = one_of()
    send(loop, "predictions", prediction("a"))
    send(loop, "labels", label("a", 0))
    loop.send("specs", [spec_record(2, pane="12h")])
    send(loop, "labels", label("a", 1, revision=1))
    end(loop)

    told = sealed(Measure(0, 4, 1_000, "ledger").step(Measure(0).start(), loop.ledger[0]))
    assert len({lineage for lineage, *_ in told}) == 2
    assert all(total(partials, "task_cells").min() >= 0 for partials in told.values())


def test_a_number_is_the_class_and_the_level_that_its_text_is():
    loop = one_of("multiclass")
    rows = [("a", 7.0, "7"), ("b", "7", 7), ("c", 7.5, "red")]
    predictions = [prediction(i, label=served) | {"features": {"c": served}} for i, served, _ in rows]
    send(loop, "predictions", *predictions)
    send(loop, "labels", *[label(i, truth) for i, _, truth in rows])
    end(loop)

    assert metric(loop, "accuracy") == [pytest.approx(2 / 3)]
    levels = [p.levels for record in loop.partials for p in decode_message(record.value).sealed]
    assert levels == [{"c": {"7": 2, "7.5": 1}}]


def test_twenty_thousand_early_labels_make_no_object_each():
    loop = one_of()
    send(loop, "labels", *[label(f"p{i}", i % 2) for i in range(20_000)])
    state = loop.states[0]

    assert len(state.early) == 20_000
    assert sum(getattr(state.early.arrays, name).nbytes for name in state.early.arrays._fields) < 20_000 * 150
    send(loop, "predictions", *[prediction(f"p{i}") for i in range(20_000)])
    assert len(state.early) == 0
    assert fates(loop) == {"used": 20_000}
    assert np.count_nonzero(state.early.arrays.alive) == 0
