import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.demo.digest import FeatureCounts, PaneCounts, digest

counts = st.integers(0, 1000)
times = st.sampled_from([0, 86_400_000])
panes = st.builds(
    PaneCounts, st.just("m"), st.integers(1, 2), st.sampled_from(["", "origin"]),
    st.sampled_from(["", "EWR"]), times, counts, counts, counts,
)  # fmt: skip
features = st.builds(
    FeatureCounts, st.just("m"), st.integers(1, 2), st.just(""), st.just(""), times,
    st.sampled_from(["hour", "dest"]), counts, counts, counts, st.tuples(counts, counts, counts),
)  # fmt: skip


def test_the_text_is_what_the_documentation_says():
    text = b'["feature","m",2,"origin","EWR",86400000,"hour",9,1,0,[0,4,4]]\n["pane","m",2,"","",86400000,9,0,8]\n'
    pane = PaneCounts("m", 2, "", "", 86_400_000, 9, 0, 8)
    row = FeatureCounts("m", 2, "origin", "EWR", 86_400_000, "hour", 9, 1, 0, (0, 4, 4))
    assert digest([pane], [row]) == hashlib.sha256(text).hexdigest()


@given(st.lists(panes, max_size=8), st.lists(features, max_size=8), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_change_it(some_panes, some_features, random):
    expected = digest(some_panes, some_features)
    random.shuffle(some_panes)
    random.shuffle(some_features)
    assert digest(some_panes, some_features) == expected


@given(panes, features, st.data())
def test_splitting_a_row_over_arrivals_and_versions_does_not_change_it(pane, row, data):
    def part(value: int) -> int:
        return data.draw(st.integers(0, value))

    def parts(values: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(part(value) for value in values)

    first = pane._replace(n=part(pane.n), invalid=part(pane.invalid), labels=part(pane.labels))
    rest = pane._replace(n=pane.n - first.n, invalid=pane.invalid - first.invalid, labels=pane.labels - first.labels)
    some = row._replace(n=part(row.n), missing=part(row.missing), invalid=part(row.invalid), bins=parts(row.bins))
    others = row._replace(
        n=row.n - some.n, missing=row.missing - some.missing, invalid=row.invalid - some.invalid,
        bins=tuple(a - b for a, b in zip(row.bins, some.bins, strict=True)),
    )  # fmt: skip
    assert digest([first, rest], [others, some]) == digest([pane], [row])


@pytest.mark.parametrize("change", [{"n": 10}, {"missing": 2}, {"invalid": 1}, {"bins": (1, 4, 3)}, {"revision": 3}])
def test_any_other_count_changes_it(change):
    row = FeatureCounts("m", 2, "", "", 0, "hour", 9, 1, 0, (0, 4, 4))
    assert digest([], [row]) != digest([], [row._replace(**change)])


def test_a_key_of_zeros_says_nothing():
    zero = PaneCounts("m", 2, "", "", 0, 0, 0, 0)
    assert digest([zero], []) == digest([], [])
