"""Laws of the mergeable sums and of the reference's artifact."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.bins import fit_category, fit_number
from detectors.latency import LATENCY_BINS, latency_codes
from detectors.panel.effects import effects, window_cases
from detectors.performance import TASKS, task_sums
from detectors.reference import decode, encode, fit_reference

floats = st.floats(allow_nan=True, allow_infinity=True)
scores = st.one_of(st.floats(0, 1), st.sampled_from([math.nan, -1.0, 2.0]))
events = st.lists(
    st.tuples(st.integers(0, 3), scores, st.sampled_from([0.0, 1.0, math.nan, 0.5])), min_size=1, max_size=40
)
texts = st.one_of(st.none(), st.text(max_size=3))


def summed(task, rows, tables=None):
    sums = task_sums(task)
    ints, totals = sums.tables(4) if tables is None else tables
    keys, predicted, truth = (np.array(column) for column in zip(*rows, strict=True))
    sums.serve(ints, totals, keys, predicted)
    sums.label(ints, totals, keys, predicted, truth)
    return ints, totals


@pytest.mark.parametrize("task", TASKS)
@given(rows=events, cut=st.integers(1, 39))
def test_sums_do_not_depend_on_the_cuts_between_runs(task, rows, cut):
    whole = summed(task, rows)

    pieces = summed(task, rows[:cut])
    if rows[cut:]:
        pieces = summed(task, rows[cut:], pieces)

    assert [table.tobytes() for table in pieces] == [table.tobytes() for table in whole]


@pytest.mark.parametrize("task", TASKS)
@given(rows=events, cut=st.integers(1, 39))
def test_merging_is_addition_in_any_order(task, rows, cut):
    if not rows[cut:]:
        return
    (ints, totals), (more_ints, more_totals) = summed(task, rows[:cut]), summed(task, rows[cut:])
    whole_ints, whole_totals = summed(task, rows)

    assert (ints + more_ints == whole_ints).all()
    assert np.allclose(totals + more_totals, whole_totals, rtol=1e-12, atol=1e-12)
    assert (totals + more_totals == more_totals + totals).all()


@pytest.mark.parametrize("task", TASKS)
@given(rows=events)
def test_metrics_lie_in_their_intervals_and_never_fail(task, rows):
    sums = task_sums(task)
    ints, totals = summed(task, rows)

    for key in range(4):
        for name, estimate in sums.metrics(ints[key], totals[key]).items():
            assert math.isnan(estimate.value) or estimate.lo <= estimate.value <= estimate.hi, name


@given(st.lists(floats), st.lists(floats))
def test_every_number_has_a_bin(reference, values):
    bins = fit_number("x", reference)
    codes = bins.number_codes(values)

    assert list(bins.edges) == sorted(set(bins.edges))
    assert ((codes >= 0) & (codes < bins.width)).all()
    assert all(bins.label(int(code)) for code in codes)


@given(st.lists(floats, min_size=1))
def test_no_reference_value_is_unseen(reference):
    finite = [x for x in reference if math.isfinite(x)]
    bins = fit_number("x", reference)
    codes = bins.number_codes(finite)

    assert ((codes > 1) & (codes < bins.width - 1)).all()


@given(st.lists(floats, min_size=1), st.data())
def test_bins_keep_the_order_of_numbers(reference, data):
    low, high = sorted(data.draw(st.tuples(st.floats(allow_nan=False), st.floats(allow_nan=False))))
    codes = fit_number("x", reference).number_codes([low, high])

    assert codes[0] <= codes[1]


@given(st.lists(texts, max_size=100), st.lists(st.text(max_size=3)))
def test_every_level_has_a_bin_and_known_ones_are_seen(reference, levels):
    bins = fit_category("c", reference)
    codes = bins.level_codes(levels)
    known = {text for text in reference if text is not None}

    assert [code > 1 for code in codes] == [level in known for level in levels]
    assert all(code < bins.width for code in codes)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(floats, texts, st.integers(0, 5)), min_size=1, max_size=60))
def test_a_reference_survives_its_artifact(rows):
    numbers, levels, panes = (list(column) for column in zip(*rows, strict=True))
    reference = fit_reference({"x": numbers, "c": levels}, {"x": "number", "c": "category"}, panes, pane_ms=1)

    assert encode(decode(encode(reference))) == encode(reference)


@settings(deadline=None, max_examples=50)
@given(st.lists(floats, min_size=1, max_size=60), st.lists(floats, max_size=60))
def test_effects_are_finite_and_in_their_ranges(reference, values):
    panel = fit_reference({"x": reference}, {"x": "number"}, np.arange(len(reference)), pane_ms=1).panel
    counts = np.bincount(panel.bins[0].number_codes(values), minlength=panel.bins[0].width)

    found = effects(panel, window_cases(panel, counts[None].astype(float), len(values)))

    assert all(np.isfinite(value).all() for value in found)
    assert all(0 <= share[0] <= 1 + 1e-12 for share in (found.js, found.ks, found.tv))
    assert min(found.psi, found.w1, 1 + found.rare) >= 0


@given(st.lists(floats))
def test_every_latency_has_a_bin(ms):
    codes = latency_codes(ms)

    assert ((codes >= 0) & (codes < LATENCY_BINS)).all()
