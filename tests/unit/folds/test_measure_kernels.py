"""Compiled code of measure against what it stands for, in plain Python."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.outliers.distance import squared_distances
from detectors.panel.joint import pair_sums
from stream.folds.measure.arena import Arena
from stream.folds.measure.chunk_kernels import CHUNK
from stream.folds.measure.chunks import room_for_found
from stream.folds.measure.context_kernels import context_of
from stream.folds.measure.contexts import ContextStore
from stream.folds.measure.early import EarlyLabels
from stream.folds.measure.early_kernels import keep_early
from stream.folds.measure.maps import WordMap, grown, places_for
from stream.folds.measure.product_kernels import add_products, add_row, far_rows

many = settings(max_examples=200, deadline=None)
words = st.integers(0, 2**64 - 1)
finite = st.floats(allow_nan=False, allow_infinity=False)
NEAR = st.sampled_from([0.0, -0.0, 5e-324, 1.0, 1.0000000000000002, 1e300, -1e300, 0.5])


@many
@given(st.integers(1, 9), st.integers(1, CHUNK), st.integers(0, 2**32 - 1))
def test_products_and_outliers_of_a_chunk_are_those_of_whole_columns(features, rows, seed):
    rng, pairs = np.random.default_rng(seed), features * (features + 1) // 2
    scores, precision = rng.integers(-128, 129, (rows, features)), rng.integers(-50_000, 50_000, pairs)
    found, ints = room_for_found(features, 0), np.zeros(pairs, np.int64)
    found.scores.reshape(features, CHUNK)[:, :rows] = scores.T
    distances = squared_distances(precision, scores)
    limit = int(np.median(distances))

    assert add_products(ints, 0, found.scores, features, rows) == pairs
    assert ints.tolist() == pair_sums(scores).tolist()
    assert far_rows(found, features, rows, precision, 0, limit) == np.count_nonzero(distances > limit)
    one_by_one = [add_row(ints, 0, found, features, row, precision, 0) for row in range(rows)]
    assert one_by_one == [(pairs, distance) for distance in distances.tolist()]
    assert ints.tolist() == (2 * pair_sums(scores)).tolist()


@many
@given(st.lists(words, unique=True, max_size=60), st.lists(words, max_size=20))
def test_a_map_is_a_dict_of_words(keys, others):
    known = {key: number for number, key in enumerate(keys)}
    numbers = WordMap(keys[:5], range(len(keys[:5])))
    for number, key in enumerate(keys[5:], len(keys[:5])):
        numbers.put(key, number)

    assert [numbers.get(key) for key in keys + others] == [known.get(key, -1) for key in keys + others]


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 1_000])
def test_a_map_has_twice_the_places_that_it_needs(count):
    places = places_for(count)

    assert places >= max(8, 2 * count)
    assert places & (places - 1) == 0


def test_a_column_that_has_room_stays_what_it_is():
    column = np.arange(4)

    assert grown(column, 4) is column
    assert grown(column, 5).tolist() == [0, 1, 2, 3, 0, 0, 0, 0]


@many
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 5)), max_size=40))
def test_runs_of_an_arena_never_overlap_and_begin_with_zeros(steps):
    arena, taken = Arena(np.int64), []
    for takes, size in steps:
        if takes:
            (at,) = arena.take(np.array([size])).tolist()
            assert not arena.data[at : at + size].any()
            arena.data[at : at + size] = len(taken) + 1
            taken.append((at, size))
        elif taken:
            arena.give(*map(np.array, zip(taken.pop())))
    places = [place for at, size in taken for place in range(at, at + size)]
    assert len(set(places)) == len(places)


@many
@given(st.lists(st.lists(st.integers(0, 2), max_size=3), max_size=30), st.integers(0, 30))
def test_contexts_are_told_apart_by_their_words_and_restored_as_they_were(contexts, cut):
    store, numbers = ContextStore(), {}
    for i, values in enumerate(contexts):
        if i == cut:
            store = ContextStore(store.saved())
        store.make_room(1, 3)
        words = np.array([0, 0, 0, *values], np.int32)
        assert context_of(store.arrays, words, len(words)) == numbers.setdefault(tuple(values), len(numbers))


HASHES = st.sampled_from([3, 3 + (1 << 40), 5, 1 << 63, 8])
actions = st.one_of(
    st.tuples(st.just("keep"), HASHES, st.integers(0, 3)),
    st.tuples(st.just("take"), HASHES, st.just(0)),
    st.tuples(st.just("expire"), st.just(0), st.integers(0, 40)),
    st.tuples(st.just("restore"), st.just(0), st.just(0)),
)


@many
@given(st.lists(actions, max_size=40))
def test_early_labels_are_a_dict_in_order_of_arrival(script):
    early, known = EarlyLabels(), {}
    for at, (action, key, number) in enumerate(script):
        if action == "keep":
            kept, replaced = keep(early, key, at, number)
            before = known.get(key)
            assert kept == (before is None or before[1] < number)
            assert replaced == ([before[0]] if kept and before else [])
            if kept:
                known[key] = (at, number)
        elif action == "take":
            (row,) = early.take(np.array([key], np.uint64)).tolist()
            place, revision = known.pop(key, (-1, 0))
            assert place == (-1 if row < 0 else early.arrays.place[row])
            assert row < 0 or early.arrays.revision[row] == revision
        elif action == "expire":
            gone = sorted(place for place, _ in known.values() if place < number)
            assert sorted(early.arrays.place[early.expire(np.array([number]))].tolist()) == gone
            known = {key: value for key, value in known.items() if value[0] >= number}
        else:
            early = EarlyLabels(early.saved())
        assert len(early) == len(known)


def keep(early, key, at, revision):
    """Let one label wait that came at `at`, its event time, its place and its row of counts; say whether it does."""
    early._make_room(1)
    column, fates, replaced = np.array([at]), np.empty(1, np.uint8), np.empty(1, np.int32)
    hashes, models = np.array([key], np.uint64), np.zeros(1, np.int32)
    args = (np.zeros(1, np.int64), hashes, hashes, column, column, models, np.array([revision], np.uint8))
    count = keep_early(early.arrays, *args, column.astype(np.int32), 0, replaced, fates)
    return bool(fates[0]), replaced[:count].tolist()


SIGNATURES = """
import sys
from numba.core.dispatcher import Dispatcher
from stream.folds.measure.example import compile_measure
compile_measure()
mine = ("stream.folds.measure.", "stream.folds.pending.", "stream.folds.sound")
for name, module in list(sys.modules.items()):
    if name.startswith(mine) and not name.endswith("kernels"):
        for each in vars(module).values():
            if isinstance(each, Dispatcher):
                print(each.__name__, len(each.signatures))
"""


def test_every_loop_is_compiled_by_the_example_and_for_one_set_of_types():
    out = subprocess.run([sys.executable, "-c", SIGNATURES], capture_output=True, text=True, check=True)
    told = dict(line.split() for line in out.stdout.splitlines())

    assert len(told) > 25
    assert set(told.values()) == {"1"}
