"""The laws of docs/architecture.md for the folds that measure and decide, one test each."""

import msgspec
import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stream.folds.rows import ConservationRow, FeaturePaneRow, PaneRow
from tests.loop import FoldLoop, day_of_events, reference_of, spec_record
from tests.property.laws import assert_cut_law, assert_restore_law, cuts

REFERENCE = reference_of([e for day in range(-4, 0) for e in day_of_events(np.random.default_rng(day + 9), day)[0]])
laws = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


WRONG = ("skip", "made again", "poison")


@st.composite
def scripts(draw):
    """Steps of a run: events of some day (early, late, twice, labels first), ticks, specs, a command to close.

    And what should not be: records that retention took, a topic made again, a control record that cannot be read.
    """
    steps = []
    for _ in range(draw(st.integers(2, 12))):
        kind = draw(st.sampled_from(["day"] * 5 + ["again", "labels", "tick", "spec", "back", "close", *WRONG]))
        steps.append((kind, draw(st.integers(0, 6)), draw(st.integers(1, 25))))
    return draw(st.booleans()), steps


def ledger_of(script, partitions=2):
    """A loop whose ledger holds what the script says, nothing folded yet."""
    with_reference, steps = script
    loop = FoldLoop(partitions)
    loop.send("specs", [spec_record(reference=REFERENCE if with_reference else None)])
    loop.tick()
    for i, (kind, day, n) in enumerate(steps):
        events, labels = day_of_events(np.random.default_rng(day * 31 + n), day, n, version="1")
        if kind in ("day", "again"):
            loop.send("predictions", events)
        if kind in ("labels", "again"):
            loop.send("labels", labels)
        if kind == "spec":
            loop.send("specs", [spec_record(revision=i + 2, reference=REFERENCE, lateness=f"{day + 1}h")])
        if kind == "back":
            loop.send("specs", [spec_record(revision=i + 2, reference=REFERENCE if with_reference else None)])
        if kind == "skip":
            loop.skip("predictions", loop.offsets.get(("predictions", 0), 0) + n)
        if kind == "made again":
            loop.recreate("predictions", f"id{i}")
        if kind == "poison":
            loop.send(("specs", "commands", "models")[n % 3], [{"monitor": "m"}], key="m/version/1")
        if kind == "close":
            loop.send("commands", [{"id": f"close{i}", "command": "close", "model": "m"}])
        loop.tick(1 + (kind == "tick"))
    loop.send("commands", [{"id": "the end", "command": "close", "model": "m"}])
    loop.tick(3)
    return loop


def sums(loop):
    """Integers of all final panes by revision, pane and feature, summed over arrivals and versions."""
    total = {}
    for row in loop.of(FeaturePaneRow):
        key = (row.lineage, row.segment_key, row.segment_value, row.pane_ms, row.feature)
        mine = np.array([row.n, row.missing, row.invalid, *row.bins])
        total[key] = total.get(key, 0) + mine
    return {key: value.tolist() for key, value in total.items()}


@laws
@given(scripts(), cuts)
def test_a_cut_of_the_ledger_changes_nothing_that_is_measured(script, sizes):
    loop = ledger_of(script)
    for measure, log in zip(loop.measures, loop.ledger, strict=True):
        assert_cut_law(measure, log, sizes)


@laws
@given(scripts(), st.integers(0, 60))
def test_a_restored_measure_goes_on_as_the_original(script, at):
    loop = ledger_of(script)
    for measure, log in zip(loop.measures, loop.ledger, strict=True):
        assert_restore_law(measure, log[:at], log[at:])


@laws
@given(scripts(), cuts)
def test_a_cut_of_the_partials_changes_nothing_that_is_decided(script, sizes):
    loop = ledger_of(script)
    loop.run()
    assert_cut_law(loop.decide, loop.partials, sizes)


@laws
@given(scripts(), st.integers(0, 60))
def test_a_restored_decide_goes_on_as_the_original(script, at):
    loop = ledger_of(script)
    loop.run()
    assert_restore_law(loop.decide, loop.partials[:at], loop.partials[at:])


@laws
@given(scripts())
def test_every_event_has_exactly_one_fate(script):
    loop = ledger_of(script)
    loop.run()

    newest = {(row.kind, row.source, row.partition): row for row in loop.of(ConservationRow)}
    for row in (row for row in newest.values() if row.kind != "gap"):
        parts = (row.used, row.duplicate, row.late_used, row.invalid, row.unmatched, row.pending)
        assert row.received == sum(parts)
        assert min(parts) >= 0


@laws
@given(scripts())
def test_what_is_used_is_what_the_final_panes_hold(script):
    loop = ledger_of(script)
    loop.run()

    newest = {(row.source, row.partition): row for row in loop.of(ConservationRow) if row.kind == "prediction"}
    used = sum(row.used + row.late_used for row in newest.values())
    assert sum(row.n for row in loop.of(PaneRow) if not row.segment_key) == used


@laws
@given(scripts())
def test_the_number_of_partitions_does_not_change_sums_over_arrivals(script):
    one, four = ledger_of(script, 1), ledger_of(script, 4)
    one.run()
    four.run()

    assert sums(one) == sums(four)


@laws
@given(scripts(), st.randoms(use_true_random=False))
def test_the_order_in_which_partitions_are_heard_does_not_change_sums_over_arrivals(script, order):
    loop, other = ledger_of(script), ledger_of(script)
    loop.run()
    told = {p: [m.value for m in loop.partials if decoded_partition(m.value) == p] for p in range(2)}
    while any(told.values()):
        p = order.choice([p for p, messages in told.items() if messages])
        other.decided(told[p].pop(0))

    assert sums(other) == sums(loop)


@laws
@given(scripts(), st.integers(0, 40), st.integers(1, 10))
def test_messages_told_again_change_nothing(script, at, again):
    loop, other = ledger_of(script), ledger_of(script)
    loop.run()
    values = [record.value for record in loop.partials]
    for value in [*values[:at], *values[max(0, at - again) : at], *values[at:]]:
        other.decided(value)

    assert sums(other) == sums(loop)
    assert [row.n for row in other.of(PaneRow)] == [row.n for row in loop.of(PaneRow)]


@laws
@given(scripts())
def test_a_final_pane_is_settled_once_for_each_arrival(script):
    loop = ledger_of(script)
    loop.run()

    keys = [
        (r.lineage, r.model_version, r.segment_key, r.segment_value, r.pane_ms, r.arrival_ms) for r in loop.of(PaneRow)
    ]
    assert len(set(keys)) == len(keys)


def decoded_partition(value):
    return msgspec.msgpack.decode(value)[0]
