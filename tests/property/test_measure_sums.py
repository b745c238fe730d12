"""What `measure` adds up is what the definition says, whatever is early, twice, revised, interleaved or cut."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stream.folds.measure import Measure
from tests.loop import DAY_MS, FoldLoop, day_of_events, reference_of, spec_record
from tests.measured import Oracle, assert_equal, counts_of, sealed
from tests.property.laws import assert_cut_law, assert_restore_law, cuts

EVENTS = [e for day in range(-4, 0) for e in day_of_events(np.random.default_rng(day + 9), day)[0]]
REFERENCE, TREES, NONE = (reference_of(EVENTS, outliers=kind) for kind in ("distance", "trees", "none"))
laws = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
HOUR_MS = 3_600_000


def spec(monitor, model, task, reference=REFERENCE, **changes):
    performance = {
        "metric": {"binary": "log_loss", "regression": "mae", "multiclass": "accuracy"}[task],
        "tolerance": 0.1,
    }
    record = spec_record(
        reference=reference, model=model, task=task, monitor=monitor, performance=performance, **changes
    )
    return record | {"monitor": monitor}


SPECS = [
    spec("without", "b", "binary", None, pane="12h", segments=[]),
    spec("with", "b", "binary"),
    spec("values", "r", "regression", TREES),
    spec("others", "r", "regression", NONE, segments=[]),
    spec("classes", "k", "multiclass", None, segments=[]),
]
numbers = st.sampled_from([-5.0, 0.25, 1.0, None, "no number", float("nan")])
texts = st.sampled_from(["a", "b", "unseen", None, 7.0, float("nan")])
TRUTHS = {
    "b": st.sampled_from([0, 1, 1.0, True]),
    "r": st.sampled_from([0.5, -2.0, 3]),
    "k": st.sampled_from(["x", "y", 3.0]),
}


@st.composite
def predictions(draw):
    model = draw(st.sampled_from("brk"))
    features = {"x": draw(numbers), "c": draw(texts), "z": 1.0}
    for name in draw(st.sets(st.sampled_from(["x", "c", "z"]), max_size=2)):
        del features[name]
    event = {"prediction_id": draw(st.sampled_from("abcde")), "model": model, "features": features}
    event["event_time"] = draw(st.integers(0, 3 * DAY_MS))
    more = {
        "version": st.sampled_from("12"), "latency_ms": st.sampled_from([0.5, -1.0, 30.0]), "label": TRUTHS[model],
        "score": st.floats(0, 1), "source": st.sampled_from(["p", "q"]),
        "shadow": st.dictionaries(st.sampled_from("89"), st.floats(0, 1), max_size=2),
    }  # fmt: skip
    return "predictions", event | {name: draw(some) for name, some in more.items() if draw(st.booleans())}


@st.composite
def labels(draw):
    model = draw(st.sampled_from("brk"))
    event = {"prediction_id": draw(st.sampled_from("abcdef")), "model": model, "label": draw(TRUTHS[model])}
    more = {"kind": st.sampled_from(["truth", "feedback"]), "revision": st.integers(0, 3)}
    event |= {name: draw(some) for name, some in more.items() if draw(st.booleans())}
    return "labels", event | {"event_time": draw(st.integers(0, 3 * DAY_MS))}


steps = st.one_of(predictions(), labels(), predictions(), labels(), st.just(("tick", None)))


def ledger_of(script, send=lambda i: 0):
    """A ledger partition that holds the specs and what a script says; steps between ticks share blocks."""
    loop = FoldLoop(1)
    loop.send("specs", SPECS)
    loop.tick()
    waiting = []
    for i, (topic, event) in enumerate([*script, ("tick", None)]):
        if waiting and topic != waiting[-1][0]:
            loop.send(waiting[0][0], [each for _, each in waiting], partition=send(i))
            waiting = []
        if topic == "tick":
            loop.tick()
        else:
            waiting.append((topic, event))
    loop.send("commands", [{"id": f"end{m}", "command": "close", "model": m} for m in "brk"])
    loop.tick(3)
    return loop.ledger[0]


def measured(ledger):
    """All that measure says of a ledger."""
    fold = Measure(0, 2, 1_000, "ledger")
    return fold.step(fold.start(), ledger)


scripts = st.lists(steps, min_size=1, max_size=40)


@laws
@given(scripts)
def test_sums_over_arrivals_are_those_of_the_definition(script):
    ledger = ledger_of(script)

    assert_equal(sealed(measured(ledger)), Oracle(SPECS, ledger))


def test_keys_with_many_rows_of_a_block_have_the_sums_of_the_definition():
    ledger = ledger_of(crowd(np.random.default_rng(3), 900))

    assert_equal(sealed(measured(ledger)), Oracle(SPECS, ledger))


def crowd(rng, n):
    """Predictions of few panes, of all models, with more texts than are remembered, then the labels of some of them."""
    drawn = zip(rng.choice(list("bbrk"), n).tolist(), rng.normal(0, 2, n).tolist(), rng.random(n).tolist(), strict=True)
    rows = [
        {"prediction_id": str(i), "model": model, "event_time": int(i % 3) * HOUR_MS, "version": str(i % 7 // 6),
         "features": {"x": x, "c": "ab"[i % 2] if i % 5 else f"c{i}", "z": x + i % 3}, "score": score}
        for i, (model, x, score) in enumerate(drawn)
    ]  # fmt: skip
    truths = {"b": 1, "r": 0.5, "k": "y"}
    kept = ("prediction_id", "model", "event_time")
    labels = [{name: row[name] for name in kept} | {"label": truths[row["model"]]} for row in rows[::3]]
    return [("predictions", row) for row in rows] + [("labels", label) for label in labels]


@laws
@given(scripts, cuts)
def test_rule_3_a_cut_changes_nothing_to_the_byte(script, sizes):
    assert_cut_law(Measure(0, 2, 1_000, "ledger"), ledger_of(script), sizes)


@laws
@given(scripts, st.integers(0, 60))
def test_rule_3_a_restored_state_goes_on_as_the_original_to_the_byte(script, at):
    ledger = ledger_of(script)
    assert_restore_law(Measure(0, 2, 1_000, "ledger"), ledger[:at], ledger[at:])


@laws
@given(scripts)
def test_received_is_used_duplicate_late_used_invalid_unmatched_and_pending(script):
    ledger = ledger_of(script)
    counts = counts_of(measured(ledger))

    sent = [(row[1]["model"], kind) for kind in ("predictions", "labels") for row in script if row[0] == kind]
    for count in counts.values():
        parts = [count[name] for name in ("used", "duplicate", "late_used", "invalid", "unmatched", "pending")]
        assert count["received"] == sum(parts)
        assert min(parts) >= 0
    for model, kind in set(sent):
        received = sum(c["received"] for key, c in counts.items() if key[:2] == (model, kind.rstrip("s")))
        assert received == sent.count((model, kind))


@laws
@given(scripts, st.randoms(use_true_random=False))
def test_the_order_of_source_partitions_does_not_change_sums_over_arrivals(script, order):
    """Rows with one identity share a partition, as they do in Kafka by key; so do labels, in theirs."""
    distinct = {(topic, event["model"], event["prediction_id"]): (topic, event) for topic, event in script if event}
    rows = list(distinct.values())
    shuffled = order.sample(rows, len(rows))
    one, other = ledger_of(rows), ledger_of(shuffled, lambda i: i % 2)
    oracle = Oracle(SPECS, one)

    assert_equal(sealed(measured(one)), oracle)
    assert_equal(sealed(measured(other)), oracle)
