"""Where a change is: simulated faults of one producer, one segment, a pair, or all rows; and none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from detectors.blame.cells import dimension, members, tallies, where
from detectors.blame.onset import onset
from detectors.blame.scan import carriers, g_statistic, rate_carriers

ORIGINS, CARRIERS = ["JFK", "LGA", "EWR", "ORD", "DEN"], ["UA", "AA", "DL", "B6"]
SOURCES = ["feed-1", "feed-2", "feed-3"]


class Rows:
    """Rows before and after an onset; a fault moves a value of some of those after it."""

    def __init__(self, seed, n=8_000, shift=1.5, fault=lambda rows: True, share=1.0):
        g = np.random.default_rng(seed)
        self.is_after = np.arange(n) >= n // 2
        self.origin, self.carrier = g.choice(ORIGINS, n), g.choice(CARRIERS, n)
        self.source = g.choice(SOURCES, n, p=[0.6, 0.3, 0.1])
        self.partition = g.choice(["p/0", "p/1", "p/2"], n)
        # Segments differ in what is normal: a mix that stays is no fault.
        value = g.normal(size=n) + 0.5 * (self.origin == "JFK") - 0.7 * (self.carrier == "UA")
        is_hit = self.is_after & np.broadcast_to(fault(self), n) & (g.random(n) < share)
        self.value = np.where(is_hit, value + shift, value)
        edges = np.quantile(self.value[~self.is_after], np.arange(1, 20) / 20)
        self.bins = np.searchsorted(edges, self.value) + 1

    @property
    def dims(self):
        return [dimension(name, getattr(self, name).tolist()) for name in ("source", "origin", "carrier", "partition")]

    def found(self):
        return carriers(self.bins, 22, self.is_after, self.dims)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("fault", "named"),
    [
        (lambda r: r.source == "feed-2", {"source": "feed-2"}),
        (lambda r: r.origin == "ORD", {"origin": "ORD"}),
        (lambda r: (r.origin == "ORD") & (r.carrier == "UA"), {"origin": "ORD", "carrier": "UA"}),
        (lambda r: (r.source == "feed-2") & (r.origin == "DEN"), {"source": "feed-2", "origin": "DEN"}),
        (lambda r: r.partition == "p/1", {"partition": "p/1"}),
        (lambda r: True, {}),
    ],
)
def test_the_cell_that_changed_is_named_first(seed, fault, named):
    found = Rows(seed, fault=fault).found()
    assert found[0].where == named
    # The cells of pairs hold a twentieth of the rows: what chance gives to all others is in the whole.
    assert found[0].carried > (0.4 if len(named) == 2 else 0.8)


@pytest.mark.parametrize("seed", range(3))
def test_a_fault_of_two_origins_names_both(seed):
    found = Rows(seed, fault=lambda r: (r.origin == "ORD") | (r.origin == "DEN")).found()
    assert {next(iter(one.where.values())) for one in found[:2]} == {"ORD", "DEN"}
    assert sum(one.carried for one in found[:2]) > 0.8


def test_without_a_change_nothing_is_blamed():
    blamed = [bool(Rows(seed, shift=0.0).found()) for seed in range(60)]
    assert sum(blamed) <= 3


@pytest.mark.parametrize("seed", range(5))
def test_a_few_rows_that_are_missing_in_a_single_pane_are_enough(seed):
    g, n = np.random.default_rng(seed), 2_500
    is_after, source = np.arange(n) >= 2_400, g.choice(["a", "b", "c"], n)
    hit = np.flatnonzero(is_after & (source == "c"))[:8]
    bins = g.integers(1, 28, n)
    bins[hit] = 0
    dims = [dimension("source", source.tolist()), dimension("origin", g.choice(ORIGINS, n).tolist())]
    found = carriers(bins, 28, is_after, dims)
    assert found[0].where.get("source", "c") == "c"


def test_a_change_of_all_rows_accuses_no_segment():
    wrong = [Rows(seed, shift=0.15).found() for seed in range(40)]
    assert sum(bool(found) and found[0].where != {} for found in wrong) <= 2


def test_a_producer_that_is_new_is_held_against_all_rows_before():
    rows = Rows(1, shift=0.0)
    rows.source = np.where(rows.is_after & (rows.source == "feed-3"), "new", rows.source)
    assert rows.found() == []
    rows.bins = np.where(rows.source == "new", 21, rows.bins)
    (found, *_) = rows.found()
    assert found.where == {"source": "new"}
    assert found.before.sum() == 0


def test_a_producer_that_stops_is_named_by_the_rates():
    rows = Rows(2, shift=0.0)
    keep = ~(rows.is_after & (rows.source == "feed-2"))
    dims = [dimension("source", rows.source[keep].tolist()), dimension("origin", rows.origin[keep].tolist())]
    found = rate_carriers(rows.is_after[keep], dims, exposure=1.0)
    assert found[0].where == {"source": "feed-2"}
    assert found[0].after.sum() == 0


@pytest.mark.parametrize("seed", range(20))
def test_the_statistic_is_that_of_scipy(seed):
    g = np.random.default_rng(seed)
    after, before = g.integers(1, 50, (1, 6)), g.integers(1, 80, (1, 6))
    statistic, freedom = g_statistic(after, before)
    oracle = chi2_contingency(np.concatenate([after, before]), lambda_="log-likelihood", correction=False)
    assert statistic[0] == pytest.approx(oracle.statistic)
    assert freedom[0] == oracle.dof


@given(
    st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.sampled_from("abc"), st.sampled_from("xy")), max_size=60)
)
def test_cells_of_a_dimension_or_a_pair_add_up_to_all_rows(rows):
    bins, is_after = np.array([r[0] for r in rows], np.int64), np.array([r[1] for r in rows], bool)
    dims = [dimension("one", [r[2] for r in rows]), dimension("two", [r[3] for r in rows])]
    found = list(tallies(bins, 4, is_after, dims))
    for tally in found:
        assert tally.after.sum(0).tolist() == np.bincount(bins[is_after], minlength=4).tolist()
        assert tally.before.sum(0).tolist() == np.bincount(bins[~is_after], minlength=4).tolist()
        for cell in range(len(tally.after)):
            is_in = members(dims, where(dims, tally.dims, cell), len(rows))
            assert np.bincount(bins[is_in & is_after], minlength=4).tolist() == tally.after[cell].tolist()


@given(st.permutations(range(200)))
def test_the_order_of_rows_does_not_matter(order):
    rows = Rows(3, n=200)
    some = [one._replace(codes=one.codes[list(order)]) for one in rows.dims]
    assert str(carriers(rows.bins[list(order)], 22, rows.is_after[list(order)], some)) == str(rows.found())


@pytest.mark.parametrize("seed", range(20))
def test_the_first_row_that_changed_is_found(seed):
    g, begin = np.random.default_rng(seed), 700
    bins = np.where(np.arange(1_000) < begin, g.random(1_000) < 0.02, g.random(1_000) < 0.6).astype(np.int64)
    before, after = np.bincount(bins[:begin], minlength=2), np.bincount(bins[begin:], minlength=2)
    found = onset(bins, before, after)
    assert bins[found] == 1
    assert abs(found - begin) <= 10


def test_nothing_changed_has_no_first_row():
    assert onset(np.zeros(0, np.int64), np.array([1, 1]), np.array([1, 1])) is None
    assert onset(np.array([0, 0]), np.array([9, 1]), np.array([1, 9])) is None


@pytest.mark.parametrize("effect", [0.0, 0.9, float("nan")])
def test_a_design_effect_below_one_is_refused(effect):
    with pytest.raises(ValueError, match="design effect"):
        carriers(np.zeros(1, np.int64), 1, np.ones(1, bool), [], design_effect=effect)


def test_rows_of_different_numbers_are_refused():
    with pytest.raises(ValueError, match="different numbers"):
        carriers(np.zeros(2, np.int64), 1, np.ones(1, bool), [])
