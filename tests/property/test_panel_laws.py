"""What holds of the panel and its gauge whatever the data: order, units and partitions do not matter."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.bins import fit_category, fit_number
from detectors.panel.fit import ReferenceCounts, fit_panel
from detectors.panel.gauge import tick
from detectors.panel.gauge_state import Pane, initial
from detectors.panel.joint import pair_sums
from detectors.panel.plan import plan
from detectors.panel.window_tests import window_tests
from detectors.panel.windows import windows_of

PANES, ROWS, FEATURES = 60, 500, 5
few = settings(deadline=None, max_examples=15)
seeds = st.integers(0, 2**32 - 1)


def drawn(seed, panes=PANES + 1):
    """Return values ``(F, panes * ROWS)``: normal, skewed, few values, mostly one value, categories' codes."""
    g = np.random.default_rng(seed)
    n = panes * ROWS
    return np.stack(
        [
            g.standard_normal(n),
            g.exponential(size=n),
            g.poisson(1.0, n),
            np.where(g.random(n) < 0.9, 0, g.random(n)),
            g.choice(6, n, p=[0.5, 0.2, 0.15, 0.1, 0.04, 0.01]),
        ]
    )


def bins_of(values):
    numbers = [fit_number(f"x{i}", own) for i, own in enumerate(values[:-1])]
    return (*numbers, fit_category("c", [str(level) for level in values[-1].astype(int)]))


def codes_of(bins, values):
    numbers = [feature.number_codes(own) for feature, own in zip(bins[:-1], values[:-1], strict=True)]
    return np.stack([*numbers, bins[-1].level_codes([str(level) for level in values[-1].astype(int)])])


def counts_of(codes, width):
    return np.stack([np.bincount(own, minlength=width) for own in codes])


def fitted(values, bins):
    """Return the panel of all panes but the last, and the codes of the last, ``(F, ROWS)``."""
    codes, width = codes_of(bins, values), max(feature.width for feature in bins)
    panes = [counts_of(pane, width) for pane in np.split(codes, PANES + 1, axis=1)]
    reference = ReferenceCounts(bins, np.stack(panes[:-1]), np.full(PANES, ROWS))
    return fit_panel(reference, (1, 4, 16)), codes[:, -ROWS:]


def p_of(panel, counts):
    rows = counts.sum(1)[:1]
    return window_tests(panel, windows_of(panel, counts[None], rows, np.zeros(1, np.int64)))


@few
@given(seeds, st.integers(1, 64))
def test_a_pane_is_the_sum_of_its_parts_in_any_order(seed, partitions):
    g, values = np.random.default_rng(seed), drawn(seed)
    panel, codes = fitted(values, bins_of(values[:, : PANES * ROWS]))
    width = panel.shares.shape[1]
    parts = np.array_split(codes[:, g.permutation(ROWS)], partitions, axis=1)
    order = [parts[i] for i in g.permutation(partitions)]
    merged = sum(counts_of(part, width) for part in order)
    whole = counts_of(codes, width)
    assert (merged == whole).all()
    assert all((a == b).all() for a, b in zip(p_of(panel, merged), p_of(panel, whole), strict=True))
    scores = [np.take_along_axis(panel.normal_scores, part, 1).T for part in [codes, *order]]
    assert (pair_sums(scores[0]) == sum(pair_sums(part) for part in scores[1:])).all()


@few
@given(seeds)
def test_the_order_of_features_does_not_matter(seed):
    """Features share the median of their variance ratios, so a permutation permutes all that is said of them."""
    values = drawn(seed)
    numbers = values[:-1]
    bins = tuple(fit_number(f"x{i}", own[: PANES * ROWS]) for i, own in enumerate(numbers))
    order = np.random.default_rng(seed).permutation(len(bins))

    def found(chosen):
        own = tuple(bins[i] for i in chosen)
        codes = np.stack([bins[i].number_codes(numbers[i]) for i in chosen])
        width = max(feature.width for feature in own)
        panes = np.stack([counts_of(pane, width) for pane in np.split(codes, PANES + 1, axis=1)])
        panel = fit_panel(ReferenceCounts(own, panes[:-1], np.full(PANES, ROWS)), (1, 4, 16))
        return tick(plan(panel, 2.0, 0.5), initial(panel), Pane(panes[-1] * 1, ROWS))[1]

    first, second = found(np.arange(len(bins))), found(order)
    assert second.p[:, :-1] == pytest.approx(first.p[:, order], rel=1e-9)
    assert second.log_evidence[:-1] == pytest.approx(first.log_evidence[order], rel=1e-9)
    assert [order[f] for f in second.features] == first.features.tolist()


@few
@given(seeds, st.sampled_from([-40, -3, 0, 2, 30]), st.integers(-8, 8))
def test_the_unit_of_a_number_does_not_matter(seed, exponent, shift):
    """Powers of 2 and whole shifts move every float by the same, so the counts stay."""
    values = np.round(drawn(seed) * 64) / 64
    moved = values.copy()
    moved[:-1] = (values[:-1] + shift) * 2.0**exponent
    first, second = (fitted(own, bins_of(own[:, : PANES * ROWS])) for own in (values, moved))
    width = first[0].shares.shape[1]
    assert (first[1] == second[1]).all()
    same = p_of(first[0], counts_of(first[1], width)), p_of(second[0], counts_of(second[1], width))
    assert same[0].p.tolist() == same[1].p.tolist()
    assert first[0].centres == pytest.approx(second[0].centres, rel=1e-6, abs=1e-6)


@few
@given(seeds)
def test_the_same_panes_give_the_same_state_to_the_bit(seed):
    values = drawn(seed)
    panel, codes = fitted(values, bins_of(values[:, : PANES * ROWS]))
    counts = counts_of(codes, panel.shares.shape[1])

    def run():
        state = initial(panel)
        for number in range(20):
            state, verdict = tick(plan(panel), state, Pane(counts, ROWS, None, number))
        return state, verdict

    (first, said), (second, again) = run(), run()
    names = first.__slots__
    assert all(getattr(first, name).tobytes() == getattr(second, name).tobytes() for name in names)
    assert said.p.tobytes() == again.p.tobytes()
