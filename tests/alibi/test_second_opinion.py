"""alibi-detect's tests as they are used here, in the environment that has it: `make test-alibi`."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

pytest.importorskip("alibi_detect", reason="the extra alibi is not installed: make test-alibi", exc_type=ImportError)

from stream.ops.opinion import Pair, library
from stream.ops.second_opinion import TESTS, USUAL, opinions

pytestmark = pytest.mark.filterwarnings("ignore")
KINDS = {"x": "number", "y": "number", "c": "category"}


def side(seed: int, n: int, shift: float = 0.0, missing: float = 0.05, red: float = 0.5) -> dict[str, object]:
    g = np.random.default_rng(seed)
    x = g.normal(shift, 1.0, n)
    x[g.random(n) < missing] = np.nan
    colours = np.where(g.random(n) < red, "red", "blue").tolist()
    return {"x": x, "y": g.exponential(1.0, n), "c": [None if i % 50 == 0 else c for i, c in enumerate(colours)]}


def pair(**changes: float) -> Pair:
    return Pair(KINDS, side(1, 4_000), side(2, 800, **changes), ["x", "y", "c"])


QUIET, CHANGED = pair(), pair(shift=1.0, missing=0.4, red=0.9)


def said(some: Pair, tests: tuple[str, ...] = USUAL) -> dict[tuple[str, str], object]:
    return {(each.test, each.feature): each for each in opinions(some, list(KINDS), tests)}


def test_the_version_is_the_one_that_was_tried():
    assert library() == "alibi-detect 0.13.0"


def test_tests_find_a_change_and_are_made_for_their_kind_of_feature():
    found = said(CHANGED)
    assert set(found) == {
        ("ks", "x"), ("ks", "y"), ("cvm", "x"), ("cvm", "y"), ("chi2", "c"), ("fet", "x"), ("fet", "c"),
        ("tabular", ""), ("classifier", ""), ("mahalanobis", ""), ("iforest", ""),
    }  # fmt: skip
    for key in (("ks", "x"), ("cvm", "x"), ("chi2", "c"), ("fet", "x"), ("tabular", ""), ("classifier", "")):
        assert found[key].finds, key
        assert found[key].p < 1e-6
    assert found["fet", "x"].note == "how often it is missing"
    assert found["tabular", ""].note.startswith("most at ")


def test_equal_rows_are_found_equal():
    found = said(QUIET)
    assert sum(bool(each.finds) for each in found.values()) <= 1
    assert all(each.finds is not None for each in found.values())


def test_p_values_are_scipys():
    found = said(CHANGED, ("ks", "cvm"))
    for name in ("x", "y"):
        reference, rows = (np.asarray(s[name])[~np.isnan(s[name])] for s in (CHANGED.reference, CHANGED.window))
        ks, cvm = stats.ks_2samp(reference, rows, method="asymp"), stats.cramervonmises_2samp(reference, rows)
        assert found["ks", name].statistic == pytest.approx(ks.statistic, rel=1e-5)
        assert found["ks", name].p == pytest.approx(ks.pvalue, rel=1e-3, abs=1e-30)
        assert found["cvm", name].statistic == pytest.approx(cvm.statistic, rel=1e-5)


def test_outliers_are_a_share_of_the_window_beside_that_of_the_reference():
    far = Pair(
        KINDS, QUIET.reference, {**QUIET.window, "x": np.full(800, 9.0), "y": np.full(800, 30.0)}, ["x", "y", "c"]
    )
    for test in ("mahalanobis", "iforest"):
        quiet, changed = said(QUIET, (test,))[test, ""], said(far, (test,))[test, ""]
        assert quiet.statistic < 0.04
        assert changed.finds
        assert changed.statistic > 0.9
        assert "of the reference's 1" in quiet.note


def test_online_tests_say_at_which_row_they_alarm():
    found = said(CHANGED, TESTS[8:])
    assert found["cvm_online", "x"].finds
    assert 5 <= found["cvm_online", "x"].statistic < 200
    assert found["fet_online", "x"].finds
    assert "false alarm in 5,000 rows" in found["fet_online", "x"].note


def test_few_rows_are_a_note_and_no_error():
    some = Pair(KINDS, QUIET.reference, side(3, 5), ["x", "y", "c"])
    found = said(some)
    assert found
    assert all(each.finds is None and "too few" in each.note for each in found.values())


def test_constant_and_empty_columns_are_no_errors():
    n = 100
    flat = {"x": np.ones(n), "y": np.full(n, np.nan), "c": ["a"] * n}
    found = said(Pair(KINDS, flat, flat, ["x", "y", "c"]))
    assert not any(each.finds for each in found.values())


def test_the_same_rows_give_the_same_opinion():
    first, again = ([(e.test, e.feature, e.statistic, e.p) for e in opinions(QUIET, ["x"], USUAL)] for _ in range(2))
    assert repr(first) == repr(again)
