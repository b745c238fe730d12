"""A monitor's limits: what exceeds them is counted elsewhere, sealed early or let go, and always told."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.folds.measure import Measure
from stream.folds.rows import PaneRow
from tests.loop import DAY_MS, day_of_events, spec_record, watched
from tests.unit.folds.test_measure import advance, closed, counts, fates, final_panes, label, prediction

HOUR_MS = 3_600_000


def limited(**limits):
    return watched(partitions=1, limits=limits)


def rows_by_version(loop):
    found = {}
    for row in loop.of(PaneRow):
        if not row.segment_key:
            found[row.model_version] = found.get(row.model_version, 0) + row.n
    return found


def test_versions_beyond_the_limit_are_one():
    loop = limited(versions=2)
    advance(loop, *[prediction(f"p{i}", 0, version=str(i)) for i in range(5)])
    advance(loop, *[prediction(f"q{i}", 0, version=str(i)) for i in range(5)])
    closed(loop)

    assert rows_by_version(loop) == {"0": 2, "1": 2, "__other__": 6}
    assert counts(loop, "prediction")["used"] == 10
    assert len(loop.states[0].contexts.live) == 2


def test_rows_without_a_version_take_no_place_of_one():
    loop = limited(versions=1)
    advance(loop, prediction("a", 0), prediction("b", 0, version="1"), prediction("c", 0, version="2"))
    closed(loop)

    assert rows_by_version(loop) == {"": 1, "1": 1, "__other__": 1}


def test_a_version_that_was_not_seen_for_a_label_horizon_gives_its_place():
    loop = limited(versions=1)
    advance(loop, prediction("a", 0, version="old"))
    loop.clock_ms += 7 * DAY_MS + 1_000
    advance(loop, prediction("b", 0, version="new"))
    advance(loop, prediction("c", 0, version="old"))
    closed(loop)

    assert rows_by_version(loop) == {"old": 1, "new": 1, "__other__": 1}


def test_each_model_has_places_of_its_own():
    loop = limited(versions=1)
    loop.send("specs", [spec_record(limits={"versions": 1}, monitor="n", model="n") | {"monitor": "n"}])
    advance(loop, *[prediction(model, 0, version=model) | {"model": model} for model in "mn"])

    assert len(loop.states[0].contexts.live) == 2
    assert "__other__" not in loop.states[0].contexts.versions


def test_a_shadow_without_a_place_is_compared_with_nobody():
    loop = limited(versions=2)
    served = {"version": "1", "score": 0.5, "shadow": {"2": 0.4, "3": 0.6}}
    advance(loop, prediction("a", 0, **served))
    advance(loop, label("a", HOUR_MS), topic="labels")
    closed(loop)

    pairs = [set(p.pairs) for message in loop.messages() for p in message.sealed if p.pairs and not p.segment_key]
    assert pairs == [{"2"}]


@given(st.integers(1, 12), st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_panes_that_are_sealed_early_add_up_to_the_same(most, seed):
    rng = np.random.default_rng(seed)
    loose, tight = watched(partitions=1), limited(open_panes=most)
    for day in range(3):
        events, labels = day_of_events(rng, day, n=60, version="1")
        for loop in (loose, tight):
            for some in (events[:30], events[30:]):
                loop.send("predictions", some)
                loop.tick(2)
            advance(loop, *labels, topic="labels")
            assert loop is loose or len(loop.states[0].keys) <= most
    for loop in (loose, tight):
        closed(loop)

    assert _sums(tight) == _sums(loose)
    assert counts(tight, "prediction") == counts(loose, "prediction")


def _sums(loop):
    """Sums over arrivals: floats to within rounding, since they are added in another order."""
    found = {}
    for row in loop.of(PaneRow):
        key = (row.model_version, row.segment_key, row.segment_value, row.pane_ms)
        n, labels = found.get(key, (0, 0))
        found[key] = n + row.n, labels + row.labels
    return found


def test_the_oldest_hours_are_forgotten_when_more_wait_than_the_limit_allows():
    loop = limited(pending=1_000)
    for hour in range(12):
        advance(loop, *[prediction(f"p{hour}-{i}", DAY_MS + hour * HOUR_MS + i) for i in range(200)])
    advance(loop, label("p0-0", DAY_MS + HOUR_MS), label("p11-0", DAY_MS + HOUR_MS), topic="labels")

    # the watermark is at hour 5: what it has not passed stays, though 1,400 rows are more than the limit
    assert len(loop.states[0].pending) == 1_400
    found = counts(loop, "label")
    assert (found["used"], found["pending"]) == (1, 1)
    advance(loop, prediction("late", DAY_MS))
    assert fates(loop) == [("late", "invalid", "too-late")]


def test_a_label_of_a_prediction_that_was_forgotten_early_ends_as_unmatched():
    loop = limited(pending=1_000)
    for hour in range(12):
        advance(loop, *[prediction(f"p{hour}-{i}", DAY_MS + hour * HOUR_MS + i) for i in range(200)])
    advance(loop, label("p0-0", DAY_MS + HOUR_MS), topic="labels")
    advance(loop, prediction("new", 20 * DAY_MS))

    assert counts(loop, "label")["unmatched"] == 1
    assert ("", "unmatched", "no such prediction within the label horizon") in fates(loop)


@pytest.mark.parametrize("at", [lambda i: DAY_MS + i, lambda _: DAY_MS])
def test_no_more_labels_wait_for_predictions_than_the_limit_allows(at):
    loop = limited(pending=1_000)
    advance(loop, *[label(f"n{i}", at(i)) for i in range(1_500)], topic="labels")

    found = counts(loop, "label")
    assert found["received"] == 1_500
    assert found["pending"] in (0, 1_000)  # those of one moment go together
    assert found["unmatched"] == 1_500 - found["pending"]


def test_a_model_with_a_limit_of_its_own_leaves_others_alone():
    loop = limited(pending=1_000)
    loop.send("specs", [spec_record(monitor="n", model="n") | {"monitor": "n"}])
    loop.tick(2)
    for model in "mn":
        for hour in range(12):
            rows = [prediction(f"p{hour}-{i}", DAY_MS + hour * HOUR_MS + i) | {"model": model} for i in range(200)]
            advance(loop, *rows)

    census = loop.states[0].pending.census()
    of = loop.states[0].contexts.models[census[1]]
    assert [int(census[2][of == model].sum()) for model in (0, 1)] == [1_400, 2_400]


LIMITS = {"versions": 2, "open_panes": 4, "pending": 1_000}
LOG = limited(**LIMITS)
RNG = np.random.default_rng(7)
for _day in range(6):
    for _version in "123":
        _events, _labels = day_of_events(
            RNG, _day, n=120, version=_version, first_id=100_000 * _day + int(_version) * 1_000
        )
        LOG.send("labels", _labels[:20])
        LOG.tick(1)
        LOG.send("predictions", _events)
        LOG.tick(2)
        LOG.send("labels", _labels)
        LOG.tick(2)


@given(st.lists(st.integers(1, len(LOG.ledger[0]) - 1)))
def test_the_fold_law_holds_at_the_limits(cuts):
    log, measure = LOG.ledger[0], Measure(0, 4, 1_000, "ledger")
    whole, cut = measure.start(), measure.start()
    expected, found = measure.step(whole, log), []
    for start, end in pairwise(sorted({0, *cuts, len(log)})):
        found += measure.step(cut, log[start:end])
        snapshot = measure.encode(cut)
        cut = measure.decode(snapshot.data, lambda name, files=snapshot.files: files[name])

    assert found == expected
    assert measure.encode(cut).data == measure.encode(whole).data
    assert "__other__" in whole.contexts.versions
    assert len(whole.keys) <= 4
    for numbers in whole.counts.values():
        assert numbers[0] == sum(numbers[1:])


def test_final_panes_are_the_same_whatever_is_sealed_early():
    loose, tight = watched(partitions=1), limited(open_panes=1)
    for loop in (loose, tight):
        for day in range(3):
            advance(loop, *day_of_events(np.random.default_rng(day), day)[0])
        closed(loop)

    assert final_panes(tight) == final_panes(loose)
